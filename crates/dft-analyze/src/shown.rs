//! Numbers for people.

/// Formats a number with commas between thousands.
pub(crate) fn count(number: i128) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a size in bytes.
pub(crate) fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value.abs() >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", three_digits(value), UNITS[unit])
}

/// Formats a time in µs.
pub(crate) fn duration(us: f64) -> String {
    match us.abs() {
        us if us < 0.5 => "0".to_owned(),
        us if us < 999.5 => format!("{} µs", three_digits(us)),
        us if us < 999_500.0 => format!("{} ms", three_digits(us / 1e3)),
        us if us < 120e6 => format!("{} s", three_digits(us / 1e6)),
        us if us < 7200e6 => format!("{} min", three_digits(us / 60e6)),
        us => format!("{} h", three_digits(us / 3600e6)),
    }
}

/// Formats a number to three digits, without a fraction of zeros.
pub(crate) fn three_digits(value: f64) -> String {
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
