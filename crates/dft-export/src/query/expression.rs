//! What a query asks for, as a tree of comparisons.

use std::cmp::Ordering;

use crate::series::Series;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Text(TextField, Operator, String),
    /// The values are sorted and distinct.
    TextIn(TextField, Vec<String>),
    Number(NumberField, Operator, i128),
    /// The values are sorted and distinct.
    NumberIn(NumberField, Vec<i128>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextField {
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
pub(super) enum NumberField {
    Process,
    Thread,
    Rank,
    IoCategory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryField {
    Text(TextField),
    Number(NumberField),
}

impl QueryField {
    /// Returns the field with this name.
    pub(super) fn of(name: &str) -> Option<Self> {
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
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Operator {
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

impl Condition {
    pub(super) fn matches(&self, series: &Series) -> bool {
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
                None => *test == Operator::NotEqual,
            },
            Self::NumberIn(field, values) => {
                number(*field, series).is_some_and(|number| values.binary_search(&number).is_ok())
            }
        }
    }

    pub(super) fn asks_for_ranks(&self) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(Self::asks_for_ranks),
            Self::Not(node) => node.asks_for_ranks(),
            Self::Number(field, ..) | Self::NumberIn(field, ..) => *field == NumberField::Rank,
            Self::Text(..) | Self::TextIn(..) => false,
        }
    }

    /// Returns a condition that holds if any of the nodes does. Adjacent comparisons of one field, such as with every
    /// process of a shard, become one binary search.
    pub(super) fn any(nodes: Vec<Self>) -> Self {
        let mut merged: Vec<Self> = Vec::new();
        for node in nodes {
            let node = match node {
                Self::Number(field, Operator::Equal, value) => Self::NumberIn(field, vec![value]),
                Self::Text(field, Operator::Equal, value) => Self::TextIn(field, vec![value]),
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
                Self::NumberIn(_, values) => sort_distinct(values),
                Self::TextIn(_, values) => sort_distinct(values),
                _ => {}
            }
        }
        Self::Any(merged)
    }
}

/// Sorts values and removes duplicates.
pub(super) fn sort_distinct<T: Ord>(values: &mut Vec<T>) {
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

/// Returns a number of a series; `None` if its rank is unknown.
fn number(field: NumberField, series: &Series) -> Option<i128> {
    match field {
        NumberField::Process => Some(series.identity.pid.into()),
        NumberField::Thread => Some(series.identity.tid.into()),
        NumberField::Rank => series.rank.map(i128::from),
        NumberField::IoCategory => Some(series.io_category() as i128),
    }
}
