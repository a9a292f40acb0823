//! Queries: expressions that choose series of calls.

mod expression;
mod field;
mod parser;
mod print;
mod text_pattern;

use std::fmt;
use std::str::FromStr;

use expression::Condition;
use field::{FIELD_NAMES, Subject};
use parser::{NamedKey, Parsed};
use print::Printed;

use crate::error::ExportError;
use crate::series::Series;

/// Which series of calls a table shows: an expression over the fields of a series. It is parsed from text, and its
/// `Display` text parses to the same query.
///
/// ```text
/// query  = and { "or" and }
/// and    = not { "and" not }
/// not    = "not" not | "(" query ")" | test
/// test   = field ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value
///        | field [ "not" ] "in" "[" [ value { "," value } ] "]"
///        | field [ "not" ] "between" value "and" value
///        | field [ "not" ] ( "like" | "ilike" | "contains" ) text
///        | field ( "~" | "!~" ) text
///        | field "is" [ "not" ] "null"
/// field  = name | "`" name of a group key "`" | "args." name of a group key
/// value  = text | integer
/// text   = in single or double quotes, with \ before a character that is taken as it is
/// ```
///
/// Keywords may be in any case. Texts are compared byte by byte. The fields are:
///
/// | field | |
/// | --- | --- |
/// | `family` | the kind of the series: `event`, `profile` or `system` |
/// | `cat` | the category, in lower case |
/// | `name`, `func_name` | the function or counter |
/// | `pid`, `tid` | the process and the thread |
/// | `rank` | the rank of the process, which may be unknown |
/// | `host_hash`, `hhash`, `host_name` | the host |
/// | `file_hash`, `fhash`, `file_name` | the file |
/// | `file_dir`, `file_ext` | the directory of the file's name, and its extension without the dot |
/// | `file_pattern` | the file's name with each run of digits as `[0-9]` |
/// | `proc_name` | `app#HOST#PID#TID` |
/// | `io_cat` | the number of the kind of I/O |
/// | any other name | a group key of the index |
///
/// A group key is a text when it is compared with texts, and a number when it is compared with integers. A rank or a
/// number that is unknown is neither equal to a number, nor less, nor greater, nor in a list. `is null` holds if
/// nothing is known: the rank is unknown, the text is empty.
///
/// `like` compares the whole text with a pattern in which `%` is any text and `_` any character; `ilike` does so
/// regardless of case. `~` looks for a [regular expression](https://docs.rs/regex/latest/regex/#syntax) anywhere in the
/// text.
///
/// ```
/// use dft_export::Query;
///
/// let query: Query = r#"cat == "posix" and pid in [1, 2]"#.parse()?;
/// assert_eq!(query.to_string().parse::<Query>()?, query);
/// # Ok::<(), dft_export::ExportError>(())
/// ```
#[derive(Clone)]
pub struct Query {
    text: String,
    condition: Condition,
    keys: Vec<NamedKey>,
    /// The positions of `keys` among the group keys of the index, once they were found.
    places: Vec<usize>,
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.condition == other.condition && self.key_names() == other.key_names()
    }
}

impl Eq for Query {}

impl fmt::Debug for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Query({self})")
    }
}

impl fmt::Display for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printed { condition: &self.condition, keys: &self.key_names() }.fmt(formatter)
    }
}

impl Query {
    /// Finds the query's group keys among those of an index.
    ///
    /// # Errors
    ///
    /// [`ExportError::Query`] if the index does not have one of them.
    pub fn find_keys(&mut self, group_keys: &[String]) -> Result<(), ExportError> {
        let place = |key: &NamedKey| {
            group_keys.iter().position(|known| *known == key.name).ok_or_else(|| ExportError::Query {
                query: self.text.clone(),
                at: key.at,
                reason: unknown_key(&key.name, group_keys),
            })
        };
        self.places = self.keys.iter().map(place).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Returns whether the query selects a series.
    pub fn matches(&self, series: &Series) -> bool {
        self.condition.matches(Subject { series, places: &self.places })
    }

    /// Returns whether the query selects the series of a scope, whatever their files are; `None` if that depends on the
    /// file.
    pub fn matches_scope(&self, scope: &Series) -> Option<bool> {
        self.condition.matches_scope(Subject { series: scope, places: &self.places })
    }

    /// Returns whether the query compares ranks, so that they must be loaded.
    pub fn asks_for_ranks(&self) -> bool {
        self.condition.asks_for_ranks()
    }

    fn key_names(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.name.clone()).collect()
    }
}

fn unknown_key(name: &str, group_keys: &[String]) -> String {
    let known = match group_keys {
        [] => "this index has no group keys".to_owned(),
        keys => format!("the group keys of this index are {}", keys.join(", ")),
    };
    format!(
        "there is no field or group key `{name}`: {known}; to choose by an arg of calls, build the index with it as a \
         group key (--group-key {name}); the fields are {FIELD_NAMES}"
    )
}

impl FromStr for Query {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        match parser::parse(text) {
            Ok(Parsed { condition, keys }) => Ok(Self { text: text.to_owned(), condition, keys, places: Vec::new() }),
            Err((at, reason)) => Err(ExportError::Query { query: text.to_owned(), at, reason }),
        }
    }
}

#[cfg(test)]
mod tests {
    use dft_codec::{SeriesIdentity, SeriesKind};
    use proptest::prelude::*;

    use super::expression::NumberTest;
    use super::field::NumberField;
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
            extra: vec![text("12"), String::new(), text("train")],
        };
        Series { identity, host_name: text("node1"), file_name: text("/p/run-3/data_07.h5"), rank: Some(3) }
    }

    fn keys() -> [String; 3] {
        ["epoch", "step", "image kind"].map(String::from)
    }

    fn matches(query: &str, series: &Series) -> bool {
        let mut query: Query = query.parse().expect(query);
        query.find_keys(&keys()).expect("known group keys");
        query.matches(series)
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
            assert_eq!(matches(query, &series()), wanted, "{query}");
        }
    }

    #[test]
    fn queries_test_patterns_ranges_group_keys_and_parts_of_files() {
        for (query, wanted) in [
            ("file_name like '/p/%.h5'", true),
            ("file_name not like '%.h5'", false),
            ("file_name ilike '%DATA\\\\__7.H5'", true),
            ("file_name ilike '%DATA\\\\__.H5'", false),
            ("file_name ~ 'run-[0-9]+/'", true),
            ("file_name !~ '^run'", true),
            ("file_name contains 'run-3'", true),
            ("file_name NOT CONTAINS 'run-3'", false),
            ("file_dir == '/p/run-3' and file_ext in ['h5', 'hdf5']", true),
            ("file_pattern == '/p/run-[0-9]/data_[0-9].h[0-9]'", true),
            ("file_ext between 'a' and 'z'", true),
            ("pid between 7 and 7 and pid not between 8 and 9", true),
            ("tid between -1 and 5", false),
            ("rank between 3 and 4", true),
            ("epoch == 12 and epoch == '12'", true),
            ("epoch > 9", true),
            // Texts are compared byte by byte.
            ("epoch > '9'", false),
            ("epoch in [1, 12]", true),
            ("args.epoch >= 12", true),
            ("step is null and epoch is not null", true),
            ("step == 0", false),
            ("step != 0", true),
            ("step not in [0]", true),
            ("step between 0 and 9", false),
            ("`image kind` == 'train'", true),
            ("args.`image kind` ~ 'tr'", true),
            ("`image kind` < 5", false),
            ("rank is null or file_hash is null", true),
            ("rank is not null", true),
            ("pid is null", false),
        ] {
            assert_eq!(matches(query, &series()), wanted, "{query}");
        }
        let unknown = Series { rank: None, ..series() };
        for (query, wanted) in [("rank is null", true), ("rank != 3", true), ("rank not between 0 and 9", true)] {
            assert_eq!(matches(query, &unknown), wanted, "{query}");
        }
    }

    fn fault(query: &str) -> (usize, String) {
        match query.parse::<Query>().and_then(|mut query| query.find_keys(&keys())) {
            Err(ExportError::Query { at, reason, .. }) => (at, reason),
            other => panic!("{query}: {other:?}"),
        }
    }

    #[test]
    fn an_invalid_query_is_reported_with_its_position() {
        let deep = format!("{}pid == 1", "(".repeat(100_000));
        for (query, at, reason) in [
            ("", 0, "expected a field"),
            ("pid like 7", 4, "`pid` is a number"),
            ("pid == '7'", 7, "without quotes"),
            ("cat == 7", 7, "in quotes"),
            ("nothing == 7", 0, "no field or group key `nothing`"),
            ("pid == 7 pid", 9, "expected `and`, `or` or the end"),
            ("cat == 'x", 7, "no closing quote"),
            ("pid in [1 2]", 10, "expected `,` or `]`"),
            ("pid in 1", 7, "expected `[`"),
            ("pid = 7", 4, "expected ==,"),
            ("pid not == 7", 8, "expected in, between"),
            ("pid ==", 6, "expected a text in quotes or an integer"),
            ("(pid == 7", 9, "expected `)`"),
            ("pid == 7 and ", 13, "expected a field"),
            ("pid == 99999999999999999999999999999999999999999", 7, "or an integer"),
            ("pid between 1 or 2", 14, "expected `and`"),
            ("epoch between 1 and 'x'", 20, "without quotes"),
            ("epoch in ['x', 1]", 15, "in quotes"),
            ("name ~ '('", 7, "unclosed group"),
            ("name ~ 7", 7, "expected a text in quotes"),
            ("rank is nothing", 8, "expected `null`"),
            (deep.as_str(), MAX_DEPTH, "nested more than"),
        ] {
            let (found, text) = fault(query);
            assert_eq!(found, at, "{query}: {text}");
            assert!(text.contains(reason), "{query}: {text}");
        }
    }

    #[test]
    fn a_query_about_single_calls_is_told_what_to_do_instead() {
        for (query, at, advice) in [
            ("pid == 7 and dur > 1000", 13, "dur_min"),
            ("size < 4096", 0, "size_max"),
            ("ts > 5", 0, "time range of the filter"),
            ("args.level == 3", 0, "--group-key level"),
            ("cat == 'x' or level == 3", 14, "--group-key level"),
        ] {
            let (found, reason) = fault(query);
            assert_eq!(found, at, "{query}: {reason}");
            assert!(reason.contains(advice), "{query}: {reason}");
        }
        let (_, reason) = fault("level == 3");
        assert!(reason.contains("the group keys of this index are epoch, step, image kind"), "{reason}");
    }

    #[test]
    fn many_comparisons_of_one_field_become_one_search() {
        let query = (0..9).map(|pid| format!("pid == {pid}")).collect::<Vec<_>>().join(" or ");
        let wanted = Condition::Number(NumberField::Process, NumberTest::In((0..9).collect()));
        assert_eq!(query.parse::<Query>().expect("a query").condition, wanted);
    }

    /// Any query, as text.
    fn any_query() -> impl Strategy<Value = String> {
        let text = prop::sample::select(vec!["'x'", "\"it's\"", "'\\\\ \\''", "''", "'100\\\\%'", "'é\u{1b}\n'"]);
        let number = prop::sample::select(vec!["7", "-2", "+0", "170141183460469231731687303715884105727"]);
        let text_field = prop::sample::select(vec!["cat", "func_name", "fhash", "file_dir", "`a \\` b`", "args.and"]);
        let number_field = prop::sample::select(vec!["pid", "rank", "io_cat", "step", "`pid`", "EPOCH"]);
        let operator = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
        let not = prop::sample::select(vec!["", "not "]);
        let pattern = prop::sample::select(vec!["like", "ilike", "contains"]);
        let texts = prop::collection::vec(text.clone(), 0..4).prop_map(|texts| texts.join(", "));
        let numbers = prop::collection::vec(number.clone(), 0..4).prop_map(|numbers| numbers.join(","));
        let test = prop_oneof![
            (text_field.clone(), operator.clone(), text.clone()).prop_map(|(f, o, v)| format!("{f} {o} {v}")),
            (number_field.clone(), operator, number.clone()).prop_map(|(f, o, v)| format!("{f}{o}{v}")),
            (text_field.clone(), not.clone(), texts).prop_map(|(f, n, v)| format!("{f} {n}in [{v}]")),
            (number_field.clone(), not.clone(), numbers).prop_map(|(f, n, v)| format!("{f} {n}in[{v}]")),
            (text_field.clone(), not.clone(), pattern, text.clone()).prop_map(|(f, n, p, v)| format!("{f} {n}{p} {v}")),
            (text_field.clone(), text.clone(), text).prop_map(|(f, a, b)| format!("{f} between {a} and {b}")),
            (number_field.clone(), not.clone(), number.clone(), number)
                .prop_map(|(f, n, a, b)| format!("{f} {n}between {a} AND {b}")),
            (text_field.clone(), prop::sample::select(vec!["~ '^a+'", "!~ \"[x']\""]))
                .prop_map(|(f, t)| format!("{f} {t}")),
            (prop_oneof![text_field, number_field], not).prop_map(|(f, n)| format!("{f} is {n}null")),
        ];
        test.prop_recursive(6, 40, 4, |query| {
            prop_oneof![
                prop::collection::vec(query.clone(), 1..4).prop_map(|nodes| format!("({})", nodes.join(" and "))),
                prop::collection::vec(query.clone(), 1..4).prop_map(|nodes| format!("({})", nodes.join(" or "))),
                (query.clone(), query.clone(), query.clone()).prop_map(|(a, b, c)| format!("{a} or {b} and {c}")),
                query.prop_map(|node| format!("not ({node})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_printed_query_parses_to_itself(text in any_query()) {
            let query: Query = text.parse().expect("a query");
            let printed = query.to_string();
            let again: Query = printed.parse().expect("a printed query");
            prop_assert_eq!(&again, &query, "{} became {}", text, printed);
            prop_assert_eq!(again.to_string(), printed);
        }

        #[test]
        fn parsing_any_text_does_not_panic(text in ".{0,60}") {
            let _ = text.parse::<Query>().map(|query| query.matches(&series()));
        }

        #[test]
        fn parsing_any_sequence_of_words_does_not_panic(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "pid", "cat", "not", "in", "and", "or", "(", ")", "[", "]", ",", "==", "<", "'x'", "7", "-", "'",
                    "like", "~", "!~", "between", "is", "null", "contains", "`k`", "args.", "k", "`", "'('",
                ]),
                0..20,
            )
        ) {
            if let Ok(query) = words.join(" ").parse::<Query>() {
                query.matches(&series());
                prop_assert_eq!(&query.to_string().parse::<Query>().expect("a printed query"), &query);
            }
        }
    }
}
