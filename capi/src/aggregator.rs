//! Live aggregation: records are added one by one, without a trace.

use ::dft_index::{LinesAdded, LiveAggregator};
use dft_trace::{Arg, ArgKey, LayoutId, Phase, Record, Value};

use crate::arguments::{check_place, dft_text, give, given, growing, list, out};
use crate::boundary::boundary;
use crate::config::{config, dft_config};
use crate::handles::{self, Object};
use crate::index::{Opened, dft_index};
use crate::status::{Failure, dft_status};

/// Aggregates records that a program passes to it. It allows one thread at a time: use one aggregator for each thread,
/// then merge them. Created by dft_aggregator_new(), freed by dft_aggregator_free().
#[derive(Debug)]
pub struct dft_aggregator {
    _private: [u8; 0],
}

pub(crate) struct Aggregator {
    live: LiveAggregator,
    /// An empty list whose memory is reused for the args of the next record.
    args: Vec<Arg<'static>>,
    /// The texts of the current record's args of kind `DFT_ARG_REAL`.
    numbers: Vec<String>,
}

impl Object for Aggregator {
    const KIND: u8 = 1;
    const NAME: &'static str = "dft_aggregator";
    const SHARED: bool = false;
}

/// Phase: a call, with a start and a duration.
pub const DFT_PHASE_COMPLETE: u32 = 1;
/// Phase: a counter. Its args are readings.
pub const DFT_PHASE_COUNTER: u32 = 2;
/// Phase: an aggregated call, over a period that starts at `ts_us`.
pub const DFT_PHASE_AGGREGATED: u32 = 3;
/// Phase: metadata that names a hash. `name` is FH, HH or SH; the args are `name` and `value`.
pub const DFT_PHASE_METADATA: u32 = 4;

/// `dft_record.dur_us` is present.
pub const DFT_HAS_DURATION: u32 = 1;
/// `dft_record.ret` is present.
pub const DFT_HAS_RET: u32 = 2;
/// `dft_record.offset` is present.
pub const DFT_HAS_OFFSET: u32 = 4;

/// `dft_arg.integer` is the value.
pub const DFT_ARG_INTEGER: u32 = 0;
/// `dft_arg.real` is the value.
pub const DFT_ARG_REAL: u32 = 1;
/// `dft_arg.text` is the value.
pub const DFT_ARG_TEXT: u32 = 2;

/// An additional arg of a record.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_arg {
    /// The name.
    pub name: dft_text,
    /// The value, for DFT_ARG_TEXT.
    pub text: dft_text,
    /// The value, for DFT_ARG_INTEGER.
    pub integer: i64,
    /// The value, for DFT_ARG_REAL.
    pub real: f64,
    /// One of DFT_ARG_…
    pub kind: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

/// A record. An empty text means that the field is absent.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_record {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// One of DFT_PHASE_…
    pub phase: u32,
    /// Which of `dur_us`, `ret` and `offset` are present: a sum of DFT_HAS_…
    pub present: u32,
    /// The function, the counter, or the kind of metadata.
    pub name: dft_text,
    /// The category.
    pub category: dft_text,
    /// The host hash.
    pub host_hash: dft_text,
    /// The file hash.
    pub file_hash: dft_text,
    /// The process id.
    pub pid: i64,
    /// The thread id.
    pub tid: i64,
    /// The start, in µs; not negative.
    pub ts_us: i64,
    /// The duration, in µs; not negative.
    pub dur_us: i64,
    /// The return value. Of a data transfer: bytes, or a negative number if it failed.
    pub ret: i64,
    /// The offset in the file, in bytes.
    pub offset: i64,
    /// Additional args. May be NULL if there are none.
    pub args: *const dft_arg,
    /// The number of additional args.
    pub args_length: u64,
}

growing!(dft_record);

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

/// Clears a list and returns its memory as a list of another lifetime.
fn reuse<'a, 'b>(mut args: Vec<Arg<'a>>) -> Vec<Arg<'b>> {
    args.clear();
    // The list is empty, so the closure never runs. Collecting items of the same layout reuses the memory.
    args.into_iter().map(|_| unreachable!("the list is empty")).collect()
}

impl Aggregator {
    #[inline]
    fn add(&mut self, given: &dft_record) -> Result<(), Failure> {
        let text = |text: dft_text, name: &str| -> Result<Value<'_>, Failure> {
            match text.bytes(name)? {
                [] => Ok(Value::Null),
                bytes => Ok(Value::Text(bytes)),
            }
        };
        let more = list::<dft_arg>("record.args", given.args, given.args_length)?;
        if !more.is_empty() {
            self.numbers.clear();
            self.numbers.extend(more.iter().filter(|arg| arg.kind == DFT_ARG_REAL).map(|arg| number(arg.real)));
        }
        let mut numbers = self.numbers.iter();
        let mut args: Vec<Arg<'_>> = reuse(std::mem::take(&mut self.args));
        // The fields that become args. Which of them are present is the layout of a record without additional args.
        let mut layout = 0;
        let fields: [(ArgKey, &'static [u8], Value<'_>); 4] = [
            (ArgKey::Hhash, b"hhash", text(given.host_hash, "record.host_hash")?),
            (ArgKey::Fhash, b"fhash", text(given.file_hash, "record.file_hash")?),
            (ArgKey::Ret, b"ret", present(given, DFT_HAS_RET, given.ret)),
            (ArgKey::Offset, b"offset", present(given, DFT_HAS_OFFSET, given.offset)),
        ];
        for (bit, (key, name, value)) in fields.into_iter().enumerate() {
            if value != Value::Null {
                layout |= 1 << bit;
                args.push(Arg { key, name, value });
            }
        }
        for arg in more {
            let name = arg.name.bytes("arg.name")?;
            let value = match arg.kind {
                DFT_ARG_INTEGER => Value::Integer(arg.integer),
                DFT_ARG_REAL => numbers.next().map_or(Value::Null, |text| Value::Number(text.as_bytes())),
                DFT_ARG_TEXT => Value::Text(arg.text.bytes("arg.text")?),
                other => return Err(Failure::argument(format!("arg.kind is {other}, not one of DFT_ARG_…"))),
            };
            args.push(Arg { key: ArgKey::of(name), name, value });
        }
        let record = Record {
            phase: match given.phase {
                DFT_PHASE_COMPLETE => Phase::Complete,
                DFT_PHASE_COUNTER => Phase::Counter,
                DFT_PHASE_AGGREGATED => Phase::Aggregated,
                DFT_PHASE_METADATA => Phase::Metadata,
                other => return Err(Failure::argument(format!("record.phase is {other}, not one of DFT_PHASE_…"))),
            },
            name: text(given.name, "record.name")?,
            cat: text(given.category, "record.category")?,
            pid: Value::Integer(given.pid),
            tid: Value::Integer(given.tid),
            ts: Value::Integer(given.ts_us),
            dur: present(given, DFT_HAS_DURATION, given.dur_us),
            args,
            ph: Value::Null,
            layout: more.is_empty().then_some(LayoutId::made(layout)),
        };
        let added = self.live.record(&record);
        self.args = reuse(record.args);
        Ok(added?)
    }
}

/// Returns a number of a record if it is present.
#[inline]
fn present(record: &dft_record, which: u32, value: i64) -> Value<'static> {
    if record.present & which != 0 { Value::Integer(value) } else { Value::Null }
}

/// Returns the shortest text that parses to the number; for NaN and infinities, a text that parses to infinity.
fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:?}") } else { "1e999".to_owned() }
}

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
        *place = handles::put(Aggregator { live, args: Vec::new(), numbers: Vec::new() })?;
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
        handles::with_mut(aggregator, |aggregator: &mut Aggregator| aggregator.add(&record))
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
