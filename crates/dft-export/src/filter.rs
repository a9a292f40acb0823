//! Which rows a table shows.

use std::ops::Range;

use dft_codec::{SeriesId, SeriesIdentity, SeriesKind, TelemetryKey};
use dft_store::Index;
use globset::{GlobBuilder, GlobMatcher};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::ExportError;
use crate::query::Query;
use crate::series::Series;

/// A glob over names: `*` and `?` (which also match `/`), `[ab]`, `{one,other}`.
#[derive(Clone, Debug)]
pub struct Pattern(GlobMatcher);

impl Pattern {
    /// Parses a glob.
    ///
    /// # Errors
    ///
    /// [`ExportError::Pattern`] if the text is not a glob.
    pub fn new(pattern: &str) -> Result<Self, ExportError> {
        let glob = GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
        match glob {
            Ok(glob) => Ok(Self(glob.compile_matcher())),
            Err(error) => Err(ExportError::Pattern { pattern: pattern.to_owned(), reason: error.kind().to_string() }),
        }
    }

    /// Returns whether the whole name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

/// Which rows a table shows. The default passes all rows. A table ignores conditions on columns that it does not have:
/// telemetry of a host has no process and no file, so only time, name and host filter it; category, process and rank
/// also filter telemetry of a process.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Cells that overlap with this time, in µs from the [origin](crate::View::origin). The end is excluded.
    pub time: Option<Range<u64>>,
    /// Categories, in lower case.
    pub category: Option<Pattern>,
    /// Functions and counters.
    pub name: Option<Pattern>,
    /// Processes, sorted; empty for all.
    pub pids: Vec<i64>,
    /// Ranks of processes, sorted; empty for all processes, including those without a rank.
    pub ranks: Vec<i64>,
    /// Hosts, by name or hash.
    pub host: Option<Pattern>,
    /// Files, by name or hash.
    pub file: Option<Pattern>,
    /// Series of calls.
    pub query: Option<Query>,
    /// One of the shards that parallel readers divide a table into.
    pub shard: Option<Shard>,
}

/// One of the shards that parallel readers divide a table into. A shard of calls is a range of series: the shards in
/// order are the table. A shard of telemetry is a subset of the counters. All shards of a table have the same columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    shards: u32,
}

impl Shard {
    /// The most shards that a table can be divided into.
    pub const MAX: u32 = 1 << 16;

    /// Returns shard `number` of `shards`, counted from 0; `None` if there is no such shard or there are more than
    /// [`Shard::MAX`].
    pub fn new(number: u32, shards: u32) -> Option<Self> {
        (number < shards && shards <= Self::MAX).then_some(Self { number, shards })
    }

    /// Returns the shard's range of series.
    pub(crate) fn series(self, index: &Index, kind: SeriesKind) -> Range<SeriesId> {
        index.shards(kind, self.shards as usize).swap_remove(self.number as usize)
    }

    /// Returns the shard's range of rows in a table with this many rows.
    pub(crate) fn rows(self, rows: usize) -> Range<usize> {
        let start = |number: u32| (rows as u128 * u128::from(number) / u128::from(self.shards)) as usize;
        start(self.number)..start(self.number + 1)
    }

    fn has_counter(self, name: &str, host_hash: &str) -> bool {
        // The hash that identifies series, so that every reader divides counters alike.
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
        let id = xxh3_64(&counter.encode_scope());
        id % u64::from(self.shards) == u64::from(self.number)
    }
}

impl Filter {
    /// Returns whether a series of this scope may pass, whatever its file is.
    pub(crate) fn passes_scope(&self, scope: &Series) -> bool {
        let identity = &scope.identity;
        passes(&self.category, &[&identity.category])
            && passes(&self.name, &[&identity.name])
            && (self.pids.is_empty() || self.pids.binary_search(&identity.pid).is_ok())
            && self.has_rank(scope.rank)
            && passes(&self.host, &[&scope.host_name, &identity.host_hash])
    }

    /// Returns whether a series of calls passes.
    pub(crate) fn passes(&self, series: &Series) -> bool {
        let identity = &series.identity;
        self.passes_scope(series)
            && passes(&self.file, &[&series.file_name, &identity.file_hash])
            && self.query.as_ref().is_none_or(|query| query.matches(series))
    }

    /// Returns whether a process passes. The table of processes has a column for the number, the rank and the host.
    pub(crate) fn passes_process(&self, host_name: &str, host_hash: &str, pid: i64, rank: Option<i64>) -> bool {
        (self.pids.is_empty() || self.pids.binary_search(&pid).is_ok())
            && self.has_rank(rank)
            && passes(&self.host, &[host_name, host_hash])
    }

    /// Describes the conditions to readers; `None` if all rows pass.
    pub fn described(&self) -> Option<String> {
        let mut parts = Vec::new();
        if let Some(time) = &self.time {
            let seconds = |us: u64| format!("{} s", us as f64 / 1e6);
            let end = if time.end == u64::MAX { "the end".to_owned() } else { seconds(time.end) };
            parts.push(format!("time from {} to {end}", seconds(time.start)));
        }
        let globs =
            [("category", &self.category), ("function", &self.name), ("host", &self.host), ("file", &self.file)];
        for (what, pattern) in globs {
            parts.extend(pattern.as_ref().map(|pattern| format!("{what} {}", pattern.0.glob().glob())));
        }
        parts.extend(self.query.as_ref().map(|query| format!("query {query}")));
        for (what, numbers) in [("process", &self.pids), ("rank", &self.ranks)] {
            if !numbers.is_empty() {
                let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
                parts.push(format!("{what} {}", numbers.join(", ")));
            }
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Returns the conditions as text: filters with the same text pass the same rows.
    pub(crate) fn text(&self) -> String {
        let Self { time, category, name, pids, ranks, host, file, query, shard } = self;
        let patterns =
            [category, name, host, file].map(|pattern| pattern.as_ref().map(|pattern| pattern.0.glob().glob()));
        format!("{time:?} {patterns:?} {pids:?} {ranks:?} {query:?} {shard:?}")
    }

    fn has_rank(&self, rank: Option<i64>) -> bool {
        self.ranks.is_empty() || rank.is_some_and(|rank| self.ranks.binary_search(&rank).is_ok())
    }

    /// Returns whether a condition is about ranks, so that they must be loaded.
    pub(crate) fn asks_for_ranks(&self) -> bool {
        !self.ranks.is_empty() || self.query.as_ref().is_some_and(Query::asks_for_ranks)
    }

    /// Returns whether the filter may skip rows of its shard.
    pub(crate) fn is_selective(&self) -> bool {
        let Self { time, category, name, pids, ranks, host, file, query, shard: _ } = self;
        let patterns = [category, name, host, file];
        time.is_some()
            || !pids.is_empty()
            || !ranks.is_empty()
            || query.is_some()
            || patterns.into_iter().any(Option::is_some)
    }

    /// Returns whether a counter of telemetry passes.
    pub(crate) fn passes_counter(&self, counter: &TelemetryKey, host_name: &str, rank: Option<i64>) -> bool {
        passes(&self.name, &[&counter.name])
            && passes(&self.host, &[host_name, &counter.host_hash])
            && counter.pid().is_none_or(|pid| {
                passes(&self.category, &[counter.category()])
                    && (self.pids.is_empty() || self.pids.binary_search(&pid).is_ok())
                    && self.has_rank(rank)
            })
    }

    /// Returns whether a counter is in the filter's shard.
    pub(crate) fn has_counter(&self, name: &str, host_hash: &str) -> bool {
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
