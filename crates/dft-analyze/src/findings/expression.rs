//! Expressions over facts: the conditions and numbers of findings.
//!
//! ```text
//! or       = and { "or" and }
//! and      = compare { "and" compare }
//! compare  = sum [ ( ">=" | "<=" | ">" | "<" ) sum ]
//! sum      = product { ( "+" | "-" ) product }
//! product  = value { ( "*" | "/" ) value }
//! value    = number | fact | "(" or ")"
//! ```
//!
//! A comparison is 1 or 0. A fact that is not known makes unknown what depends on it; a division by 0 is unknown, too.

use std::collections::BTreeSet;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Number(f64),
    Fact(String),
    Binary(Operator, Box<Expression>, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    AtLeast,
    AtMost,
    Greater,
    Less,
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// The operators by binding, the loosest first, each before those that it begins with.
const LEVELS: [&[(&str, Operator)]; 5] = [
    &[("or", Operator::Or)],
    &[("and", Operator::And)],
    &[(">=", Operator::AtLeast), ("<=", Operator::AtMost), (">", Operator::Greater), ("<", Operator::Less)],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide)],
];

impl Expression {
    /// Parses an expression.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { words: words(text)?, at: 0 };
        let parsed = parser.level(0)?;
        match parser.words.get(parser.at) {
            None => Ok(parsed),
            Some(word) => Err(format!("{word:?} is not expected in {text:?}")),
        }
    }

    /// Returns the value; `None` if it is not known.
    pub(crate) fn value(&self, fact: &impl Fn(&str) -> Option<f64>) -> Option<f64> {
        let (operator, a, b) = match self {
            Self::Number(number) => return Some(*number),
            Self::Fact(name) => return fact(name),
            Self::Binary(operator, a, b) => (operator, a.value(fact), b.value(fact)),
        };
        let truth = |value: Option<f64>| value.map(|value| value != 0.0);
        let known = match operator {
            Operator::Or => match (truth(a), truth(b)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Operator::And => match (truth(a), truth(b)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            _ => {
                let (a, b) = (a?, b?);
                match operator {
                    Operator::AtLeast => Some(a >= b),
                    Operator::AtMost => Some(a <= b),
                    Operator::Greater => Some(a > b),
                    Operator::Less => Some(a < b),
                    Operator::Add => return Some(a + b),
                    Operator::Subtract => return Some(a - b),
                    Operator::Multiply => return Some(a * b),
                    _ => return (b != 0.0).then(|| a / b),
                }
            }
        };
        known.map(f64::from)
    }

    /// Adds the names of the facts that the value depends on.
    pub(crate) fn facts<'e>(&'e self, names: &mut BTreeSet<&'e str>) {
        match self {
            Self::Number(_) => {}
            Self::Fact(name) => drop(names.insert(name)),
            Self::Binary(_, a, b) => {
                a.facts(names);
                b.facts(names);
            }
        }
    }
}

/// Splits a text into numbers, names and signs.
fn words(text: &str) -> Result<Vec<&str>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let length = match rest.find(|c: char| !is_word(c)) {
            Some(0) if rest.starts_with(">=") || rest.starts_with("<=") => 2,
            Some(0) if rest.starts_with(['>', '<', '+', '-', '*', '/', '(', ')']) => 1,
            Some(0) => return Err(format!("{text:?} has a sign that is not known: {rest:?}")),
            Some(length) => length,
            None => rest.len(),
        };
        words.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    Ok(words)
}

struct Parser<'t> {
    words: Vec<&'t str>,
    at: usize,
}

impl Parser<'_> {
    fn level(&mut self, level: usize) -> Result<Expression, String> {
        let Some(operators) = LEVELS.get(level) else { return self.operand() };
        let mut parsed = self.level(level + 1)?;
        while let Some((_, operator)) =
            self.words.get(self.at).and_then(|word| operators.iter().find(|(sign, _)| sign == word))
        {
            self.at += 1;
            parsed = Expression::Binary(*operator, Box::new(parsed), Box::new(self.level(level + 1)?));
        }
        Ok(parsed)
    }

    fn operand(&mut self) -> Result<Expression, String> {
        let word = *self.words.get(self.at).ok_or("the expression ends early")?;
        self.at += 1;
        if word == "(" {
            let inner = self.level(0)?;
            return match self.words.get(self.at) {
                Some(&")") => {
                    self.at += 1;
                    Ok(inner)
                }
                _ => Err("a parenthesis is not closed".to_owned()),
            };
        }
        match word.as_bytes()[0] {
            b'0'..=b'9' => word.parse().map(Expression::Number).map_err(|_| format!("{word:?} is not a number")),
            b'a'..=b'z' => Ok(Expression::Fact(word.to_owned())),
            _ => Err(format!("{word:?} is not expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<f64> {
        let fact = |name: &str| match name {
            "reads" => Some(10.0),
            "writes" => Some(0.0),
            _ => None,
        };
        Expression::parse(text).expect(text).value(&fact)
    }

    #[test]
    fn expressions_have_the_usual_meaning() {
        for (text, wanted) in [
            ("1 + 2 * 3 - 4 / 2", Some(5.0)),
            ("(1 + 2) * 3", Some(9.0)),
            ("10 - 2 - 3", Some(5.0)),
            ("reads >= 10 and writes < 1", Some(1.0)),
            ("reads > 10 or writes > 0", Some(0.0)),
            ("1 / writes", None),
            ("missing > 1", None),
            ("reads > 10 and missing > 1", Some(0.0)),
            ("missing > 1 and reads >= 10", None),
            ("missing > 1 or reads >= 10", Some(1.0)),
            ("reads / 4 <= 2.5", Some(1.0)),
        ] {
            assert_eq!(value(text), wanted, "{text}");
        }
        for text in ["", "1 +", "(1", "1 2", "a = 1", "é", "1.2.3", ") + 1"] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
        let mut names = BTreeSet::new();
        let parsed = Expression::parse("a / b > 1 and a > 2").expect("an expression");
        parsed.facts(&mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
