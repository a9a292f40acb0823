//! What the terminal can show.

use std::env;
use std::io::{IsTerminal, stdout};

use terminal_size::{Width, terminal_size_of};

/// Heights of a bar, from low to high.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Returns the width of the terminal; `None` if the output is none.
pub(crate) fn width() -> Option<usize> {
    terminal_size_of(stdout()).map(|(Width(width), _)| width.into())
}

/// Whether the locale has block characters.
pub(crate) fn has_unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env::var_os).find(|value| !value.is_empty());
    set.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Makes text bold if the output is a terminal that shows styles.
pub(crate) fn bold(text: &str) -> String {
    let is_plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || env::var_os("TERM").is_some_and(|term| term == "dumb")
        || !stdout().is_terminal();
    if is_plain { text.to_owned() } else { format!("\x1b[1m{text}\x1b[0m") }
}

/// Draws values as bars. The highest value has the highest bar, and a value of 0 has none.
pub(crate) fn sparkline(values: &[f64]) -> String {
    let highest = values.iter().copied().fold(0.0, f64::max);
    let bar = |value: f64| match value > 0.0 {
        false => ' ',
        true => BARS[((value / highest * BARS.len() as f64).ceil() as usize).clamp(1, BARS.len()) - 1],
    };
    values.iter().map(|&value| bar(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_value_has_the_highest_bar() {
        assert_eq!(sparkline(&[0.0, 0.1, 1.0, 2.0, 8.0]), " ▁▁▂█");
        assert_eq!(sparkline(&[0.0, 0.0]), "  ");
        assert_eq!(sparkline(&[]), "");
    }
}
