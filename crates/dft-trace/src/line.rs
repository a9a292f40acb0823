//! Finds the record within a line: tracers write a JSON array with one element per line.

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns the text of the record within a line, without the brackets and commas of the array around it, white space,
/// NULs (which file systems leave after a crash) and byte order marks. Empty if the line has no record: a blank line,
/// or only brackets, as in concatenated traces (`][`).
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
        // An object does not end with a bracket, so it belongs to the array.
        [.., b']'] => trim_end(trim_end(text, |byte| matches!(byte, b']' | b',') || is_blank(byte)), is_space),
        _ => text,
    };
    // Commas and closing brackets with nothing before them are not a line of an array.
    if record.is_empty() { text } else { record }
}

/// Whether a byte may follow a record in its line.
pub(crate) fn may_follow(byte: u8) -> bool {
    matches!(byte, b',' | b']') || is_filler(byte)
}

/// White space within a line, including vertical tabs and form feeds.
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
    fn brackets_commas_space_and_nuls_are_not_part_of_the_record() {
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
    fn other_text_around_a_record_is_kept_and_so_malformed() {
        for line in ["{}\0,", ",{}", "{},\0]", ",]", "[\0{}", "\0\u{feff}{}", "{}x", "{}[", "{},\r,"] {
            let payload = payload(line.as_bytes());
            assert!(payload != b"{}" && !payload.is_empty(), "{line:?}");
        }
    }
}
