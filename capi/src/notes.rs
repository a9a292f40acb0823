//! Notes: texts about paths, such as the faults of files.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ::dft_index::InputReport;
use dft_store::SharedProcesses;

use crate::arguments::dft_text;
use crate::callback::Callback;
use crate::log::{DFT_LOG_WARNING, log};

/// A text about a path, such as a fault of a file. Its texts are valid during the callback.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_note {
    /// The size of this struct in bytes. The library sets it.
    pub size: u64,
    /// The path; empty if the text is about none.
    pub path: dft_text,
    /// The text, for people.
    pub text: dft_text,
}

/// Receives a note, valid during the callback. A result other than 0 ends the notes.
pub type dft_on_note = Option<unsafe extern "C" fn(context: *mut std::ffi::c_void, note: *const dft_note) -> i32>;

impl dft_note {
    pub(crate) fn new(path: &[u8], text: &str) -> Self {
        Self { size: size_of::<Self>() as u64, path: dft_text::of_bytes(path), text: dft_text::of(text) }
    }
}

/// Passes notes to the caller, until it wants no more, and all of them to the log.
pub(crate) struct Notes {
    callback: Callback<dft_note>,
    is_over: bool,
}

impl Notes {
    pub(crate) fn new(callback: Callback<dft_note>) -> Self {
        Self { callback, is_over: false }
    }

    /// Reports what is wrong with something at a path.
    pub(crate) fn tell(&mut self, path: &Path, text: &str) {
        log(DFT_LOG_WARNING, &format!("{}: {text}", path.to_string_lossy()));
        self.is_over = self.is_over || !self.callback.pass(&dft_note::new(path.as_os_str().as_bytes(), text));
    }

    /// Reports what was wrong with each file.
    pub(crate) fn tell_faults(&mut self, input: &InputReport) {
        input.each_fault(|path, text| self.tell(path, text));
    }
}

/// Logs the traces that share records of the same processes.
pub(crate) fn warn_of(shared: &[SharedProcesses]) {
    shared.iter().for_each(|shared| log(DFT_LOG_WARNING, &shared.to_string()));
}
