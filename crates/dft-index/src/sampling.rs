//! Samples the records of a trace, to find other traces with the same records.

use dft_codec::Sample;
use dft_trace::{ArgKey, Phase, Record, Value};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Offers a record of a process to the sample of its trace.
#[inline]
pub(crate) fn sample(sample: &mut Sample, record: &Record<'_>) {
    // Counters belong to hosts, and metadata has no times.
    if !matches!(record.phase, Phase::Complete | Phase::Aggregated) {
        return;
    }
    let mut rank = 0;
    for value in [&record.ts, &record.dur, &record.pid, &record.tid] {
        rank = mix(rank ^ word(value));
    }
    let pid = match record.pid.integer() {
        dft_trace::Integer::Some(pid) => pid,
        _ => 0,
    };
    sample.add(rank, pid, || {
        let host = [ArgKey::Hhash, ArgKey::Hostname].map(|key| record.arg(key).text());
        let seed = host.iter().fold(0, |seed, text| xxh3_64_with_seed(text, seed));
        xxh3_64_with_seed(&record.name.text(), seed) as u32
    });
}

#[inline]
fn word(value: &Value<'_>) -> u64 {
    match value {
        Value::Integer(value) => *value as u64,
        Value::Null => 1 << 63,
        other => xxh3_64(&other.text()),
    }
}

/// SplitMix64's finalizer (Steele, Lea and Flood, 2014), with two of its three steps.
#[inline]
fn mix(word: u64) -> u64 {
    let word = (word.wrapping_add(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (word ^ (word >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb) ^ (word >> 29)
}
