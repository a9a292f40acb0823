//! Verification of an index.

use std::ffi::c_void;

use dft_store::verify;

use crate::arguments::dft_text;
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::notes::{Notes, dft_on_note};
use crate::status::{DFT_DAMAGED, Detail, dft_status};

/// Reads everything in an index and checks that it is unchanged since it was written and is consistent.
///
/// `index`: the directory of the index; not empty. `on_fault`: receives each fault with the path of the index, on the
/// caller's thread; may be NULL. `context`: passed to it; may be NULL.
///
/// Returns DFT_DAMAGED if there is a fault (the last error describes the first one) and DFT_NO_INDEX if there is no
/// index. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_verify(index: dft_text, on_fault: dft_on_note, context: *mut c_void) -> dft_status {
    boundary("dft_verify", || {
        let path = index.path("index")?;
        let found = verify(path)?;
        let mut notes = Notes::new(Callback::new(on_fault, context));
        found.faults.iter().for_each(|fault| notes.tell(path, &fault.to_string()));
        match found.faults.first() {
            None => Ok(()),
            Some(fault) => {
                let message = fault.to_string();
                Err(Detail {
                    status: DFT_DAMAGED,
                    message,
                    path: path.to_string_lossy().into_owned(),
                    ..Detail::default()
                }
                .into())
            }
        }
    })
}
