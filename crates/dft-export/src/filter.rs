//! Which rows a table has.

use std::ops::Range;

use globset::{GlobBuilder, GlobMatcher};

use crate::cells::Series;
use crate::error::ExportError;

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

/// Which rows a table has. The default passes all; a table passes by what it has no column for (so
/// telemetry, which has no category, process or file, is only filtered by time, name and host).
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// µs from the origin, the end excluded: cells that overlap with it.
    pub time: Option<Range<u64>>,
    /// Categories, in lower case.
    pub cat: Option<Pattern>,
    /// Functions, or counters.
    pub name: Option<Pattern>,
    /// The process.
    pub pid: Option<i64>,
    /// Hosts, by name or hash.
    pub host: Option<Pattern>,
    /// Files, by name or hash.
    pub file: Option<Pattern>,
}

impl Filter {
    pub(crate) fn passes(&self, series: &Series) -> bool {
        let identity = &series.identity;
        passes(&self.cat, &[&identity.cat])
            && passes(&self.name, &[&identity.name])
            && self.pid.is_none_or(|pid| pid == identity.pid)
            && passes(&self.host, &[&series.host_name, &identity.hhash])
            && passes(&self.file, &[&series.file_name, &identity.fhash])
    }

    pub(crate) fn passes_counter(&self, name: &str, host_name: &str, hhash: &str) -> bool {
        passes(&self.name, &[name]) && passes(&self.host, &[host_name, hhash])
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
