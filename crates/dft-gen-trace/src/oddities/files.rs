//! Odd files: empty, without an end, truncated, or with bytes after the end.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::dialect::{Generation, Unit};
use crate::process::{Load, Process};
use crate::rng::Rng;
use crate::sink::Written;

/// The number of records in each of these files.
const RECORDS: u64 = 120;

/// Writes all odd files to `folder`.
pub(crate) fn write(folder: &Path, generation: Generation, seed: u64) -> io::Result<Written> {
    fs::create_dir_all(folder.join("deeper/and deeper"))?;
    let mut written = Written::default();
    let mut put = |name: &str, bytes: &[u8], text_bytes: usize| {
        written.files += u64::from(name.contains(".pfw"));
        written.text_bytes += text_bytes as u64;
        fs::write(folder.join(name), bytes)
    };
    put("empty.pfw", b"", 0)?;
    put("empty member.pfw.gz", &gzip(b"")?, 0)?;
    put("bracket only.pfw", b"[", 1)?;
    put("brackets.pfw", b"[\n]\n", 4)?;
    put("not a trace.txt", b"{\"ph\":\"X\",\"ts\":1}\n", 0)?;

    let mut lane = 1000;
    let mut text = || {
        lane += 1;
        text(lane, generation, seed)
    };
    let trace = text();
    put("no newline at the end.pfw", trace.trim_ascii_end(), trace.len())?;
    let trace = text();
    put("deeper/crlf.pfw", &crlf(&trace), trace.len())?;
    let trace = text();
    let packed = gzip(&trace)?;
    put("cut off.pfw.gz", &packed[..packed.len() * 3 / 4], trace.len())?;
    let trace = text();
    let mut packed = gzip(&trace)?;
    packed.extend_from_slice(b"something after the end");
    put("deeper/and deeper/more.pfw.gz", &packed, trace.len())?;
    let trace = text();
    let mut packed = Vec::new();
    for part in trace.chunks(997) {
        packed.extend(gzip(part)?);
    }
    put("deeper/many members.pfw.gz", &packed, trace.len())?;
    // One trace in two files counts once.
    let trace = text();
    put("twice.pfw", &trace, trace.len())?;
    put("deeper/twice.pfw.gz", &gzip(&trace)?, trace.len())?;
    Ok(written)
}

fn text(lane: u64, generation: Generation, seed: u64) -> Vec<u8> {
    let load = Load {
        series: 12,
        new_files: false,
        call_gap_ns: 20_000_000,
        period_us: 1_000_000,
        counters: 5,
        drifting: false,
        reading_us: 500_000,
        calls: true,
        aggregates: generation >= Generation::G2,
        telemetry: generation >= Generation::G2,
    };
    let mut process = Process::new(lane, generation, Unit::Us, load);
    let mut rng = Rng::new(seed, lane);
    let mut out = Vec::new();
    process.prologue(&mut out);
    for _ in 0..RECORDS {
        process.record(&mut rng, &mut out);
        out.push(b'\n');
    }
    out
}

fn crlf(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|&byte| (byte == b'\n').then_some(b'\r').into_iter().chain([byte])).collect()
}

fn gzip(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(text)?;
    encoder.finish()
}
