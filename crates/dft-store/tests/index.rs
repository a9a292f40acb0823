//! The index as its users see it: published, opened, read and refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use dft_aggregate::Config;
use dft_codec::{Bounds, NameKind, RowKey, RowValue, SeriesId, SeriesKind, TelemetryValue};
use dft_store::{Batch, Index, IndexWriter, RowQuery, StoreError, TelemetryQuery};
use proptest::prelude::*;

mod common;
use common::{batch, call, config, copy, name, plant, publish, reading};

type Rows = BTreeMap<(SeriesId, u64), RowValue>;

fn rows(index: &Index, query: RowQuery) -> Rows {
    let mut scan = index.rows(query).expect("a scan");
    let mut rows = Rows::new();
    let mut last = None;
    while let Some((key, value)) = scan.next().expect("a row") {
        assert!(last < Some(key), "rows come in order");
        last = Some(key);
        rows.insert((key.series, key.bucket), RowValue::decode(value, key.bucket).expect("decoded"));
    }
    rows
}

fn readings(index: &Index, query: TelemetryQuery) -> Vec<(String, String, u64, Option<f64>)> {
    let mut scan = index.telemetry(query).expect("a scan");
    let mut all = Vec::new();
    while let Some((key, value)) = scan.next().expect("a row") {
        let value = TelemetryValue::decode(value, key.bucket).expect("decoded");
        all.push((key.host_hash.clone(), key.name.clone(), key.bucket, value.metrics[0].1.mean()));
    }
    all
}

#[test]
fn later_publishings_merge_with_earlier_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index");
    let parts: Vec<Vec<String>> = (0..12)
        .map(|part| (0..20).map(|at| call("read", at * 7 + part * 45, (part * 100 + at) as i64)).collect())
        .collect();
    // More publishings than may overlap before they are merged on disk. Each has new rows, some of them next to
    // existing rows.
    for (at, part) in parts.iter().enumerate() {
        publish(&path, &batch(part, &format!("{at}.pfw")));
    }
    let whole = folder.path().join("whole");
    publish(&whole, &batch(&parts.concat(), "all.pfw"));
    let (parts, whole) = (Index::open(&path).expect("opened"), Index::open(&whole).expect("opened"));
    assert_eq!(rows(&parts, RowQuery::kind(SeriesKind::Call)), rows(&whole, RowQuery::kind(SeriesKind::Call)));
    assert_eq!(parts.files().expect("files").len(), 12);
    assert_eq!(
        parts.count_rows(SeriesKind::Call).expect("counted"),
        whole.count_rows(SeriesKind::Call).expect("counted")
    );
    assert_eq!(parts.count_series().expect("counted"), 1);
}

#[test]
fn many_publishings_do_not_make_many_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index");
    for at in 0..40 {
        publish(&path, &batch(&[call("read", at, 1), reading("h", "cpu", at, 1.0)], &format!("{at}.pfw")));
    }
    let sorted = fs::read_dir(common::generation(&path)).expect("listed");
    let sorted =
        sorted.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|e| e == "sst")));
    let files = sorted.count();
    assert!(files <= 6 * 10, "{files} files of six families");
    assert_eq!(Index::open(&path).expect("opened").files().expect("files").len(), 40);
    assert!(dft_store::verify(&path).expect("read").is_sound());
}

#[test]
fn a_writer_whose_index_was_replaced_publishes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, other) = (folder.path().join("index"), folder.path().join("other"));
    publish(&path, &batch(&[call("read", 5, 1)], "a.pfw"));
    let mut writer = IndexWriter::open(&path, &config(), false).expect("opened");
    // Replace the index as a writer without a lock could.
    publish(&other, &batch(&[call("write", 5, 1)], "b.pfw"));
    publish(&other, &batch(&[call("write", 5, 1)], "c.pfw"));
    copy(&other, &path);
    let refused = writer.publish(&batch(&[call("read", 5, 1)], "d.pfw"), 1);
    assert!(matches!(refused, Err(StoreError::Changed(_))));
}

#[test]
fn a_corrupt_value_fails_the_read_with_its_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index");
    publish(&path, &batch(&[call("read", 5, 1), reading("host", "cpu", 5, 1.0)], "a.pfw"));
    for (family, key) in [("aggregation", None), ("system_metrics", Some("cpu"))] {
        let damaged = folder.path().join(family);
        copy(&path, &damaged);
        let mut key_bytes = Box::default();
        plant(&damaged, |db| {
            let handle = db.cf_handle(family).expect("a family");
            let (first, _) =
                db.iterator_cf(handle, rocksdb::IteratorMode::Start).next().expect("an entry").expect("read");
            db.merge_cf(handle, &first, b"\x01no value").expect("merged");
            key_bytes = first;
        });
        let index = Index::open(&damaged).expect("opened");
        let error = match key {
            None => index.rows(RowQuery::kind(SeriesKind::Call)).expect("a scan").next().map(|_| ()),
            Some(_) => index.telemetry(TelemetryQuery::default()).expect("a scan").next().map(|_| ()),
        }
        .expect_err("the value is corrupt");
        let hex: String = key_bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let message = error.to_string();
        assert!(matches!(error, StoreError::Entry { .. }), "{message}");
        assert!(message.contains(family) && message.contains(&hex) && message.contains("--rebuild"), "{message}");
    }
}

#[test]
fn time_bounds_survive_a_read_only_reopen_even_where_they_are_zero() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index");
    publish(&path, &batch(&[], "nothing.pfw"));
    assert_eq!(Index::open(&path).expect("opened").bounds(), None);
    publish(&path, &batch(&[call("read", 0, 1)], "zero.pfw"));
    assert_eq!(Index::open(&path).expect("opened").bounds(), Some(Bounds { min: 0, max: 0 }));
    publish(&path, &batch(&[reading("h", "cpu", 95, 1.0)], "late.pfw"));
    publish(&path, &batch(&[call("read", 41, 1)], "between.pfw"));
    for _ in 0..2 {
        assert_eq!(Index::open(&path).expect("opened").bounds(), Some(Bounds { min: 0, max: 90 }));
    }
}

#[test]
fn a_reader_sees_its_snapshot_while_a_writer_publishes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index");
    publish(&path, &batch(&(0..500).map(|at| call("read", at * 10, 1)).collect::<Vec<_>>(), "a.pfw"));
    let before = Index::open(&path).expect("opened");
    let mut scan = before.rows(RowQuery::kind(SeriesKind::Call)).expect("a scan");
    scan.next().expect("read").expect("a row");
    let mut writer = IndexWriter::open(&path, &config(), false).expect("a reader holds no lock");
    for at in 0..3 {
        writer.publish(&batch(&[call("write", 5, 1)], &format!("{at}.pfw")), 1).expect("published");
    }
    let mut left = 0;
    while scan.next().expect("the old generation stays readable").is_some() {
        left += 1;
    }
    drop(scan);
    assert_eq!(left, 499);
    assert_eq!(rows(&before, RowQuery::kind(SeriesKind::Call)).len(), 500);
    assert_eq!(rows(&Index::open(&path).expect("opened"), RowQuery::kind(SeriesKind::Call)).len(), 501);
    drop(writer);
    let left: Vec<_> = fs::read_dir(&path).expect("listed").map(|entry| entry.expect("listed").file_name()).collect();
    assert_eq!(left.len(), 3, "the marker, LOCK and one generation: {left:?}");
}

#[test]
fn a_second_writer_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index");
    let first = IndexWriter::open(&path, &config(), false).expect("opened");
    assert!(matches!(IndexWriter::open(&path, &config(), false), Err(StoreError::Locked(_))));
    drop(first);
    IndexWriter::open(&path, &config(), false).expect("the lock is free again");
}

#[test]
fn another_configuration_is_refused_and_rebuild_is_the_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index");
    publish(&path, &batch(&[call("read", 5, 1)], "a.pfw"));
    let other = Config { interval_us: 1_000, ..config() };
    let message = match IndexWriter::open(&path, &other, false) {
        Err(error @ StoreError::Config { .. }) => error.to_string(),
        _ => panic!("it must be refused"),
    };
    assert!(message.contains("interval 10 µs") && message.contains("interval 1000 µs"), "{message}");
    assert!(message.contains("--rebuild"), "{message}");
    let mut writer = IndexWriter::open(&path, &other, true).expect("opened to be rebuilt");
    assert_eq!(Index::open(&path).expect("still there").config(), &config(), "until something is published");
    writer.publish(&Batch::default(), 1).expect("published");
    let index = Index::open(&path).expect("opened");
    assert_eq!((index.config(), index.count_rows(SeriesKind::Call).expect("counted")), (&other, 0));
}

#[test]
fn a_directory_that_is_not_an_index_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(matches!(Index::open(folder.path()), Err(StoreError::NoIndex(_))));
    assert!(matches!(Index::open(&folder.path().join("nowhere")), Err(StoreError::NoIndex(_))));
    fs::write(folder.path().join("DFT_INDEX"), "what?\n").expect("written");
    assert!(matches!(Index::open(folder.path()), Err(StoreError::Damaged { .. })));
    fs::remove_file(folder.path().join("DFT_INDEX")).expect("removed");
    fs::write(folder.path().join("CURRENT"), format!("gen-000001 {:032x}\n", 1)).expect("written");
    assert!(matches!(Index::open(folder.path()), Err(StoreError::Format { .. })));
}

#[test]
fn what_a_dead_writer_leaves_has_no_effect() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index");
    publish(&path, &batch(&[call("read", 5, 1)], "a.pfw"));
    // A killed writer leaves a complete generation in its work directory that was not renamed.
    let left = path.join("build-00000000000000d1");
    copy(&path.join("gen-000001"), &left.join("next-1"));
    fs::write(left.join("OWNER"), common::owner_that_ended()).expect("written");
    // A person added this.
    let notes = path.join("build-release/notes");
    copy(&left.join("next-1"), notes.parent().expect("a folder"));
    fs::write(&notes, "mine").expect("written");
    publish(&path, &batch(&[call("read", 5, 1)], "b.pfw"));
    let index = Index::open(&path).expect("opened");
    let rows = rows(&index, RowQuery::kind(SeriesKind::Call));
    assert_eq!(rows.values().map(|row| row.core.count).collect::<Vec<_>>(), [2]);
    assert!(!left.exists() && !path.join("gen-000001").exists() && notes.exists());
}

#[test]
fn a_hash_resolves_to_its_lowest_name_and_ambiguous_hashes_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index");
    let lines = [name("FH", "7", "/b"), name("FH", "7", "/a"), name("FH", "\"70\"", "/c"), name("HH", "7", "node")];
    publish(&path, &batch(&lines, "a.pfw"));
    publish(&path, &batch(&[name("FH", "7", "/A")], "b.pfw"));
    let index = Index::open(&path).expect("opened");
    let files = index.names(NameKind::File).expect("names");
    assert_eq!((files.get("7"), files.get("70"), files.get("8")), (Some("/A"), Some("/c"), None));
    assert_eq!((files.len(), files.ambiguous()), (2, 1));
    assert_eq!(index.name(NameKind::File, "7").expect("read").as_deref(), Some("/A"));
    assert_eq!(index.name(NameKind::Host, "7").expect("read").as_deref(), Some("node"));
    assert_eq!(index.name(NameKind::String, "7").expect("read"), None);
}

#[test]
fn a_writer_sees_what_it_published() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index");
    let mut writer = IndexWriter::open(&path, &config(), false).expect("opened");
    assert!(writer.current().expect("nothing to open").is_none());
    for (round, ambiguous) in [(1, 0), (2, 1), (3, 1)] {
        let file = name("FH", "7", &format!("/{}", round.min(2)));
        writer.publish(&batch(&[file, call("read", 5, 1)], &format!("{round}.pfw")), 2).expect("published");
        assert_eq!(writer.ambiguous_hashes().expect("counted"), ambiguous);
        let index = writer.current().expect("opened").expect("it was published");
        assert_eq!(index.ambiguous_hashes().expect("counted"), ambiguous);
        let rows = rows(index, RowQuery::kind(SeriesKind::Call));
        assert_eq!(rows.values().map(|row| row.core.count).collect::<Vec<_>>(), [round]);
    }
    drop(writer);
    // A rebuild ignores the old contents until something is published.
    let mut writer = IndexWriter::open(&path, &config(), true).expect("opened");
    assert!(writer.current().expect("nothing to open").is_none());
    assert_eq!(writer.ambiguous_hashes().expect("counted"), 0);
    writer.publish(&batch(&[call("read", 5, 1)], "a.pfw"), 2).expect("published");
    let index = writer.current().expect("opened").expect("it was published");
    assert_eq!(rows(index, RowQuery::kind(SeriesKind::Call)).len(), 1);
}

#[test]
fn a_prefetch_returns_the_same_rows_as_a_scan() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index");
    let lines: Vec<String> = (0..30_000).map(|at| call(&format!("f{}", at % 7), at * 1_000_000, 1 << 40)).collect();
    publish(&path, &batch(&lines, "a.pfw"));
    let index = Index::open(&path).expect("opened");
    let query = || RowQuery::kind(SeriesKind::Call);
    let keep = |(key, value): (RowKey, &[u8])| (key, value.to_vec());
    let mut wanted = Vec::new();
    let mut scan = index.rows(query()).expect("a scan");
    while let Some(row) = scan.next().expect("read") {
        wanted.push(keep(row));
    }
    assert_eq!(wanted.len(), 30_000);
    let fourth = wanted.iter().map(|(key, _)| key.series).collect::<BTreeSet<_>>().into_iter().nth(3).expect("seven");
    for (before, taken, seek) in [(0, wanted.len(), None), (0, 5_000, Some(fourth)), (0, 10, None), (35, 10_000, None)]
    {
        let mut scan = index.rows(query()).expect("a scan");
        let mut found = Vec::new();
        // A scan that has begun is read ahead from its position.
        for _ in 0..before {
            found.extend(scan.next().expect("read").map(keep));
        }
        let (read, mut ahead) = scan.ahead();
        std::thread::scope(|scope| {
            scope.spawn(read);
            while found.len() < taken
                && let Some(row) = ahead.next().expect("read")
            {
                found.push(keep(row));
            }
            assert_eq!(found, wanted[..taken]);
            if let Some(series) = seek {
                ahead.seek(series);
                let behind = wanted.iter().find(|(key, _)| key.series >= series).cloned();
                assert_eq!(ahead.next().expect("read").map(keep), behind);
            }
            // If the walk ends early, the reader ends too, and with it this scope.
            drop(ahead);
        });
    }
}

#[test]
fn small_tables_are_compressed_if_they_are_added_to_an_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines: Vec<String> = (0..30_000).map(|at| call("read", at * 1_000_000, 1)).collect();
    let all = batch(&lines, "a.pfw");
    let size = |name: &str, before: &[String]| {
        let path = folder.path().join(name);
        if !before.is_empty() {
            publish(&path, &batch(before, "b.pfw"));
        }
        publish(&path, &all);
        let index = Index::open(&path).expect("opened");
        assert_eq!(index.count_rows(SeriesKind::Call).expect("counted"), 30_000);
        assert!(dft_store::verify(&path).expect("verified").faults.is_empty());
        index.size().bytes
    };
    let (plain, added) = (size("plain", &[]), size("added", &lines[..1]));
    assert!(plain > 2 * added, "{plain} bytes and {added}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn scans_give_what_filtering_everything_would(
        calls in prop::collection::vec((0_u8..6, 0_u64..1_000), 1..80),
        counters in prop::collection::vec((0_u8..3, 0_u8..3, 0_u64..400), 1..80),
        queries in prop::collection::vec((0_u64..1_050, 0_u64..1_050, 1_usize..9, 0_u8..4, 0_u8..4), 8),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("index");
        let mut lines: Vec<String> = calls.iter().map(|&(name, ts)| call(&format!("f{name}"), ts, 1)).collect();
        lines.extend(counters.iter().map(|&(host, name, ts)| reading(&format!("h{host}"), &format!("c{name}"), ts, 1.0)));
        publish(&path, &batch(&lines, "a.pfw"));
        let index = Index::open(&path).expect("opened");
        let all = rows(&index, RowQuery::kind(SeriesKind::Call));
        let all_readings = readings(&index, TelemetryQuery::default());
        prop_assert!(rows(&index, RowQuery::kind(SeriesKind::AggregatedCall)).is_empty());
        for (start, end, parts, host, name) in queries {
            let time = start.min(end)..start.max(end);
            let mut parted = Rows::new();
            for range in index.shards(SeriesKind::Call, parts) {
                let part = rows(&index, RowQuery { series: range, time: Some(time.clone()) });
                prop_assert!(part.keys().all(|key| !parted.contains_key(key)));
                parted.extend(part);
            }
            let mut wanted = all.clone();
            wanted.retain(|(_, bucket), _| time.contains(bucket));
            prop_assert_eq!(parted, wanted);

            let host_hash = (host < 3).then(|| format!("h{host}"));
            let counter = (name < 3).then(|| format!("c{name}"));
            let mut wanted = all_readings.clone();
            wanted.retain(|(of, what, bucket, _)| {
                host_hash.as_ref().is_none_or(|host_hash| host_hash == of)
                    && counter.as_ref().is_none_or(|counter| counter == what)
                    && time.contains(bucket)
            });
            let query = TelemetryQuery { host_hash, name: counter, time: Some(time), keys: None };
            prop_assert_eq!(readings(&index, query), wanted);
        }
    }
}
