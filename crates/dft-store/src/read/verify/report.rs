//! What a verification reports.

use crate::error::StoreError;

/// Most faults that are told one by one: a damaged index may have as many as it has rows.
const MOST: usize = 100;

/// What reading everything has shown.
#[derive(Debug, Default)]
pub struct Verification {
    /// The first faults.
    pub faults: Vec<StoreError>,
    /// How many faults there were more.
    pub more_faults: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Telemetry rows that were read.
    pub telemetry: u64,
    /// Series that were read.
    pub series: u64,
    /// Entries of hash tables that were read.
    pub names: u64,
    /// Trace files that were read of.
    pub files: u64,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    pub(crate) fn fault(&mut self, fault: StoreError) {
        if self.faults.len() < MOST {
            self.faults.push(fault);
        } else {
            self.more_faults += 1;
        }
    }
}
