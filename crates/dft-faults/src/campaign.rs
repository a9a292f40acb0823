//! What every kind of fault is given.

use std::path::Path;

use anyhow::Result;

use crate::random::Random;
use crate::report::Report;
use crate::tools::Tools;
use crate::workers;

/// A run of the campaign.
pub(crate) struct Campaign<'a> {
    pub(crate) tools: &'a Tools,
    /// The directory for all cases.
    pub(crate) work: &'a Path,
    /// How many cases run concurrently.
    pub(crate) jobs: usize,
    pub(crate) seed: u64,
    /// How many cases to try, as a multiple of the number in CI.
    pub(crate) scale: usize,
    /// The name of the only case to try.
    pub(crate) only: Option<&'a str>,
    pub(crate) report: &'a Report,
}

impl Campaign<'_> {
    /// The random numbers of a kind of fault, which do not depend on other kinds.
    pub(crate) fn random(&self, kind: &str) -> Random {
        Random::new(self.seed, kind)
    }

    /// Tries cases that are described by their names: `all`, or the only one. `fault` runs a case in a directory and
    /// returns what is wrong, if anything.
    pub(crate) fn try_named(
        &self,
        kind: &'static str,
        all: impl FnOnce(&mut Random) -> Vec<String>,
        fault: impl Fn(&Path, &str) -> Result<Option<String>> + Sync,
    ) -> Result<()> {
        self.report.begin(kind);
        let cases = match self.only {
            Some(name) => vec![name.to_owned()],
            None => all(&mut self.random(kind)),
        };
        workers::each(
            cases,
            self.jobs,
            &self.work.join(kind),
            |folder| folder,
            |folder, name| {
                self.report.case(&name, fault(folder, &name)?.as_deref());
                Ok(())
            },
        )
    }
}
