//! Records of a caller.

use dft_trace::{Arg, ArgKey, LayoutId, Phase, Record, Value};

use crate::arguments::{dft_text, growing, list};
use crate::status::Failure;

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

/// Clears a list and returns its memory as a list of another lifetime.
fn reuse<'a, 'b>(mut args: Vec<Arg<'a>>) -> Vec<Arg<'b>> {
    args.clear();
    // The list is empty, so the closure never runs. Collecting items of the same layout reuses the memory.
    args.into_iter().map(|_| unreachable!("the list is empty")).collect()
}

/// Reads records of a caller, and reuses the memory that this takes.
#[derive(Default)]
pub(crate) struct RecordReader {
    /// An empty list whose memory is reused for the args of the next record.
    args: Vec<Arg<'static>>,
    /// The texts of the current record's args of kind `DFT_ARG_REAL`.
    numbers: Vec<String>,
}

impl RecordReader {
    /// Calls a function with a record.
    #[inline]
    pub(crate) fn read(
        &mut self,
        given: &dft_record,
        run: impl FnOnce(&Record<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
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
        let result = run(&record);
        self.args = reuse(record.args);
        result
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
