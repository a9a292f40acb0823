//! Formats numbers for people.

/// Formats a count with commas between thousands.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Formats a number with three significant digits.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match value.abs() {
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

pub(crate) fn seconds(value: f64) -> String {
    match value {
        v if !v.is_finite() => "–".to_owned(),
        v if v >= 1.0 => format!("{} s", number(v)),
        v if v >= 1e-3 => format!("{} ms", number(v * 1e3)),
        v if v >= 1e-6 => format!("{} µs", number(v * 1e6)),
        v => format!("{} ns", number(v * 1e9)),
    }
}

pub(crate) fn bytes(value: f64) -> String {
    match value {
        v if !v.is_finite() => "–".to_owned(),
        v if v >= 1e9 => format!("{} GB", number(v / 1e9)),
        v if v >= 1e6 => format!("{} MB", number(v / 1e6)),
        v => format!("{} kB", number(v / 1e3)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(["0.500", "1.00", "10.0", "100"], [0.5, 0.9999, 9.999, 99.99].map(number).each_ref().map(|s| &**s));
        assert_eq!((count(1_900_000), count(12)), ("1,900,000".to_owned(), "12".to_owned()));
        assert_eq!((seconds(0.39), bytes(104e6)), ("390 ms".to_owned(), "104 MB".to_owned()));
    }
}
