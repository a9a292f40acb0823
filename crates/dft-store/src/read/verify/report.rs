//! What a verification reports.

use crate::error::StoreError;

/// The number of faults that are listed; a damaged index may have as many as it has rows.
const MOST: usize = 100;

/// The result of a verification.
#[derive(Debug, Default)]
pub struct Verification {
    /// The first faults.
    pub faults: Vec<StoreError>,
    /// The number of further faults.
    pub more_faults: u64,
    /// The number of rows read.
    pub rows: u64,
    /// The number of telemetry rows read.
    pub telemetry: u64,
    /// The number of series read.
    pub series: u64,
    /// The number of hash table entries read.
    pub names: u64,
    /// The number of trace files in the index.
    pub files: u64,
}

impl Verification {
    /// Returns whether nothing is wrong.
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
