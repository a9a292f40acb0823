//! Live aggregation: records are added one by one, without a trace.

use ::dft_index::{LinesAdded, LiveAggregator};

use crate::arguments::{check_place, dft_text, give, given, growing, out};
use crate::boundary::boundary;
use crate::config::{config, dft_config};
use crate::handles::{self, Object};
use crate::index::{Opened, dft_index};
use crate::record::{RecordReader, dft_record};
use crate::status::dft_status;

/// Aggregates records that a program passes to it. It allows one thread at a time: use one aggregator for each thread,
/// then merge them. Created by dft_aggregator_new(), freed by dft_aggregator_free().
#[derive(Debug)]
pub struct dft_aggregator {
    _private: [u8; 0],
}

pub(crate) struct Aggregator {
    live: LiveAggregator,
    reader: RecordReader,
}

impl Object for Aggregator {
    const KIND: u8 = 1;
    const NAME: &'static str = "dft_aggregator";
    const SHARED: bool = false;
}

/// The result of adding lines.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_lines_added {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// Lines that are records.
    pub records: u64,
    /// Malformed lines. They are counted, but are in no row.
    pub malformed: u64,
    /// The line number of the first malformed line, from 1; 0 if there is none.
    pub first_malformed: u64,
    /// Skipped records: those of unknown phase, which are in no row.
    pub skipped: u64,
    /// The line number of the first skipped record, from 1; 0 if there is none.
    pub first_skipped: u64,
}

growing!(dft_lines_added);

/// Creates an aggregator.
///
/// `config`: how to aggregate; NULL for the default. `memory`: the memory budget of the table, in bytes, after which it
/// is written to a new directory in `scratch`; 0 for 256 MiB. Tables of merged aggregators stay in memory in addition.
/// `scratch`: an existing directory; empty for the system's directory for temporary files. What the aggregator creates
/// there is removed with it. `aggregator`: receives the handle, which dft_aggregator_free() frees; not NULL.
///
/// Returns DFT_CONFIG if `config` is invalid, DFT_TOO_LARGE if 65,536 handles are open. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_aggregator_new(
    config: *const dft_config,
    memory: u64,
    scratch: dft_text,
    aggregator: *mut *mut dft_aggregator,
) -> dft_status {
    boundary("dft_aggregator_new", || {
        let place = out("aggregator", aggregator)?;
        let config = self::config(config)?;
        let temporary = std::env::temp_dir();
        let scratch = if scratch.length == 0 { &temporary } else { scratch.path("scratch")? };
        let memory = if memory == 0 { 256 << 20 } else { memory };
        let live = LiveAggregator::new(&config, memory, scratch)?;
        *place = handles::put(Aggregator { live, reader: RecordReader::default() })?;
        Ok(())
    })
}

/// Adds a record. The function copies what it needs, so the record need not outlive the call.
///
/// `record`: the record; its `size` must be set; not NULL.
///
/// Returns DFT_MALFORMED if the record is malformed, for example has a negative time. Such a record is counted as
/// malformed and is in no row, and more records can be added. Returns DFT_SYSTEM if the table cannot be written to the
/// scratch directory; the record is not added. One thread at a time for each aggregator.
#[unsafe(no_mangle)]
pub extern "C" fn dft_aggregator_add(aggregator: *mut dft_aggregator, record: *const dft_record) -> dft_status {
    boundary("dft_aggregator_add", || {
        let record = given("record", record)?;
        handles::with_mut(aggregator, |Aggregator { live, reader }: &mut Aggregator| {
            reader.read(&record, |record| Ok(live.record(record)?))
        })
    })
}

/// Adds records as lines of JSON, like those of a trace. Their times are in the unit that a CM record among the lines
/// states; before it, in the unit of the configuration, µs by default.
///
/// `text`: whole lines. `added`: receives the result; its `size` must be set; may be NULL. Malformed lines are counted
/// and are not an error. Returns DFT_SYSTEM if the table cannot be written to the scratch directory; no line is added.
/// One thread at a time for each aggregator.
#[unsafe(no_mangle)]
pub extern "C" fn dft_aggregator_add_lines(
    aggregator: *mut dft_aggregator,
    text: dft_text,
    added: *mut dft_lines_added,
) -> dft_status {
    boundary("dft_aggregator_add_lines", || {
        check_place("added", added)?;
        let text = text.bytes("text")?;
        let LinesAdded { records, malformed, first_malformed, skipped, first_skipped } =
            handles::with_mut(aggregator, |aggregator: &mut Aggregator| Ok(aggregator.live.lines(text)?))?;
        if added.is_null() {
            return Ok(());
        }
        let first_malformed = first_malformed.map_or(0, |first| first.line);
        let first_skipped = first_skipped.map_or(0, |first| first.line);
        give("added", added, &dft_lines_added { size: 0, records, malformed, first_malformed, skipped, first_skipped })
    })
}

/// Moves everything in `from` to `into`. `from` is empty afterwards; it can be used again or freed. The order of
/// several merges does not change a bit of the result.
///
/// `into`, `from`: two different aggregators; the same one gives DFT_BUSY. Returns DFT_CONFIG if their configurations
/// differ. One thread at a time for each of the two.
#[unsafe(no_mangle)]
pub extern "C" fn dft_aggregator_merge(into: *mut dft_aggregator, from: *mut dft_aggregator) -> dft_status {
    boundary("dft_aggregator_merge", || {
        handles::with_mut(into, |into: &mut Aggregator| {
            handles::with_mut(from, |from: &mut Aggregator| Ok(into.live.merge(&mut from.live)?))
        })
    })
}

/// Adds everything that was aggregated to an index, completely or not at all. The aggregator is empty afterwards.
///
/// `index`: the directory, which is created if it does not exist; not empty. `source`: a name for the records, such as
/// a host and a rank, in UTF-8. `threads`: the number of threads, limited to 1,024; 0 for the number of cores.
///
/// Returns DFT_CHANGED if the index already has the source, DFT_INVALID_ARGUMENT if `source` is not UTF-8,
/// DFT_CONFIG if the index has another configuration, DFT_LOCKED if another writer is changing the index (try again
/// later), and DFT_SYSTEM if the index cannot be written. The index and the aggregator are unchanged then. After
/// DFT_COMMITTED, everything is in the index and the aggregator is empty. One thread at a time for each aggregator.
#[unsafe(no_mangle)]
pub extern "C" fn dft_aggregator_publish(
    aggregator: *mut dft_aggregator,
    index: dft_text,
    source: dft_text,
    threads: u32,
) -> dft_status {
    boundary("dft_aggregator_publish", || {
        let (index, source) = (index.path("index")?, source.utf8("source")?);
        handles::with_mut(aggregator, |aggregator: &mut Aggregator| {
            aggregator.live.publish(index, source, crate::build::threads(threads))?;
            Ok(())
        })
    })
}

/// Creates a temporary index of everything that was aggregated, to read tables without publishing. The index is removed
/// with its handle, or with the last cursor or stream of it.
///
/// `aggregator`: is freed, also if the function fails with a status other than DFT_INVALID_ARGUMENT, DFT_INVALID_HANDLE
/// and DFT_BUSY. `threads`: the number of threads, limited to 1,024; 0 for the number of cores. `index`: receives the
/// handle, which dft_index_free() frees; not NULL. Returns DFT_SYSTEM if the index cannot be written. One thread at a
/// time for each aggregator.
#[unsafe(no_mangle)]
pub extern "C" fn dft_aggregator_into_index(
    aggregator: *mut dft_aggregator,
    threads: u32,
    index: *mut *mut dft_index,
) -> dft_status {
    boundary("dft_aggregator_into_index", || {
        let place = out("index", index)?;
        let Aggregator { live, .. } = handles::take(aggregator)?;
        *place = handles::put(Opened::temporary(live.into_index(crate::build::threads(threads))?)?)?;
        Ok(())
    })
}

/// Frees an aggregator and everything in it. `aggregator`: NULL does nothing. Returns DFT_BUSY if it is in use, and
/// DFT_INVALID_HANDLE if it was freed before. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_aggregator_free(aggregator: *mut dft_aggregator) -> dft_status {
    boundary("dft_aggregator_free", || handles::free::<Aggregator, _>(aggregator))
}
