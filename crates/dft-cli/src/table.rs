//! Tables on the terminal.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use dft_io::Show;

use crate::terminal::width;

/// Where the text of a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// At the left: names. A name that does not fit the terminal continues on the next line.
    Left,
    /// At the right: numbers, which always are on one line.
    Right,
}

/// Whether the terminal has room for few columns only.
pub(crate) fn is_narrow() -> bool {
    width().is_some_and(|width| width < 120)
}

/// Formats rows in columns, with `indent` spaces before each line. Headers are rows like others. A table for a terminal
/// is as wide as it needs to be, and no wider than the terminal.
pub(crate) fn table(align: &[Align], rows: &[Vec<String>], indent: usize) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    match width().and_then(|width| u16::try_from(width).ok()) {
        // A narrower terminal would leave nothing of the names.
        Some(width) if width >= 60 => {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        _ => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    for row in rows {
        table.add_row(row.iter().zip(align).map(|(text, align)| {
            Cell::new(text.shown().to_string()).set_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            })
        }));
    }
    for (at, (column, align)) in table.column_iter_mut().zip(align).enumerate() {
        column.set_padding((if at == 0 { indent as u16 } else { 2 }, 0));
        if *align == Align::Right {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let mut text = table.trim_fmt();
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_at_the_left_and_numbers_at_the_right() {
        let rows = [["a", "1"], ["long", "1,000"], ["é\n", ""]].map(|row| row.map(String::from).to_vec());
        assert_eq!(table(&[Align::Left, Align::Right], &rows, 1), " a         1\n long  1,000\n é\\n\n");
        assert_eq!(table(&[], &[], 0), "");
    }
}
