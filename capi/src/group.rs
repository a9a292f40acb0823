//! Groups of rows, as an Arrow stream.

use dft_codec::SeriesKind;
use dft_export::Grouping;

use crate::arguments::{dft_text, given, growing, list};
use crate::boundary::boundary;
use crate::export::{ArrowArrayStream, TableReader};
use crate::index::{dft_index, kind, source};
use crate::status::{Failure, dft_status};
use crate::view::{asked, dft_view};

/// How rows are grouped. Set `size`; zeros elsewhere are the defaults. Lists are texts in UTF-8, separated by commas,
/// as `dft query` takes them.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_group_request {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// What rows are grouped by, such as `func_name,file_dir`: a column of dfanalyzer's tables, `family`, `file_dir`,
    /// `file_ext`, `file_pattern`, `time_bucket`, `size_bin`, or a group key; empty for one group of all rows.
    pub by: dft_text,
    /// The statistics, such as `count,dur_total,size_p50`; empty for `count,dur_total,dur_mean,dur_max,size_total`.
    pub statistics: dft_text,
    /// The columns to sort by, such as `dur_total:desc`; empty for those that rows are grouped by.
    pub sort: dft_text,
    /// The most groups to return, after sorting; 0 for all.
    pub limit: u64,
    /// The kinds of series whose rows are grouped: values of DFT_SERIES_…. NULL with length 0 for calls and aggregated
    /// calls.
    pub kinds: *const u32,
    /// The number of values in `kinds`.
    pub kinds_length: u64,
    /// Which rows; its `size` must be set, and its `group_by` must be empty; NULL for all.
    pub view: *const dft_view,
    /// The number of threads that read rows, limited to 1,024; 0 for the number of cores.
    pub threads: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

growing!(dft_group_request);

/// Groups rows, and opens the groups as a stream of the Arrow C stream interface: what rows are grouped by, then the
/// statistics, with the names of `dft query`. Memory grows with the groups, not with the rows.
///
/// `index`: the index; its handle may be freed before the stream. `request`: how to group; its `size` must be set; NULL
/// for one group of all calls. `stream`: as for dft_table_stream().
///
/// Returns DFT_INVALID_ARGUMENT if a name is unknown, if a statistic needs percentiles that the index does not keep, or
/// if anything in the view is invalid; DFT_TOO_LARGE if a number does not fit in its column; DFT_DAMAGED or DFT_SYSTEM
/// if the index cannot be read. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_group_stream(
    index: *const dft_index,
    request: *const dft_group_request,
    stream: *mut ArrowArrayStream,
) -> dft_status {
    boundary("dft_group_stream", || {
        let request = if request.is_null() { dft_group_request::default() } else { given("request", request)? };
        let asked = asked(request.view)?;
        if !asked.group_by.is_empty() {
            return Err(Failure::argument("request.view.group_by is not empty: name the columns in request.by"));
        }
        let grouping = grouping(&request)?;
        let groups =
            TableReader::of(source(index)?, asked, |view| Ok(Box::new(view.group(&grouping)?.into_batches())))?;
        groups.export(stream)
    })
}

fn grouping(request: &dft_group_request) -> Result<Grouping, Failure> {
    let by = request.by.utf8("request.by")?;
    let statistics = request.statistics.utf8("request.statistics")?;
    let sort = request.sort.utf8("request.sort")?;
    let limit = (request.limit > 0).then(|| usize::try_from(request.limit).unwrap_or(usize::MAX));
    let mut grouping = Grouping::parse(by, statistics, sort, limit)?;
    let kinds = list("request.kinds", request.kinds, request.kinds_length)?;
    if !kinds.is_empty() {
        let asked = kinds.iter().map(|&number| kind(number)).collect::<Result<Vec<SeriesKind>, _>>()?;
        grouping.kinds = SeriesKind::ALL.into_iter().filter(|kind| asked.contains(kind)).collect();
    }
    grouping.threads = crate::build::threads(request.threads);
    Ok(grouping)
}
