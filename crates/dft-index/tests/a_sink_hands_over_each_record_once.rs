//! A sink hands over each record once, whoever adds and whenever it is flushed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dft_aggregate::Config;
use dft_codec::{RowParts, RowValue, SeriesKind};
use dft_index::{BuildError, Sink, SinkOptions};
use dft_store::{Index, RowQuery, verify};
use dft_trace::{Phase, Record, Value};

fn options(folder: &Path) -> SinkOptions {
    SinkOptions {
        index: folder.join("index"),
        source: "test".to_owned(),
        scratch: folder.join("scratch"),
        memory: 1 << 20,
        interval: None,
        threads: 1,
        patience: Duration::from_secs(60),
    }
}

fn record(ts: i64) -> Record<'static> {
    Record {
        phase: Phase::Complete,
        name: Value::Text(b"read"),
        cat: Value::Text(b"POSIX"),
        pid: Value::Integer(1),
        tid: Value::Integer(1),
        ts: Value::Integer(ts),
        dur: Value::Integer(2),
        args: Vec::new(),
        ph: Value::Null,
        layout: None,
    }
}

fn calls(folder: &Path) -> u128 {
    let index = Index::open(&folder.join("index")).expect("an index");
    let mut scan = index.rows(RowQuery::kind(SeriesKind::Call)).expect("a scan");
    let (mut row, mut calls) = (RowValue::empty(), 0);
    while let Some((key, bytes)) = scan.next().expect("a row") {
        row.read(bytes, key.bucket, RowParts::Core).expect("a value");
        calls += row.core.count;
    }
    calls
}

#[test]
fn threads_that_add_and_end_while_others_flush_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = Sink::new(&Config::default(), options(folder.path())).expect("a sink");
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let adders: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| (0..3_000).for_each(|at| sink.record(&record(at * 1_000)).expect("added"))))
            .collect();
        let flusher = scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                sink.flush(Duration::ZERO).expect("flushed");
            }
        });
        adders.into_iter().for_each(|adder| adder.join().expect("a thread"));
        is_done.store(true, Ordering::Relaxed);
        flusher.join().expect("a thread");
    });
    sink.publish().expect("published");
    assert_eq!(calls(folder.path()), 18_000);
    assert!(verify(&folder.path().join("index")).expect("read").is_sound());
    drop(sink);
    let left = std::fs::read_dir(folder.path().join("scratch")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "nothing is left in the scratch directory");
}

#[test]
fn a_table_beyond_its_budget_is_written_out_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = Sink::new(&Config::default(), SinkOptions { memory: 1, ..options(folder.path()) }).expect("a sink");
    (0..10_000).for_each(|at| sink.record(&record(at * 1_000_000)).expect("added"));
    assert!(std::fs::read_dir(folder.path().join("scratch")).expect("written out").count() > 0);
    sink.publish().expect("published");
    assert_eq!(calls(folder.path()), 10_000);
    assert_eq!(
        std::fs::read_dir(folder.path().join("scratch")).expect("listed").count(),
        0,
        "what is published is gone"
    );
}

#[test]
fn what_cannot_be_published_is_kept_and_what_is_malformed_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("index"), "no directory").expect("written");
    let sink = Sink::new(&Config::default(), options(folder.path())).expect("a sink");
    sink.record(&record(5)).expect("added");
    assert!(matches!(sink.record(&record(-5)), Err(BuildError::Malformed(_))));
    for _ in 0..3 {
        assert!(sink.flush(Duration::ZERO).is_err());
        sink.record(&record(7)).expect("added");
    }
    std::fs::remove_file(folder.path().join("index")).expect("removed");
    sink.publish().expect("published");
    assert_eq!(calls(folder.path()), 4);
    sink.publish().expect("nothing to publish");
    assert_eq!(calls(folder.path()), 4);
}
