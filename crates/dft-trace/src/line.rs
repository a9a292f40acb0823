//! What of a line is the record: tracers write a JSON array, one element a line.

/// The record's text within a line: without the array's bracket before it, the comma after it and
/// the white space around it. Empty where the line holds none (blank, `[`, `]`).
#[inline]
pub fn payload(line: &[u8]) -> &[u8] {
    // The usual line is the object alone.
    if let [b'{', .., b'}'] = line {
        return line;
    }
    let mut text = trim(line);
    while let [rest @ .., b','] = text {
        text = rest;
    }
    text = trim(text);
    if let [b'[', rest @ ..] = text {
        text = trim(rest);
    }
    if text == b"]" { b"" } else { text }
}

/// Whether nothing but white space and commas, as they may end a line, is in the text.
pub(crate) fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|byte| space(byte) || *byte == b',')
}

fn space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Without the white space at both ends, a vertical tab included.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && space(first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && space(last)
    {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::payload;

    #[test]
    fn brackets_commas_and_space_are_not_the_record() {
        for line in ["{\"a\":1}", "[{\"a\":1},", " {\"a\":1} ,\r", "[ {\"a\":1},,", "\t[{\"a\":1}\r"] {
            assert_eq!(payload(line.as_bytes()), b"{\"a\":1}", "{line:?}");
        }
        for line in ["", "[", "]", "  ", "[]", ",", "[,", "]\r", "] ,", "\x0c"] {
            assert_eq!(payload(line.as_bytes()), b"", "{line:?}");
        }
        assert_eq!(payload(b"{\"a\":1}]"), b"{\"a\":1}]");
    }
}
