//! Queries: expressions that choose series of calls.
//!
//! ```text
//! query      = or
//! or         = and { "or" and }
//! and        = not { "and" not }
//! not        = "not" not | "(" or ")" | comparison
//! comparison = field ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value
//!            | field [ "not" ] "in" "[" [ value { "," value } ] "]"
//! value      = text in single or double quotes, with \ before a quote or a \ | an integer
//! ```
//!
//! Keywords may be in any case. Texts are compared byte by byte. The fields are `family`, `cat`, `name` (or
//! `func_name`), `pid`, `tid`, `rank`, `hhash` (or `host_hash`), `fhash` (or `file_hash`), `host_name`, `file_name`,
//! `proc_name` and `io_cat`. A process whose rank is unknown has none: its rank is neither equal to a number, nor less,
//! nor greater.

mod expression;
mod parser;

use std::str::FromStr;

use expression::Condition;

use crate::error::ExportError;
use crate::series::Series;

/// Which series of calls a table shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(Condition);

impl Query {
    /// Returns whether the query selects a series.
    pub fn matches(&self, series: &Series) -> bool {
        self.0.matches(series)
    }

    /// Returns whether the query compares ranks, so that they must be loaded.
    pub(crate) fn asks_for_ranks(&self) -> bool {
        self.0.asks_for_ranks()
    }
}

impl FromStr for Query {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        match parser::parse(text) {
            Ok(condition) => Ok(Self(condition)),
            Err((at, reason)) => Err(ExportError::Query { query: text.to_owned(), at, reason }),
        }
    }
}

#[cfg(test)]
mod tests {
    use dft_codec::{SeriesIdentity, SeriesKind};
    use proptest::prelude::*;

    use super::expression::NumberField;
    use super::parser::MAX_DEPTH;
    use super::*;

    fn series() -> Series {
        let text = |text: &str| text.to_owned();
        let identity = SeriesIdentity {
            kind: SeriesKind::Call,
            category: text("posix"),
            name: text("it's"),
            pid: 7,
            tid: -2,
            host_hash: text("h"),
            file_hash: String::new(),
            extra: Vec::new(),
        };
        Series { identity, host_name: text("node1"), file_name: String::new(), rank: Some(3) }
    }

    #[test]
    fn queries_select_the_series_that_their_text_describes() {
        for (query, wanted) in [
            ("pid == 7", true),
            ("pid != 7", false),
            ("cat == \"POSIX\" and tid < 0", true),
            ("name == 'it\\'s'", true),
            ("not pid in [1, 2] and family == 'event'", true),
            ("pid NOT IN [7]", false),
            ("fhash == ''", true),
            ("pid in []", false),
            ("pid == 1 or pid == 2 or pid == 7 or cat == 'x'", true),
            ("(pid == 1 or pid == 2) and cat == 'posix'", false),
            ("pid == 7 or pid == 8 and cat == 'x'", true),
            ("not pid == 7 or proc_name == 'app#node1#7#-2'", true),
            ("host_name >= 'node0' and host_name<'node2'", true),
            ("io_cat == 6", true),
        ] {
            assert_eq!(query.parse::<Query>().expect(query).matches(&series()), wanted, "{query}");
        }
    }

    #[test]
    fn an_invalid_query_is_reported_with_its_position() {
        let deep = format!("{}pid == 1", "(".repeat(100_000));
        for (query, at) in [
            ("", 0),
            ("pid like 7", 4),
            ("pid == '7'", 7),
            ("cat == 7", 7),
            ("nothing == 7", 0),
            ("pid == 7 pid", 9),
            ("cat == 'x", 7),
            ("pid in [1 2]", 10),
            (deep.as_str(), MAX_DEPTH),
        ] {
            let found = match query.parse::<Query>() {
                Err(ExportError::Query { at, .. }) => at,
                other => panic!("{query}: {other:?}"),
            };
            assert_eq!(found, at, "{query}");
        }
    }

    #[test]
    fn many_comparisons_of_one_field_become_one_search() {
        let query = (0..9).map(|pid| format!("pid == {pid}")).collect::<Vec<_>>().join(" or ");
        let wanted = Condition::Any(vec![Condition::NumberIn(NumberField::Process, (0..9).collect())]);
        assert_eq!(query.parse::<Query>().expect("a query"), Query(wanted));
    }

    proptest! {
        #[test]
        fn parsing_any_text_does_not_panic(text in ".{0,60}") {
            let _ = text.parse::<Query>().map(|query| query.matches(&series()));
        }

        #[test]
        fn parsing_any_sequence_of_words_does_not_panic(
            words in prop::collection::vec(
                prop::sample::select(vec!["pid", "cat", "not", "in", "and", "or", "(", ")", "[", "]", ",", "==", "<", "'x'", "7", "-", "'"]),
                0..20,
            )
        ) {
            let _ = words.join(" ").parse::<Query>().map(|query| query.matches(&series()));
        }
    }
}
