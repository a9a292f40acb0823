//! The encoding of statistics. The crate's docs show the layouts.

use dft_metrics::{ExactSum, FewSamples, FloatParts, FloatStats, IntParts, IntStats, ShortForm, Sketch, U256};

use crate::bytes::{DecodeError, Reader, put_varint, put_zigzag};
use crate::float_sample::{put_sample, take_sample};

const SUM: u8 = 1;
const SAME_COUNT: u8 = 2;
const ONE: u8 = 4;
const EXTREMA: u8 = 8;
const SQUARES: u8 = 16;
/// Integers: the squares exceed 128 bits.
const WIDE: u8 = 32;
/// Integers: all samples are equal.
const SAME: u8 = 64;
/// Integers: the number of samples is doubtful.
const DOUBTFUL: u8 = 128;
/// Floats: some samples were not finite.
const NOT_FINITE: u8 = 32;
/// Floats: a few samples, and nothing else.
const FEW: u8 = 64;

/// Appends integer statistics. `count` is the row's count, which often equals the number of samples.
pub(crate) fn put_int(out: &mut Vec<u8>, stats: &IntStats, count: u128) {
    match stats.narrow_parts() {
        Some(parts) => put_int_parts(out, &parts, count),
        None => put_int_parts(out, &stats.parts(), count),
    }
}

/// Inlined because the code is shorter for narrow parts.
#[inline(always)]
fn put_int_parts(out: &mut Vec<u8>, parts: &IntParts, count: u128) {
    if let Some((value, high)) = parts.extent
        && value == high
        && same(parts.n, value).as_ref() == Some(parts)
    {
        if parts.n == 1 {
            out.push(ONE);
        } else if parts.n == count {
            out.push(SAME | SAME_COUNT);
        } else {
            out.push(SAME);
            put_varint(out, parts.n);
        }
        put_zigzag(out, value.into());
        return;
    }
    let mut flags = 0;
    let summed = parts.n != 0 || parts.sum != 0;
    if summed {
        flags |= SUM;
        if parts.n == count {
            flags |= SAME_COUNT;
        }
    }
    if parts.squares_known {
        flags |= SQUARES;
        if parts.squares.hi != 0 {
            flags |= WIDE;
        }
    }
    if !parts.count_known {
        flags |= DOUBTFUL;
    }
    if parts.extent.is_some() {
        flags |= EXTREMA;
    }
    out.push(flags);
    if summed {
        if parts.n != count {
            put_varint(out, parts.n);
        }
        put_zigzag(out, parts.sum);
        if parts.squares_known {
            put_varint(out, parts.squares.lo);
            if parts.squares.hi != 0 {
                put_varint(out, parts.squares.hi);
            }
        }
    }
    if let Some((min, max)) = parts.extent {
        put_zigzag(out, min.into());
        put_varint(out, max.abs_diff(min).into());
    }
}

/// Returns the parts of `n` equal samples; `None` if `n` or the sum exceeds 64 bits.
#[inline(always)]
fn same(n: u128, value: i64) -> Option<IntParts> {
    let sum = i128::from(u64::try_from(n).ok()?) * i128::from(value);
    // The sum of the squares of equal samples is their sum times the value.
    let squares = i128::from(i64::try_from(sum).ok()?) * i128::from(value);
    let squares = U256 { hi: 0, lo: squares.unsigned_abs() };
    Some(IntParts { n, sum, squares, squares_known: true, count_known: true, extent: Some((value, value)) })
}

/// The usual flags of samples that differ.
const USUAL: u8 = SUM | SAME_COUNT | SQUARES | EXTREMA;

/// The flags of equal samples, one per call of the row.
const ALL_SAME: u8 = SAME | SAME_COUNT;

/// Reads statistics with usual flags and short numbers. On `None` the reader's position is unspecified.
#[inline(always)]
fn take_usual(reader: &mut Reader<'_>, count: u128) -> Option<IntStats> {
    match reader.u8().ok()? {
        USUAL => {
            let (sum, squares) = (reader.short_zigzag()?, reader.short_varint()?);
            let (min, past) = (reader.short_zigzag()?, reader.short_varint()?);
            let max = min.checked_add_unsigned(past)?;
            IntStats::from_narrow(u64::try_from(count).ok()?, sum, squares.into(), min, max)
        }
        ONE => take_same(reader, 1),
        ALL_SAME => take_same(reader, u64::try_from(count).ok()?),
        _ => None,
    }
}

/// Reads a value and returns the statistics of `n` samples of it.
#[inline(always)]
fn take_same(reader: &mut Reader<'_>, n: u64) -> Option<IntStats> {
    let value = reader.short_zigzag()?;
    let sum = i64::try_from(n).ok()?.checked_mul(value)?;
    let squares = u128::from(sum.unsigned_abs()) * u128::from(value.unsigned_abs());
    IntStats::from_narrow(n, sum, squares, value, value)
}

/// Reads statistics into `stats`.
#[inline]
pub(crate) fn read_int(stats: &mut IntStats, reader: &mut Reader<'_>, count: u128) -> Result<(), DecodeError> {
    let mut ahead = reader.clone();
    match take_usual(&mut ahead, count) {
        Some(usual) => (*stats, *reader) = (usual, ahead),
        None => *stats = take_any_int(reader, count)?,
    }
    Ok(())
}

#[inline(never)]
fn take_any_int(reader: &mut Reader<'_>, count: u128) -> Result<IntStats, DecodeError> {
    let flags = reader.u8()?;
    if flags == ONE {
        let mut stats = IntStats::default();
        stats.sample(reader.zigzag_i64()?);
        return Ok(stats);
    }
    if flags & !SAME_COUNT == SAME {
        let n = if flags & SAME_COUNT != 0 { count } else { reader.varint()? };
        let stats = same(n, reader.zigzag_i64()?).and_then(IntStats::from_parts);
        return stats.ok_or(DecodeError::Invalid("the sum of equal samples exceeds 64 bits"));
    }
    if flags & !(SUM | SAME_COUNT | EXTREMA | SQUARES | WIDE | DOUBTFUL) != 0 {
        return Err(DecodeError::Invalid("integer statistics have unknown flags"));
    }
    let (squares_known, count_known) = (flags & SQUARES != 0, flags & DOUBTFUL == 0);
    let mut parts = IntParts { n: 0, sum: 0, squares: U256::ZERO, squares_known, count_known, extent: None };
    if flags & SUM != 0 {
        parts.n = if flags & SAME_COUNT != 0 { count } else { reader.varint()? };
        parts.sum = reader.zigzag()?;
        if flags & SQUARES != 0 {
            parts.squares.lo = reader.varint()?;
            if flags & WIDE != 0 {
                parts.squares.hi = reader.varint()?;
            }
        }
    }
    if flags & EXTREMA != 0 {
        let min = reader.zigzag_i64()?;
        let max = min.checked_add_unsigned(reader.varint_u64()?);
        parts.extent = Some((min, max.ok_or(DecodeError::Invalid("extrema exceed 64 bits"))?));
    }
    IntStats::from_parts(parts).ok_or(DecodeError::Invalid("integer statistics are contradictory"))
}

pub(crate) fn put_float(out: &mut Vec<u8>, stats: &FloatStats, count: u128) {
    if let Some(few) = stats.few_samples().filter(|few| !few.is_empty()) {
        match few.len() {
            1 => out.push(ONE),
            number if number as u128 == count => out.push(FEW | SAME_COUNT),
            number => {
                out.push(FEW);
                put_varint(out, number as u128);
            }
        }
        few.with_decimals().for_each(|(sample, decimals)| put_sample(out, sample, decimals));
        return;
    }
    if let Some(only) = stats.only_sample() {
        out.push(ONE);
        return put_sample(out, only, None);
    }
    let parts = stats.parts();
    let mut flags = 0;
    let summed = parts.n != 0 || !parts.sum.is_zero();
    if summed {
        flags |= SUM;
        if parts.n == count {
            flags |= SAME_COUNT;
        }
    }
    if parts.squares_known {
        flags |= SQUARES;
    }
    if parts.extent.is_some() {
        flags |= EXTREMA;
    }
    if parts.nonfinite != 0 {
        flags |= NOT_FINITE;
    }
    out.push(flags);
    if summed {
        if parts.n != count {
            put_varint(out, parts.n);
        }
        put_exact(out, &parts.sum);
        if parts.squares_known {
            put_exact(out, &parts.squares);
        }
    }
    if let Some((min, max)) = parts.extent {
        out.extend_from_slice(&min.to_le_bytes());
        out.extend_from_slice(&max.to_le_bytes());
    }
    if parts.nonfinite != 0 {
        put_varint(out, parts.nonfinite.into());
    }
}

pub(crate) fn take_float(reader: &mut Reader<'_>, count: u128) -> Result<FloatStats, DecodeError> {
    let mut stats = FloatStats::default();
    read_float(reader, count, &mut stats)?;
    Ok(stats)
}

/// Reads statistics into `stats`, whatever they were. The memory is used again, because statistics are large.
#[inline]
pub(crate) fn read_float(reader: &mut Reader<'_>, count: u128, stats: &mut FloatStats) -> Result<(), DecodeError> {
    let flags = reader.u8()?;
    if flags == ONE {
        stats.clear();
        stats.sample(take_sample(reader)?);
        return Ok(());
    }
    if flags & !SAME_COUNT == FEW {
        let number = if flags & SAME_COUNT != 0 { count } else { reader.varint()? };
        return read_few(reader, number, stats);
    }
    *stats = take_sums(reader, flags, count)?;
    Ok(())
}

const CONTRADICTS: DecodeError = DecodeError::Invalid("float statistics are contradictory");

/// Reads several samples, which must be in ascending order.
fn read_few(reader: &mut Reader<'_>, number: u128, stats: &mut FloatStats) -> Result<(), DecodeError> {
    if !(2..=FewSamples::MOST as u128).contains(&number) {
        return Err(CONTRADICTS);
    }
    stats.clear();
    let mut last = f64::MIN;
    for _ in 0..number {
        let sample = take_sample(reader)?;
        if last.total_cmp(&sample).is_gt() {
            return Err(CONTRADICTS);
        }
        stats.sample(sample);
        last = sample;
    }
    Ok(())
}

fn take_sums(reader: &mut Reader<'_>, flags: u8, count: u128) -> Result<FloatStats, DecodeError> {
    if flags & !(SUM | SAME_COUNT | EXTREMA | SQUARES | NOT_FINITE) != 0 {
        return Err(DecodeError::Invalid("float statistics have unknown flags"));
    }
    let mut parts = FloatParts { squares_known: flags & SQUARES != 0, ..FloatStats::default().parts() };
    if flags & SUM != 0 {
        parts.n = if flags & SAME_COUNT != 0 { count } else { reader.varint()? };
        parts.sum = take_exact(reader)?;
        if flags & SQUARES != 0 {
            parts.squares = take_exact(reader)?;
        }
    }
    if flags & EXTREMA != 0 {
        parts.extent = Some((f64::from_le_bytes(reader.array()?), f64::from_le_bytes(reader.array()?)));
    }
    if flags & NOT_FINITE != 0 {
        parts.nonfinite = reader.varint_u64()?;
    }
    FloatStats::from_parts(parts).ok_or(CONTRADICTS)
}

fn put_exact(out: &mut Vec<u8>, sum: &ExactSum) {
    let ShortForm { weight, bytes } = sum.short_form();
    put_zigzag(out, weight.into());
    put_varint(out, bytes.len() as u128);
    out.extend_from_slice(&bytes);
}

fn take_exact(reader: &mut Reader<'_>) -> Result<ExactSum, DecodeError> {
    const OUTSIDE: DecodeError = DecodeError::Invalid("an exact sum is out of range");
    let weight = i32::try_from(reader.zigzag_i64()?).map_err(|_| OUTSIDE)?;
    let length = reader.count_of(1)?;
    ExactSum::from_short_form(weight, reader.bytes(length)?).ok_or(OUTSIDE)
}

pub(crate) fn put_sketch(out: &mut Vec<u8>, sketch: &Sketch) {
    put_varint(out, sketch.zeros().into());
    for side in [sketch.positive(), sketch.negative()] {
        put_varint(out, side.len() as u128);
        let mut previous = 0_i64;
        for (&index, &count) in side {
            put_zigzag(out, (i64::from(index) - previous).into());
            put_varint(out, count.into());
            previous = index.into();
        }
    }
}

pub(crate) fn take_sketch(reader: &mut Reader<'_>) -> Result<Sketch, DecodeError> {
    const DISORDER: DecodeError = DecodeError::Invalid("sketch indexes are out of order");
    let zero = reader.varint_u64()?;
    let mut sides = [std::collections::BTreeMap::new(), std::collections::BTreeMap::new()];
    for side in &mut sides {
        let mut previous = None;
        for _ in 0..reader.count_of(2)? {
            let step = reader.zigzag_i64()?;
            let index = previous.map_or(0, i64::from).checked_add(step);
            let index = index.and_then(|index| i32::try_from(index).ok()).ok_or(DISORDER)?;
            if previous.is_some_and(|previous| previous >= index) {
                return Err(DISORDER);
            }
            side.insert(index, reader.varint_u64()?);
            previous = Some(index);
        }
    }
    let [positive, negative] = sides;
    Sketch::from_parts(zero, positive, negative).ok_or(DecodeError::Invalid("a sketch has an empty bucket"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_path_reads_equal_samples_as_the_slow_path_does() {
        let values = [0, 1, -1, 63, 64, 4_096, -1 << 40, 1 << 54, i64::MAX, i64::MIN];
        for (value, n) in values.into_iter().flat_map(|value| [1, 2, 3, 1_000, 1 << 40].map(|n| (value, n))) {
            for (bytes, count) in [(vec![ONE], 7_u128), (vec![ALL_SAME], n), (vec![ALL_SAME], 0)] {
                let mut bytes = bytes;
                put_zigzag(&mut bytes, value.into());
                bytes.extend([0xff; 8]);
                let (mut fast, mut slow) = (Reader::new(&bytes), Reader::new(&bytes));
                let mut stats = IntStats::default();
                let read = read_int(&mut stats, &mut fast, count).map(|()| stats);
                assert_eq!((read, fast.left()), (take_any_int(&mut slow, count), slow.left()), "{count} of {value}");
            }
        }
    }
}
