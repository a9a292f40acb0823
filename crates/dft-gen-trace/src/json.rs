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

/// Writes `value` ten-thousandths as a decimal fraction, as the tracer prints percentages.
pub(crate) fn ten_thousandths(out: &mut Vec<u8>, value: u64) {
    unsigned(out, value / 10_000);
    let mut rest = value % 10_000;
    if rest == 0 {
        return;
    }
    out.push(b'.');
    let mut unit = 1000;
    while rest > 0 {
        out.push(b'0' + (rest / unit) as u8);
        rest %= unit;
        unit /= 10;
    }
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
        for (value, text) in [(0, "0"), (439_558, "43.9558"), (10_500, "1.05"), (20_000, "2"), (7, "0.0007")] {
            let mut out = Vec::new();
            ten_thousandths(&mut out, value);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }
}
