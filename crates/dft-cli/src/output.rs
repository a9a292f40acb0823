//! Output to the terminal.

use std::io::{self, Write};

use dft_io::{Show, shown_json, shown_lines};
use serde_json::Value;

use crate::terminal::bold;

/// Writes text for people to standard output.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    write(&shown_lines(text))
}

/// Writes text for people to standard output, with the lines that start with a title in bold on a terminal.
pub(crate) fn say_titled(text: &str, titles: &[&str]) -> anyhow::Result<()> {
    let text = shown_lines(text);
    let is_title = |line: &str| titles.iter().any(|title| line.starts_with(title));
    let lines = text.split_inclusive('\n').map(|line| match line.strip_suffix('\n') {
        Some(title) if is_title(title) => bold(title) + "\n",
        _ => line.to_owned(),
    });
    write(&lines.collect::<String>())
}

/// Writes JSON to standard output.
pub(crate) fn say_json(json: &Value) -> anyhow::Result<()> {
    write(&format!("{}\n", shown_json(&serde_json::to_string_pretty(json)?)))
}

fn write(text: &str) -> anyhow::Result<()> {
    say_bytes(text.as_bytes())
}

/// Writes bytes of this program's own to standard output, as they are.
pub(crate) fn say_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

/// Writes lines for people to standard error.
pub(crate) fn tell(lines: &str) {
    eprint!("{}", shown_lines(lines));
}

/// Whether the reader of the output closed it, which is not a failure of this program.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Formats names and their values, one per line.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    fields.iter().map(|(name, text)| format!("  {name:<10} {}\n", text.shown())).collect()
}

/// Returns the end of a long name, since ends tell files apart. Escapes control characters.
pub(crate) fn shortened(name: &str, most: usize) -> String {
    let name = name.shown().to_string();
    let length = name.chars().count();
    if length <= most {
        return name;
    }
    format!("…{}", name.chars().skip(length + 1 - most).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(shortened("/a/b/c/data.h5", 8), "…data.h5");
        assert_eq!(shortened("short", 8), "short");
        assert_eq!(shortened("a\x1b[2J", 48), "a\\u{1b}[2J");
    }
}
