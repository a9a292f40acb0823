//! Helpers to create indexes and to plant damage.
#![allow(dead_code, reason = "each test uses some of it")]

use std::fs;
use std::path::{Path, PathBuf};

use dft_aggregate::{Aggregator, Config, Run};
use dft_codec::{Bounds, FileCounts, FileEntry, Identity};
use dft_store::{Batch, IndexWriter};
use dft_trace::{Clock, Consumed, ContentHash, Line, Parser};
use xxhash_rust::xxh3::xxh3_128;

pub(crate) fn config() -> Config {
    Config { interval_us: 10, ..Config::default() }
}

/// Returns the table of some lines, and the entry of a file that contains them.
pub(crate) fn table(lines: &[String]) -> (Run, FileEntry, Option<Bounds>) {
    let mut aggregator = Aggregator::new(&config());
    let mut counts = FileCounts::default();
    let text = lines.join("\n");
    Parser::new().parse(text.as_bytes(), 1, Clock::default(), |line| match line {
        Line::Record { record, clock, .. } => aggregator.record(record, clock, &mut counts).expect("a sound record"),
        Line::Malformed { reason, .. } => panic!("{reason}"),
    });
    let bounds = aggregator.bounds();
    let size = text.len() as u64;
    let consumed = Consumed { text: size, offset: size, ..Consumed::NOTHING };
    let fingerprint = xxh3_128(text.as_bytes());
    let identity = Identity { text: ContentHash::of(text.as_bytes()), ..Identity::default() };
    (
        aggregator.into_run(),
        FileEntry {
            size,
            modified_ns: 2,
            fingerprint,
            consumed,
            counts,
            fault: None,
            time_fault: None,
            processes: Default::default(),
            identity,
        },
        bounds,
    )
}

pub(crate) fn batch(lines: &[String], file: &str) -> Batch {
    let (run, entry, bounds) = table(lines);
    Batch { runs: vec![run], files: vec![(file.as_bytes().to_vec(), entry)], bounds, ..Batch::default() }
}

pub(crate) fn call(name: &str, ts: u64, ret: i64) -> String {
    format!(
        r#"{{"name":"{name}","cat":"POSIX","pid":1,"tid":1,"ts":{ts},"dur":2,"ph":"X","args":{{"hhash":"h","ret":{ret}}}}}"#
    )
}

pub(crate) fn reading(host: &str, name: &str, ts: u64, value: f64) -> String {
    format!(r#"{{"name":"{name}","cat":"sys","ts":{ts},"ph":2,"args":{{"hhash":"{host}","v":{value:?}}}}}"#)
}

pub(crate) fn name(kind: &str, hash: &str, name: &str) -> String {
    format!(r#"{{"name":"{kind}","ph":"M","args":{{"name":"{name}","value":{hash}}}}}"#)
}

pub(crate) fn publish(index: &Path, batch: &Batch) {
    let mut writer = IndexWriter::open(index, &config(), false).expect("opened");
    writer.publish(batch, 2).expect("published");
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("listed");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Returns the directory of the only generation of an index.
pub(crate) fn generation(index: &Path) -> PathBuf {
    let mut entries = fs::read_dir(index).expect("listed").map(|entry| entry.expect("listed").path());
    entries.find(|path| path.join("SEAL").exists()).expect("a generation")
}

/// Changes an index and seals it again, so that the hashes match but the contents do not.
pub(crate) fn plant(index: &Path, change: impl FnOnce(&rocksdb::DB)) {
    let options = |merge: Option<&'static str>| {
        let mut options = rocksdb::Options::default();
        options.set_disable_auto_compactions(true);
        if let Some(name) = merge {
            options.set_merge_operator_associative(name, |_, existing, operands| {
                existing.into_iter().chain(operands).last().map(<[u8]>::to_vec)
            });
        }
        options
    };
    let families = [
        ("aggregation", options(Some("dft.rows"))),
        ("system_metrics", options(Some("dft.telemetry"))),
        ("series", options(Some("dft.series"))),
        ("names", options(None)),
        ("files", options(None)),
        ("meta", options(None)),
    ];
    let generation = generation(index);
    let db = rocksdb::DB::open_cf_with_opts(&options(None), &generation, families).expect("opened");
    change(&db);
    for family in ["aggregation", "system_metrics", "series", "names", "files", "meta"] {
        db.flush_cf(db.cf_handle(family).expect("a family")).expect("flushed");
    }
    drop(db);
    seal(&generation);
}

/// Writes the seal of a generation in the format of the store's docs.
fn seal(generation: &Path) {
    let name = generation.file_name().expect("a name").to_str().expect("UTF-8");
    let number: u64 = name.strip_prefix("gen-").expect("a generation").parse().expect("a number");
    let mut lines = Vec::new();
    for entry in fs::read_dir(generation).expect("listed") {
        let name = entry.expect("listed").file_name().into_string().expect("UTF-8");
        if name != "SEAL" && name != "LOCK" && !name.starts_with("LOG") {
            let bytes = fs::read(generation.join(&name)).expect("read");
            lines.push((name.clone(), format!("{:032x} {} {name}\n", xxh3_128(&bytes), bytes.len())));
        }
    }
    lines.sort();
    let text = format!("dft seal 2, generation {number}\n");
    let text = lines.into_iter().fold(text, |text, (_, line)| text + &line);
    let seal = format!("{text}{:032x}\n", xxh3_128(text.as_bytes()));
    fs::write(generation.join("SEAL"), seal).expect("written");
}

/// Returns the owner file of a work directory whose process has ended.
pub(crate) fn owner_that_ended() -> String {
    let mut ended = std::process::Command::new("true").spawn().expect("it runs");
    ended.wait().expect("a child");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("read");
    let namespace = fs::read_link("/proc/self/ns/pid").expect("read");
    format!("dft work directory 1\n{} {} {} 1\n", boot.trim(), namespace.to_string_lossy(), ended.id())
}
