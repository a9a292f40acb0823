//! The parser of queries.

use super::expression::{Condition, Operator, QueryField, TextField, sort_distinct};

/// How deep a query may be nested: each level takes some of the stack.
pub(super) const MAX_DEPTH: usize = 200;

/// Parses a query. The error is the byte at which parsing failed, and why.
pub(super) fn parse(text: &str) -> Result<Condition, (usize, String)> {
    let mut parser = QueryParser { text, at: 0, depth: 0 };
    let parsed = parser.or().and_then(|condition| {
        parser.skip_space();
        if parser.at == text.len() { Ok(condition) } else { Err("expected `and`, `or` or the end".to_owned()) }
    });
    parsed.map_err(|reason| (parser.at, reason))
}

struct QueryParser<'q> {
    text: &'q str,
    /// The position in the text, in bytes.
    at: usize,
    depth: usize,
}

enum QueryValue {
    Text(String),
    Number(i128),
}

impl QueryParser<'_> {
    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Skips a sign if it is next; returns whether it was.
    fn sign(&mut self, sign: &str) -> bool {
        self.skip_space();
        let is_next = self.text[self.at..].starts_with(sign);
        if is_next {
            self.at += sign.len();
        }
        is_next
    }

    /// Returns the next word without skipping it; empty if there is none.
    fn peek(&mut self) -> &str {
        self.skip_space();
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    }

    /// Skips a keyword if it is next; returns whether it was.
    fn word(&mut self, word: &str) -> bool {
        let is_next = self.peek().eq_ignore_ascii_case(word);
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn or(&mut self) -> Result<Condition, String> {
        let mut nodes = vec![self.and()?];
        while self.word("or") {
            nodes.push(self.and()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Condition::any(nodes) })
    }

    fn and(&mut self) -> Result<Condition, String> {
        let mut nodes = vec![self.not()?];
        while self.word("and") {
            nodes.push(self.not()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Condition::All(nodes) })
    }

    fn not(&mut self) -> Result<Condition, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("the query is nested more than {MAX_DEPTH} levels deep"));
        }
        let node = if self.word("not") {
            Condition::Not(Box::new(self.not()?))
        } else if self.sign("(") {
            let node = self.or()?;
            if !self.sign(")") {
                return Err("expected `)`".to_owned());
            }
            node
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Condition, String> {
        let name = self.peek().to_owned();
        let Some(field) = QueryField::of(&name) else {
            return Err(if name.is_empty() { "expected a field" } else { "there is no such field" }.to_owned()
                + "; the fields are family, cat, name, pid, tid, rank, host_hash, file_hash, host_name, file_name, \
                   proc_name and io_cat");
        };
        self.at += name.len();
        let negated = self.word("not");
        if self.word("in") {
            let within = self.list(field)?;
            return Ok(if negated { Condition::Not(Box::new(within)) } else { within });
        }
        const OPERATORS: [(&str, Operator); 6] = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let operator = if negated { None } else { OPERATORS.into_iter().find(|(sign, _)| self.sign(sign)) };
        let Some((_, operator)) = operator else {
            return Err(if negated { "expected `in`" } else { "expected ==, !=, <, <=, >, >= or in" }.into());
        };
        self.skip_space();
        let at = self.at;
        match (field, self.value()?) {
            (QueryField::Text(field), QueryValue::Text(text)) => {
                Ok(Condition::Text(field, operator, as_stored(field, text)))
            }
            (QueryField::Number(field), QueryValue::Number(number)) => Ok(Condition::Number(field, operator, number)),
            (field, _) => Err(self.wrong_kind(field, at)),
        }
    }

    fn list(&mut self, field: QueryField) -> Result<Condition, String> {
        if !self.sign("[") {
            return Err("expected `[`".to_owned());
        }
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        if !self.sign("]") {
            loop {
                self.skip_space();
                let at = self.at;
                match (field, self.value()?) {
                    (QueryField::Text(field), QueryValue::Text(text)) => texts.push(as_stored(field, text)),
                    (QueryField::Number(_), QueryValue::Number(number)) => numbers.push(number),
                    (field, _) => return Err(self.wrong_kind(field, at)),
                }
                if self.sign("]") {
                    break;
                }
                if !self.sign(",") {
                    return Err("expected `,` or `]`".to_owned());
                }
            }
        }
        sort_distinct(&mut texts);
        sort_distinct(&mut numbers);
        Ok(match field {
            QueryField::Text(field) => Condition::TextIn(field, texts),
            QueryField::Number(field) => Condition::NumberIn(field, numbers),
        })
    }

    fn wrong_kind(&mut self, field: QueryField, at: usize) -> String {
        self.at = at;
        match field {
            QueryField::Text(_) => "this field is a text: put its value in quotes",
            QueryField::Number(_) => "this field is a number: write its value without quotes",
        }
        .to_owned()
    }

    fn value(&mut self) -> Result<QueryValue, String> {
        self.skip_space();
        let rest = &self.text[self.at..];
        let mut characters = rest.char_indices();
        let Some((_, quote @ ('"' | '\''))) = characters.next() else {
            let signed = usize::from(rest.starts_with(['-', '+']));
            let digits = rest[signed..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - signed);
            let number = rest[..signed + digits].parse();
            let number = number.map_err(|_| "expected a text in quotes or an integer".to_owned())?;
            self.at += signed + digits;
            return Ok(QueryValue::Number(number));
        };
        let mut text = String::new();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                end if end == quote => {
                    self.at += at + 1;
                    return Ok(QueryValue::Text(text));
                }
                other => text.push(other),
            }
        }
        Err("the text has no closing quote".to_owned())
    }
}

/// Converts a text to how the index stores it: categories are in lower case.
fn as_stored(field: TextField, mut text: String) -> String {
    if field == TextField::Category {
        text.make_ascii_lowercase();
    }
    text
}
