//! A query: which series of calls a table has, in words.
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
//! Words of the language may be in any case. Texts are compared byte by byte. The fields are `family`, `cat`,
//! `name` (or `func_name`), `pid`, `tid`, `rank`, `hhash` (or `host_hash`), `fhash` (or `file_hash`), `host_name`,
//! `file_name`, `proc_name` and `io_cat`. A process whose rank is not known has none: it is equal to no number, and
//! neither less nor greater than one.

use std::cmp::Ordering;
use std::str::FromStr;

use crate::cells::Series;
use crate::error::ExportError;

/// How deep a query may be nested: each level takes some of the stack.
const DEEPEST: usize = 200;

/// Which series of calls a table has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(Node);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Text(TextField, Test, String),
    /// Sorted, each once.
    TextIn(TextField, Vec<String>),
    Number(NumberField, Test, i128),
    /// Sorted, each once.
    NumberIn(NumberField, Vec<i128>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextField {
    SeriesKind,
    Category,
    Name,
    HostHash,
    FileHash,
    HostName,
    FileName,
    ProcessName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NumberField {
    Process,
    Thread,
    Rank,
    IoCategory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Text(TextField),
    Number(NumberField),
}

impl Field {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "family" => Self::Text(TextField::SeriesKind),
            "cat" => Self::Text(TextField::Category),
            "name" | "func_name" => Self::Text(TextField::Name),
            "hhash" | "host_hash" => Self::Text(TextField::HostHash),
            "fhash" | "file_hash" => Self::Text(TextField::FileHash),
            "host_name" => Self::Text(TextField::HostName),
            "file_name" => Self::Text(TextField::FileName),
            "proc_name" => Self::Text(TextField::ProcessName),
            "pid" => Self::Number(NumberField::Process),
            "tid" => Self::Number(NumberField::Thread),
            "rank" => Self::Number(NumberField::Rank),
            "io_cat" => Self::Number(NumberField::IoCategory),
            _ => return None,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Test {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

impl Query {
    /// Whether a series is one of those that are asked for.
    pub fn matches(&self, series: &Series) -> bool {
        self.0.matches(series)
    }

    /// Whether it asks for ranks, so that they have to be known.
    pub(crate) fn asks_for_ranks(&self) -> bool {
        self.0.asks_for_ranks()
    }
}

impl Node {
    fn matches(&self, series: &Series) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.matches(series)),
            Self::Any(nodes) => nodes.iter().any(|node| node.matches(series)),
            Self::Not(node) => !node.matches(series),
            Self::Text(field, test, value) => with_text(*field, series, |text| test.holds(text.cmp(value.as_str()))),
            Self::TextIn(field, values) => {
                with_text(*field, series, |text| values.binary_search_by(|value| value.as_str().cmp(text)).is_ok())
            }
            Self::Number(field, test, value) => match number(*field, series) {
                Some(number) => test.holds(number.cmp(value)),
                None => *test == Test::NotEqual,
            },
            Self::NumberIn(field, values) => {
                number(*field, series).is_some_and(|number| values.binary_search(&number).is_ok())
            }
        }
    }

    fn asks_for_ranks(&self) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(Self::asks_for_ranks),
            Self::Not(node) => node.asks_for_ranks(),
            Self::Number(field, ..) | Self::NumberIn(field, ..) => *field == NumberField::Rank,
            Self::Text(..) | Self::TextIn(..) => false,
        }
    }

    /// Any of some: many comparisons of one field, such as with each process of a share, become one search.
    fn any(nodes: Vec<Self>) -> Self {
        let mut merged: Vec<Self> = Vec::new();
        for node in nodes {
            let node = match node {
                Self::Number(field, Test::Equal, value) => Self::NumberIn(field, vec![value]),
                Self::Text(field, Test::Equal, value) => Self::TextIn(field, vec![value]),
                other => other,
            };
            match (merged.last_mut(), node) {
                (Some(Self::NumberIn(a, into)), Self::NumberIn(b, values)) if *a == b => into.extend(values),
                (Some(Self::TextIn(a, into)), Self::TextIn(b, values)) if *a == b => into.extend(values),
                (_, node) => merged.push(node),
            }
        }
        for node in &mut merged {
            match node {
                Self::NumberIn(_, values) => sort(values),
                Self::TextIn(_, values) => sort(values),
                _ => {}
            }
        }
        Self::Any(merged)
    }
}

fn sort<T: Ord>(values: &mut Vec<T>) {
    values.sort_unstable();
    values.dedup();
}

fn with_text(field: TextField, series: &Series, test: impl Fn(&str) -> bool) -> bool {
    let identity = &series.identity;
    match field {
        TextField::SeriesKind => test(identity.kind.name()),
        TextField::Category => test(&identity.category),
        TextField::Name => test(&identity.name),
        TextField::HostHash => test(&identity.host_hash),
        TextField::FileHash => test(&identity.file_hash),
        TextField::HostName => test(&series.host_name),
        TextField::FileName => test(&series.file_name),
        TextField::ProcessName => test(&series.process_name()),
    }
}

/// A number of a series, where it has it.
fn number(field: NumberField, series: &Series) -> Option<i128> {
    match field {
        NumberField::Process => Some(series.identity.pid.into()),
        NumberField::Thread => Some(series.identity.tid.into()),
        NumberField::Rank => series.rank.map(i128::from),
        NumberField::IoCategory => Some(series.io_category() as i128),
    }
}

impl FromStr for Query {
    type Err = ExportError;

    fn from_str(text: &str) -> Result<Self, ExportError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let parsed = parser.or().and_then(|node| {
            parser.skip_space();
            if parser.at == text.len() { Ok(node) } else { Err("there should be `and`, `or` or the end".to_owned()) }
        });
        parsed.map(Self).map_err(|reason| ExportError::Query { query: text.to_owned(), at: parser.at, reason })
    }
}

struct Parser<'q> {
    text: &'q str,
    /// In bytes.
    at: usize,
    depth: usize,
}

enum Value {
    Text(String),
    Number(i128),
}

impl Parser<'_> {
    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Goes behind a sign, if it is next.
    fn sign(&mut self, sign: &str) -> bool {
        self.skip_space();
        let is_next = self.text[self.at..].starts_with(sign);
        if is_next {
            self.at += sign.len();
        }
        is_next
    }

    /// The word that is next, empty if there is none; stays before it.
    fn peek(&mut self) -> &str {
        self.skip_space();
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    }

    /// Goes behind a word of the language, if it is next.
    fn word(&mut self, word: &str) -> bool {
        let is_next = self.peek().eq_ignore_ascii_case(word);
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn or(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.and()?];
        while self.word("or") {
            nodes.push(self.and()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::any(nodes) })
    }

    fn and(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.not()?];
        while self.word("and") {
            nodes.push(self.not()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::All(nodes) })
    }

    fn not(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("it is nested more than {DEEPEST} deep"));
        }
        let node = if self.word("not") {
            Node::Not(Box::new(self.not()?))
        } else if self.sign("(") {
            let node = self.or()?;
            if !self.sign(")") {
                return Err("there should be `)`".to_owned());
            }
            node
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node, String> {
        let name = self.peek().to_owned();
        let Some(field) = Field::of(&name) else {
            return Err(if name.is_empty() { "there should be a field" } else { "there is no such field" }.to_owned()
                + ": family, cat, name, pid, tid, rank, host_hash, file_hash, host_name, file_name, proc_name and io_cat are");
        };
        self.at += name.len();
        let negated = self.word("not");
        if self.word("in") {
            let within = self.list(field)?;
            return Ok(if negated { Node::Not(Box::new(within)) } else { within });
        }
        const TESTS: [(&str, Test); 6] = [
            ("==", Test::Equal),
            ("!=", Test::NotEqual),
            ("<=", Test::AtMost),
            (">=", Test::AtLeast),
            ("<", Test::Less),
            (">", Test::Greater),
        ];
        let test = if negated { None } else { TESTS.into_iter().find(|(sign, _)| self.sign(sign)) };
        let Some((_, test)) = test else {
            return Err(
                if negated { "there should be `in`" } else { "there should be ==, !=, <, <=, >, >= or in" }.into()
            );
        };
        self.skip_space();
        let at = self.at;
        match (field, self.value()?) {
            (Field::Text(field), Value::Text(text)) => Ok(Node::Text(field, test, as_kept(field, text))),
            (Field::Number(field), Value::Number(number)) => Ok(Node::Number(field, test, number)),
            (field, _) => Err(self.wrong_kind(field, at)),
        }
    }

    fn list(&mut self, field: Field) -> Result<Node, String> {
        if !self.sign("[") {
            return Err("there should be `[`".to_owned());
        }
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        if !self.sign("]") {
            loop {
                self.skip_space();
                let at = self.at;
                match (field, self.value()?) {
                    (Field::Text(field), Value::Text(text)) => texts.push(as_kept(field, text)),
                    (Field::Number(_), Value::Number(number)) => numbers.push(number),
                    (field, _) => return Err(self.wrong_kind(field, at)),
                }
                if self.sign("]") {
                    break;
                }
                if !self.sign(",") {
                    return Err("there should be `,` or `]`".to_owned());
                }
            }
        }
        sort(&mut texts);
        sort(&mut numbers);
        Ok(match field {
            Field::Text(field) => Node::TextIn(field, texts),
            Field::Number(field) => Node::NumberIn(field, numbers),
        })
    }

    fn wrong_kind(&mut self, field: Field, at: usize) -> String {
        self.at = at;
        match field {
            Field::Text(_) => "this field is a text: put its value in quotes",
            Field::Number(_) => "this field is a number: its value has no quotes",
        }
        .to_owned()
    }

    fn value(&mut self) -> Result<Value, String> {
        self.skip_space();
        let rest = &self.text[self.at..];
        let mut characters = rest.char_indices();
        let Some((_, quote @ ('"' | '\''))) = characters.next() else {
            let signed = usize::from(rest.starts_with(['-', '+']));
            let digits = rest[signed..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - signed);
            let number = rest[..signed + digits].parse();
            let number = number.map_err(|_| "there should be a text in quotes, or an integer".to_owned())?;
            self.at += signed + digits;
            return Ok(Value::Number(number));
        };
        let mut text = String::new();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                end if end == quote => {
                    self.at += at + 1;
                    return Ok(Value::Text(text));
                }
                other => text.push(other),
            }
        }
        Err("the text has no closing quote".to_owned())
    }
}

/// Categories are kept in lower case.
fn as_kept(field: TextField, mut text: String) -> String {
    if field == TextField::Category {
        text.make_ascii_lowercase();
    }
    text
}

#[cfg(test)]
mod tests {
    use dft_codec::{SeriesIdentity, SeriesKind};
    use proptest::prelude::*;

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
    fn queries_mean_what_they_say() {
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
    fn what_is_no_query_is_said_with_its_place() {
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
            (deep.as_str(), DEEPEST),
        ] {
            let found = match query.parse::<Query>() {
                Err(ExportError::Query { at, .. }) => at,
                other => panic!("{query}: {other:?}"),
            };
            assert_eq!(found, at, "{query}");
        }
    }

    #[test]
    fn a_long_list_of_processes_is_one_search() {
        let query = (0..9).map(|pid| format!("pid == {pid}")).collect::<Vec<_>>().join(" or ");
        let wanted = Node::Any(vec![Node::NumberIn(NumberField::Process, (0..9).collect())]);
        assert_eq!(query.parse::<Query>().expect("a query"), Query(wanted));
    }

    proptest! {
        #[test]
        fn any_text_is_a_query_or_an_error(text in ".{0,60}") {
            let _ = text.parse::<Query>().map(|query| query.matches(&series()));
        }

        #[test]
        fn any_words_are_a_query_or_an_error(
            words in prop::collection::vec(
                prop::sample::select(vec!["pid", "cat", "not", "in", "and", "or", "(", ")", "[", "]", ",", "==", "<", "'x'", "7", "-", "'"]),
                0..20,
            )
        ) {
            let _ = words.join(" ").parse::<Query>().map(|query| query.matches(&series()));
        }
    }
}
