//! Parses numbers in the text of a trace.

use crate::chunk::{CHUNK, others_than_digits};

/// The value of an integer field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "like `Option`: there is no other case")]
pub enum Integer {
    /// Not an integer: absent, a fraction, a word, an object.
    None,
    /// A signed 64-bit integer.
    Some(i64),
    /// An integer out of the range of signed 64 bits.
    OutOfRange,
}

/// Returns the end of the JSON number (RFC 8259, section 6) that starts at `start`; `None` if none starts there.
#[inline(always)]
pub(crate) fn number_end(text: &[u8], start: usize) -> Option<usize> {
    // Most numbers are plain digits.
    let whole = &text[start..];
    let length = digits(whole);
    let more = matches!(whole.get(length), Some(b'.' | b'e' | b'E'));
    if length > 0 && !more && (length == 1 || whole[0] != b'0') {
        return Some(start + length);
    }
    any_number_end(text, start)
}

/// Represents a non-finite number in a [`Value`](crate::Value): the text of a number beyond the range of doubles.
pub(crate) const NOT_FINITE: &[u8] = b"1e9999";

/// Returns the end of the word for a non-finite number that starts at `start`, if there is one: `nan` and `inf` in any
/// case, as C++ prints them, or `Infinity`, as Python does, with or without a minus sign.
#[cold]
pub(crate) fn not_finite_end(text: &[u8], start: usize) -> Option<usize> {
    let word_start = start + usize::from(text.get(start) == Some(&b'-'));
    let word = text.get(word_start..)?;
    if word.starts_with(b"Infinity") {
        return Some(word_start + 8);
    }
    let first = word.first_chunk::<3>()?;
    let is_word = first.eq_ignore_ascii_case(b"nan") || first.eq_ignore_ascii_case(b"inf");
    is_word.then_some(word_start + 3)
}

#[cold]
fn any_number_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    if text.get(at) == Some(&b'0') {
        at += 1;
    } else {
        let digits = digits(&text[at..]);
        if digits == 0 {
            return None;
        }
        at += digits;
    }
    match text.get(at) {
        Some(b'.' | b'e' | b'E') => {}
        Some(b'0'..=b'9') => return None,
        _ => return Some(at),
    }
    if text.get(at) == Some(&b'.') {
        at += 1;
        if !digit(at) {
            return None;
        }
        while digit(at) {
            at += 1;
        }
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        if !digit(at) {
            return None;
        }
        while digit(at) {
            at += 1;
        }
    }
    Some(at)
}

const EACH: u64 = u64::from_ne_bytes([1; 8]);

/// Returns how many digits the text starts with.
#[inline]
fn digits(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = text[at..].first_chunk() {
        let others = others_than_digits(chunk);
        if others != 0 {
            return at + others.trailing_zeros() as usize;
        }
        at += CHUNK;
    }
    at + text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Returns the value of eight digits, with `0` subtracted from each. Adds up pairs in parallel.
#[inline]
fn eight_digits(ones: u64) -> i64 {
    let pairs = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    ((fours * 10_000 + (fours >> 32)) & 0xffff_ffff) as i64
}

/// Returns the integer that the text starts with, and its length, if it is of the usual kind: up to sixteen digits in
/// shortest form, followed by a comma or a brace. `length_of` must return the number of the lowest set bit.
#[inline(always)]
pub(crate) fn usual_integer(text: &[u8; 2 * CHUNK], length_of: impl FnOnce(u32) -> usize) -> Option<(i64, usize)> {
    let length = length_of(others_than_digits(text.first_chunk()?) | 1 << CHUNK);
    let first = u64::from_le_bytes(text[..8].try_into().ok()?) ^ (EACH * u64::from(b'0'));
    // Shifting moves the digits to the end of eight or sixteen, after zeros.
    let value = if length <= 8 {
        if length == 0 {
            return None;
        }
        eight_digits(first << (64 - 8 * length))
    } else {
        let second = u64::from_le_bytes(text[8..16].try_into().ok()?) ^ (EACH * u64::from(b'0'));
        let both = (u128::from(second) << 64 | u128::from(first)) << (128 - 8 * length);
        eight_digits(both as u64) * 100_000_000 + eight_digits((both >> 64) as u64)
    };
    let ended = matches!(text[length % text.len()], b',' | b'}');
    let shortest = length == 1 || first as u8 != 0;
    (ended && shortest).then_some((value, length))
}

/// Parses digits (with an optional sign) as an integer.
#[inline]
pub(crate) fn decimal(text: &[u8]) -> Integer {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return Integer::None;
    }
    // Eighteen digits cannot overflow, and most numbers are shorter.
    if digits.len() <= 18 {
        let mut value = 0_i64;
        let mut rest = digits;
        while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
            if !chunk.iter().all(u8::is_ascii_digit) {
                return Integer::None;
            }
            value = value * 100_000_000 + eight_digits(u64::from_le_bytes(*chunk) ^ (EACH * u64::from(b'0')));
            rest = tail;
        }
        for &digit in rest {
            if !digit.is_ascii_digit() {
                return Integer::None;
            }
            value = value * 10 + i64::from(digit - b'0');
        }
        return Integer::Some(if negative { -value } else { value });
    }
    let mut value = 0_i64;
    let mut fits = true;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return Integer::None;
        }
        if fits {
            let step = i64::from(digit - b'0');
            // Accumulate negatively, so that `i64::MIN` needs no special case.
            match value.checked_mul(10).and_then(|v| v.checked_sub(step)) {
                Some(v) => value = v,
                None => fits = false,
            }
        }
    }
    match (fits, negative) {
        (false, _) => Integer::OutOfRange,
        (true, true) => Integer::Some(value),
        (true, false) => value.checked_neg().map_or(Integer::OutOfRange, Integer::Some),
    }
}

/// Returns the integer value of a JSON number: an integral float such as `4096.0` has one, a fraction has not.
#[inline]
pub(crate) fn integer_of_number(text: &[u8]) -> Integer {
    match decimal(text) {
        Integer::None => {
            let value = float_of_number(text);
            if !value.is_finite() || value.fract() != 0.0 {
                Integer::None
            } else if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
                Integer::Some(value as i64)
            } else {
                Integer::OutOfRange
            }
        }
        found => found,
    }
}

/// Returns the double nearest to a JSON number; infinite if it is beyond the range of doubles.
pub(crate) fn float_of_number(text: &[u8]) -> f64 {
    std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_number_text(text: &[u8]) -> bool {
        number_end(text, 0) == Some(text.len())
    }

    #[test]
    fn number_texts_follow_the_json_grammar() {
        for good in ["0", "-0", "10", "1.5", "1e3", "1E+3", "-1.25e-10", "18446744073709551616"] {
            assert!(is_number_text(good.as_bytes()), "{good}");
        }
        for bad in ["", "-", "01", "1.", ".5", "1e", "1e+", "+1", "0x1", "NaN", "1 ", "--1"] {
            assert!(!is_number_text(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn the_end_of_a_word_for_a_non_finite_number_is_found() {
        for word in ["nan", "-nan", "NaN", "-NaN", "NAN", "inf", "-inf", "Inf", "-INF", "Infinity", "-Infinity"] {
            assert_eq!(not_finite_end(format!("x:{word},").as_bytes(), 2), Some(2 + word.len()), "{word}");
            assert!(!is_number_text(word.as_bytes()), "{word}");
        }
        for other in ["", "-", "na", "--nan", "+inf", "null", "1nan"] {
            assert_eq!(not_finite_end(other.as_bytes(), 0), None, "{other}");
        }
        assert!(float_of_number(NOT_FINITE).is_infinite());
    }

    #[test]
    fn integers_cover_the_range_of_64_bits() {
        assert_eq!(decimal(b"9223372036854775807"), Integer::Some(i64::MAX));
        assert_eq!(decimal(b"-9223372036854775808"), Integer::Some(i64::MIN));
        assert_eq!(decimal(b"9223372036854775808"), Integer::OutOfRange);
        assert_eq!(decimal(b"-9223372036854775809"), Integer::OutOfRange);
        assert_eq!(decimal(b"000000000000000000000000000012"), Integer::Some(12));
        assert_eq!(decimal(b"12a"), Integer::None);
        for length in 1..=18 {
            let text = &b"123456789012345678"[..length];
            assert_eq!(decimal(text), Integer::Some((0..length).fold(0, |v, at| v * 10 + i64::from(text[at] - b'0'))));
            for at in 0..length {
                for wrong in [b'/', b':', 0xb0, b' '] {
                    let mut text = text.to_vec();
                    text[at] = wrong;
                    assert_eq!(decimal(&text), Integer::None);
                    assert_eq!(digits(&text), at);
                }
            }
        }
        assert_eq!(integer_of_number(b"4096.0"), Integer::Some(4096));
        assert_eq!(integer_of_number(b"1e3"), Integer::Some(1000));
        assert_eq!(integer_of_number(b"1.5"), Integer::None);
        assert_eq!(integer_of_number(b"1e30"), Integer::OutOfRange);
        assert_eq!(integer_of_number(b"1e9999"), Integer::None);
    }

    #[test]
    fn usual_integers_equal_decimals() {
        let window = |text: &str| {
            let mut window = [b'7'; 2 * CHUNK];
            window[..text.len()].copy_from_slice(text.as_bytes());
            usual_integer(&window, |others| others.trailing_zeros() as usize)
        };
        for length in 1..=CHUNK {
            for digits in ["1234567890123456", "9999999999999999", "1000000000000000"] {
                let digits = &digits[..length];
                let value = digits.parse().ok().map(|value| (value, length));
                for end in [",", "}"] {
                    assert_eq!(window(&format!("{digits}{end}")), value, "{digits}");
                }
                for other in [" ", ".5,", "e1,", "\"", "/", ":", ""] {
                    assert_eq!(window(&format!("{digits}{other}")), None, "{digits}{other}");
                }
                let zero = format!("0{},", &digits[1..]);
                assert_eq!(window(&zero), (length == 1).then_some((0, 1)), "{zero}");
            }
        }
        for text in [",", "-1,", "x", "12345678901234567,"] {
            assert_eq!(window(text), None, "{text}");
        }
    }
}
