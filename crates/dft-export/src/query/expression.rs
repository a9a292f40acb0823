//! What a query asks for, as a tree of tests.

use std::cmp::Ordering;

use super::field::{NumberField, QueryField, Subject, TextField};
use super::text_pattern::TextPattern;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Text(TextField, TextTest),
    Number(NumberField, NumberTest),
    /// Nothing is known of the field.
    Null(QueryField),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TextTest {
    Compare(Operator, String),
    /// The values are sorted and distinct.
    In(Vec<String>),
    /// Both ends are included.
    Between(String, String),
    Contains(String),
    Matches(TextPattern),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NumberTest {
    Compare(Operator, i128),
    /// The values are sorted and distinct.
    In(Vec<i128>),
    /// Both ends are included.
    Between(i128, i128),
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
    /// Every operator, so that each comes before those that it begins with.
    pub(super) const ALL: [Self; 6] =
        [Self::Equal, Self::NotEqual, Self::AtMost, Self::AtLeast, Self::Less, Self::Greater];

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

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

impl TextTest {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Compare(operator, value) => operator.holds(text.cmp(value.as_str())),
            Self::In(values) => values.binary_search_by(|value| value.as_str().cmp(text)).is_ok(),
            Self::Between(low, high) => low.as_str() <= text && text <= high.as_str(),
            Self::Contains(part) => text.contains(part.as_str()),
            Self::Matches(pattern) => pattern.matches(text),
        }
    }
}

impl NumberTest {
    /// Returns whether a number passes. An unknown number only differs from every other.
    fn holds(&self, number: Option<i128>) -> bool {
        let Some(number) = number else { return matches!(self, Self::Compare(Operator::NotEqual, _)) };
        match self {
            Self::Compare(operator, value) => operator.holds(number.cmp(value)),
            Self::In(values) => values.binary_search(&number).is_ok(),
            Self::Between(low, high) => (low..=high).contains(&&number),
        }
    }
}

impl Condition {
    pub(super) fn matches(&self, subject: Subject<'_>) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.matches(subject)),
            Self::Any(nodes) => nodes.iter().any(|node| node.matches(subject)),
            Self::Not(node) => !node.matches(subject),
            Self::Text(field, test) => test.holds(&subject.text(*field)),
            Self::Number(field, test) => test.holds(subject.number(*field)),
            Self::Null(QueryField::Text(field)) => subject.text(*field).is_empty(),
            Self::Null(QueryField::Number(field)) => subject.number(*field).is_none(),
            Self::Null(QueryField::GroupKey(slot)) => subject.text(TextField::GroupKey(*slot)).is_empty(),
        }
    }

    /// Returns whether the condition holds, whatever the file is; `None` if that depends on the file.
    pub(super) fn matches_scope(&self, subject: Subject<'_>) -> Option<bool> {
        // The first value decides; without it, an unknown one does.
        let decided = |nodes: &[Self], deciding: bool| {
            let mut all = Some(!deciding);
            for node in nodes {
                match node.matches_scope(subject) {
                    Some(value) if value == deciding => return Some(deciding),
                    Some(_) => {}
                    None => all = None,
                }
            }
            all
        };
        match self {
            Self::All(nodes) => decided(nodes, false),
            Self::Any(nodes) => decided(nodes, true),
            Self::Not(node) => node.matches_scope(subject).map(|value| !value),
            Self::Text(field, _) | Self::Null(QueryField::Text(field)) if field.is_of_file() => None,
            other => Some(other.matches(subject)),
        }
    }

    pub(super) fn asks_for_ranks(&self) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(Self::asks_for_ranks),
            Self::Not(node) => node.asks_for_ranks(),
            Self::Number(field, _) | Self::Null(QueryField::Number(field)) => *field == NumberField::Rank,
            Self::Text(..) | Self::Null(_) => false,
        }
    }

    /// Returns the condition that does not hold where this one does.
    pub(super) fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Returns a condition that holds if all of the nodes do.
    pub(super) fn all(mut nodes: Vec<Self>) -> Self {
        if nodes.len() == 1 { nodes.remove(0) } else { Self::All(nodes) }
    }

    /// Returns a condition that holds if any of the nodes does. Adjacent comparisons of one field, such as with every
    /// process of a shard, become one binary search.
    pub(super) fn any(mut nodes: Vec<Self>) -> Self {
        if nodes.len() == 1 {
            return nodes.remove(0);
        }
        use {NumberTest as N, TextTest as T};
        let mut merged: Vec<Self> = Vec::new();
        for node in nodes {
            let node = match node {
                Self::Number(field, N::Compare(Operator::Equal, value)) => Self::Number(field, N::In(vec![value])),
                Self::Text(field, T::Compare(Operator::Equal, value)) => Self::Text(field, T::In(vec![value])),
                other => other,
            };
            match (merged.last_mut(), node) {
                (Some(Self::Number(a, N::In(into))), Self::Number(b, N::In(values))) if *a == b => into.extend(values),
                (Some(Self::Text(a, T::In(into))), Self::Text(b, T::In(values))) if *a == b => into.extend(values),
                (_, node) => merged.push(node),
            }
        }
        for node in &mut merged {
            match node {
                Self::Number(_, N::In(values)) => sort_distinct(values),
                Self::Text(_, T::In(values)) => sort_distinct(values),
                _ => {}
            }
        }
        if merged.len() == 1 { merged.remove(0) } else { Self::Any(merged) }
    }
}

/// Sorts values and removes duplicates.
pub(super) fn sort_distinct<T: Ord>(values: &mut Vec<T>) {
    values.sort_unstable();
    values.dedup();
}
