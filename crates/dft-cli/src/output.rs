//! What goes to the terminal.

use std::io::{self, Write};

/// Writes to standard output.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Whether the reader of the output has gone, which is no failure of ours.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Names and what is said of each, a line each.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    fields.iter().map(|(name, text)| format!("  {name:<10} {text}\n")).collect()
}

/// Lines of cells in columns: the first to the left, the others to the right.
pub(crate) fn columns(rows: &[Vec<String>], indent: &str) -> String {
    let width = |text: &str| text.chars().count();
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        row.iter().zip(&mut widths).for_each(|(cell, most)| *most = width(cell).max(*most));
    }
    let mut text = String::new();
    for row in rows {
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

/// The end of a long name, for that is what tells files apart.
pub(crate) fn shortened(name: &str, most: usize) -> String {
    let length = name.chars().count();
    // A name from a trace may hold what would move the cursor.
    let clean = |text: &mut dyn Iterator<Item = char>| -> String {
        text.map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    };
    if length <= most {
        return clean(&mut name.chars());
    }
    format!("…{}", clean(&mut name.chars().skip(length + 1 - most)))
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
        assert_eq!(shortened("a\x1b[2J", 8), "a\u{fffd}[2J");
    }
}
