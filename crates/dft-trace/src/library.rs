//! The library parser: what a line means, by `serde_json`.
//!
//! Three liberties of real traces are taken before a line is called malformed: invalid UTF-8
//! becomes U+FFFD, the bare words `NaN` and `Infinity` (Python's `json` writes them) are numbers
//! that are not finite, and an unpaired surrogate escape becomes U+FFFD.

use std::borrow::Cow;
use std::fmt;

use bumpalo::Bump;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::record::{Arg, ArgKey, Phase, Record, Value};

/// Where strings are kept that the text has only in escapes, as long as the records that hold them.
#[derive(Debug, Default)]
pub struct Arena(Bump);

impl Arena {
    /// Bytes that are kept for the next block of lines rather than given back.
    const KEPT: usize = 1 << 20;

    /// Forgets all that it keeps.
    pub(crate) fn clear(&mut self) {
        if self.0.allocated_bytes() > Self::KEPT {
            self.0 = Bump::new();
        } else {
            self.0.reset();
        }
    }
}

/// Reads `text` (a line's [payload](crate::payload)) into `record`.
///
/// # Errors
///
/// Why the text is not a JSON object, in words; `record` then holds anything.
pub fn parse<'a>(text: &'a [u8], arena: &'a Arena, record: &mut Record<'a>) -> Result<(), String> {
    if let Ok(strict) = std::str::from_utf8(text)
        && read(strict, arena, record).is_ok()
    {
        return Ok(());
    }
    let lenient = lenient(&String::from_utf8_lossy(text));
    read(arena.0.alloc_str(&lenient), arena, record)
}

fn read<'a>(text: &'a str, arena: &'a Arena, record: &mut Record<'a>) -> Result<(), String> {
    record.clear();
    if !text.starts_with('{') {
        return Err("not a JSON object".to_owned());
    }
    let mut phase = Value::Null;
    for (key, raw) in fields(text)? {
        match key.as_ref() {
            "name" => record.name = value(raw, arena)?,
            "cat" => record.cat = value(raw, arena)?,
            "pid" => record.pid = value(raw, arena)?,
            "tid" => record.tid = value(raw, arena)?,
            "ts" => record.ts = value(raw, arena)?,
            "dur" => record.dur = value(raw, arena)?,
            "ph" => phase = value(raw, arena)?,
            "args" => {
                record.args.clear();
                if raw.get().starts_with('{') {
                    for (name, raw) in fields(raw.get())? {
                        let name = kept(name, arena).as_bytes();
                        record.args.push(Arg { key: ArgKey::of(name), name, value: value(raw, arena)? });
                    }
                }
            }
            _ => {}
        }
    }
    record.phase = Phase::of(&phase);
    record.keep_last_of_repeated_args();
    Ok(())
}

/// An object's members, in order, values unread.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(key) = map.next_key::<&RawValue>()? {
                    let key = string(key.get()).map_err(serde::de::Error::custom)?;
                    fields.push((key, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn fields(text: &str) -> Result<Vec<(Cow<'_, str>, &RawValue)>, String> {
    match serde_json::from_str::<Fields<'_>>(text) {
        Ok(Fields(fields)) => Ok(fields),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

/// The contents of a string literal: borrowed where nothing is escaped in it.
fn string(literal: &str) -> Result<Cow<'_, str>, String> {
    if let Some(plain) = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
        && !plain.contains('\\')
    {
        return Ok(Cow::Borrowed(plain));
    }
    serde_json::from_str::<String>(literal).map(Cow::Owned).map_err(|error| format!("not JSON: {error}"))
}

fn kept<'a>(text: Cow<'a, str>, arena: &'a Arena) -> &'a str {
    match text {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => arena.0.alloc_str(&text),
    }
}

fn value<'a>(raw: &'a RawValue, arena: &'a Arena) -> Result<Value<'a>, String> {
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'"') => Value::Text(kept(string(text)?, arena).as_bytes()),
        Some(b'-' | b'0'..=b'9') => Value::number(text.as_bytes()),
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'{' | b'[') => Value::Nested,
        _ => Value::Null,
    })
}

/// `text` with what `serde_json` refuses and traces hold said in a way that it takes.
fn lenient(text: &str) -> String {
    // Past the doubles: how a number that is not finite is spelt for the rest of the engine.
    const NOT_FINITE: &str = "1e9999";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(next) = rest.chars().next() {
        let mut taken = next.len_utf8();
        match next {
            '"' => {
                in_string = !in_string;
                out.push(next);
            }
            '\\' if in_string => {
                let (escape, sound) = escape_at(rest);
                taken = escape.len();
                out.push_str(if sound { escape } else { "\\ufffd" });
            }
            'N' if !in_string && rest.starts_with("NaN") && !out.ends_with('-') => {
                taken = 3;
                out.push_str(NOT_FINITE);
            }
            'I' if !in_string && rest.starts_with("Infinity") => {
                taken = 8;
                out.push_str(NOT_FINITE);
            }
            _ => out.push(next),
        }
        rest = &rest[taken..];
    }
    out
}

/// The escape at the start of `text` (a surrogate pair is one), and whether it is sound.
fn escape_at(text: &str) -> (&str, bool) {
    let unit = |at: usize| {
        let hex = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(hex, 16).ok().filter(|_| hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    match unit(0) {
        Some(0xd800..0xdc00) if unit(6).is_some_and(|low| (0xdc00..0xe000).contains(&low)) => (&text[..12], true),
        Some(0xd800..0xe000) => (&text[..6], false),
        Some(_) => (&text[..6], true),
        None => (text.char_indices().nth(2).map_or(text, |(end, _)| &text[..end]), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Integer;

    fn record<'a>(text: &'a [u8], arena: &'a Arena) -> Record<'a> {
        let mut record = Record::default();
        parse(text, arena, &mut record).unwrap_or_else(|reason| panic!("{reason}"));
        record
    }

    #[test]
    fn words_for_numbers_that_are_not_finite_are_numbers() {
        let arena = Arena::default();
        let record =
            record(br#"{"ts":1,"name":"NaN","args":{"a":NaN,"b":-Infinity,"c":Infinity,"d":"Infinity"}}"#, &arena);
        assert_eq!(record.name, Value::Text(b"NaN"));
        for (arg, finite) in record.args.iter().zip([Some(false), Some(false), Some(false), None]) {
            assert_eq!(arg.value.float().map(f64::is_finite), finite);
        }
    }

    #[test]
    fn escapes_are_read_and_unpaired_surrogates_are_lossy() {
        let arena = Arena::default();
        let record = record(br#"{"n\u0061me":"a\"\\\u00e9\ud83d\ude00\ud800x\udc00","cat":"\ud83d"}"#, &arena);
        assert_eq!(record.name, Value::Text("a\"\\é😀\u{fffd}x\u{fffd}".as_bytes()));
        assert_eq!(record.cat, Value::Text("\u{fffd}".as_bytes()));
    }

    #[test]
    fn invalid_utf8_is_kept_lossily() {
        let arena = Arena::default();
        let record = record(b"{\"name\":\"a\xff\",\"ts\":5}", &arena);
        assert_eq!(record.name, Value::Text("a\u{fffd}".as_bytes()));
        assert_eq!(record.ts.integer(), Integer::Some(5));
    }

    #[test]
    fn deep_nesting_is_passed_over() {
        let depth = 200_000;
        let text = format!("{{\"ts\":3,\"args\":{{\"x\":{}{}}}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(record(text.as_bytes(), &Arena::default()).args[0].value, Value::Nested);
    }

    #[test]
    fn what_is_no_object_says_so() {
        for text in [
            "[1]",
            "12",
            "\"a\"",
            "null",
            "{",
            "{\"a\":}",
            "{\"a\":tru}",
            "{\"a\":1} x",
            "{\"a\":-NaN}",
            "{\"a\":\"\\x\"}",
        ] {
            assert!(parse(text.as_bytes(), &Arena::default(), &mut Record::default()).is_err(), "{text}");
        }
    }
}
