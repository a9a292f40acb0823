//! Planted damage of every kind: it is found and named, and what can still be read is never wrong.

use std::fs;
use std::path::{Path, PathBuf};

use dft_codec::{Bounds, FileEntry, SeriesId, SeriesKind};
use dft_store::{Index, IndexWriter, RowQuery, StoreError, TelemetryQuery, verify};
use rocksdb::{DB, IteratorMode};

mod common;
use common::{batch, call, config, copy, generation, name, plant, publish, reading};

/// Creates an index from two publishings, so that it has values to merge.
fn sound(folder: &Path) -> PathBuf {
    let path = folder.join("sound");
    let mut lines: Vec<String> = (0..200).map(|at| call(["read", "write", "open"][at % 3], at as u64 * 7, 1)).collect();
    lines.extend((0..60).map(|at| reading("h", "cpu", 70 + at * 9, at as f64 / 7.0)));
    lines.push(name("FH", "7", "/a"));
    publish(&path, &batch(&lines, "a.pfw"));
    publish(&path, &batch(&lines[..150], "b.pfw"));
    path
}

fn first(db: &DB, family: &str) -> (Box<[u8]>, Box<[u8]>) {
    let handle = db.cf_handle(family).expect("a family");
    db.iterator_cf(handle, IteratorMode::Start).next().expect("an entry").expect("read")
}

fn put(db: &DB, family: &str, key: &[u8], value: &[u8]) {
    db.put_cf(db.cf_handle(family).expect("a family"), key, value).expect("written");
}

fn delete(db: &DB, family: &str, key: &[u8]) {
    db.delete_cf(db.cf_handle(family).expect("a family"), key).expect("deleted");
}

/// Returns the names of the files in the generation of an index that `wanted` selects.
fn files_of(index: &Path, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = fs::read_dir(generation(index)).expect("listed");
    let names = entries.map(|entry| entry.expect("listed").file_name().into_string().expect("UTF-8"));
    names.filter(|name| wanted(name)).collect()
}

#[test]
fn a_sound_index_verifies() {
    let folder = tempfile::tempdir().expect("a folder");
    let found = verify(&sound(folder.path())).expect("read");
    assert!(found.is_sound(), "{:?}", found.faults);
    assert!(found.rows > 100 && found.telemetry > 10 && found.series == 3 && found.names == 1 && found.files == 2);
    assert!(matches!(verify(folder.path()), Err(StoreError::NoIndex(_))));
}

#[test]
fn sealed_but_impossible_contents_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = sound(folder.path());
    type Change = fn(&DB);
    let kinds: [(&str, Change, &str); 18] = [
        (
            "a row that is none",
            |db| put(db, "aggregation", &first(db, "aggregation").0, b"\x01\xff"),
            "aggregation key",
        ),
        ("a row of no known version", |db| put(db, "aggregation", &first(db, "aggregation").0, &[9, 0]), "version 9"),
        (
            "telemetry that is none",
            |db| put(db, "system_metrics", &first(db, "system_metrics").0, b""),
            "system_metrics key",
        ),
        (
            "a row off the grid",
            |db| {
                let (key, value) = first(db, "aggregation");
                let mut other = key.to_vec();
                other[31] += 1;
                delete(db, "aggregation", &key);
                put(db, "aggregation", &other, &value);
            },
            "time grid",
        ),
        (
            "a row in another slice",
            |db| {
                let (key, value) = first(db, "aggregation");
                let mut other = key.to_vec();
                other[1] ^= 1;
                delete(db, "aggregation", &key);
                put(db, "aggregation", &other, &value);
            },
            "series is not known",
        ),
        (
            "a row of a file that has no hash",
            |db| {
                let (key, value) = first(db, "aggregation");
                let mut other = key.to_vec();
                // A file with this value is in slice 0, as the scope's entry must be.
                other[15..24].copy_from_slice(&[3, 0, 0, 0, 0, 0, 0, 0, 0]);
                let (scope, identity) = first(db, "series");
                let moved = |key: &[u8]| [&key[..1], &[0], &key[2..]].concat();
                put(db, "series", &moved(&scope), &identity);
                delete(db, "aggregation", &key);
                put(db, "aggregation", &moved(&other), &value);
            },
            "no hash",
        ),
        (
            "rows of another interval",
            |db| {
                let (key, value) = first(db, "aggregation");
                let mut other = value.to_vec();
                assert_eq!(other[1], 10);
                other[1] = 5;
                put(db, "aggregation", &key, &other);
            },
            "rows of another interval",
        ),
        (
            "a row that does not say when its calls were in progress",
            |db| {
                let (key, value) = first(db, "aggregation");
                let key_of = dft_codec::RowKey::decode(&key).expect("a key");
                let rows = dft_codec::RowChunk::decode(key_of, &value).expect("rows");
                let mut chunk = dft_codec::ChunkWriter::new(10);
                for (key, row) in rows.rows() {
                    let mut row = row.clone();
                    row.core.occupancy = None;
                    chunk.put(key, &row.encode(key.bucket)).expect("a row of the chunk");
                }
                put(db, "aggregation", &key, chunk.chunk().expect("rows").1);
            },
            "does not say when its calls were in progress",
        ),
        (
            "a row that is none behind one that is",
            |db| {
                let (key, value) = first(db, "aggregation");
                put(db, "aggregation", &key, &[&value[..], &[15, 1, 9]].concat());
            },
            "version 9",
        ),
        ("a row that is gone", |db| delete(db, "aggregation", &first(db, "aggregation").0), "its files have"),
        ("telemetry that is gone", |db| delete(db, "system_metrics", &first(db, "system_metrics").0), "readings"),
        ("a series that is gone", |db| delete(db, "series", &first(db, "series").0), "series is not known"),
        (
            "a series of another id",
            |db| {
                let (key, value) = first(db, "series");
                let at = value.windows(5).position(|bytes| bytes == b"posix").expect("its category");
                let mut other = value.to_vec();
                other[at] = b'P';
                put(db, "series", &key, &other);
            },
            "another id",
        ),
        (
            "bounds that are too narrow",
            |db| put(db, "meta", b"bounds", &Bounds { min: 700, max: 800 }.encode()),
            "time bounds",
        ),
        (
            "bounds that are too wide",
            |db| put(db, "meta", b"bounds", &Bounds { min: 0, max: 1 << 40 }.encode()),
            "time bounds",
        ),
        ("a file that is gone", |db| delete(db, "files", b"a.pfw"), "its files have"),
        (
            "a file's counts",
            |db| {
                let (key, value) = first(db, "files");
                let mut entry = FileEntry::decode(&value).expect("an entry");
                entry.counts.events += 1;
                put(db, "files", &key, &entry.encode());
            },
            "events",
        ),
        ("a name with a value", |db| put(db, "names", &first(db, "names").0, b"what"), "names key"),
    ];
    for (kind, change, says) in kinds {
        let damaged = folder.path().join("damaged");
        copy(&sound, &damaged);
        plant(&damaged, change);
        let found = verify(&damaged).expect("read");
        let messages: Vec<String> = found.faults.iter().map(ToString::to_string).collect();
        assert!(!found.is_sound(), "{kind} is not found");
        assert!(messages.iter().any(|message| message.contains(says)), "{kind}: {messages:?}");
        assert!(messages.iter().all(|message| message.contains("--rebuild")), "{kind}: {messages:?}");
        fs::remove_dir_all(&damaged).expect("removed");
    }
}

/// Returns the rows of an index that can be read, and the errors met on the way.
fn walk(path: &Path) -> (Vec<(dft_codec::RowKey, Vec<u8>)>, usize) {
    let index = Index::open(path).expect("opened");
    let mut rows = index.rows(RowQuery::kind(SeriesKind::Call)).expect("a scan");
    let (mut found, mut errors) = (Vec::new(), 0);
    loop {
        match rows.next() {
            Ok(Some((key, value))) => found.push((key, value.to_vec())),
            Ok(None) => return (found, errors),
            Err(error) => {
                assert!(error.to_string().contains("aggregation key"), "{error}");
                errors += 1;
            }
        }
    }
}

#[test]
fn a_bad_entry_is_one_error_and_later_entries_are_still_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = folder.path().join("sound");
    let lines: Vec<String> = (0..90).map(|at| call("read", at * 10, 1)).collect();
    publish(&sound, &batch(&lines, "a.pfw"));
    let (all, errors) = walk(&sound);
    assert_eq!((all.len(), errors), (90, 0));
    type Damage = fn(&[u8]) -> Vec<u8>;
    let cases: [(Damage, bool); 3] = [
        // Longer than the previous entry, so it has bytes where that one ended.
        (|value| [&[9], &value[1..], &value[2..]].concat(), false),
        (|value| [&[1, 0], &value[2..], &value[2..]].concat(), false),
        (|value| [value, &[0, 0]].concat(), true),
    ];
    for (at, (damage, has_rows)) in cases.into_iter().enumerate() {
        let damaged = folder.path().join(at.to_string());
        copy(&sound, &damaged);
        let mut bad = Vec::new();
        plant(&damaged, |db| {
            let handle = db.cf_handle("aggregation").expect("a family");
            let mut entries = db.iterator_cf(handle, IteratorMode::Start).map(|entry| entry.expect("read"));
            let (key, value) = entries.nth(2).expect("a third entry");
            put(db, "aggregation", &key, &damage(&value));
            bad = key.to_vec();
        });
        let (found, errors) = walk(&damaged);
        let mut wanted = all.clone();
        wanted.retain(|(key, _)| has_rows || key.chunk(10).encode() != bad[..]);
        assert_eq!((found.len(), errors), (wanted.len(), 1));
        assert_eq!(found, wanted);
    }
}

#[test]
fn a_bad_page_is_one_error_and_later_pages_are_still_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = folder.path().join("sound");
    let lines = (0..60).map(|file| {
        let hash = format!("\"fhash\":{file},\"ret\":0");
        call("open", 1_000 + file * 3, 0).replace("\"ret\":0", &hash)
    });
    publish(&sound, &batch(&lines.collect::<Vec<_>>(), "a.pfw"));
    let (all, errors) = walk(&sound);
    assert_eq!((all.len(), errors), (60, 0));
    type Damage = fn(&[u8]) -> Vec<u8>;
    let cases: [Damage; 3] =
        [|page| [&[9], &page[1..]].concat(), |page| [page, &[0]].concat(), |page| page[..page.len() - 1].to_vec()];
    for (at, damage) in cases.into_iter().enumerate() {
        let damaged = folder.path().join(at.to_string());
        copy(&sound, &damaged);
        let mut bad = Vec::new();
        plant(&damaged, |db| {
            let handle = db.cf_handle("aggregation").expect("a family");
            let mut entries = db.iterator_cf(handle, IteratorMode::Start).map(|entry| entry.expect("read"));
            let (key, page) = entries.nth(7).expect("an eighth entry");
            put(db, "aggregation", &key, &damage(&page));
            bad = key.to_vec();
        });
        let (found, errors) = walk(&damaged);
        let mut wanted = all.clone();
        wanted.retain(|(key, _)| key.page(10).encode() != bad[..]);
        assert!(wanted.len() < all.len());
        assert_eq!((found, errors), (wanted, 1));
    }
}

/// Keys and values.
type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Returns everything that an index holds.
fn everything(path: &Path) -> Result<Entries, StoreError> {
    let index = Index::open(path)?;
    let mut all = Vec::new();
    for family in SeriesKind::ALL {
        let mut rows = index.rows(RowQuery::kind(family))?;
        while let Some((key, value)) = rows.next()? {
            all.push((key.encode().to_vec(), value.to_vec()));
        }
    }
    let mut readings = index.telemetry(TelemetryQuery::default())?;
    while let Some((key, value)) = readings.next()? {
        all.push((key.encode(), value.to_vec()));
    }
    for (path, entry) in index.files()? {
        all.push((path, entry.encode()));
    }
    all.push((Vec::new(), format!("{:?}", index.bounds()).into_bytes()));
    Ok(all)
}

#[test]
fn a_flipped_byte_anywhere_is_found_and_nothing_is_read_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = sound(folder.path());
    let wanted = everything(&sound).expect("read");
    let damaged = folder.path().join("damaged");
    copy(&sound, &damaged);
    let generation = generation(&damaged);
    let mut files = vec![damaged.join("DFT_INDEX")];
    files.extend(fs::read_dir(&generation).expect("listed").map(|entry| entry.expect("listed").path()));
    files.retain(|path| {
        path.file_name().is_some_and(|name| name != "LOCK" && !name.to_string_lossy().starts_with("LOG"))
    });
    assert!(files.iter().any(|path| path.extension().is_some_and(|extension| extension == "sst")));
    let mut flips = 0;
    for path in files {
        let bytes = fs::read(&path).expect("read");
        // Every byte of small files, and samples of large ones.
        let step = (bytes.len() / 60).max(1);
        for at in (0..bytes.len()).step_by(step) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&path, &flipped).expect("written");
            flips += 1;
            let found = verify(&damaged).map(|found| found.faults);
            let faults = found.expect("an index is there");
            assert!(!faults.is_empty(), "byte {at} of {} is not found", path.to_string_lossy());
            let message = faults[0].to_string();
            assert!(message.contains("--rebuild"), "{message}");
            let name = path.file_name().expect("a name").to_str().expect("UTF-8");
            // A damaged marker may look like one of another layout.
            assert!(message.contains(name) || name == "DFT_INDEX", "{name}: {message}");
            match everything(&damaged) {
                Ok(read) => assert!(read == wanted, "byte {at} of {} is read, and read wrong", path.to_string_lossy()),
                Err(StoreError::Damaged { .. } | StoreError::Entry { .. }) => {}
                Err(StoreError::Format { .. }) if name == "DFT_INDEX" => {}
                Err(error) => panic!("byte {at} of {name} is not reported as damage: {error:?}"),
            }
        }
        fs::write(&path, &bytes).expect("written");
    }
    assert!(flips > 500, "{flips}");
    assert!(verify(&damaged).expect("read").is_sound());
}

#[test]
fn a_scan_of_unreadable_series_returns_one_error_and_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = sound(folder.path());
    let scan = |index: &Index| {
        let all = SeriesId([0; 24])..SeriesId([255; 24]);
        let found: Vec<bool> = index.scopes(all).expect("a scan").take(100).map(|series| series.is_ok()).collect();
        found
    };
    assert_eq!(scan(&Index::open(&sound).expect("opened")), [true; 3]);
    let damaged = folder.path().join("damaged");
    copy(&sound, &damaged);
    let mut unreadable = 0;
    for entry in fs::read_dir(generation(&damaged)).expect("listed") {
        let path = entry.expect("listed").path();
        if path.extension().is_some_and(|extension| extension == "sst") {
            let bytes = fs::read(&path).expect("read");
            // In the first block, which has the entries.
            let mut flipped = bytes.clone();
            flipped[20] ^= 1;
            fs::write(&path, &flipped).expect("written");
            if let Ok(index) = Index::open(&damaged) {
                let found = scan(&index);
                assert!(found.len() <= 4, "it goes on for ever");
                unreadable += usize::from(found.last() == Some(&false));
            }
            fs::write(&path, &bytes).expect("written");
        }
    }
    assert!(unreadable > 0, "no table of series was damaged");
}

#[test]
fn removed_truncated_and_added_files_are_found_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = sound(folder.path());
    let damaged = folder.path().join("damaged");
    let named = files_of(&sound, |name| name != "LOCK" && !name.starts_with("LOG"));
    let opens = |what: &str, file: &str| {
        let error = Index::open(&damaged).err().unwrap_or_else(|| panic!("{what} is not found"));
        let message = error.to_string();
        assert!(message.contains(file) && message.contains("--rebuild"), "{what}: {message}");
        assert!(!verify(&damaged).expect("an index is there").is_sound());
    };
    for name in &named {
        copy(&sound, &damaged);
        let path = generation(&damaged).join(name);
        fs::remove_file(&path).expect("removed");
        if name != "SEAL" {
            opens("a file that is gone", name);
        } else {
            assert!(Index::open(&damaged).is_err());
        }
        fs::remove_dir_all(&damaged).expect("removed");
        copy(&sound, &damaged);
        let bytes = fs::read(&path).expect("read");
        if !bytes.is_empty() {
            fs::write(&path, &bytes[..bytes.len() - 1]).expect("written");
            opens("a file that is cut", name);
        }
        fs::remove_dir_all(&damaged).expect("removed");
    }
    copy(&sound, &damaged);
    fs::write(generation(&damaged).join("000999.log"), b"something").expect("written");
    opens("a log that somebody put there", "000999.log");
}

#[test]
fn a_flipped_byte_is_reported_as_damage_when_opening_reading_or_adding() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = sound(folder.path());
    let damaged = folder.path().join("damaged");
    let sorted = files_of(&sound, |name| name.ends_with(".sst"));
    let (mut opening, mut adding) = (0, 0);
    for name in sorted {
        copy(&sound, &damaged);
        let path = generation(&damaged).join(&name);
        let bytes = fs::read(&path).expect("read");
        for at in (0..bytes.len()).step_by((bytes.len() / 40).max(1)) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x20;
            fs::write(&path, &flipped).expect("written");
            let is_damage = |error: StoreError| {
                assert!(matches!(error, StoreError::Damaged { .. }), "byte {at} of {name}: {error:?}");
                let message = error.to_string();
                assert!(message.contains(&name) && message.contains("--rebuild"), "{message}");
                assert_eq!(message.matches(&name).count(), 1, "{message}");
            };
            if let Err(error) = Index::open(&damaged) {
                is_damage(error);
                opening += 1;
            }
            let added = IndexWriter::open(&damaged, &config(), false)
                .and_then(|mut writer| writer.publish(&batch(&[call("read", 5, 1)], "c.pfw"), 1));
            match added {
                Err(error) => {
                    is_damage(error);
                    adding += 1;
                }
                // The damage was not read, and is carried over.
                Ok(_) => {
                    assert!(!verify(&damaged).expect("an index is there").is_sound());
                    fs::remove_dir_all(&damaged).expect("removed");
                    copy(&sound, &damaged);
                }
            }
        }
        fs::remove_dir_all(&damaged).expect("removed");
    }
    assert!(opening > 10 && adding > 10, "{opening}, {adding}");
}

#[test]
fn a_link_in_place_of_a_file_is_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = sound(folder.path());
    for entry in fs::read_dir(generation(&sound)).expect("listed") {
        let name = entry.expect("listed").file_name().into_string().expect("UTF-8");
        let damaged = folder.path().join("damaged");
        copy(&sound, &damaged);
        let path = generation(&damaged).join(&name);
        if name == "LOCK" || name.starts_with("LOG") {
            continue;
        }
        let away = folder.path().join("away");
        for (kind, what) in [("link", "a symbolic link"), ("directory", "a directory")] {
            fs::rename(&path, &away).expect("moved");
            match kind {
                "link" => std::os::unix::fs::symlink(&away, &path).expect("linked"),
                _ => fs::create_dir(&path).expect("made"),
            }
            let error = Index::open(&damaged).err().unwrap_or_else(|| panic!("{name} as {what} is opened"));
            assert!(matches!(error, StoreError::Damaged { .. }), "{name}: {error:?}");
            assert!(error.to_string().contains(&format!("{name}: the index is damaged: it is {what}")), "{error}");
            let found = verify(&damaged).expect("an index is there");
            assert!(found.faults[0].to_string().contains(what), "{:?}", found.faults);
            if kind == "link" { fs::remove_file(&path) } else { fs::remove_dir(&path) }.expect("removed");
            fs::rename(&away, &path).expect("moved");
        }
        fs::remove_dir_all(&damaged).expect("removed");
    }
}

#[test]
fn foreign_files_in_a_generation_are_ignored_dropped_and_reported_by_verify() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = sound(folder.path());
    let wanted = everything(&index).expect("read");
    let strays = ["000999.sst", "MANIFEST-999999", "a directory", "a link", "notes"];
    let place = generation(&index);
    fs::create_dir(place.join(strays[0])).expect("made");
    fs::write(place.join(strays[1]), "mine").expect("written");
    fs::create_dir(place.join(strays[2])).expect("made");
    fs::write(place.join(strays[2]).join("file"), "mine").expect("written");
    std::os::unix::fs::symlink("/nowhere", place.join(strays[3])).expect("linked");
    fs::write(place.join(strays[4]), "mine").expect("written");
    // NFS keeps such a file while a reader has the removed file open.
    fs::write(place.join(".nfs0001"), "").expect("written");
    assert_eq!(everything(&index).expect("read"), wanted);
    let found = verify(&index).expect("an index is there");
    assert_eq!(found.faults.len(), strays.len(), "{:?}", found.faults);
    for (fault, name) in found.faults.iter().zip(strays) {
        assert!(matches!(fault, StoreError::Stray(path) if *path == place.join(name)), "{fault:?}");
    }
    assert!(found.rows > 100, "the index is read all the same");
    publish(&index, &batch(&[call("read", 5, 1)], "c.pfw"));
    let found = verify(&index).expect("an index is there");
    assert!(found.is_sound() && found.files == 3, "{:?}", found.faults);
    assert!(strays.iter().all(|name| !generation(&index).join(name).exists()));
}
