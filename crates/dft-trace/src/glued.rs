//! Finds a record at the end of a malformed line: a crash cut a record off, and the next was appended to it.

use crate::library::{self, Arena};
use crate::record::Record;
use crate::scan::scan;

/// Reads the record at the end of a malformed line into `record`, and returns whether there is a whole one; if not,
/// the content of `record` is unspecified. `content` is the [payload](crate::payload) of the line, which is not a
/// record itself.
///
/// This makes one pass over the line and parses at most one object, however many records seem to start in the line:
/// an object that ends with the line can start in only one place.
#[cold]
pub(crate) fn read<'a>(content: &'a [u8], arena: &'a Arena, record: &mut Record<'a>) -> bool {
    let Some(start) = last_object(content).filter(|&start| start > 0) else { return false };
    let text = &content[start..];
    text.starts_with(b"{\"")
        && (scan(text, record).is_ok() || library::parse(text, arena, record).is_ok())
        && library::has_fields(text, &["ph", "name"])
}

/// Returns the start of the object at the end of `text`, if there is one.
///
/// The last brace ends it. Going back from there, each unescaped quote starts or ends a string, which tells whether a
/// brace is inside a string. The object starts at the brace that matches the last one.
fn last_object(text: &[u8]) -> Option<usize> {
    if text.last() != Some(&b'}') {
        return None;
    }
    let (mut depth, mut in_string) = (0_usize, false);
    let mut end = text.len();
    while let Some(at) = memchr::memrchr3(b'"', b'{', b'}', &text[..end]) {
        end = at;
        match text[at] {
            b'"' => {
                let backslashes = text[..at].iter().rev().take_while(|&&byte| byte == b'\\').count();
                match (in_string, backslashes % 2 == 1) {
                    (true, true) => {}
                    // A string cannot end with an escaped quote.
                    (false, true) => return None,
                    (_, false) => in_string = !in_string,
                }
            }
            _ if in_string => {}
            b'}' => depth += 1,
            _ if depth == 1 => return Some(at),
            _ => depth -= 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::payload;

    const WHOLE: &str = r#"{"name":"a }{\" b","ph":"X","ts":5,"args":{"x":"\\","y":{"z":[{}]}}}"#;

    /// The rule, tried at every place: the record is the first object in the malformed line that parses.
    fn by_trying(content: &[u8]) -> Option<usize> {
        let starts = (1..content.len()).filter(|&at| content[at..].starts_with(b"{\""));
        starts.into_iter().find(|&at| {
            let value: Result<HashMap<String, serde_json::Value>, _> = serde_json::from_slice(&content[at..]);
            value.is_ok_and(|value| value.contains_key("ph") && value.contains_key("name"))
        })
    }

    fn found(content: &[u8]) -> Option<usize> {
        let (arena, mut record) = (Arena::default(), Record::default());
        read(content, &arena, &mut record).then(|| last_object(content).expect("a start"))
    }

    #[test]
    fn the_record_at_the_end_of_a_malformed_line_is_read_wherever_the_cut_is() {
        for cut in 1..WHOLE.len() {
            let line = format!("{}{WHOLE}", &WHOLE[..cut]);
            assert_eq!(found(line.as_bytes()), Some(cut), "{line}");
            assert_eq!(by_trying(line.as_bytes()), Some(cut), "{line}");
        }
        for (line, start) in [
            (format!("oops{WHOLE}"), Some(4)),
            (format!("{WHOLE}{WHOLE}"), Some(WHOLE.len())),
            (format!("{WHOLE}{WHOLE}x"), None),
            (WHOLE.to_owned(), None),
            (format!("{{\"name\":{}", &WHOLE[1..]), None),
            (format!("x{}", WHOLE.replace("\"ph\"", "\"pH\"")), None),
            (format!("x{}", WHOLE.replacen("\"name\"", "\"mane\"", 1)), None),
            (format!("x{}", WHOLE.replacen('{', "{ ", 1)), None),
            ("x{\"ph\":null,\"name\":null}".to_owned(), Some(1)),
            // An object inside the cut record.
            ("{\"name\":\"x\",\"args\":{\"ret\":5}".to_owned(), None),
        ] {
            assert_eq!(found(line.as_bytes()), start, "{line}");
            assert_eq!(by_trying(line.as_bytes()), start, "{line}");
        }
        let not_finite = br#"{"name":"x","ar{"name":"x","ph":"X","ts":5,"args":{"a":-nan}}"#;
        assert_eq!(found(not_finite), Some(15));
    }

    #[test]
    fn lines_that_seem_to_contain_many_records_take_one_pass() {
        const TIMES: usize = 1 << 18;
        for (part, end) in
            [("{\"", ""), ("{\"", "}"), ("{\"a\":", ""), ("{\"a\":", "}"), ("}", "}"), ("\\\"", "}"), ("\\", "\"}")]
        {
            let line = part.repeat(TIMES) + end;
            assert_eq!(found(payload(line.as_bytes())), None, "{part}…{end}");
        }
        let line = "{\"a\":".repeat(TIMES) + WHOLE;
        assert_eq!(found(line.as_bytes()), Some(line.len() - WHOLE.len()));
        let line = "{\"a\":".repeat(TIMES) + "1" + &"}".repeat(TIMES - 1);
        assert_eq!(found(line.as_bytes()), None);
    }
}
