//! Parses times and sizes.

use std::ops::Range;

/// Parses a time, such as `100ms`, into µs. The Python package accepts the same texts.
pub(crate) fn parse_duration(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 8] = [
        ("us", 1),
        ("µs", 1),
        ("μs", 1),
        ("ms", 1_000),
        ("s", 1_000_000),
        ("m", 60_000_000),
        ("min", 60_000_000),
        ("h", 3_600_000_000),
    ];
    let wrong = || format!("{text:?} is not a time: use a number with us, ms, s, min or h, such as 100ms");
    let (number, unit) = split_unit(text);
    let scale = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, scale)| *scale).ok_or_else(wrong)?;
    match scaled(number, scale) {
        Scaled::Whole(value) => Ok(value),
        Scaled::Fraction => Err(format!("{text:?} is not a whole number of µs")),
        Scaled::Invalid => Err(wrong()),
    }
}

/// Splits a text into its number and its unit.
fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    (number, unit.trim())
}

/// A decimal number times a scale.
enum Scaled {
    Whole(u64),
    Fraction,
    /// Not a number, or it does not fit in 64 bits.
    Invalid,
}

fn scaled(number: &str, scale: u64) -> Scaled {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') || fraction.len() > 12 {
        return Scaled::Invalid;
    }
    let Ok(digits) = format!("{whole}{fraction}").parse::<u128>() else { return Scaled::Invalid };
    let Some(product) = digits.checked_mul(scale.into()) else { return Scaled::Invalid };
    let parts = 10_u128.pow(fraction.len() as u32);
    match u64::try_from(product / parts) {
        Ok(_) if product % parts != 0 => Scaled::Fraction,
        Ok(value) => Scaled::Whole(value),
        Err(_) => Scaled::Invalid,
    }
}

/// Parses a range of times, such as `10s..1m`, into µs.
pub(crate) fn parse_time_range(text: &str) -> Result<Range<u64>, String> {
    let wrong = |reason: &str| format!("{text:?} is not a range of times: {reason}, such as 10s..1m, 10s.. or ..1m");
    let (start, end) = text.split_once("..").ok_or_else(|| wrong("use two times with .. between them"))?;
    let time = |text: &str, open: u64| match text.trim() {
        "" => Ok(open),
        "0" => Ok(0),
        text => parse_duration(text),
    };
    let range = time(start, 0)?..time(end, u64::MAX)?;
    if range.is_empty() { Err(wrong("the first must be before the second")) } else { Ok(range) }
}

/// Parses a size, such as `512M`, into bytes. Prefixes are powers of 1024. The Python package accepts the same texts.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a size: use a number with K, M, G or T, such as 512M");
    let (number, unit) = split_unit(text);
    let prefix = unit.strip_suffix(['B', 'b']).unwrap_or(unit);
    let scale = match prefix.strip_suffix('i').unwrap_or(prefix) {
        "" if prefix.is_empty() => 1,
        "K" | "k" => 1 << 10,
        "M" | "m" => 1 << 20,
        "G" | "g" => 1 << 30,
        "T" | "t" => 1 << 40,
        _ => return Err(wrong()),
    };
    match scaled(number, scale) {
        Scaled::Whole(value) => Ok(value),
        Scaled::Fraction => Err(format!("{text:?} is not a whole number of bytes")),
        Scaled::Invalid => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a table of texts; the Python package is tested with the same one.
    fn check(table: &str, parse: fn(&str) -> Result<u64, String>) {
        let units: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/data/units.json")).expect("JSON");
        for (text, value) in units[table].as_object().expect("a table") {
            assert_eq!(parse(text).ok(), value.as_u64(), "{text:?}");
        }
    }

    #[test]
    fn times_are_parsed_exactly_or_refused() {
        check("durations", parse_duration);
        assert_eq!(parse_time_range("10s..1m"), Ok(10_000_000..60_000_000));
        assert_eq!(parse_time_range("0..1s"), Ok(0..1_000_000));
        assert_eq!(parse_time_range("5s.."), Ok(5_000_000..u64::MAX));
        for text in ["5s", "2s..1s", "1s..1s", "a..b"] {
            assert!(parse_time_range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_parsed_exactly_or_refused() {
        check("sizes", parse_size);
    }
}
