//! The library parser: parses a line with `serde_json`. It defines what a line means.
//!
//! Real traces contain three things that are not JSON and do not make a line malformed: invalid UTF-8 becomes U+FFFD;
//! bare words in place of a number (`nan` and `inf` as C++ prints them, `NaN` and `Infinity` as Python does) are
//! non-finite numbers; an unpaired surrogate escape becomes U+FFFD.

use std::borrow::Cow;
use std::fmt;

use bumpalo::Bump;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::leniency::{byte_before_leniency, lenient};
use crate::record::{Arg, ArgKey, MAX_FIELDS, Phase, Record, Value};

/// Stores strings that the text contains only in escaped form, for as long as the records that refer to them.
#[derive(Debug, Default)]
pub struct Arena(Bump);

impl Arena {
    /// The bytes that are kept allocated for the next block of lines.
    const KEPT: usize = 1 << 20;

    /// Removes all strings.
    pub(crate) fn clear(&mut self) {
        if self.0.allocated_bytes() > Self::KEPT {
            self.0 = Bump::new();
        } else {
            self.0.reset();
        }
    }
}

/// Why a text is not a JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnObject {
    reason: String,
    /// The number of the byte, from 1, at which the error was found.
    byte: Option<usize>,
    /// Whether it is an object with too many fields; parsing it again leniently cannot help then.
    too_many: bool,
}

impl NotAnObject {
    fn too_many(what: &str) -> Self {
        Self { reason: format!("more than {MAX_FIELDS} {what}"), byte: None, too_many: true }
    }

    fn at(error: &serde_json::Error, before: usize) -> Self {
        Self { reason: reason_of(error), byte: Some(before + error.column()), too_many: false }
    }

    /// Returns the same error for a text that is preceded by `bytes` more bytes.
    #[must_use]
    pub(crate) fn after(self, bytes: usize) -> Self {
        Self { byte: self.byte.map(|byte| byte + bytes), ..self }
    }
}

impl fmt::Display for NotAnObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.byte {
            Some(byte) => write!(f, "not JSON: {} at byte {byte}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Returns the message of the library without the place: that has a line number, but the text is one line.
fn reason_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// Reads `text` (the [payload](crate::payload) of a line) into `record`.
///
/// # Errors
///
/// The reason why the text is not a JSON object; the content of `record` is then unspecified.
pub fn parse<'a>(text: &'a [u8], arena: &'a Arena, record: &mut Record<'a>) -> Result<(), NotAnObject> {
    if let Ok(strict) = std::str::from_utf8(text) {
        match read(strict, arena, record) {
            Ok(()) => return Ok(()),
            Err(error) if error.too_many => return Err(error),
            Err(_) => {}
        }
    }
    let lenient = lenient(text);
    read(arena.0.alloc_str(&lenient), arena, record)
        .map_err(|error| NotAnObject { byte: error.byte.map(|byte| byte_before_leniency(text, byte)), ..error })
}

/// Whether an object has fields with all these names.
pub(crate) fn has_fields(text: &[u8], names: &[&str]) -> bool {
    let has = |text: &str| {
        fields(text, 0, "fields")
            .is_ok_and(|fields| names.iter().all(|name| fields.iter().any(|(field, _)| field == name)))
    };
    std::str::from_utf8(text).is_ok_and(has) || has(&lenient(text))
}

/// Returns the text of the last field with this name in an object, if it is a string without escapes.
pub(crate) fn text_field<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let fields = fields(std::str::from_utf8(object).ok()?, 0, "fields").ok()?;
    let (_, raw) = fields.iter().rfind(|(field, _)| field == name)?;
    raw.get().strip_prefix('"')?.strip_suffix('"').filter(|text| !text.contains('\\')).map(str::as_bytes)
}

fn read<'a>(text: &'a str, arena: &'a Arena, record: &mut Record<'a>) -> Result<(), NotAnObject> {
    record.clear();
    if !text.starts_with('{') {
        return Err(NotAnObject { reason: "not a JSON object".to_owned(), byte: None, too_many: false });
    }
    let before = |part: &str| part.as_ptr().addr() - text.as_ptr().addr();
    let value = |raw: &'a RawValue| value(raw, before(raw.get()), arena);
    for (key, raw) in fields(text, 0, "fields outside its args")? {
        match key.as_ref() {
            "name" => record.name = value(raw)?,
            "cat" => record.cat = value(raw)?,
            "pid" => record.pid = value(raw)?,
            "tid" => record.tid = value(raw)?,
            "ts" => record.ts = value(raw)?,
            "dur" => record.dur = value(raw)?,
            "ph" => record.ph = value(raw)?,
            "args" => {
                record.args.clear();
                if raw.get().starts_with('{') {
                    for (name, raw) in fields(raw.get(), before(raw.get()), "args")? {
                        let name = kept(name, arena).as_bytes();
                        record.args.push(Arg { key: ArgKey::of(name), name, value: value(raw)? });
                    }
                }
            }
            _ => {}
        }
    }
    record.phase = Phase::of(&record.ph);
    record.keep_last_of_repeated_args();
    Ok(())
}

/// The members of an object, in order, with unparsed values: at most one more than [`MAX_FIELDS`].
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
                    if fields.len() > MAX_FIELDS {
                        // Read to the end, so that invalid JSON is reported as such.
                        map.next_value::<serde::de::IgnoredAny>()?;
                        continue;
                    }
                    let key = string(key.get()).map_err(|error| serde::de::Error::custom(reason_of(&error)))?;
                    fields.push((key, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Returns the members of an object that is preceded by `before` bytes; `what` is their name in messages.
fn fields<'t>(text: &'t str, before: usize, what: &str) -> Result<Vec<(Cow<'t, str>, &'t RawValue)>, NotAnObject> {
    match serde_json::from_str::<Fields<'_>>(text) {
        Ok(Fields(fields)) if fields.len() > MAX_FIELDS => Err(NotAnObject::too_many(what)),
        Ok(Fields(fields)) => Ok(fields),
        Err(error) => Err(NotAnObject::at(&error, before)),
    }
}

/// Returns the contents of a string literal, borrowed if it has no escapes.
fn string(literal: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    if let Some(plain) = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
        && !plain.contains('\\')
    {
        return Ok(Cow::Borrowed(plain));
    }
    serde_json::from_str::<String>(literal).map(Cow::Owned)
}

fn kept<'a>(text: Cow<'a, str>, arena: &'a Arena) -> &'a str {
    match text {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => arena.0.alloc_str(&text),
    }
}

/// Returns a value that is preceded by `before` bytes.
fn value<'a>(raw: &'a RawValue, before: usize, arena: &'a Arena) -> Result<Value<'a>, NotAnObject> {
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'"') => {
            let text = string(text).map_err(|error| NotAnObject::at(&error, before))?;
            Value::Text(kept(text, arena).as_bytes())
        }
        Some(b'-' | b'0'..=b'9') => Value::number(text.as_bytes()),
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'{' | b'[') => Value::Nested(text.as_bytes()),
        _ => Value::Null,
    })
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
    fn words_for_non_finite_numbers_are_numbers() {
        let arena = Arena::default();
        let record =
            record(br#"{"ts":1,"name":":nan,","args":{"a":NaN,"b":-Infinity,"c": -nan ,"d":[inf],"e":INF}}"#, &arena);
        assert_eq!(record.name, Value::Text(b":nan,"));
        let finite: Vec<_> = record.args.iter().map(|arg| arg.value.float().map(f64::is_finite)).collect();
        assert_eq!(finite, [Some(false), Some(false), Some(false), None, Some(false)]);
    }

    #[test]
    fn escapes_are_decoded_and_unpaired_surrogates_are_replaced() {
        let arena = Arena::default();
        let record = record(br#"{"n\u0061me":"a\"\\\u00e9\ud83d\ude00\ud800x\udc00","cat":"\ud83d"}"#, &arena);
        assert_eq!(record.name, Value::Text("a\"\\é😀\u{fffd}x\u{fffd}".as_bytes()));
        assert_eq!(record.cat, Value::Text("\u{fffd}".as_bytes()));
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        let arena = Arena::default();
        let record = record(b"{\"name\":\"a\xff\",\"ts\":5}", &arena);
        assert_eq!(record.name, Value::Text("a\u{fffd}".as_bytes()));
        assert_eq!(record.ts.integer(), Integer::Some(5));
    }

    #[test]
    fn deep_nesting_is_not_parsed() {
        let depth = 200_000;
        let text = format!("{{\"ts\":3,\"args\":{{\"x\":{}{}}}}}", "[".repeat(depth), "]".repeat(depth));
        let nested = &text.as_bytes()[text.len() - 2 - 2 * depth..text.len() - 2];
        assert_eq!(record(text.as_bytes(), &Arena::default()).args[0].value, Value::Nested(nested));
    }

    #[test]
    fn texts_that_are_no_objects_are_errors() {
        for text in [
            "[1]",
            "12",
            "\"a\"",
            "null",
            "{",
            "{\"a\":}",
            "{\"a\":tru}",
            "{\"a\":1} x",
            "{\"a\":1NaN}",
            "{\"a\":NaN5}",
            "{\"a\":--nan}",
            "{\"a\":INFINITY}",
            "{nan:1}",
            "{\"a\":\"\\x\"}",
        ] {
            assert!(parse(text.as_bytes(), &Arena::default(), &mut Record::default()).is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_names_the_byte_and_no_line() {
        for (text, reason) in [
            (&b"{\"a\":1,\"b\":tru}"[..], "not JSON: expected ident at byte 15"),
            (b"{\"a\":1} x", "not JSON: trailing characters at byte 9"),
            (b"{\"a\":[1", "not JSON: EOF while parsing a list at byte 7"),
            // Replacements before it do not shift the byte.
            (b"{\"\xff\xff\":nan,\"b\":tru}", "not JSON: expected ident at byte 18"),
            (b"{\"\\ud800\":1,\"b\":tru}", "not JSON: expected ident at byte 20"),
            (b"{\"a\":{\"b\":\"\\x\"}}", "not JSON: invalid escape at byte 13"),
            (b"{\"args\":{\"b\":\"\\x\"}}", "not JSON: invalid escape at byte 16"),
            (b"[1]", "not a JSON object"),
        ] {
            let reading = parse(text, &Arena::default(), &mut Record::default());
            assert_eq!(reading.map_err(|error| error.to_string()), Err(reason.to_owned()));
        }
    }

    #[test]
    fn a_record_with_too_many_fields_is_an_error_that_names_the_limit() {
        let many = |count: usize| (0..count).map(|at| format!("\"m{at}\":{at}")).collect::<Vec<_>>().join(",");
        let reading = |text: &str| {
            let (arena, mut record) = (Arena::default(), Record::default());
            let scanned = crate::scan::scan(text.as_bytes(), &mut record).map(|()| record.args.len());
            let parsed = parse(text.as_bytes(), &arena, &mut record).map(|()| record.args.len());
            (scanned.ok(), parsed.map_err(|error| error.to_string()))
        };
        assert_eq!(reading(&format!("{{\"args\":{{{}}}}}", many(4096))), (Some(4096), Ok(4096)));
        assert_eq!(reading(&format!("{{{}}}", many(4096))), (Some(0), Ok(0)));
        for end in ["", ",\"x\":nan", ",\"x\":\"\\ud800\""] {
            let args = reading(&format!("{{\"args\":{{{}{end}}}}}", many(4097)));
            assert_eq!(args, (None, Err("more than 4096 args".to_owned())), "{end}");
        }
        let fields = reading(&format!("{{{}}}", many(4097)));
        assert_eq!(fields, (None, Err("more than 4096 fields outside its args".to_owned())));
    }

    #[test]
    fn a_text_field_of_a_nested_object_is_found() {
        let cfg = br#"{"time_metric":"US","io":1,"time_metric":"NS"}"#;
        assert_eq!(text_field(cfg, "time_metric"), Some(&b"NS"[..]));
        assert_eq!(text_field(cfg, "io"), None);
        assert_eq!(text_field(b"[1]", "time_metric"), None);
    }
}
