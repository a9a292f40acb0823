//! What the rows and the telemetry of an index have, beyond what every row has.

use std::ffi::c_void;

use dft_export::{Filter, View};

use crate::arguments::dft_text;
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::export::{dft_column, dft_visit_column};
use crate::index::{dft_index, source};
use crate::status::{Failure, dft_status};

/// Names: group keys that have a value in some row, in the order of the configuration.
pub const DFT_OBSERVED_GROUP_KEYS: u32 = 0;
/// Names: custom metrics of rows, in byte order.
pub const DFT_OBSERVED_CUSTOM_METRICS: u32 = 1;
/// Names: metrics of telemetry, in byte order.
pub const DFT_OBSERVED_TELEMETRY_METRICS: u32 = 2;

/// Iterates over names that rows or telemetry of an index were observed to have, beyond what every row has. It reads
/// all series, all rows or all telemetry first.
///
/// `which`: one of DFT_OBSERVED_…. `visit`: receives each name on the caller's thread; not NULL. `context`: passed to
/// it; may be NULL. Returns DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_index_observed(
    index: *const dft_index,
    which: u32,
    visit: dft_visit_column,
    context: *mut c_void,
) -> dft_status {
    boundary("dft_index_observed", || {
        let visit = Callback::required("visit", visit, context)?;
        let source = source(index)?;
        let view = View::new(&source, None, Filter::default())?;
        let names = match which {
            DFT_OBSERVED_GROUP_KEYS => view.observed_group_keys()?,
            DFT_OBSERVED_CUSTOM_METRICS => view.observed_custom_metrics()?,
            DFT_OBSERVED_TELEMETRY_METRICS => view.observed_telemetry_metrics()?,
            other => return Err(Failure::argument(format!("{other} is not one of DFT_OBSERVED_…"))),
        };
        for name in &names {
            if !visit.pass(&dft_column { size: size_of::<dft_column>() as u64, name: dft_text::of(name) }) {
                break;
            }
        }
        Ok(())
    })
}
