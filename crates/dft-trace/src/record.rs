//! A record of a trace, borrowed from the text that it was read from.

use std::borrow::Cow;

use crate::number::{self, Integer};
use dft_codec::TimeUnit;

/// The kind of a record (`ph`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "each reader of records must decide what a phase counts as")]
pub enum Phase {
    /// A call with a start and a duration: `"X"` or 1.
    Complete,
    /// A counter written as the letter `"C"` (generation 2): telemetry, or statistics of a period
    /// that ended at `ts`, depending on the fields.
    CounterOrAggregated,
    /// A counter written as 2 (generation 3): always telemetry.
    Counter,
    /// Statistics of a period that started at `ts`: `"A"` or 3.
    Aggregated,
    /// Metadata: `"M"` or 4.
    Metadata,
    /// Anything else, or none.
    #[default]
    Unknown,
}

impl Phase {
    #[inline(always)]
    pub(crate) fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Text(text) => match *text {
                b"X" => Self::Complete,
                b"C" => Self::CounterOrAggregated,
                b"A" => Self::Aggregated,
                b"M" => Self::Metadata,
                _ => Self::Unknown,
            },
            Value::Integer(_) | Value::Number(_) => match value.integer() {
                Integer::Some(1) => Self::Complete,
                Integer::Some(2) => Self::Counter,
                Integer::Some(3) => Self::Aggregated,
                Integer::Some(4) => Self::Metadata,
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }
}

/// A JSON value, parsed as far as a record needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "JSON has no other values")]
pub enum Value<'a> {
    /// `null`, or a missing field.
    #[default]
    Null,
    /// `true` or `false`: neither a number nor text.
    Bool(bool),
    /// A 64-bit integer that was written in its shortest form, so that its text is known.
    Integer(i64),
    /// Any other number, as its text. A text beyond the range of doubles is a non-finite number.
    Number(&'a [u8]),
    /// A string, unescaped. It may contain invalid UTF-8 if the trace does.
    Text(&'a [u8]),
    /// An array or an object, as its text. Its contents are not parsed.
    Nested(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Creates the value of a JSON number.
    #[inline]
    pub(crate) fn number(text: &'a [u8]) -> Self {
        match number::decimal(text) {
            Integer::Some(value) if text != b"-0" => Self::Integer(value),
            _ => Self::Number(text),
        }
    }

    /// Returns the value as an integer: a JSON integer, an integral float, or decimal text, which
    /// generation 0 wrote.
    #[inline]
    pub fn integer(&self) -> Integer {
        match self {
            Value::Integer(value) => Integer::Some(*value),
            Value::Number(text) => number::integer_of_number(text),
            Value::Text(text) => number::decimal(text.trim_ascii()),
            _ => Integer::None,
        }
    }

    /// Whether this is a JSON number (a number in a string is not).
    #[inline]
    pub fn is_number(&self) -> bool {
        matches!(self, Value::Integer(_) | Value::Number(_))
    }

    /// Whether this is a non-finite number: a word for one, or a text beyond the range of doubles.
    #[inline]
    pub fn is_not_finite(&self) -> bool {
        matches!(self, Value::Number(text) if !number::float_of_number(text).is_finite())
    }

    /// Returns the double nearest to a JSON number; `None` if this is not a number.
    #[inline]
    pub fn float(&self) -> Option<f64> {
        match self {
            // Rounds to nearest, as parsing the text would.
            Value::Integer(value) => Some(*value as f64),
            Value::Number(text) => Some(number::float_of_number(text)),
            _ => None,
        }
    }

    /// Returns the double nearest to a JSON number, and how many decimals its shortest decimal form has, at most 14, if the
    /// trace tells; `None` if this is not a number.
    #[inline]
    pub fn float_and_decimals(&self) -> Option<(f64, Option<u8>)> {
        match self {
            Value::Integer(value) => Some((*value as f64, (value.unsigned_abs() < 10_u64.pow(15)).then_some(0))),
            Value::Number(text) => Some(number::float_and_decimals(text)),
            _ => None,
        }
    }

    /// Returns the value of a JSON number without fraction and exponent, if it fits 64 bits; a wider one
    /// is a float.
    #[inline]
    pub fn integer_literal(&self) -> Option<i64> {
        match self {
            Value::Integer(value) => Some(*value),
            Value::Number(text) => match number::decimal(text) {
                Integer::Some(value) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns a name or a hash as the text in the trace: the contents of a string, the digits of a
    /// number, and nothing for any other value.
    #[inline]
    pub fn text(&self) -> Cow<'a, [u8]> {
        match self {
            Value::Text(text) | Value::Number(text) => Cow::Borrowed(text),
            Value::Integer(value) => Cow::Owned(value.to_string().into_bytes()),
            _ => Cow::Borrowed(b""),
        }
    }

    /// Whether [`Value::text`] is not empty.
    #[inline]
    pub fn has_text(&self) -> bool {
        match self {
            Value::Text(text) => !text.is_empty(),
            Value::Integer(_) | Value::Number(_) => true,
            _ => false,
        }
    }
}

macro_rules! arg_keys {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// The args that have a meaning in the aggregation; every other one is `Other`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "each variant is the arg of that name")]
        pub enum ArgKey { $($variant,)* Other }

        impl ArgKey {
            /// Returns the key for a name.
            #[inline]
            pub fn of(name: &[u8]) -> Self {
                match name {
                    $($name => Self::$variant,)*
                    _ => Self::Other,
                }
            }
        }
    };
}

arg_keys! {
    Hhash = b"hhash", Fhash = b"fhash", Hostname = b"hostname", Fname = b"fname",
    Ret = b"ret", RetSum = b"ret_sum", RetMin = b"ret_min", RetMax = b"ret_max",
    Offset = b"offset", OffsetSum = b"offset_sum", OffsetMin = b"offset_min", OffsetMax = b"offset_max",
    Dur = b"dur", DurSum = b"dur_sum", DurMin = b"dur_min", DurMax = b"dur_max",
    Size = b"size", SizeSum = b"size_sum", SizeMin = b"size_min", SizeMax = b"size_max",
    DftCnt = b"dft_cnt", Count = b"count", Name = b"name", Value = b"value",
}

/// One entry of a record's `args`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg<'a> {
    /// Its key.
    pub key: ArgKey,
    /// Its name in the trace, unescaped.
    pub name: &'a [u8],
    /// Its value.
    pub value: Value<'a>,
}

/// The layout that a line was read by. Records of one layout have the same args at the same places, and the
/// value at a place is a number in all of them or in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutId {
    /// The number of the parser, which is unique.
    pub parser: u64,
    /// The number of the layout within the parser: less than a few thousand.
    pub number: u32,
}

impl LayoutId {
    /// Returns a layout for records that were not read but constructed. The caller must ensure that all with
    /// the same number, less than a few thousand, have args of the same names and kinds at the same places.
    pub const fn made(number: u32) -> Self {
        // Numbers of parsers count up from 0 and never reach this one.
        Self { parser: u64::MAX, number }
    }
}

/// The most args of a record, and the most other fields, including repeated ones. A record with more is
/// malformed. This bounds the memory for one record.
pub const MAX_FIELDS: usize = 4096;

/// One record. A missing field is [`Value::Null`]; if a field is repeated, the last one counts.
#[derive(Clone, Debug, Default)]
pub struct Record<'a> {
    /// The layout of the line, if it was read by one.
    pub layout: Option<LayoutId>,
    /// The phase that `ph` gives.
    pub phase: Phase,
    /// `ph`, as in the trace.
    pub ph: Value<'a>,
    /// `name`: the function, the counter, or the kind of metadata.
    pub name: Value<'a>,
    /// `cat`: the category, spelled as in the trace.
    pub cat: Value<'a>,
    /// `pid`.
    pub pid: Value<'a>,
    /// `tid`.
    pub tid: Value<'a>,
    /// `ts`, in the trace's unit.
    pub ts: Value<'a>,
    /// `dur`, in the trace's unit.
    pub dur: Value<'a>,
    /// `args`, in order, each name once.
    pub args: Vec<Arg<'a>>,
}

/// Records are equal if they have the same contents, however they were read.
impl PartialEq for Record<'_> {
    fn eq(&self, other: &Self) -> bool {
        let fields = |record: &Self| [record.name, record.cat, record.pid, record.tid, record.ts, record.dur];
        self.phase == other.phase && fields(self) == fields(other) && self.args == other.args
    }
}

impl<'a> Record<'a> {
    /// Clears the record, but keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.layout = None;
        self.phase = Phase::Unknown;
        self.ph = Value::Null;
        self.name = Value::Null;
        self.cat = Value::Null;
        self.pid = Value::Null;
        self.tid = Value::Null;
        self.ts = Value::Null;
        self.dur = Value::Null;
        self.args.clear();
    }

    /// Returns the value of an arg; [`Value::Null`] if the record has none with that key.
    pub fn arg(&self, key: ArgKey) -> &Value<'a> {
        self.args.iter().find(|arg| arg.key == key).map_or(&Value::Null, |arg| &arg.value)
    }

    /// Returns the time unit that this record declares for the ones after it, if it is a `CM` record
    /// that does so.
    pub fn time_unit(&self) -> Option<TimeUnit> {
        let declares = self.phase == Phase::Metadata
            && matches!(self.name, Value::Text(b"CM"))
            && matches!(self.arg(ArgKey::Name), Value::Text(b"time_metric"));
        declares.then(|| TimeUnit::from_name(&self.arg(ArgKey::Value).text()))
    }

    /// Whether this is the `start` record of a tracer with a version, so that the letter-`C` counters after
    /// it give the starts of their periods.
    #[inline]
    pub(crate) fn declares_counter_starts(&self) -> bool {
        matches!(self.name, Value::Text(b"start"))
            && matches!(self.cat, Value::Text(cat) if cat.eq_ignore_ascii_case(b"dftracer"))
            && self.args.iter().any(|arg| arg.name == b"version")
    }

    /// Removes all but the last of the args that share a name, as JSON readers do.
    pub(crate) fn keep_last_of_repeated_args(&mut self) {
        const FEW: usize = 16;
        let args = &mut self.args;
        if args.len() <= FEW {
            let mut at = 0;
            while at < args.len() {
                let repeated = args[at + 1..].iter().any(|later| later.name == args[at].name);
                if repeated {
                    args.remove(at);
                } else {
                    at += 1;
                }
            }
            return;
        }
        let mut last = std::collections::HashMap::with_capacity(args.len());
        for (at, arg) in args.iter().enumerate() {
            last.insert(arg.name, at);
        }
        if last.len() < args.len() {
            let mut at = 0;
            args.retain(|arg| {
                let keep = last[arg.name] == at;
                at += 1;
                keep
            });
        }
    }
}
