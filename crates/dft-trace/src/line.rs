//! What of a line is the record: tracers write a JSON array, one element a line.

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The record's text within a line: without the array's brackets and commas around it, white space, NULs (a
/// file system leaves them where it crashed) and byte order marks. Empty where the line holds none: blank, or
/// only brackets, as where traces are concatenated (`][`).
#[inline]
pub fn payload(line: &[u8]) -> &[u8] {
    // The usual line is the object alone.
    if let [b'{', .., b'}'] = line {
        return line;
    }
    unusual_payload(line)
}

#[cold]
fn unusual_payload(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line.strip_prefix(BYTE_ORDER_MARK) {
        line = rest;
    }
    let text = trim_start(trim_end(line, is_filler), is_filler);
    let text = trim_start(text, |byte| matches!(byte, b'[' | b']') || is_space(byte));
    let text = trim_end(trim_end(text, |byte| byte == b',' || is_blank(byte)), is_space);
    let record = match text {
        // An object does not end so, so a bracket is of the array.
        [.., b']'] => trim_end(trim_end(text, |byte| matches!(byte, b']' | b',') || is_blank(byte)), is_space),
        _ => text,
    };
    // Commas and closing brackets without anything before them are no line of an array.
    if record.is_empty() { text } else { record }
}

/// Whether a byte may follow a record in its line.
pub(crate) fn may_follow(byte: u8) -> bool {
    matches!(byte, b',' | b']') || is_filler(byte)
}

/// White space that separates nothing, a vertical tab and a form feed included.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n') || is_blank(byte)
}

fn is_filler(byte: u8) -> bool {
    byte == 0 || is_space(byte)
}

fn trim_start(mut text: &[u8], is: impl Fn(u8) -> bool) -> &[u8] {
    while let [first, rest @ ..] = text
        && is(*first)
    {
        text = rest;
    }
    text
}

fn trim_end(mut text: &[u8], is: impl Fn(u8) -> bool) -> &[u8] {
    while let [rest @ .., last] = text
        && is(*last)
    {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::payload;

    #[test]
    fn brackets_commas_space_and_nuls_are_not_the_record() {
        for line in [
            "{\"a\":1}",
            "[{\"a\":1},",
            " {\"a\":1} ,\r",
            "[ {\"a\":1},,",
            "\t[{\"a\":1}\r",
            "{\"a\":1}]",
            "{\"a\":1} , ]",
            "{\"a\":1},]\r",
            "][{\"a\":1},",
            "] [\t{\"a\":1}]]",
            "\0\0\0{\"a\":1}",
            " \0\0[{\"a\":1}]\0\0",
            "\u{feff}[{\"a\":1}",
            "\u{feff}\u{feff}{\"a\":1}",
            "[\r{\"a\":1}\r,",
        ] {
            assert_eq!(payload(line.as_bytes()), b"{\"a\":1}", "{line:?}");
        }
        for line in
            ["", "[", "]", "  ", "[]", ",", "[,", "]\r", "] ,", "\x0c", "][", " ] [ ", "[\r]", "\0\0\0", "\u{feff}"]
        {
            assert_eq!(payload(line.as_bytes()), b"", "{line:?}");
        }
    }

    #[test]
    fn what_else_stands_around_a_record_is_a_fault() {
        for line in ["{}\0,", ",{}", "{},\0]", ",]", "[\0{}", "\0\u{feff}{}", "{}x", "{}[", "{},\r,"] {
            let payload = payload(line.as_bytes());
            assert!(payload != b"{}" && !payload.is_empty(), "{line:?}");
        }
    }
}
