//! The fast scanner: reads a record of the shape that tracers write in one pass.
//!
//! It accepts a flat JSON object with one object of plain values under `args`. Strings must not have
//! escapes; nothing is validated as UTF-8 (text is bytes; the caller decodes what it keeps, lossily).
//! Everything else is [`Unusual`], and the library parser decides what it means; so the scanner never
//! reports a line as malformed.

use std::collections::HashSet;
use std::ops::Range;

use crate::chunk::{CHUNK, specials};
use crate::number::{NOT_FINITE, not_finite_end, number_end};
use crate::record::{Arg, ArgKey, MAX_FIELDS, Phase, Record, Value};

/// The line does not have the shape that this scanner knows: use the library parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unusual;

/// Reads `text` (the [payload](crate::payload) of a line) into `record`.
///
/// # Errors
///
/// [`Unusual`] if the text does not have the usual shape; the content of `record` is then unspecified.
#[inline]
pub fn scan<'a>(text: &'a [u8], record: &mut Record<'a>) -> Result<(), Unusual> {
    record.clear();
    let mut cursor = Cursor { text, at: 0 };
    cursor.expect(b'{')?;
    if !cursor.skip_if(b'}') {
        let mut fields = 0;
        loop {
            let key = cursor.key()?;
            fields += 1;
            if fields > MAX_FIELDS {
                return Err(Unusual);
            }
            match key {
                b"name" => record.name = cursor.value()?,
                b"cat" => record.cat = cursor.value()?,
                b"pid" => record.pid = cursor.value()?,
                b"tid" => record.tid = cursor.value()?,
                b"ts" => record.ts = cursor.value()?,
                b"dur" => record.dur = cursor.value()?,
                b"ph" => record.ph = cursor.value()?,
                b"args" => cursor.args(&mut record.args)?,
                _ => {
                    cursor.value()?;
                }
            }
            if cursor.closes()? {
                break;
            }
        }
    }
    cursor.space();
    if cursor.at != text.len() {
        return Err(Unusual);
    }
    record.phase = Phase::of(&record.ph);
    record.keep_last_of_repeated_args();
    Ok(())
}

/// The place of a member in the text.
pub(crate) struct Member {
    /// The name, without quotes.
    pub(crate) name: Range<usize>,
    /// The value, without quotes if it is a string.
    pub(crate) value: Range<usize>,
    /// Whether the value is a string; otherwise it is a number.
    pub(crate) is_text: bool,
    /// Whether the member is one of `args`.
    pub(crate) is_arg: bool,
}

/// Returns the members of `text` in order, if all are strings or numbers, and no name is repeated.
pub(crate) fn members(text: &[u8]) -> Option<Vec<Member>> {
    let mut cursor = Cursor { text, at: 0 };
    let mut members = Vec::new();
    let mut names = HashSet::new();
    let mut in_args = false;
    cursor.expect(b'{').ok()?;
    loop {
        cursor.expect(b'"').ok()?;
        let name = cursor.at..cursor.at + cursor.string_rest().ok()?.len();
        cursor.expect(b':').ok()?;
        if !names.insert((in_args, &text[name.clone()])) {
            return None;
        }
        if !in_args && &text[name.clone()] == b"args" && cursor.skip_if(b'{') {
            if !cursor.skip_if(b'}') {
                in_args = true;
                continue;
            }
        } else {
            cursor.space();
            let start = cursor.at;
            let (value, is_text) = match cursor.value().ok()? {
                Value::Text(value) => (start + 1..start + 1 + value.len(), true),
                Value::Integer(_) | Value::Number(_) => (start..cursor.at, false),
                _ => return None,
            };
            members.push(Member { name, value, is_text, is_arg: in_args });
        }
        while cursor.closes().ok()? {
            if !in_args {
                cursor.space();
                return (cursor.at == text.len()).then_some(members);
            }
            in_args = false;
        }
    }
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    #[inline]
    fn skip_if(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Unusual> {
        if self.skip_if(byte) { Ok(()) } else { Err(Unusual) }
    }

    /// After a member, returns whether the object ends here; otherwise it continues after a comma.
    #[inline]
    fn closes(&mut self) -> Result<bool, Unusual> {
        if self.skip_if(b',') {
            return Ok(false);
        }
        self.expect(b'}')?;
        Ok(true)
    }

    /// Reads the name of a member and the colon after it.
    #[inline]
    fn key(&mut self) -> Result<&'a [u8], Unusual> {
        self.expect(b'"')?;
        let key = self.string_rest()?;
        self.expect(b':')?;
        // Different names with invalid UTF-8 may be equal once they are decoded.
        if key.is_ascii() { Ok(key) } else { Err(Unusual) }
    }

    /// Reads a string from after its opening quote, and returns its contents.
    #[inline]
    fn string_rest(&mut self) -> Result<&'a [u8], Unusual> {
        let start = self.at;
        let end = start + plain_length(&self.text[start..]);
        if self.text.get(end) != Some(&b'"') {
            return Err(Unusual);
        }
        self.at = end + 1;
        Ok(&self.text[start..end])
    }

    #[inline]
    fn value(&mut self) -> Result<Value<'a>, Unusual> {
        self.space();
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                Ok(Value::Text(self.string_rest()?))
            }
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                let Some(end) = number_end(self.text, start) else { return self.not_finite() };
                self.at = end;
                Ok(Value::number(&self.text[start..end]))
            }
            Some(b't') => self.word(b"true", Value::Bool(true)),
            Some(b'f') => self.word(b"false", Value::Bool(false)),
            Some(b'n') if self.text[self.at..].starts_with(b"null") => self.word(b"null", Value::Null),
            Some(b'n' | b'N' | b'i' | b'I') => self.not_finite(),
            _ => Err(Unusual),
        }
    }

    fn word(&mut self, word: &[u8], value: Value<'a>) -> Result<Value<'a>, Unusual> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(Unusual)
        }
    }

    #[cold]
    fn not_finite(&mut self) -> Result<Value<'a>, Unusual> {
        self.at = not_finite_end(self.text, self.at).ok_or(Unusual)?;
        Ok(Value::Number(NOT_FINITE))
    }

    /// Reads the object under `args`; any other value there means no args.
    #[inline]
    fn args(&mut self, args: &mut Vec<Arg<'a>>) -> Result<(), Unusual> {
        args.clear();
        if !self.skip_if(b'{') {
            self.value()?;
            return Ok(());
        }
        if self.skip_if(b'}') {
            return Ok(());
        }
        loop {
            let name = self.key()?;
            let value = self.value()?;
            if args.len() == MAX_FIELDS {
                return Err(Unusual);
            }
            args.push(Arg { key: ArgKey::of(name), name, value });
            if self.closes()? {
                return Ok(());
            }
        }
    }
}

/// Returns the number of bytes before the first one that ends or complicates a string: a quote, a
/// backslash, a control character.
#[inline]
pub(crate) fn plain_length(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = text[at..].first_chunk() {
        let specials = specials(chunk);
        if specials != 0 {
            return at + specials.trailing_zeros() as usize;
        }
        at += CHUNK;
    }
    let special = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < 0x20;
    at + text[at..].iter().position(special).unwrap_or(text.len() - at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_length_stops_at_the_first_special_byte() {
        for special in [b'"', b'\\', 0, 0x1f] {
            for at in 0..40 {
                for len in at..44 {
                    let mut text = vec![b'a'; len];
                    assert_eq!(plain_length(&text), len);
                    text.extend([special, special]);
                    assert_eq!(plain_length(&text), len);
                    text[at] = special;
                    assert_eq!(plain_length(&text), at);
                    text[..at].fill(0xff);
                    assert_eq!(plain_length(&text), at);
                }
            }
        }
    }
}
