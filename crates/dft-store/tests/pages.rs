//! Rows in chunks and rows in pages are one sequence, however the builds of an index divided them.

use std::ops::Range;
use std::path::Path;

use dft_codec::{NameKind, RowKey, RowValue, SeriesId, SeriesKind};
use dft_store::{Index, RowQuery, verify};

mod common;
use common::{batch, name, publish};

/// The interval of the tests is 10 µs, so a window of a page has 40,960 µs.
const WINDOW: u64 = 40_960;

fn call(file: u64, ts: u64) -> String {
    format!(
        r#"{{"name":"read","cat":"POSIX","pid":1,"tid":{},"ts":{ts},"dur":2,"ph":"X","args":{{"hhash":"h","fhash":{},"ret":4}}}}"#,
        file % 2,
        hash(file)
    )
}

/// Returns the hash of a file. Each way to spell hashes occurs.
fn hash(file: u64) -> String {
    match file % 3 {
        0 => format!("\"{file:016x}\""),
        1 => file.to_string(),
        _ => format!("\"file {file}\""),
    }
}

/// Calls of many files in several windows of time, and of some files so many that they fill chunks.
fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    for file in 0..400 {
        lines.push(name("FH", &hash(file), &format!("/data/img_{file}.npz")));
        // Some files have two names.
        if file % 50 == 0 {
            lines.push(name("FH", &hash(file), &format!("/other/img_{file}.npz")));
        }
        let calls = if file % 40 == 0 { 120 } else { 1 + file % 4 };
        lines.extend((0..calls).map(|at| call(file, 1_000 + (file * 7_919 + at * 1_777) % (5 * WINDOW))));
    }
    // Calls in more windows than pages are collected for at once.
    lines.extend((0..300).map(|at| call(1, 500 + at * WINDOW)));
    lines.extend((0..300).map(|at| call(7, 700 + at * WINDOW)));
    // Without a file.
    lines.extend((0..60).map(|at| common::call("open", 5_000 + at * 3_000, 1)));
    lines
}

fn rows(index: &Index, series: Range<SeriesId>, time: Option<Range<u64>>) -> Vec<(RowKey, RowValue)> {
    let mut scan = index.rows(RowQuery { series, time }).expect("a scan");
    let mut rows = Vec::new();
    while let Some((key, row)) = scan.next().expect("a row") {
        rows.push((key, RowValue::decode(row, key.bucket).expect("a row")));
    }
    rows
}

/// Returns the rows that another thread reads ahead.
fn rows_ahead(index: &Index) -> Vec<(RowKey, RowValue)> {
    let (read, mut rows) = index.rows(RowQuery::kind(SeriesKind::Call)).expect("a scan").ahead();
    std::thread::scope(|scope| {
        scope.spawn(read);
        let mut all = Vec::new();
        while let Some((key, row)) = rows.next().expect("a row") {
            all.push((key, RowValue::decode(row, key.bucket).expect("a row")));
        }
        all
    })
}

fn names(index: &Index) -> Vec<(String, String)> {
    let table = index.names(NameKind::File).expect("names");
    table.iter().map(|(hash, name)| (hash.to_owned(), name.to_owned())).collect()
}

/// Publishes the lines of each batch, one after another.
fn published(path: &Path, batches: &[Vec<String>]) -> Index {
    for (at, lines) in batches.iter().enumerate() {
        publish(path, &batch(lines, &format!("{at}.pfw")));
    }
    Index::open(path).expect("opened")
}

#[test]
fn rows_are_the_same_whichever_part_of_them_is_in_pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = lines();
    let one = published(&folder.path().join("one"), std::slice::from_ref(&lines));
    let all = RowQuery::kind(SeriesKind::Call).series;
    let wanted = rows(&one, all.clone(), None);
    assert!(wanted.is_sorted_by(|a, b| a.0 < b.0));
    let calls = lines.iter().filter(|line| line.contains("\"ph\":\"X\"")).count() as u128;
    assert_eq!(wanted.iter().map(|(_, row)| row.core.count).sum::<u128>(), calls);
    for parts in [2, 3, 7] {
        // Neighbouring calls go to different builds, so rows and series are in parts.
        let mut batches = vec![Vec::new(); parts];
        lines.iter().enumerate().for_each(|(at, line)| batches[at * 31 % parts].push(line.clone()));
        let path = folder.path().join(format!("{parts}"));
        let index = published(&path, &batches);
        assert!(rows(&index, all.clone(), None) == wanted, "{parts} builds");
        assert!(rows_ahead(&index) == wanted, "{parts} builds");
        assert_eq!(names(&index), names(&one));
        assert_eq!(index.ambiguous_hashes().expect("read"), one.ambiguous_hashes().expect("read"));
        let found = verify(&path).expect("read");
        assert!(found.is_sound(), "{:?}", found.faults);
        assert_eq!((found.rows, found.series), (wanted.len() as u64, one.count_series().expect("read")));
        // Any range of time, and from any series on.
        for step in 0..40 {
            let (start, end) = (step * 5_003, step * 5_003 + 1 + step * 1_999);
            let in_time = rows(&index, all.clone(), Some(start..end));
            let wanted: Vec<_> = wanted.iter().filter(|(key, _)| (start..end).contains(&key.bucket)).cloned().collect();
            assert!(in_time == wanted, "{start}..{end}");
        }
        for at in (0..wanted.len()).step_by(23) {
            let (from, to) = (wanted[at].0.series, wanted[(at + 50).min(wanted.len() - 1)].0.series);
            let inside = |key: &RowKey| (from..to).contains(&key.series);
            let wanted: Vec<_> = wanted.iter().filter(|(key, _)| inside(key)).cloned().collect();
            assert!(rows(&index, from..to, None) == wanted);
            let mut scan = index.rows(RowQuery::kind(SeriesKind::Call)).expect("a scan");
            scan.next().expect("a row");
            scan.seek(to);
            assert_eq!(scan.next().expect("a row").map(|(key, _)| key.series), Some(to));
        }
    }
}

#[test]
fn the_name_of_a_file_is_found_in_its_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = published(&folder.path().join("index"), &[lines()]);
    for file in 0..400 {
        let hash = hash(file).trim_matches('"').to_owned();
        let wanted = format!("/data/img_{file}.npz");
        assert_eq!(index.name(NameKind::File, &hash).expect("read"), Some(wanted), "{hash}");
    }
    assert_eq!(index.name(NameKind::File, "file 1").expect("read"), None);
    assert_eq!(index.ambiguous_hashes().expect("read"), 8);
}
