//! Queries as text that parses to the same query.

use std::fmt::{self, Display, Formatter};

use super::expression::{Condition, NumberTest, TextTest};
use super::field::{KeySlot, NumberField, QueryField, TextField, may_be_a_key};
use super::text_pattern::PatternKind;

/// A condition and the names of the query's group keys.
#[derive(Clone, Copy)]
pub(super) struct Printed<'q> {
    pub(super) condition: &'q Condition,
    pub(super) keys: &'q [String],
}

impl Display for Printed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.condition {
            Condition::All(nodes) => self.joined(f, nodes, " and "),
            Condition::Any(nodes) => self.joined(f, nodes, " or "),
            Condition::Not(node) if self.of(node).test(f, true)? => Ok(()),
            Condition::Not(node) => write!(f, "not {}", self.of(node).within()),
            _ => self.test(f, false).map(drop),
        }
    }
}

/// A condition as part of another one.
struct Within<'q>(Printed<'q>);

impl Display for Within<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.condition {
            Condition::All(_) | Condition::Any(_) => write!(f, "({})", self.0),
            _ => self.0.fmt(f),
        }
    }
}

impl<'q> Printed<'q> {
    fn of(self, condition: &'q Condition) -> Self {
        Self { condition, ..self }
    }

    fn within(self) -> Within<'q> {
        Within(self)
    }

    fn joined(self, f: &mut Formatter<'_>, nodes: &'q [Condition], word: &str) -> fmt::Result {
        for (at, node) in nodes.iter().enumerate() {
            write!(f, "{}{}", if at > 0 { word } else { "" }, self.of(node).within())?;
        }
        Ok(())
    }

    /// Prints a test of a field, or its negation. Returns false, and prints nothing, if that needs a `not` in front.
    fn test(self, f: &mut Formatter<'_>, negated: bool) -> Result<bool, fmt::Error> {
        let not = if negated { "not " } else { "" };
        match self.condition {
            Condition::Text(_, TextTest::Compare(..)) | Condition::Number(_, NumberTest::Compare(..)) if negated => {
                return Ok(false);
            }
            Condition::All(_) | Condition::Any(_) | Condition::Not(_) => return Ok(false),
            Condition::Null(field) => {
                self.field(f, *field)?;
                write!(f, " is {not}null")?;
            }
            Condition::Text(field, test) => {
                self.field(f, QueryField::Text(*field))?;
                match test {
                    TextTest::Compare(operator, value) => write!(f, " {} {}", operator.sign(), Quoted(value, '\''))?,
                    TextTest::In(values) => {
                        let values: Vec<String> = values.iter().map(|value| Quoted(value, '\'').to_string()).collect();
                        write!(f, " {not}in [{}]", values.join(", "))?;
                    }
                    TextTest::Between(low, high) => {
                        write!(f, " {not}between {} and {}", Quoted(low, '\''), Quoted(high, '\''))?;
                    }
                    TextTest::Contains(part) => write!(f, " {not}contains {}", Quoted(part, '\''))?,
                    TextTest::Matches(pattern) => {
                        let source = Quoted(&pattern.source, '\'');
                        match pattern.kind {
                            PatternKind::Like => write!(f, " {not}like {source}")?,
                            PatternKind::CaselessLike => write!(f, " {not}ilike {source}")?,
                            PatternKind::Regex => write!(f, " {}~ {source}", if negated { "!" } else { "" })?,
                        }
                    }
                }
            }
            Condition::Number(field, test) => {
                self.field(f, QueryField::Number(*field))?;
                match test {
                    NumberTest::Compare(operator, value) => write!(f, " {} {value}", operator.sign())?,
                    NumberTest::In(values) => {
                        let values: Vec<String> = values.iter().map(i128::to_string).collect();
                        write!(f, " {not}in [{}]", values.join(", "))?;
                    }
                    NumberTest::Between(low, high) => write!(f, " {not}between {low} and {high}")?,
                }
            }
        }
        Ok(true)
    }

    fn field(self, f: &mut Formatter<'_>, field: QueryField) -> fmt::Result {
        use QueryField::{GroupKey, Number, Text};
        let (Text(TextField::GroupKey(slot)) | Number(NumberField::GroupKey(slot)) | GroupKey(slot)) = field else {
            return f.write_str(field.name());
        };
        let KeySlot(slot) = slot;
        let name = self.keys.get(slot).map_or("", String::as_str);
        if may_be_a_key(name) { f.write_str(name) } else { write!(f, "{}", Quoted(name, '`')) }
    }
}

/// A text in quotes.
struct Quoted<'t>(&'t str, char);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(text, quote) = self;
        write!(f, "{quote}")?;
        for character in text.chars() {
            if character == *quote || character == '\\' {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        write!(f, "{quote}")
    }
}
