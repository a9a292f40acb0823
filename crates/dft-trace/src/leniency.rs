//! Replaces the content of traces that is not valid JSON, so that a JSON parser accepts it.

use crate::number::{NOT_FINITE, not_finite_end};

/// Returns `text` with words for non-finite numbers, unpaired surrogates and invalid UTF-8 replaced.
pub(crate) fn lenient(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    pieces(text, |_, piece| out.push_str(piece));
    out
}

/// Returns the number of the byte of `text`, from 1, that became byte `number` of the result of [`lenient`].
pub(crate) fn byte_before_leniency(text: &[u8], number: usize) -> usize {
    let mut before = 0;
    let mut left = Some(number);
    pieces(text, |length, piece| {
        let Some(rest) = left else { return };
        left = rest.checked_sub(piece.len()).filter(|&rest| rest > 0);
        before += match left {
            Some(_) => length,
            None if length == piece.len() => rest,
            // Every byte of a replacement maps to the first byte that it replaces.
            None => 1,
        };
    });
    before
}

/// Passes the pieces of the lenient text to `give` in order, each with the number of bytes of `text` it is for.
fn pieces(text: &[u8], mut give: impl FnMut(usize, &str)) {
    let mut in_string = false;
    // The last byte outside of strings that is not white space.
    let mut last = 0;
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid();
        let bytes = valid.as_bytes();
        let mut plain_from = 0;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let mut end = at + 1;
            let mut instead = None;
            match byte {
                b'"' => in_string = !in_string,
                b'\\' if in_string => {
                    let (escape, valid_escape) = escape_at(&valid[at..]);
                    end = at + escape.len();
                    instead = (!valid_escape).then_some("\\ufffd");
                }
                b'-' | b'n' | b'N' | b'i' | b'I' if !in_string && matches!(last, b':' | b',' | b'[') => {
                    if let Some(word_end) = not_finite_end(bytes, at)
                        && let Some(b',' | b'}' | b']') = bytes[word_end..].trim_ascii_start().first()
                    {
                        end = word_end;
                        instead = std::str::from_utf8(NOT_FINITE).ok();
                    }
                }
                _ => {}
            }
            if !in_string && !byte.is_ascii_whitespace() {
                last = byte;
            }
            if let Some(instead) = instead {
                give(at - plain_from, &valid[plain_from..at]);
                give(end - at, instead);
                plain_from = end;
            }
            at = end;
        }
        give(valid.len() - plain_from, &valid[plain_from..]);
        if !chunk.invalid().is_empty() {
            give(chunk.invalid().len(), "\u{fffd}");
            last = 0;
        }
    }
}

/// Returns the escape at the start of `text` (a surrogate pair is one), and whether it is valid.
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
