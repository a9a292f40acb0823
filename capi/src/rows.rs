//! Cursors over rows.

use std::ffi::c_void;
use std::ops::Range;
use std::sync::Arc;

use dft_codec::{RowKey, RowParts, RowValue, SeriesId, SeriesIdentity};
use dft_store::{RowQuery, RowScan};
use self_cell::self_cell;

use crate::arguments::{TextList, check_place, dft_text, give, given, growing, out};
use crate::boundary::boundary;
use crate::callback::Callback;
use crate::handles::{self, Object};
use crate::index::{Source, dft_index, kind, source};
use crate::stats::dft_int_stats;
use crate::status::{DFT_DAMAGED, Failure, dft_status};

/// A cursor over rows in key order: by series, then by time. It allows one thread at a time. Created by
/// dft_rows_open(), freed by dft_rows_free().
#[derive(Debug)]
pub struct dft_rows {
    _private: [u8; 0],
}

self_cell! {
    /// A cursor over rows, with the index that it reads.
    struct OwnedRows {
        owner: Arc<Source>,
        #[not_covariant]
        dependent: RowScan,
    }
}

struct Rows {
    scan: OwnedRows,
    /// The current row. The caller has pointers to it until the next step.
    key: [u8; RowKey::LENGTH],
    value: Vec<u8>,
    row: RowValue,
    series: Option<RowSeries>,
}

/// The series of the current row.
struct RowSeries {
    id: SeriesId,
    identity: SeriesIdentity,
    group_values: TextList,
}

impl Object for Rows {
    const KIND: u8 = 3;
    const NAME: &'static str = "dft_rows";
    const SHARED: bool = false;
}

/// Which rows a cursor returns. Set `size` and zero the rest for all calls.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_row_query {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// One of DFT_SERIES_…
    pub kind: u32,
    /// The shard of the rows to return, from 0 to `shards` - 1.
    pub shard: u32,
    /// The number of shards, at most 65,536; 0 or 1 for all rows. Shards are disjoint and together are all rows.
    pub shards: u32,
    /// 1 if `start_us` and `end_us` apply, 0 if not.
    pub has_time: u32,
    /// Only buckets that start at or after this time, in µs.
    pub start_us: u64,
    /// Only buckets that start before this time, in µs.
    pub end_us: u64,
}

growing!(dft_row_query);

/// The value of a row, without custom metrics. This struct does not grow, because other structs contain it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_row_value {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The number of calls; UINT64_MAX if there are more.
    pub count: u64,
    /// The earliest `ts`, in µs.
    pub ts_us: i64,
    /// The latest end of a call, in µs; of other series kinds, the latest `ts`.
    pub te_us: i64,
    /// Statistics of the durations, in µs.
    pub duration: dft_int_stats,
    /// Statistics of the sizes transferred, in bytes.
    pub bytes: dft_int_stats,
    /// Statistics of the file offsets, in bytes.
    pub offset: dft_int_stats,
}

growing!(dft_row_value);

impl dft_row_value {
    pub(crate) fn of(row: &RowValue) -> Self {
        let core = &row.core;
        Self {
            size: size_of::<Self>() as u64,
            count: u64::try_from(core.count).unwrap_or(u64::MAX),
            ts_us: core.ts,
            te_us: core.te,
            duration: dft_int_stats::of(&core.duration),
            bytes: dft_int_stats::of(&core.size),
            offset: dft_int_stats::of(&core.offset),
        }
    }
}

/// A row: its series, bucket and value. Its texts are valid until the next step of the cursor or until it is freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_row {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The key, 32 bytes: the series id and the bucket.
    pub key: dft_text,
    /// The encoded value, for dft_value_decode().
    pub value: dft_text,
    /// The start of the bucket, in µs.
    pub bucket_us: u64,
    /// The category, in lower case.
    pub category: dft_text,
    /// The function.
    pub name: dft_text,
    /// The host hash.
    pub host_hash: dft_text,
    /// The file hash; empty if rows are not separated by file.
    pub file_hash: dft_text,
    /// The process id.
    pub pid: i64,
    /// The thread id.
    pub tid: i64,
    /// The decoded value, without custom metrics and sketches: dft_value_decode() reads all.
    pub decoded: dft_row_value,
    /// The values of the group keys of the index, in the order of its configuration; empty texts for absent values.
    pub group_values: *const dft_text,
    /// The number of texts in `group_values`.
    pub group_values_length: u64,
}

growing!(dft_row);

/// Opens a cursor over rows. It starts before the first row.
///
/// `index`: the index; its handle may be freed before the cursor. `query`: which rows; its `size` must be set; NULL for
/// all calls. `rows`: receives the cursor, which dft_rows_free() frees; not NULL. Returns DFT_INVALID_ARGUMENT if the
/// series kind or the shard does not exist, DFT_SYSTEM or DFT_DAMAGED if the index cannot be read, and DFT_TOO_LARGE if
/// 65,536 handles are open. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_rows_open(
    index: *const dft_index,
    query: *const dft_row_query,
    rows: *mut *mut dft_rows,
) -> dft_status {
    boundary("dft_rows_open", || {
        let place = out("rows", rows)?;
        *place = handles::put(open(index, query)?)?;
        Ok(())
    })
}

fn open(index: *const dft_index, query: *const dft_row_query) -> Result<Rows, Failure> {
    let asked = if query.is_null() { dft_row_query::default() } else { given("query", query)? };
    let source = source(index)?;
    let kind = kind(asked.kind)?;
    let mut wanted = RowQuery { time: time(asked.has_time, asked.start_us, asked.end_us), ..RowQuery::kind(kind) };
    if asked.shards > 1 {
        let mut shards = source.shards(kind, asked.shards as usize);
        if asked.shard as usize >= shards.len() {
            let (shard, all) = (asked.shard, shards.len());
            return Err(Failure::argument(format!("there is no shard {shard} of {all}: shards are counted from 0")));
        }
        wanted.series = shards.swap_remove(asked.shard as usize);
    }
    let scan = OwnedRows::try_new(source, |source| source.rows(wanted))?;
    Ok(Rows { scan, key: [0; RowKey::LENGTH], value: Vec::new(), row: RowValue::empty(), series: None })
}

/// Receives a row, valid during the callback. A result other than 0 ends the scan.
pub type dft_visit_row = Option<unsafe extern "C" fn(context: *mut c_void, row: *const dft_row) -> i32>;

/// Scans rows in key order: the same as a cursor, as one call.
///
/// `query`: as for dft_rows_open(). `visit`: receives each row on the caller's thread; not NULL. `context`: passed to
/// it; may be NULL. `visited`: receives the number of rows that were visited, including the one that ended the scan;
/// may be NULL. Statuses: as for dft_rows_open() and dft_rows_next(). Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_rows_scan(
    index: *const dft_index,
    query: *const dft_row_query,
    visit: dft_visit_row,
    context: *mut c_void,
    visited: *mut u64,
) -> dft_status {
    boundary("dft_rows_scan", || {
        let visit = Callback::required("visit", visit, context)?;
        let mut rows = open(index, query)?;
        let number = scan(&visit, || rows.step())?;
        if visited.is_null() {
            return Ok(());
        }
        *out("visited", visited)? = number;
        Ok(())
    })
}

/// Passes items to a callback until either has no more. Returns the number of items that were passed.
pub(crate) fn scan<T>(
    visit: &Callback<T>,
    mut step: impl FnMut() -> Result<Option<T>, Failure>,
) -> Result<u64, Failure> {
    let mut number = 0;
    while let Some(item) = step()? {
        number += 1;
        if !visit.pass(&item) {
            break;
        }
    }
    Ok(number)
}

/// The time range of a query.
pub(crate) fn time(has_time: u32, from: u64, to: u64) -> Option<Range<u64>> {
    (has_time != 0).then_some(from..to)
}

impl Rows {
    fn step(&mut self) -> Result<Option<dft_row>, Failure> {
        let value = &mut self.value;
        let Some(key) = self.scan.with_dependent_mut(|_, rows| {
            let next = rows.next()?;
            Ok::<_, Failure>(next.map(|(key, bytes)| {
                value.clear();
                value.extend_from_slice(bytes);
                key
            }))
        })?
        else {
            return Ok(None);
        };
        self.key = key.encode();
        let index = self.scan.borrow_owner();
        self.row.read(&self.value, key.bucket, RowParts::Core).map_err(|error| index.bad_row(&key, error))?;
        if self.series.as_ref().is_none_or(|series| series.id != key.series) {
            let mut series = index.series(key.series..key.series.next())?;
            series.advance(key.series)?;
            let identity = series.identity().cloned().ok_or_else(|| index.unknown_series(key.series))?;
            let group_values = TextList::of(identity.extra.clone());
            self.series = Some(RowSeries { id: key.series, identity, group_values });
        }
        let Some(RowSeries { identity, group_values, .. }) = &self.series else {
            return Err(Failure::new(DFT_DAMAGED, "a row has no series"));
        };
        Ok(Some(dft_row {
            size: size_of::<dft_row>() as u64,
            key: dft_text::of_bytes(&self.key),
            value: dft_text::of_bytes(&self.value),
            bucket_us: key.bucket,
            category: dft_text::of(&identity.category),
            name: dft_text::of(&identity.name),
            host_hash: dft_text::of(&identity.host_hash),
            file_hash: dft_text::of(&identity.file_hash),
            pid: identity.pid,
            tid: identity.tid,
            decoded: dft_row_value::of(&self.row),
            group_values: group_values.as_ptr(),
            group_values_length: group_values.length(),
        }))
    }
}

/// Steps to the next row.
///
/// `row`: receives the row, unless there is none; its `size` must be set; not NULL. `has_row`: receives 1, or 0 at the
/// end; not NULL. Returns DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. One thread at a time for each cursor.
#[unsafe(no_mangle)]
pub extern "C" fn dft_rows_next(rows: *mut dft_rows, row: *mut dft_row, has_row: *mut u32) -> dft_status {
    boundary("dft_rows_next", || {
        let has_row = out("has_row", has_row)?;
        check_place("row", out("row", row)?)?;
        handles::with_mut(rows, |rows: &mut Rows| {
            let next = rows.step()?;
            *has_row = next.is_some().into();
            next.map_or(Ok(()), |next| give("row", row, &next))
        })
    })
}

/// Frees a cursor. NULL does nothing. Returns DFT_BUSY if it is in use, and DFT_INVALID_HANDLE if it was freed before.
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_rows_free(rows: *mut dft_rows) -> dft_status {
    boundary("dft_rows_free", || handles::free::<Rows, _>(rows))
}
