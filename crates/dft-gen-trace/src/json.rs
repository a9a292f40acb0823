//! Writes JSON to a byte buffer, without the formatting machinery, which is too slow for the generator.

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

pub(crate) fn unsigned(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    while value >= 100 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if value >= 10 {
        let pair = value as usize * 2;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    } else {
        at -= 1;
        digits[at] = b'0' + value as u8;
    }
    out.extend_from_slice(&digits[at..]);
}

pub(crate) fn signed(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    unsigned(out, value.unsigned_abs());
}

/// Writes `value` / 10^`decimals` as a decimal fraction without trailing zeros, as the tracer prints it.
pub(crate) fn decimal(out: &mut Vec<u8>, value: u64, decimals: u32) {
    let mut unit = 10u64.pow(decimals);
    unsigned(out, value / unit);
    let mut rest = value % unit;
    if rest == 0 {
        return;
    }
    out.push(b'.');
    while rest > 0 {
        unit /= 10;
        out.push(b'0' + (rest / unit) as u8);
        rest %= unit;
    }
}

/// Writes 16 hexadecimal digits.
pub(crate) fn hexadecimal(out: &mut String, value: u64) {
    for place in (0..16).rev() {
        out.push(char::from(b"0123456789abcdef"[(value >> (4 * place)) as usize & 15]));
    }
}

/// Writes a JSON string, in which only quotes, backslashes and control characters are escaped.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        out.extend_from_slice(quoted(text).as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Returns a JSON string, in which only quotes, backslashes and control characters are escaped.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_exactly() {
        for value in [0, 7, 10, 99, 100, 101, 12_345, u64::MAX] {
            let mut out = Vec::new();
            unsigned(&mut out, value);
            assert_eq!(String::from_utf8_lossy(&out), value.to_string());
        }
        let mut out = Vec::new();
        signed(&mut out, i64::MIN);
        assert_eq!(String::from_utf8_lossy(&out), i64::MIN.to_string());
    }

    #[test]
    fn fractions_have_no_trailing_zeros() {
        let cases = [(0, "0"), (439_558, "43.9558"), (10_500, "1.05"), (20_000, "2"), (7, "0.0007")];
        for (value, decimals, text) in
            cases.map(|(value, text)| (value, 4, text)).into_iter().chain([(204_527, 7, "0.0204527"), (12, 0, "12")])
        {
            let mut out = Vec::new();
            decimal(&mut out, value, decimals);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    #[test]
    fn texts_are_written_as_json_strings() {
        for text in ["", "plain/é", "a\"b", "a\\b", "tab\t"] {
            let mut out = Vec::new();
            string(&mut out, text);
            assert_eq!(String::from_utf8_lossy(&out), quoted(text));
            assert_eq!(serde_json::from_slice::<String>(&out).expect("JSON"), text);
        }
        let mut out = String::new();
        hexadecimal(&mut out, 0x00ff_1234_5678_9abc);
        assert_eq!(out, "00ff123456789abc");
    }
}
