//! Output to the terminal.

use std::io::{self, Write};

use dft_io::{Show, shown_json, shown_lines};
use serde_json::Value;

/// Writes text for people to standard output.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    write(&shown_lines(text))
}

/// Writes JSON to standard output.
pub(crate) fn say_json(json: &Value) -> anyhow::Result<()> {
    write(&format!("{}\n", shown_json(&serde_json::to_string_pretty(json)?)))
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
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

/// Formats rows in columns: the first column is left-aligned, the others are right-aligned.
pub(crate) fn columns(rows: &[Vec<String>], indent: &str) -> String {
    let width = |text: &str| text.chars().count();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| cell.shown().to_string()).collect()).collect();
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        row.iter().zip(&mut widths).for_each(|(cell, most)| *most = width(cell).max(*most));
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = indent.to_owned();
        for (at, (cell, &most)) in row.iter().zip(&widths).enumerate() {
            let space = " ".repeat(most - width(cell));
            match at {
                0 => line.extend([cell, space.as_str()]),
                _ => line.extend(["  ", space.as_str(), cell]),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
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
    fn columns_align_and_long_names_keep_their_end() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["long".to_owned(), "1,000".to_owned()]];
        assert_eq!(columns(&rows, " "), " a         1\n long  1,000\n");
        assert_eq!(shortened("/a/b/c/data.h5", 8), "…data.h5");
        assert_eq!(shortened("short", 8), "short");
        assert_eq!(shortened("a\x1b[2J", 48), "a\\u{1b}[2J");
        assert_eq!(columns(&[vec!["a\n".to_owned(), "1".to_owned()]], ""), "a\\n  1\n");
    }
}
