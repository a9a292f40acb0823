//! The value of a row: what one series did in one bucket.

use dft_metrics::{IntStats, Sketch};

use crate::ROW_VERSION;
use crate::bytes::{DecodeError, Reader, put_varint, put_zigzag};
use crate::custom::{Custom, MetricName, put_custom, put_name, take_custom, take_name};
use crate::occupancy::Occupancy;
use crate::stats::{put_int, put_sketch, read_int, take_sketch};

const DURATION: u8 = 1;
const SIZE: u8 = 2;
const OFFSET: u8 = 4;
const CUSTOMS: u8 = 8;
const SKETCHES: u8 = 16;
/// It is known when calls were in progress.
const OCCUPANCY: u8 = 32;
/// There are gaps between them.
const GAPS: u8 = 64;
/// The row has one call, whose duration is the row's span.
const SPAN: u8 = 128;

/// The part of a row that does not depend on its custom metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct RowCore {
    /// The number of calls.
    pub count: u128,
    /// The earliest `ts`, in µs.
    pub ts: i64,
    /// The latest `ts + dur` of calls, or the latest `ts` of other kinds of series, in µs.
    pub te: i64,
    /// Durations, in µs.
    pub duration: IntStats,
    /// Bytes transferred.
    pub size: IntStats,
    /// File offsets, in bytes.
    pub offset: IntStats,
    /// Sketches of durations, sizes and offsets, if percentiles are on.
    pub sketches: Option<Box<[Sketch; 3]>>,
    /// When calls were in progress; `None` if that is not known, because the tracer summed them up or the configuration
    /// turns it off.
    pub occupancy: Option<Occupancy>,
}

impl RowCore {
    /// Returns an empty row: the identity of [`RowCore::merge`].
    pub fn empty() -> Self {
        Self {
            count: 0,
            ts: i64::MAX,
            te: i64::MIN,
            duration: IntStats::default(),
            size: IntStats::default(),
            offset: IntStats::default(),
            sketches: None,
            occupancy: None,
        }
    }

    /// Widens the row's time span.
    #[inline]
    pub fn span(&mut self, ts: i64, te: i64) {
        self.ts = self.ts.min(ts);
        self.te = self.te.max(te);
    }

    /// Adds another row.
    pub fn merge(&mut self, other: &Self) {
        self.merge_occupancy(other);
        self.count += other.count;
        self.span(other.ts, other.te);
        self.duration.merge(&other.duration);
        self.size.merge(&other.size);
        self.offset.merge(&other.offset);
        match (&mut self.sketches, &other.sketches) {
            (Some(mine), Some(theirs)) => {
                mine.iter_mut().zip(theirs.iter()).for_each(|(mine, theirs)| mine.merge(theirs))
            }
            (mine @ None, Some(theirs)) => *mine = Some(theirs.clone()),
            (_, None) => {}
        }
    }

    /// Tells whether the only duration is the row's span.
    #[inline]
    fn duration_is_span(&self) -> bool {
        i64::try_from(self.te.abs_diff(self.ts)).is_ok_and(|span| self.duration.is_one(span))
    }

    /// Reads when calls were in progress.
    fn read_occupancy(&mut self, reader: &mut Reader<'_>, presence: u8) -> Result<(), DecodeError> {
        match presence & (OCCUPANCY | GAPS) {
            0 => self.occupancy = None,
            OCCUPANCY => self.occupancy.get_or_insert_default().become_whole(self.ts, self.te),
            GAPS => return Err(DecodeError::Invalid("a row has gaps between unknown times")),
            _ => self.occupancy.get_or_insert_default().take(reader, (self.ts, self.te), self.count)?,
        }
        Ok(())
    }

    fn merge_occupancy(&mut self, other: &Self) {
        match (&mut self.occupancy, &other.occupancy) {
            (Some(mine), Some(theirs)) => mine.merge(theirs, self.count + other.count),
            // A row without calls adds nothing.
            (Some(_), None) if other.count == 0 => {}
            (mine @ None, Some(theirs)) if self.count == 0 => *mine = Some(theirs.clone()),
            // What is known of some calls only is not known of the row.
            (mine, _) => *mine = None,
        }
    }
}

/// The value of a row, with its custom metrics in byte order of their names.
#[derive(Clone, Debug, PartialEq)]
pub struct RowValue {
    /// The part that does not depend on custom metrics.
    pub core: RowCore,
    /// Custom metrics, by name.
    pub customs: Vec<(String, Custom)>,
}

/// The parts of a row's value to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowParts {
    /// All parts.
    All,
    /// Neither custom metrics nor sketches, nor when calls were in progress.
    Core,
    /// When calls were in progress, but neither custom metrics nor sketches.
    Occupancy,
    /// Custom metrics and sketches, but not when calls were in progress.
    Statistics,
}

/// Appends the value of a row. `customs` must be in byte order of their names, each once.
pub fn encode_row<'a>(
    out: &mut Vec<u8>,
    bucket: u64,
    core: &RowCore,
    customs: impl ExactSizeIterator<Item = (MetricName<'a>, &'a Custom)>,
) {
    out.push(ROW_VERSION);
    let mut presence = 0;
    for (bit, stats) in [(DURATION, &core.duration), (SIZE, &core.size), (OFFSET, &core.offset)] {
        if !stats.is_empty() {
            presence |= bit;
        }
    }
    if core.count == 1 && core.duration_is_span() {
        presence ^= DURATION | SPAN;
    }
    if customs.len() > 0 {
        presence |= CUSTOMS;
    }
    if core.sketches.is_some() {
        presence |= SKETCHES;
    }
    let intervals = core.occupancy.as_ref().map(|occupancy| occupancy.in_order(core.count));
    if let Some(intervals) = &intervals {
        presence |= OCCUPANCY;
        if !Occupancy::is_whole(intervals, core.ts, core.te) {
            presence |= GAPS;
        }
    }
    out.push(presence);
    put_varint(out, core.count);
    put_zigzag(out, i128::from(core.ts) - i128::from(bucket));
    put_varint(out, core.te.abs_diff(core.ts).into());
    for (bit, stats) in [(DURATION, &core.duration), (SIZE, &core.size), (OFFSET, &core.offset)] {
        if presence & bit != 0 {
            put_int(out, stats, core.count);
        }
    }
    if presence & GAPS != 0
        && let Some(intervals) = &intervals
    {
        Occupancy::put(out, intervals, core.ts, core.te);
    }
    if customs.len() > 0 {
        put_varint(out, customs.len() as u128);
        for (name, custom) in customs {
            put_name(out, name);
            put_custom(out, custom, core.count, &core.size);
        }
    }
    if let Some(sketches) = &core.sketches {
        sketches.iter().for_each(|sketch| put_sketch(out, sketch));
    }
}

impl RowValue {
    /// Returns an empty row.
    pub fn empty() -> Self {
        Self { core: RowCore::empty(), customs: Vec::new() }
    }

    /// Encodes the value for a key with this bucket.
    pub fn encode(&self, bucket: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let customs = self.customs.iter().map(|(name, custom)| (MetricName::of(name), custom));
        encode_row(&mut out, bucket, &self.core, customs);
        out
    }

    /// Decodes the value of a key with this bucket.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`encode_row`].
    pub fn decode(bytes: &[u8], bucket: u64) -> Result<Self, DecodeError> {
        let mut value = Self::empty();
        value.read(bytes, bucket, RowParts::All)?;
        Ok(value)
    }

    /// Decodes the value of a key with this bucket into `self`.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`encode_row`]. The value is unspecified then. Parts that are not asked for
    /// are not checked.
    pub fn read(&mut self, bytes: &[u8], bucket: u64, parts: RowParts) -> Result<(), DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(ROW_VERSION)?;
        let presence = reader.u8()?;
        const PAST: DecodeError = DecodeError::Invalid("a time exceeds 64 bits");
        let Self { core, customs } = self;
        let count = reader.varint()?;
        core.count = count;
        core.ts = i128::from(bucket).checked_add(reader.zigzag()?).and_then(|ts| i64::try_from(ts).ok()).ok_or(PAST)?;
        core.te = core.ts.checked_add_unsigned(reader.varint_u64()?).ok_or(PAST)?;
        for (bit, stats) in [(DURATION, &mut core.duration), (SIZE, &mut core.size), (OFFSET, &mut core.offset)] {
            if presence & bit != 0 {
                read_int(stats, &mut reader, count)?;
            } else {
                *stats = IntStats::default();
            }
        }
        if presence & SPAN != 0 {
            let span = i64::try_from(core.te.abs_diff(core.ts)).map_err(|_| PAST)?;
            if presence & DURATION != 0 || count != 1 {
                return Err(DecodeError::Invalid("a row's duration cannot be its span"));
            }
            core.duration.sample(span);
        } else if count == 1 && core.duration_is_span() {
            return Err(DecodeError::Invalid("a row repeats its span as its duration"));
        }
        customs.clear();
        core.sketches = None;
        match parts {
            RowParts::Core => {
                core.occupancy = None;
                return Ok(());
            }
            RowParts::Statistics => {
                core.occupancy = None;
                if presence & GAPS != 0 {
                    Occupancy::bytes(&mut reader)?;
                }
            }
            RowParts::All | RowParts::Occupancy => core.read_occupancy(&mut reader, presence)?,
        }
        if parts == RowParts::Occupancy {
            return Ok(());
        }
        if presence & CUSTOMS != 0 {
            let number = reader.count_of(2)?;
            // A custom metric takes far more memory than its minimum of two bytes, so the count does not size the list.
            customs.reserve(number.min(64));
            for _ in 0..number {
                let name = take_name(&mut reader)?;
                if customs.last().is_some_and(|(last, _)| last.as_str() >= name) {
                    return Err(DecodeError::Invalid("custom metrics are out of order"));
                }
                customs.push((name.to_owned(), take_custom(&mut reader, core.count, &core.size)?));
            }
        }
        if presence & SKETCHES != 0 {
            core.sketches =
                Some(Box::new([take_sketch(&mut reader)?, take_sketch(&mut reader)?, take_sketch(&mut reader)?]));
        }
        reader.finish()
    }

    /// Adds another row.
    pub fn merge(&mut self, other: Self) {
        self.core.merge(&other.core);
        merge_sorted(&mut self.customs, other.customs, |mine, theirs| mine.merge(&theirs));
    }
}

/// Merges two lists that are sorted by unique keys.
pub(crate) fn merge_sorted<K: Ord, T>(mine: &mut Vec<(K, T)>, theirs: Vec<(K, T)>, merge: impl Fn(&mut T, T)) {
    let same_keys = mine.len() == theirs.len() && mine.iter().zip(&theirs).all(|(a, b)| a.0 == b.0);
    if same_keys {
        mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| merge(&mut mine.1, theirs.1));
        return;
    }
    let mut merged: Vec<(K, T)> = Vec::with_capacity(mine.len() + theirs.len());
    let mut left = std::mem::take(mine).into_iter().peekable();
    let mut right = theirs.into_iter().peekable();
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => a.0.cmp(&b.0),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => break,
        };
        if order.is_gt() {
            merged.extend(right.next());
        } else {
            merged.extend(left.next());
            if order.is_eq()
                && let (Some(last), Some((_, value))) = (merged.last_mut(), right.next())
            {
                merge(&mut last.1, value);
            }
        }
    }
    *mine = merged;
}
