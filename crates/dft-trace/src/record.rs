//! One record of a trace, borrowed from the text it was read from.

use std::borrow::Cow;

use crate::number::{self, Integer};
use dft_codec::TimeUnit;

/// What kind of record a line holds (`ph`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// A call with a start and a duration: `"X"` or 1.
    Complete,
    /// A counter written as the letter `"C"` (generation 2): telemetry, or statistics of a period
    /// that ended at `ts`; the fields tell which.
    LetterCounter,
    /// A counter written as 2 (generation 3): always telemetry.
    Counter,
    /// Statistics of a period that began at `ts`: `"A"` or 3.
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
                b"C" => Self::LetterCounter,
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

/// A JSON value, as far as a record needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`, or no such field.
    #[default]
    Null,
    /// `true` or `false`: no number and no text.
    Bool(bool),
    /// An integer of 64 bits in its shortest form, which therefore says what its text was.
    Integer(i64),
    /// Any other number, as its text; a text past the doubles stands for what is not finite.
    Number(&'a [u8]),
    /// A string, unescaped. It may hold invalid UTF-8 where the trace does.
    Text(&'a [u8]),
    /// An array or an object, as its text: its contents are not looked at.
    Nested(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The value of a JSON number.
    #[inline]
    pub(crate) fn number(text: &'a [u8]) -> Self {
        match number::decimal(text) {
            Integer::Some(value) if text != b"-0" => Self::Integer(value),
            _ => Self::Number(text),
        }
    }

    /// The value as an integer: a JSON integer, an integral float, or the decimal text that
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

    /// Whether this stands for a number that is not finite: a word for one, or a text past the doubles.
    #[inline]
    pub fn is_not_finite(&self) -> bool {
        matches!(self, Value::Number(text) if !number::float_of_number(text).is_finite())
    }

    /// The double nearest to a JSON number; `None` if this is none.
    #[inline]
    pub fn float(&self) -> Option<f64> {
        match self {
            // Rounded to nearest, as the text would be.
            Value::Integer(value) => Some(*value as f64),
            Value::Number(text) => Some(number::float_of_number(text)),
            _ => None,
        }
    }

    /// The value of a JSON number without fraction or exponent that 64 bits hold; a wider one is a
    /// float.
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

    /// A name or a hash as the text the trace has: a string's contents, a number's digits, and
    /// nothing for anything else.
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
        /// The args that the aggregation gives a meaning; every other one is `Other`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each variant is the arg of that name")]
        pub enum ArgKey { $($variant,)* Other }

        impl ArgKey {
            /// Which arg this name is.
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
    /// Which arg it is.
    pub key: ArgKey,
    /// Its name as the trace has it, unescaped.
    pub name: &'a [u8],
    /// Its value.
    pub value: Value<'a>,
}

/// Which layout a line was read by. Records of one layout have the same args at the same places, and the
/// value at a place is a number in all of them or in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutId {
    /// Whose layout it is: no two parsers have one number.
    pub parser: u64,
    /// The number of the layout among those of the parser: less than a few thousand.
    pub number: u32,
}

impl LayoutId {
    /// A layout of records that are made by hand, not read. Whoever makes them vouches that those of one
    /// number, less than a few thousand, have args of the same names and kinds at the same places.
    pub const fn made(number: u32) -> Self {
        // No parser comes to have this number.
        Self { parser: u64::MAX, number }
    }
}

/// The most args of a record, and the most fields beside them, repeated ones included: a record of more is
/// malformed. It bounds what one record may cost.
pub const MAX_FIELDS: usize = 4096;

/// One record. A field that the line lacks is [`Value::Null`]; of a repeated field the last counts.
#[derive(Clone, Debug, Default)]
pub struct Record<'a> {
    /// The layout of the line, if it was read by one.
    pub layout: Option<LayoutId>,
    /// What `ph` means.
    pub phase: Phase,
    /// `ph`, as the trace has it.
    pub ph: Value<'a>,
    /// `name`: the function, the counter, or the kind of metadata.
    pub name: Value<'a>,
    /// `cat`: the category, in the trace's own spelling.
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

/// Records are equal if they say the same, however they were read.
impl PartialEq for Record<'_> {
    fn eq(&self, other: &Self) -> bool {
        let fields = |record: &Self| [record.name, record.cat, record.pid, record.tid, record.ts, record.dur];
        self.phase == other.phase && fields(self) == fields(other) && self.args == other.args
    }
}

impl<'a> Record<'a> {
    /// Makes the record empty again, keeping its memory.
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

    /// The value of an arg; [`Value::Null`] if the record has none of that key.
    pub fn arg(&self, key: ArgKey) -> &Value<'a> {
        self.args.iter().find(|arg| arg.key == key).map_or(&Value::Null, |arg| &arg.value)
    }

    /// The time unit that this record declares for the ones after it, if it is a `CM` record that
    /// does so.
    pub fn time_unit(&self) -> Option<TimeUnit> {
        let declares = self.phase == Phase::Metadata
            && matches!(self.name, Value::Text(b"CM"))
            && matches!(self.arg(ArgKey::Name), Value::Text(b"time_metric"));
        declares.then(|| TimeUnit::from_name(&self.arg(ArgKey::Value).text()))
    }

    /// Whether this is the `start` record of a tracer that names its version, so that the letter-`C` counters
    /// after it tell the starts of their periods.
    #[inline]
    pub fn declares_counter_starts(&self) -> bool {
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
