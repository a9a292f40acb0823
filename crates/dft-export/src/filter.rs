//! Which rows a table has.

use std::ops::Range;

use dft_codec::{SeriesId, SeriesIdentity, SeriesKind, TelemetryKey};
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
    /// Ranks of processes, sorted; all of them, and processes without one, where there is none.
    pub ranks: Vec<i64>,
    /// Hosts, by name or hash.
    pub host: Option<Pattern>,
    /// Files, by name or hash.
    pub file: Option<Pattern>,
    /// Series of calls.
    pub query: Option<Query>,
    /// One of the shards that readers divide a table into.
    pub shard: Option<Shard>,
}

/// One of the shards that parallel readers divide a table into: of calls, a range of series, so that the
/// shards one behind the other are the table; of telemetry, some counters of some hosts. A table has the
/// same columns in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    part: u32,
    parts: u32,
}

impl Shard {
    /// The most shards that a table is divided into.
    pub const MOST: u32 = 1 << 16;

    /// Share `part` of `parts`, counted from 0; `None` where there is no such shard, or more than
    /// [`Shard::MOST`].
    pub fn new(part: u32, parts: u32) -> Option<Self> {
        (part < parts && parts <= Self::MOST).then_some(Self { part, parts })
    }

    pub(crate) fn series(self, index: &Index, kind: SeriesKind) -> Range<SeriesId> {
        index.shards(kind, self.parts as usize).swap_remove(self.part as usize)
    }

    /// The rows, from and to, of a table of so many.
    pub(crate) fn range(self, rows: usize) -> (usize, usize) {
        let at = |part: u32| (rows as u128 * u128::from(part) / u128::from(self.parts)) as usize;
        (at(self.part), at(self.part + 1))
    }

    fn has_counter(self, name: &str, host_hash: &str) -> bool {
        // The hash that names series, so that every reader finds the same.
        let (category, file_hash, extra) = ("", "", Vec::new());
        let counter = SeriesIdentity {
            kind: SeriesKind::HostStatistic,
            category,
            name,
            pid: 0,
            tid: 0,
            host_hash,
            file_hash,
            extra,
        };
        let id = u128::from_be_bytes(counter.id().0);
        id % u128::from(self.parts) == u128::from(self.part)
    }
}

impl Filter {
    pub(crate) fn passes(&self, series: &Series) -> bool {
        let identity = &series.identity;
        passes(&self.cat, &[&identity.category])
            && passes(&self.name, &[&identity.name])
            && (self.pids.is_empty() || self.pids.binary_search(&identity.pid).is_ok())
            && self.has_rank(series.rank)
            && passes(&self.host, &[&series.host_name, &identity.host_hash])
            && passes(&self.file, &[&series.file_name, &identity.file_hash])
            && self.query.as_ref().is_none_or(|query| query.matches(series))
    }

    /// Whether a process is in the table of processes, which has a column for its number, its rank and its host.
    pub(crate) fn passes_process(&self, host_name: &str, host_hash: &str, pid: i64, rank: Option<i64>) -> bool {
        (self.pids.is_empty() || self.pids.binary_search(&pid).is_ok())
            && self.has_rank(rank)
            && passes(&self.host, &[host_name, host_hash])
    }

    /// What passes, as text: two filters of one text pass the same.
    pub(crate) fn text(&self) -> String {
        let Self { time, cat, name, pids, ranks, host, file, query, shard } = self;
        let patterns = [cat, name, host, file].map(|pattern| pattern.as_ref().map(|pattern| pattern.0.glob().glob()));
        format!("{time:?} {patterns:?} {pids:?} {ranks:?} {query:?} {shard:?}")
    }

    fn has_rank(&self, rank: Option<i64>) -> bool {
        self.ranks.is_empty() || rank.is_some_and(|rank| self.ranks.binary_search(&rank).is_ok())
    }

    /// Whether it asks for ranks, so that they have to be known.
    pub(crate) fn asks_for_ranks(&self) -> bool {
        !self.ranks.is_empty() || self.query.as_ref().is_some_and(Query::asks_for_ranks)
    }

    /// Whether it passes over some rows of the shard that is asked for.
    pub(crate) fn is_selective(&self) -> bool {
        let Self { time, cat, name, pids, ranks, host, file, query, shard: _ } = self;
        let patterns = [cat, name, host, file];
        time.is_some()
            || !pids.is_empty()
            || !ranks.is_empty()
            || query.is_some()
            || patterns.into_iter().any(Option::is_some)
    }

    pub(crate) fn passes_counter(&self, counter: &TelemetryKey, host_name: &str, rank: Option<i64>) -> bool {
        passes(&self.name, &[&counter.name])
            && passes(&self.host, &[host_name, &counter.host_hash])
            && counter.pid().is_none_or(|pid| {
                passes(&self.cat, &[counter.category()])
                    && (self.pids.is_empty() || self.pids.binary_search(&pid).is_ok())
                    && self.has_rank(rank)
            })
    }

    /// Whether a counter is in the shard that is asked for.
    pub(crate) fn shares_counter(&self, name: &str, host_hash: &str) -> bool {
        self.shard.is_none_or(|shard| shard.has_counter(name, host_hash))
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
