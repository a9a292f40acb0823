//! Verification: reads everything in an index and checks that it is what was written and is consistent.

use std::path::Path;

use crate::current::{self, Current};
use crate::error::StoreError;
use crate::layout;
use crate::read::index::Index;
use crate::seal::Seal;

pub(crate) mod entries;
pub(crate) mod report;
mod rows;

use entries::Verifier;
use report::Verification;

/// Verifies the index in a directory: every byte against the seal, every value by its decoder, series against their
/// ids, rows against the time bounds, and the files' counts against the rows.
///
/// # Errors
///
/// [`StoreError::NoIndex`] if there is none. Damage to an index is not an error, but a fault in the report.
pub fn verify(path: &Path) -> Result<Verification, StoreError> {
    loop {
        let current = match current::read(path) {
            Ok(Some(current)) => current,
            Ok(None) => return Err(StoreError::NoIndex(path.to_owned())),
            Err(fault) => return Ok(Verification { faults: vec![fault], ..Verification::default() }),
        };
        let found = verify_generation(path, current);
        // A writer may have replaced and removed the generation; then verify the new one.
        let replaced = || current::read(path).is_ok_and(|now| now.is_some_and(|now| now != current));
        if found.as_ref().is_ok_and(Verification::is_sound) || !replaced() {
            return found;
        }
    }
}

fn verify_generation(path: &Path, current: Current) -> Result<Verification, StoreError> {
    let mut verification = Verification::default();
    let directory = layout::generation(path, current.number);
    let mut strays = Vec::new();
    match Seal::read(&directory, current.number) {
        Ok(seal) => {
            seal.check_all(&directory).into_iter().for_each(|fault| verification.fault(fault));
            strays = seal.strays(&directory)?;
        }
        Err(fault) => verification.fault(fault),
    }
    // If the bytes are wrong, checking their consistency adds nothing.
    if verification.is_sound() {
        match Index::open_generation(path, current) {
            Ok(index) => verification = Verifier::new(&index, verification).read(),
            Err(fault) => verification.fault(fault),
        }
    }
    strays.into_iter().for_each(|stray| verification.fault(StoreError::Stray(stray)));
    Ok(verification)
}
