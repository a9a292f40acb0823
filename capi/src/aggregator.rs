//! Live aggregation: records one by one, without a trace.

use ::dft_index::{LinesAdded, LiveAggregator};
use dft_trace::{Arg, ArgKey, LayoutId, Phase, Record, Value};

use crate::arguments::{Growing, check_place, dft_text, give, given, list, out};
use crate::boundary::boundary;
use crate::config::{config, dft_config};
use crate::handles::{self, Object};
use crate::index::{Opened, dft_index};
use crate::status::{Failure, dft_status};

/// Aggregates records that a program has in hand. For one thread at a time; each thread has one of its
/// own, and they are merged. Made by dft_aggregator_new(), freed by dft_aggregator_free().
pub struct dft_aggregator {
    _private: [u8; 0],
}

pub(crate) struct Aggregator {
    live: LiveAggregator,
    /// The memory of a record's args, kept from one to the next.
    args: Vec<Arg<'static>>,
    /// The texts of numbers with a fraction, of the record at hand.
    numbers: Vec<String>,
}

impl Object for Aggregator {
    const KIND: u8 = 1;
    const NAME: &'static str = "dft_aggregator";
    const SHARED: bool = false;
}

/// A complete call, with a start and a duration.
pub const DFT_PHASE_COMPLETE: u32 = 1;
/// A counter: its args are readings.
pub const DFT_PHASE_COUNTER: u32 = 2;
/// Statistics of calls over a period that starts at `ts_us`.
pub const DFT_PHASE_AGGREGATED: u32 = 3;
/// Metadata: what a hash stands for (`name` FH, HH or SH; args `name` and `value`).
pub const DFT_PHASE_METADATA: u32 = 4;

/// `dft_record.dur_us` is there.
pub const DFT_HAS_DURATION: u32 = 1;
/// `dft_record.ret` is there.
pub const DFT_HAS_RET: u32 = 2;
/// `dft_record.offset` is there.
pub const DFT_HAS_OFFSET: u32 = 4;

/// `dft_arg.integer` is the value.
pub const DFT_ARG_INTEGER: u32 = 0;
/// `dft_arg.real` is the value.
pub const DFT_ARG_REAL: u32 = 1;
/// `dft_arg.text` is the value.
pub const DFT_ARG_TEXT: u32 = 2;

/// One more arg of a record.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_arg {
    /// Its name.
    pub name: dft_text,
    /// Its value, for DFT_ARG_TEXT.
    pub text: dft_text,
    /// Its value, for DFT_ARG_INTEGER.
    pub integer: i64,
    /// Its value, for DFT_ARG_REAL.
    pub real: f64,
    /// One of DFT_ARG_…
    pub kind: u32,
    /// Reserved: 0.
    pub reserved: u32,
}

/// A record, field by field. A text that is empty is absent.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_record {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// One of DFT_PHASE_…
    pub phase: u32,
    /// Which of `dur_us`, `ret` and `offset` are there: DFT_HAS_… added up.
    pub present: u32,
    /// The function, the counter, or the kind of metadata.
    pub name: dft_text,
    /// The category.
    pub category: dft_text,
    /// The host's hash.
    pub host_hash: dft_text,
    /// The file's hash.
    pub file_hash: dft_text,
    /// The process.
    pub pid: i64,
    /// The thread.
    pub tid: i64,
    /// When it began, in µs; not negative.
    pub ts_us: i64,
    /// How long it took, in µs; not negative.
    pub dur_us: i64,
    /// What it returned: of a data transfer, bytes, or a negative number where it failed.
    pub ret: i64,
    /// The offset in the file, in bytes.
    pub offset: i64,
    /// What else it has.
    pub args: *const dft_arg,
    /// How many more args there are.
    pub args_length: u64,
}

impl Default for dft_record {
    fn default() -> Self {
        Self {
            size: size_of::<Self>() as u64,
            phase: DFT_PHASE_COMPLETE,
            present: 0,
            name: dft_text::default(),
            category: dft_text::default(),
            host_hash: dft_text::default(),
            file_hash: dft_text::default(),
            pid: 0,
            tid: 0,
            ts_us: 0,
            dur_us: 0,
            ret: 0,
            offset: 0,
            args: std::ptr::null(),
            args_length: 0,
        }
    }
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers and pointers.
unsafe impl Growing for dft_record {}

/// What adding lines came to.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_lines_added {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// Lines that are records.
    pub records: u64,
    /// Lines that are none; they are counted, and nowhere else.
    pub malformed: u64,
    /// The number of the first of those, from 1; 0 where there is none.
    pub first_malformed: u64,
    /// Records of unknown phase, which are in no row.
    pub skipped: u64,
    /// The number of the line of the first of those, from 1; 0 where there is none.
    pub first_skipped: u64,
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers.
unsafe impl Growing for dft_lines_added {}

/// The memory of a list that is empty, for a list of borrows that live shorter or longer.
fn reuse<'a, 'b>(mut args: Vec<Arg<'a>>) -> Vec<Arg<'b>> {
    args.clear();
    // Nothing is there to be mapped; a list of the same layout is made in place.
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
        // The fields that become args; which of them are there is the record's layout, if it has no more.
        let mut layout = 0;
        let fields: [(ArgKey, &'static [u8], Value<'_>); 4] = [
            (ArgKey::Hhash, b"hhash", text(given.host_hash, "record.hhash")?),
            (ArgKey::Fhash, b"fhash", text(given.file_hash, "record.fhash")?),
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
                other => return Err(Failure::argument(format!("arg.kind is {other}, which is no kind"))),
            };
            args.push(Arg { key: ArgKey::of(name), name, value });
        }
        let record = Record {
            phase: match given.phase {
                DFT_PHASE_COMPLETE => Phase::Complete,
                DFT_PHASE_COUNTER => Phase::Counter,
                DFT_PHASE_AGGREGATED => Phase::Aggregated,
                DFT_PHASE_METADATA => Phase::Metadata,
                other => return Err(Failure::argument(format!("record.phase is {other}, which is no phase"))),
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

/// A number, if it is there.
#[inline]
fn present(record: &dft_record, which: u32, value: i64) -> Value<'static> {
    if record.present & which != 0 { Value::Integer(value) } else { Value::Null }
}

/// The text of a number: the shortest that reads as the same, and one past all numbers where it is none.
fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:?}") } else { "1e999".to_owned() }
}

/// Makes an aggregator.
///
/// `config`: how to aggregate; NULL for the default. `memory`: what its table may take, in bytes, before it
/// is written to a directory of its own beneath `scratch`; 0 for 256 MiB; tables of others that are merged
/// are kept beside it. `scratch`: an existing
/// directory, or empty for the system's one for temporary files; what is made there is removed with the
/// aggregator. `aggregator`: where the handle is put, to be freed by dft_aggregator_free(). Any thread.
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

/// Adds a record. It is copied as far as it is needed: nothing of it has to stay.
///
/// A record that is malformed (a negative time, say) gives DFT_MALFORMED, is counted as that, and is
/// nowhere else; adding goes on. One thread at a time for each aggregator.
#[unsafe(no_mangle)]
pub extern "C" fn dft_aggregator_add(aggregator: *mut dft_aggregator, record: *const dft_record) -> dft_status {
    boundary("dft_aggregator_add", || {
        let record = given("record", record)?;
        handles::with_mut(aggregator, |aggregator: &mut Aggregator| aggregator.add(&record))
    })
}

/// Adds records as lines of JSON, as a trace has them. Their times are in the unit that a CM record among
/// the lines says, µs before it.
///
/// `text`: whole lines. `added`: what they came to; may be NULL. Lines that are malformed are counted,
/// and no error. One thread at a time for each aggregator.
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

/// Moves all that `from` holds to `into`; `from` is empty then, and can go on or be freed. The order in
/// which several are merged does not matter: the result is the same to the bit.
///
/// Both must have one configuration, else DFT_CONFIG. One thread at a time for each of the two.
#[unsafe(no_mangle)]
pub extern "C" fn dft_aggregator_merge(into: *mut dft_aggregator, from: *mut dft_aggregator) -> dft_status {
    boundary("dft_aggregator_merge", || {
        handles::with_mut(into, |into: &mut Aggregator| {
            handles::with_mut(from, |from: &mut Aggregator| Ok(into.live.merge(&mut from.live)?))
        })
    })
}

/// Adds all that was aggregated to an index, at once or not at all. The aggregator is empty then.
///
/// `index`: the directory, which is made if it is not there. `source`: a name for what was aggregated,
/// such as a host and a rank, in UTF-8; the index takes each source once, else DFT_CHANGED. `threads`: 0
/// for as many as the machine has cores. Where it fails the aggregator keeps all that it had, but for
/// DFT_IN_FORCE: then all is in the index. DFT_LOCKED where another process writes it: try again later.
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

/// Makes an index of all that was aggregated, for tables straight from memory; it is removed when its
/// handle is freed. The aggregator is freed, also where this fails, but for DFT_INVALID_ARGUMENT,
/// DFT_INVALID_HANDLE and DFT_BUSY.
///
/// `index`: where the handle is put, to be freed by dft_index_free().
#[unsafe(no_mangle)]
pub extern "C" fn dft_aggregator_into_index(
    aggregator: *mut dft_aggregator,
    threads: u32,
    index: *mut *mut dft_index,
) -> dft_status {
    boundary("dft_aggregator_into_index", || {
        let place = out("index", index)?;
        let Aggregator { live, .. } = handles::take(aggregator)?;
        *place = handles::put(Opened::temporary(live.into_index(crate::build::threads(threads))?))?;
        Ok(())
    })
}

/// Frees an aggregator and all that it holds. NULL is nothing to free.
#[unsafe(no_mangle)]
pub extern "C" fn dft_aggregator_free(aggregator: *mut dft_aggregator) -> dft_status {
    boundary("dft_aggregator_free", || handles::free::<Aggregator, _>(aggregator))
}
