//! Indexes random records in five ways and checks that all tables are the same, to the byte.

mod hostile;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use dft_tests::{gzip, write};

use crate::campaign::Campaign;
use crate::process;
use crate::random::Random;
use crate::tools::Tools;
use crate::world::Tree;

/// The first word of the names of these cases.
pub(crate) const KIND: &str = "records";

/// The number of sets of traces per unit of scale.
const CASES: usize = 30;

/// The ways to index traces.
const WAYS: [&str; 5] = ["plain", "members", "grown", "staged", "lines"];

/// The tables of an index, or why there are none.
type Built = Result<Option<Tree>, String>;

/// Tries random cases, or only the one called `only`.
pub(crate) fn run(campaign: &Campaign<'_>) -> Result<()> {
    let all = |random: &mut Random| {
        (0..CASES * campaign.scale).map(|_| format!("{KIND}/{}", random.next() % 100_000_000)).collect()
    };
    campaign.try_named(KIND, all, |folder, name| Case::new(campaign.tools, folder, name)?.fault())
}

struct Case<'a> {
    tools: &'a Tools,
    folder: &'a Path,
    seed: u64,
    texts: Vec<String>,
}

impl<'a> Case<'a> {
    fn new(tools: &'a Tools, folder: &'a Path, name: &str) -> Result<Self> {
        let Some((_, seed)) = name.split_once('/') else { bail!("{name} is not the name of a case") };
        let seed = seed.parse()?;
        let mut random = Random::new(seed, "traces");
        let texts = (0..1 + random.below(4)).map(|number| hostile::trace(&mut random, number)).collect();
        Ok(Self { tools, folder, seed, texts })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Tries the case. Returns what is wrong, if anything.
    fn fault(&self) -> Result<Option<String>> {
        let _ = fs::remove_dir_all(self.folder);
        fs::create_dir_all(self.path("scratch"))?;
        let mut first: Option<(&str, Built)> = None;
        for name in WAYS {
            let built = match name {
                "plain" => self.plain(),
                "members" => self.members(),
                "grown" => self.grown(),
                "staged" => self.staged(),
                _ => self.lines(),
            }?;
            if let Err(fault) = &built
                && fault.starts_with("FAULT")
            {
                return Ok(Some(format!("{name}: {fault}")));
            }
            match &first {
                None => first = Some((name, built)),
                Some((of, wanted)) => {
                    let what = match (wanted, &built) {
                        (Ok(wanted), Ok(built)) if wanted == built => continue,
                        // If the tables cannot be exported, no way of indexing changes that.
                        (Err(_), Err(_)) => continue,
                        (Ok(Some(wanted)), Ok(Some(built))) => {
                            let differ = wanted.iter().find(|(table, node)| built.get(*table) != Some(node));
                            differ.map_or_else(|| "more tables".to_owned(), |(table, _)| table.display().to_string())
                        }
                        (Ok(Some(_)), Ok(None)) => "there is no index".to_owned(),
                        (Ok(None), Ok(Some(_))) => "there is an index".to_owned(),
                        (_, Err(error)) => error.clone(),
                        (Err(error), _) => format!("no error; there, {error}"),
                        (Ok(None), Ok(None)) => continue,
                    };
                    return Ok(Some(format!("{name} differs from {of}: {what}")));
                }
            }
        }
        Ok(None)
    }

    fn random(&self, what: &str) -> Random {
        Random::new(self.seed, what)
    }

    /// Runs a command that may find faults in its input, or nothing to index.
    fn run(&self, command: &mut Command) -> Result<Result<process::Ended, String>> {
        let ended = process::run(command, &self.path("scratch"))?;
        Ok(ended.fault(false).map_or(Ok(ended), |fault| Err(format!("FAULT: {fault}"))))
    }

    /// Indexes a directory and returns the tables of the index.
    fn index(&self, way: &str, options: &[&str]) -> Result<Built> {
        let (traces, index) = (self.path(way), self.path(&format!("{way}-index")));
        let mut command = self.tools.dft(["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()]);
        match self.run(command.args(options))? {
            Ok(_) => self.shown(&index),
            Err(fault) => Ok(Err(fault)),
        }
    }

    fn shown(&self, index: &Path) -> Result<Built> {
        let scratch = self.path("scratch");
        if crate::tools::has_index(index)
            && let Err(fault) = self.tools.verify(index, &scratch)?
        {
            return Ok(Err(format!("FAULT: {fault}")));
        }
        self.tools.tables(index, &scratch)
    }

    /// Indexes plain files with one thread.
    fn plain(&self) -> Result<Built> {
        for (number, text) in self.texts.iter().enumerate() {
            write(&self.path("plain").join(format!("{number}.pfw")), text);
        }
        self.index("plain", &["--threads", "1"])
    }

    /// Indexes files of many gzip members, which end anywhere, with several threads and little memory.
    fn members(&self) -> Result<Built> {
        let mut random = self.random("members");
        for (number, text) in self.texts.iter().enumerate() {
            let mut places: Vec<_> =
                (0..random.below(6)).map(|_| random.below(text.len() + 1)).chain([0, text.len()]).collect();
            places.sort_unstable();
            let members = places.windows(2).flat_map(|part| gzip(&text.as_bytes()[part[0]..part[1]]));
            write(&self.path("members").join(format!("{number}.pfw.gz")), members.collect::<Vec<u8>>());
        }
        self.index("members", &["--threads", "4", "--memory", "64K"])
    }

    /// Indexes files several times while they grow.
    fn grown(&self) -> Result<Built> {
        let mut random = self.random("grown");
        let mut built = Ok(None);
        let cuts: Vec<Vec<usize>> = self
            .texts
            .iter()
            .map(|text| {
                let mut cuts: Vec<_> = (0..2).map(|_| random.below(text.len() + 1)).chain([text.len()]).collect();
                cuts.sort_unstable();
                cuts
            })
            .collect();
        for step in 0..3 {
            for (number, text) in self.texts.iter().enumerate() {
                let (is_gzip, cuts) = (number % 2 == 1, &cuts[number]);
                let name = if is_gzip { format!("{number}.pfw.gz") } else { format!("{number}.pfw") };
                let bytes = if is_gzip {
                    let starts = [0].iter().chain(cuts);
                    starts.zip(cuts).take(step + 1).flat_map(|(&from, &to)| gzip(&text.as_bytes()[from..to])).collect()
                } else {
                    text.as_bytes()[..cuts[step]].to_vec()
                };
                write(&self.path("grown").join(name), bytes);
            }
            built = self.index("grown", &[])?;
            if built.as_ref().is_err_and(|fault| fault.starts_with("FAULT")) {
                return Ok(built);
            }
        }
        Ok(built)
    }

    /// Stages parts and pieces, and ingests them.
    fn staged(&self) -> Result<Built> {
        let (traces, index, shared) = (self.path("staged"), self.path("staged-index"), self.path("shared"));
        for (number, text) in self.texts.iter().enumerate() {
            if number % 2 == 0 {
                write(&traces.join(format!("{number}.pfw")), text);
            } else {
                let lines: Vec<_> = text.split_inclusive('\n').collect();
                let members = lines.chunks(7).flat_map(|lines| gzip(lines.concat().as_bytes()));
                write(&traces.join(format!("{number}.pfw.gz")), members.collect::<Vec<u8>>());
            }
        }
        for part in 0..3 {
            let options = ["--part".to_owned(), format!("{part}/3"), "--piece-size".to_owned(), "2K".to_owned()];
            if let Err(fault) = self.run(self.stage(&traces, &shared).args(options))? {
                return Ok(Err(fault));
            }
        }
        if !shared.exists() {
            return self.shown(&index);
        }
        let words = ["ingest".as_ref(), index.as_os_str(), "--shared-staging".as_ref(), shared.as_os_str()];
        let message = match self.run(&mut self.tools.dft(words))? {
            Ok(ended) => ended.err,
            Err(fault) => return Ok(Err(fault)),
        };
        // Stage traces whole that cannot be ingested as pieces, as the message of `dft ingest` asks.
        let whole = |line: &str| {
            line.strip_prefix("refused: ")?.split_once(": it cannot be cut").map(|(path, _)| PathBuf::from(path))
        };
        let again: Vec<_> = message.lines().filter_map(whole).collect();
        for path in &again {
            if let Err(fault) = self.run(&mut self.stage(path, &shared))? {
                return Ok(Err(fault));
            }
        }
        if !again.is_empty()
            && let Err(fault) = self.run(&mut self.tools.dft(words))?
        {
            return Ok(Err(fault));
        }
        self.shown(&index)
    }

    fn stage(&self, traces: &Path, shared: &Path) -> Command {
        let mut stage = self.tools.dft(["stage".as_ref(), traces.as_os_str(), "--staging".as_ref()]);
        stage.arg(self.path("local")).arg("--shared-staging").arg(shared);
        stage
    }

    /// Passes lines to the C ABI.
    fn lines(&self) -> Result<Built> {
        let index = self.path("lines-index");
        for (number, text) in self.texts.iter().enumerate() {
            let lines = self.path(&format!("lines/{number}.json"));
            write(&lines, text);
            let mut publish = Command::new(&self.tools.publish);
            publish.arg(&index).arg(format!("rank {number}")).arg(&lines);
            if let Err(fault) = self.run(&mut publish)? {
                return Ok(Err(fault));
            }
        }
        self.shown(&index)
    }
}
