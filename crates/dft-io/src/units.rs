//! Formats numbers as people read them: to three digits, with the unit that fits.

/// Formats a number with commas between thousands: `1,234,567`.
pub fn count(number: impl Into<i128>) -> String {
    let number: i128 = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a count: `1 file`, `2 files`.
pub fn plural(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Formats a size in bytes, in units of 1024: `4 KiB`, `1.50 GiB`.
pub fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value.abs() >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", three_digits(value), UNITS[unit])
}

/// Formats a time, given in µs: `12.3 s`, `60 min`.
pub fn duration(us: f64) -> String {
    match us.abs() {
        us if us < 0.5 => "0".to_owned(),
        us if us < 999.5 => format!("{} µs", three_digits(us)),
        us if us < 999_500.0 => format!("{} ms", three_digits(us / 1e3)),
        us if us < 120e6 => format!("{} s", three_digits(us / 1e6)),
        us if us < 7200e6 => format!("{} min", three_digits(us / 60e6)),
        us => format!("{} h", three_digits(us / 3600e6)),
    }
}

/// Formats a rate per second, in units of 1000: `3.60 M/s`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 999_500.0 => format!("{} M/s", three_digits(rate / 1e6)),
        rate if rate >= 999.5 => format!("{} k/s", three_digits(rate / 1e3)),
        rate => format!("{}/s", three_digits(rate)),
    }
}

/// Formats a number to three digits, without a fraction of zeros: `-12.3`, `1.2e-4`, `5`.
pub fn three_digits(value: f64) -> String {
    let text = match value.abs() {
        value if value >= 99.95 => return format!("{:.0}", value),
        value if value >= 9.995 => format!("{:.1}", value),
        value if value == 0.0 || value >= 0.0095 => format!("{:.2}", value),
        value => format!("{:.1e}", value),
    };
    let text = match text.split_once('.') {
        Some((whole, fraction)) if fraction.chars().all(|digit| digit == '0') => whole.to_owned(),
        _ => text,
    };
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_the_unit_that_fits_after_rounding() {
        assert_eq!(count(1_234_567_i128), "1,234,567");
        assert_eq!(count(-1_000_i128), "-1,000");
        assert_eq!(count(999_u64), "999");
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(4096.0), "4 KiB");
        assert_eq!(bytes(1_023.0), "1 KiB");
        assert_eq!(bytes(1_610_612_736.0), "1.50 GiB");
        assert_eq!(duration(0.0), "0");
        assert_eq!(duration(999.6), "1 ms");
        assert_eq!(duration(12_345_678.0), "12.3 s");
        assert_eq!(duration(3_600e6), "60 min");
        assert_eq!(rate(3_600_000.0), "3.60 M/s");
        assert_eq!(three_digits(-12.34), "-12.3");
        assert_eq!(three_digits(0.00012), "1.2e-4");
    }
}
