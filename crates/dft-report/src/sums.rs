//! Sums of calls.

use dft_export::Cell;

use crate::data::Totals;
use crate::error::ReportError;

/// Calls, their time and bytes, in sums that cannot overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) calls: u128,
    pub(crate) time_us: i128,
    pub(crate) bytes: i128,
    /// Whether any call recorded a size.
    pub(crate) has_bytes: bool,
}

impl Sums {
    pub(crate) fn of(cell: &Cell<'_>) -> Self {
        let core = &cell.row.core;
        Self { calls: core.count, time_us: core.duration.sum(), bytes: core.size.sum(), has_bytes: core.size.n() > 0 }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.time_us += other.time_us;
        self.bytes += other.bytes;
        self.has_bytes |= other.has_bytes;
    }

    /// Returns the totals, if they fit 64 bits.
    pub(crate) fn totals(&self, what: &'static str) -> Result<Totals, ReportError> {
        let narrow = |sum: i128| i64::try_from(sum).map_err(|_| ReportError::TooLarge { what });
        Ok(Totals {
            calls: u64::try_from(self.calls).map_err(|_| ReportError::TooLarge { what })?,
            time_us: narrow(self.time_us)?,
            bytes: self.has_bytes.then(|| narrow(self.bytes)).transpose()?,
        })
    }
}
