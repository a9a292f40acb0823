//! Which rows a table has.

use std::ops::Range;

use dft_codec::{Family, SeriesId, SeriesIdentity, TelemetryKey};
use dft_store::Index;
use globset::{GlobBuilder, GlobMatcher};

use crate::cells::Series;
use crate::error::ExportError;
use crate::query::Query;

/// A glob over names: `*` and `?` (which also match `/`), `[ab]`, `{one,other}`.
#[derive(Clone, Debug)]
pub struct Pattern(GlobMatcher);

impl Pattern {
    /// A pattern from its text.
    ///
    /// # Errors
    ///
    /// [`ExportError::Pattern`] where the text is no glob.
    pub fn new(pattern: &str) -> Result<Self, ExportError> {
        let glob = GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
        match glob {
            Ok(glob) => Ok(Self(glob.compile_matcher())),
            Err(error) => Err(ExportError::Pattern { pattern: pattern.to_owned(), reason: error.kind().to_string() }),
        }
    }

    /// Whether all of a name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

/// Which rows a table has. The default passes all; a table passes by what it has no column for: telemetry of a
/// host as a whole, which has no process and no file, is only filtered by time, name and host; that of a process
/// by category and process, too.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// µs from the origin, the end excluded: cells that overlap with it.
    pub time: Option<Range<u64>>,
    /// Categories, in lower case.
    pub cat: Option<Pattern>,
    /// Functions, or counters.
    pub name: Option<Pattern>,
    /// Processes, sorted; all of them where there is none.
    pub pids: Vec<i64>,
    /// Hosts, by name or hash.
    pub host: Option<Pattern>,
    /// Files, by name or hash.
    pub file: Option<Pattern>,
    /// Series of calls.
    pub query: Option<Query>,
    /// One of the shares that readers divide a table into.
    pub share: Option<Share>,
}

/// One of the shares that parallel readers divide a table into: of calls, a range of series, so that the
/// shares one behind the other are the table; of telemetry, some counters of some hosts. A table has the
/// same columns in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    part: u32,
    parts: u32,
}

impl Share {
    /// The most shares that a table is divided into.
    pub const MOST: u32 = 1 << 16;

    /// Share `part` of `parts`, counted from 0; `None` where there is no such share, or more than
    /// [`Share::MOST`].
    pub fn new(part: u32, parts: u32) -> Option<Self> {
        (part < parts && parts <= Self::MOST).then_some(Self { part, parts })
    }

    pub(crate) fn series(self, index: &Index, family: Family) -> Range<SeriesId> {
        index.partitions(family, self.parts as usize).swap_remove(self.part as usize)
    }

    fn has_counter(self, name: &str, hhash: &str) -> bool {
        // The hash that names series, so that every reader finds the same.
        let (cat, fhash, extra) = ("", "", Vec::new());
        let counter = SeriesIdentity { family: Family::System, cat, name, pid: 0, tid: 0, hhash, fhash, extra };
        let id = u128::from_be_bytes(counter.id().0);
        id % u128::from(self.parts) == u128::from(self.part)
    }
}

impl Filter {
    pub(crate) fn passes(&self, series: &Series) -> bool {
        let identity = &series.identity;
        passes(&self.cat, &[&identity.cat])
            && passes(&self.name, &[&identity.name])
            && (self.pids.is_empty() || self.pids.binary_search(&identity.pid).is_ok())
            && passes(&self.host, &[&series.host_name, &identity.hhash])
            && passes(&self.file, &[&series.file_name, &identity.fhash])
            && self.query.as_ref().is_none_or(|query| query.matches(series))
    }

    /// Whether it passes over some rows of the share that is asked for.
    pub(crate) fn is_selective(&self) -> bool {
        let Self { time, cat, name, pids, host, file, query, share: _ } = self;
        let patterns = [cat, name, host, file];
        time.is_some() || !pids.is_empty() || query.is_some() || patterns.into_iter().any(Option::is_some)
    }

    /// What passes, as text: two filters of one text pass the same.
    pub(crate) fn text(&self) -> String {
        let Self { time, cat, name, pids, host, file, query, share } = self;
        let patterns = [cat, name, host, file].map(|pattern| pattern.as_ref().map(|pattern| pattern.0.glob().glob()));
        format!("{time:?} {patterns:?} {pids:?} {query:?} {share:?}")
    }

    pub(crate) fn passes_counter(&self, counter: &TelemetryKey, host_name: &str) -> bool {
        passes(&self.name, &[&counter.name])
            && passes(&self.host, &[host_name, &counter.hhash])
            && counter.pid().is_none_or(|pid| {
                passes(&self.cat, &[counter.cat()]) && (self.pids.is_empty() || self.pids.binary_search(&pid).is_ok())
            })
    }

    /// Whether a counter is in the share that is asked for.
    pub(crate) fn shares_counter(&self, name: &str, hhash: &str) -> bool {
        self.share.is_none_or(|share| share.has_counter(name, hhash))
    }
}

fn passes(pattern: &Option<Pattern>, names: &[&str]) -> bool {
    pattern.as_ref().is_none_or(|pattern| names.iter().any(|name| pattern.matches(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names_and_cross_slashes() {
        let pattern = |text: &str| Pattern::new(text).expect("a glob");
        assert!(pattern("*.h5").matches("/p/lustre/a.h5"));
        assert!(pattern("read").matches("read"));
        assert!(!pattern("read").matches("pread"));
        assert!(pattern("{p,}read*").matches("pread64"));
        assert!(matches!(Pattern::new("[a"), Err(ExportError::Pattern { .. })));
    }
}
