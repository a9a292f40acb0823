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

/// Returns the value of sixteen digits, with `0` subtracted from each.
#[inline]
fn sixteen_digits(ones: u128) -> i64 {
    eight_digits(ones as u64) * 100_000_000 + eight_digits((ones >> 64) as u64)
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
        sixteen_digits((u128::from(second) << 64 | u128::from(first)) << (128 - 8 * length))
    };
    let ended = matches!(text[length % text.len()], b',' | b'}');
    let shortest = length == 1 || first as u8 != 0;
    (ended && shortest).then_some((value, length))
}

/// Returns the length of the fraction that the text starts with, if it is of the usual kind: sixteen bytes at most, of
/// digits in shortest form, a point and digits, followed by a comma or a brace.
#[inline]
pub(crate) fn usual_fraction(text: &[u8; 2 * CHUNK]) -> Option<usize> {
    let others = others_than_digits(text.first_chunk()?) | 1 << CHUNK;
    let point = others.trailing_zeros() as usize;
    let end = (others & (others - 1)).trailing_zeros() as usize;
    let shortest = point == 1 || (point > 0 && text[0] != b'0');
    let ended = text[point] == b'.' && matches!(text.get(end), Some(b',' | b'}'));
    (shortest && ended && end > point + 1).then_some(end)
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
#[inline]
pub(crate) fn float_of_number(text: &[u8]) -> f64 {
    float_and_decimals(text).0
}

/// Returns the double nearest to a JSON number, and how many decimals its shortest decimal form has, if the text tells.
#[inline]
pub(crate) fn float_and_decimals(text: &[u8]) -> (f64, Option<u8>) {
    short_float(text).unwrap_or_else(|| (any_float(text), None))
}

/// The powers of ten that are doubles.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Returns up to eight bytes, the first one lowest, followed by zeros.
#[inline(always)]
fn up_to_eight(text: &[u8]) -> u64 {
    // Two pieces that overlap: the bytes that are in both are the same.
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u64::from(first) | u64::from(last) << (8 * (text.len() - 4));
    }
    text.iter().rev().fold(0, |bytes, &byte| bytes << 8 | u64::from(byte))
}

/// Returns the same of nine to sixteen bytes.
#[inline(always)]
fn up_to_sixteen(text: &[u8]) -> Option<u128> {
    let (first, last) = (u64::from_le_bytes(*text.first_chunk()?), u64::from_le_bytes(*text.last_chunk()?));
    Some(u128::from(first) | u128::from(last) << (8 * (text.len() - 8)))
}

/// Defines a function that takes the point out of a number of bytes, the first one lowest. It returns the digits, with `0`
/// subtracted from each and moved to the end, how many they are, and how many of them come after the point; `None` if there
/// are other bytes than digits and a point, or no digits.
macro_rules! without_point {
    ($name:ident, $word:ty) => {
        #[inline(always)]
        fn $name(bytes: $word, length: usize) -> Option<($word, usize, usize)> {
            const EACH: $word = <$word>::from_ne_bytes([1; size_of::<$word>()]);
            let ones = bytes ^ ((EACH * 0x30) & (<$word>::MAX >> (<$word>::BITS as usize - 8 * length)));
            // The highest bit of each byte that is not a digit. A carry can only add bytes after one that is not.
            let others = (ones.wrapping_add(EACH * 0x76) | ones) & (EACH * 0x80);
            let (ones, number, decimals) = if others == 0 {
                (ones, length, 0)
            } else {
                let before = others.trailing_zeros() as usize & !7;
                if (ones >> before) as u8 != b'.' ^ b'0' || others & (others - 1) != 0 {
                    return None;
                }
                let whole = !(<$word>::MAX << before);
                (ones & whole | (ones >> 8) & !whole, length - 1, length - 1 - before / 8)
            };
            (number > 0).then(|| (ones << (<$word>::BITS as usize - 8 * number), number, decimals))
        }
    };
}

without_point!(point_out_of_eight, u64);
without_point!(point_out_of_sixteen, u128);

/// Returns the value of a number of up to 15 digits without an exponent, and how many decimals its shortest decimal form
/// has; none for −0, which has no such form.
///
/// The digits and the power of ten are exact as doubles, so their quotient is correctly rounded (Clinger, *How to Read
/// Floating Point Numbers Accurately*, 1990). Different numbers of up to 15 digits have different doubles, so the shortest
/// form is the text without the zeros at its end.
#[inline]
fn short_float(text: &[u8]) -> Option<(f64, Option<u8>)> {
    let (is_negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (digits, decimals, zeros) = match text.len() {
        length @ 1..=8 => {
            let (ones, _, decimals) = point_out_of_eight(up_to_eight(text), length)?;
            (eight_digits(ones), decimals, ones.leading_zeros() / 8)
        }
        length @ 9..=16 => {
            let (ones, number, decimals) = point_out_of_sixteen(up_to_sixteen(text)?, length)?;
            // Sixteen digits can exceed 2⁵³.
            if number > 15 {
                return None;
            }
            (sixteen_digits(ones), decimals, ones.leading_zeros() / 8)
        }
        _ => return None,
    };
    let value = digits as f64 / POWERS_OF_TEN[decimals];
    if is_negative && digits == 0 {
        return Some((-value, None));
    }
    let shortest = decimals.saturating_sub(zeros as usize) as u8;
    Some((if is_negative { -value } else { value }, Some(shortest)))
}

#[cold]
fn any_float(text: &[u8]) -> f64 {
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
    fn short_floats_equal_those_of_the_standard_library() {
        let texts = ["0", "-0", "0.0", "-0.0", "28.9741", "0.0328058", "100", "1.5", "-2.25", "999999999999999"];
        let more = ["0.00000000000001", "99999999999999.9", "3.14159265358979", "8.5e3", "0.1234567890123456"];
        for text in texts.into_iter().chain(more) {
            let wanted: f64 = text.parse().expect("a number");
            assert_eq!(float_of_number(text.as_bytes()).to_bits(), wanted.to_bits(), "{text}");
        }
        let mut digits = 1_u64;
        for at in 0..20_000_u64 {
            digits = digits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(at);
            let text = format!("{}.{:0width$}", digits >> 44, digits % 1_000_000, width = 6 + (at % 3) as usize);
            let shortest = text.trim_end_matches('0').len() - text.find('.').expect("a point") - 1;
            let wanted = (text.parse().expect("a number"), Some(shortest as u8));
            assert_eq!(short_float(text.as_bytes()), Some(wanted), "{text}");
        }
        for other in [
            "",
            "-",
            ".",
            "1e5",
            "1.2.3",
            "1..2",
            "nan",
            "\u{ff}5",
            "1.2\u{ff}",
            "1234567890123456",
            "12345678901234567.5",
            "1 ",
        ] {
            assert_eq!(short_float(other.as_bytes()), None, "{other}");
        }
    }

    /// Returns a text and what follows it.
    fn followed(text: &str) -> [u8; 2 * CHUNK] {
        let mut window = [b'7'; 2 * CHUNK];
        window.iter_mut().zip(text.bytes()).for_each(|(place, byte)| *place = byte);
        window
    }

    #[test]
    fn usual_integers_equal_decimals() {
        let window = |text: &str| usual_integer(&followed(text), |others| others.trailing_zeros() as usize);
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

    #[test]
    fn usual_fractions_end_where_numbers_do() {
        let window = |text: &str| usual_fraction(&followed(text));
        for whole in 1..CHUNK {
            for decimals in 0..CHUNK {
                let number = |first: &str| {
                    format!("{first}{}.{}", &"234567890123456"[..whole - 1], &"123456789012345"[..decimals])
                };
                for (number, is_shortest) in [(number("1"), true), (number("0"), whole == 1)] {
                    let is_usual = is_shortest && decimals > 0 && number.len() <= CHUNK;
                    let wanted = is_usual.then_some(number.len());
                    for end in [",", "}"] {
                        assert_eq!(window(&format!("{number}{end}")), wanted, "{number}");
                    }
                    for other in [" ", ".5,", "e1,", "\"", "/", ":", ""] {
                        assert_eq!(window(&format!("{number}{other}")), None, "{number}{other}");
                    }
                }
            }
        }
        for text in [",", "1,", "-1.5,", ".5,", "x", "1..5,"] {
            assert_eq!(window(text), None, "{text}");
        }
    }
}
