//! Reports: what `dft report` writes.

use std::ffi::c_void;
use std::num::NonZero;
use std::thread;

use dft_analyze::PresetChoice;
use dft_report::{ReportData, ReportError};

use crate::arguments::dft_text;
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::index::{dft_index, source};
use crate::notes::{dft_note, dft_on_note};
use crate::status::{DFT_SYSTEM, DFT_TOO_LARGE, Failure, dft_status};
use crate::view::{asked, dft_view};

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Export(error) => error.into(),
            ReportError::Store(error) => error.into(),
            ReportError::Analyze(error) => error.into(),
            ReportError::NotAReport { .. } => Self::argument(error.to_string()),
            ReportError::TooLarge { .. } => Self::new(DFT_TOO_LARGE, error.to_string()),
            _ => Self::new(DFT_SYSTEM, error.to_string()),
        }
    }
}

fn collect(index: *const dft_index, view: *const dft_view) -> Result<ReportData, Failure> {
    let source = source(index)?;
    let view = asked(view)?.view(&source)?;
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    Ok(ReportData::of(&view, PresetChoice::default(), threads)?)
}

/// Writes a page for the browser that shows where the time of a job went: one HTML file, at most 3 MB, that needs no
/// other file and no network. A report of that name is replaced.
///
/// `view`: which rows; its `size` must be set; NULL for all. `path`: the file; not empty.
///
/// Returns DFT_INVALID_ARGUMENT if anything in the view is invalid or the path names something that is not a report,
/// DFT_TOO_LARGE if a sum does not fit in 64 bits, and DFT_DAMAGED or DFT_SYSTEM if the index cannot be read or the
/// file cannot be written. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_report(index: *const dft_index, view: *const dft_view, path: dft_text) -> dft_status {
    boundary("dft_report", || {
        let path = path.path("path")?;
        collect(index, view)?.write_file(path)?;
        Ok(())
    })
}

/// Passes what `dft_report` shows to a function, as a JSON object or as the page itself. Times are in µs, from the
/// origin of the trace, and sizes in bytes.
///
/// `view`: which rows; its `size` must be set; NULL for all. `as_page`: 0 for JSON, 1 for the page. `on_text`: receives
/// the text once, with an empty path, on the caller's thread; not NULL. `context`: passed to it; may be NULL.
///
/// Returns what `dft_report` returns. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_report_text(
    index: *const dft_index,
    view: *const dft_view,
    as_page: u32,
    on_text: dft_on_note,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_report_text", || {
        let on_text = Callback::required("on_text", on_text, context)?;
        let data = collect(index, view)?;
        let mut page = Vec::new();
        match as_page {
            0 => page = data.to_json()?.into_bytes(),
            1 => data.write_html(&mut page)?,
            other => return Err(Failure::argument(format!("as_page is {other}: use 0 or 1"))),
        }
        on_text.pass(&dft_note::new(&[], &String::from_utf8_lossy(&page)));
        Ok(())
    })
}
