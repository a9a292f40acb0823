//! The numbers of a row, checked to fit their columns.

use dft_codec::{RowCore, SeriesKind};
use dft_metrics::scaled;

use crate::cells::Cell;
use crate::error::ExportError;
use crate::table::Table;
use crate::view::View;

/// The numbers of a row that the tables of calls and groups of their rows are computed from.
pub(crate) struct RowNumbers {
    pub(crate) count: u128,
    /// The sum of the durations, in µs.
    pub(crate) time: i128,
    /// The sum of the bytes moved; `None` if no call recorded a size.
    pub(crate) size: Option<i128>,
    /// The cell's number, counted from the origin.
    pub(crate) time_range: i64,
    /// In µs from the origin.
    pub(crate) time_start: i64,
    /// In µs from the origin.
    pub(crate) time_end: i64,
}

impl RowNumbers {
    #[inline(always)]
    pub(crate) fn of(view: &View<'_>, kind: SeriesKind, cell: &Cell<'_>) -> Result<Self, ExportError> {
        let RowCore { count, ts, te, duration, size, .. } = &cell.row.core;
        let origin = view.origin();
        let past_origin = cell.start.checked_sub(origin).ok_or_else(|| view.index().outside_bounds(cell.start))?;
        let fit = |value, column| int64(value, Table::of_kind(kind).name(), column, || describe(cell));
        let start = fit(i128::from(past_origin), "time_start")?;
        let (time_start, time_end) = match kind {
            SeriesKind::Call => {
                let past_origin = |time: i64, column| fit(i128::from(time) - i128::from(origin), column);
                (past_origin(*ts, "time_start")?, past_origin(*te, "time_end")?)
            }
            SeriesKind::AggregatedCall | SeriesKind::HostStatistic => {
                (start, fit(i128::from(past_origin) + i128::from(view.granularity()), "time_end")?)
            }
        };
        Ok(Self {
            count: *count,
            time: duration.sum(),
            size: (size.n() > 0).then(|| size.sum()),
            // At most the start of the cell, which fits.
            time_range: (past_origin / view.range_unit()) as i64,
            time_start,
            time_end,
        })
    }
}

/// Describes a row in error messages.
pub(crate) fn describe(cell: &Cell<'_>) -> String {
    let identity = &cell.series.identity;
    format!("{} {} of process {}, cell {} µs", identity.category, identity.name, identity.pid, cell.start)
}

/// Converts µs to seconds.
pub(crate) fn seconds(us: i64) -> f64 {
    scaled(us.into(), 6)
}

/// Converts a number to the 64 bits of its column; `row` describes the row in the error.
#[inline(always)]
pub(crate) fn int64<T: Copy + ToString>(
    value: T,
    table: &'static str,
    column: &str,
    row: impl FnOnce() -> String,
) -> Result<i64, ExportError>
where
    i64: TryFrom<T>,
{
    // Kept out of line, so that the error path is not compiled into every row's code.
    #[cold]
    fn too_large(value: impl ToString, table: &'static str, column: &str, row: impl FnOnce() -> String) -> ExportError {
        ExportError::TooLarge { table, row: row(), column: column.to_owned(), value: value.to_string() }
    }
    i64::try_from(value).map_err(|_| too_large(value, table, column, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_past_64_bits_are_an_error_that_names_the_row() {
        assert_eq!(int64(7_u128, "events", "count", String::new).ok(), Some(7));
        let error = int64(1_i128 << 64, "events", "size", || "read".to_owned()).expect_err("too large");
        assert_eq!(
            error.to_string(),
            "table events, row read: size is 18446744073709551616, past the 64 bits of its column"
        );
    }
}
