//! Forged bundles whose hashes are right: the ingest refuses and names each, and the index stays unchanged.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use dft_codec::{Bounds, FileEntry, PieceEntry, RowKey, RowPageKey, SeriesIdentity, TelemetryKey};
use dft_trace::Clock;
use rocksdb::SstFileWriter;
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_128;

use crate::column_families::{self, MergeFaults, NAMES, ROWS, SERIES, STAGED, TELEMETRY};
use crate::read::index::Index;
use crate::staging::bundle::{Bundle, WHOLE};
use crate::staging::manifest::{BundleFile, Contents, MANIFEST, Manifest};
use crate::staging::stager::Stager;
use crate::{BundleFailure, IndexWriter, IngestReport, StoreError, verify};

#[path = "../../tests/common/mod.rs"]
mod common;
use common::{batch, call, config, copy, name, publish, reading, table};

/// What an entry does to others of its key.
#[derive(Clone, Copy, Debug, PartialEq)]
enum EntryKind {
    Merge,
    Put,
    Delete,
    /// Deletes all keys from this one to the value.
    DeleteRange,
}

type Entry = (Vec<u8>, Vec<u8>, EntryKind);

/// A forged bundle: its manifest, and the entries of each file.
#[derive(Clone)]
struct Forged {
    manifest: Manifest,
    files: Vec<(&'static str, String, Vec<Entry>)>,
}

impl Forged {
    fn entries(&mut self, family: &str) -> &mut Vec<Entry> {
        &mut self.files.iter_mut().find(|(of, ..)| *of == family).expect("a file of the family").2
    }

    /// Returns the only page of rows.
    fn page(&mut self) -> &mut Entry {
        let page = self.entries(ROWS).last_mut().expect("an entry");
        assert!(RowPageKey::is_page(&page.0));
        page
    }

    fn entry(&mut self) -> &mut FileEntry {
        match &mut self.manifest.contents {
            Contents::Traces(traces) => &mut traces[0].1,
            Contents::Piece(_, piece) => &mut piece.entry,
        }
    }

    /// Writes the bundle, with the right hashes of everything.
    fn write(&self, shared: &Path) -> PathBuf {
        let path = shared.join(format!("{WHOLE}forged"));
        fs::create_dir_all(&path).expect("made");
        let mut manifest = self.manifest.clone();
        manifest.files.clear();
        for (family, name, entries) in &self.files {
            let options = column_families::options(family, &MergeFaults::default(), None);
            let file = path.join(name);
            let mut writer = SstFileWriter::create(&options);
            writer.open(&file).expect("made");
            for (key, value, kind) in entries {
                match kind {
                    EntryKind::Merge => writer.merge(key, value),
                    EntryKind::Put => writer.put(key, value),
                    EntryKind::Delete => writer.delete(key),
                    EntryKind::DeleteRange => writer.delete_range(key, value),
                }
                .expect("written");
            }
            writer.finish().expect("written");
            let bytes = fs::read(&file).expect("read");
            let (size, hash) = (bytes.len() as u64, xxh3_128(&bytes));
            manifest.files.push(BundleFile { family, name: name.clone(), size, hash });
        }
        fs::write(path.join(MANIFEST), manifest.encode()).expect("written");
        path
    }
}

/// Rows of two functions fill chunks. Those of two files are in a page.
fn lines() -> Vec<String> {
    let mut lines: Vec<_> = (0..90).map(|at| call(["read", "write"][at % 2], 1_000 + at as u64 * 7, 1)).collect();
    lines.extend((0..20).map(|at| reading("h", "cpu", 1_070 + at * 9, at as f64 / 7.0)));
    lines.extend(["1", "234"].map(|file| {
        let call = call("open", 1_300, 0);
        call.replace("\"ret\":0", &format!("\"fhash\":{file},\"ret\":0"))
    }));
    lines.push(name("FH", "7", "/a"));
    lines.push(name("FH", "7", "/b"));
    lines
}

/// An index, and a sound bundle that is not ingested.
struct Place {
    folder: TempDir,
    bundle: PathBuf,
    sound: Forged,
}

/// Returns all files below a directory and their bytes.
fn bytes_of(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("listed") {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            all.extend(bytes_of(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).expect("read"));
        }
    }
    all
}

/// Returns all entries of an index, without those that describe its files.
fn entries_of(index: &Path) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let index = Index::open(index).expect("opened");
    let mut all = Vec::new();
    for family in STAGED {
        index
            .each(family, b"", |key, value| {
                all.push((family, key.to_vec(), value.to_vec()));
                Ok(true)
            })
            .expect("read");
    }
    all
}

impl Place {
    fn new() -> Self {
        Self::of(false)
    }

    /// Creates a bundle of a whole trace, or of a piece that spans a whole trace.
    fn of(is_piece: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = folder.path().join("staged");
        let (run, entry, bounds) = table(&lines());
        let stager = Stager::open(&folder.path().join("local"), &shared, &config()).expect("opened");
        let trace = PathBuf::from("/t/b.pfw");
        let staged = if is_piece {
            let piece = PieceEntry { range: 0..entry.size, clock: Clock::default(), open_end: None, entry };
            stager.stage_piece(&[run], trace, piece, bounds, 1)
        } else {
            stager.stage(&[run], vec![(trace, entry)], Vec::new(), bounds, 1)
        };
        let staged = staged.expect("staged");
        let index = folder.path().join("sound");
        publish(&index, &batch(&[call("open", 20, 1), call("read", 1_007, 1)], "a.pfw"));
        let alone = folder.path().join("alone");
        let report = ingest(&alone, &shared);
        assert_eq!(report.taken.len(), 1, "{:?}", report.refused);
        let mut files: Vec<_> = STAGED.map(|family| (family, format!("{family}.sst"), Vec::new())).into();
        for (family, key, value) in entries_of(&alone) {
            let of = files.iter_mut().find(|(of, ..)| *of == family).expect("a family");
            of.2.push((key, value, EntryKind::Merge));
        }
        let bundle = staged.path;
        let sound = Forged { manifest: Bundle::open(bundle.clone()).expect("read").manifest, files };
        Self { folder, bundle, sound }
    }

    /// Returns a copy of the index and an empty shared directory.
    fn fresh(&self) -> (PathBuf, PathBuf) {
        let (index, shared) = (self.folder.path().join("index"), self.folder.path().join("shared"));
        for directory in [&index, &shared] {
            let _ = fs::remove_dir_all(directory);
        }
        copy(&self.folder.path().join("sound"), &index);
        fs::create_dir(&shared).expect("made");
        (index, shared)
    }

    /// Ingests the one bundle that `write` puts in a shared directory. Returns the message if it is refused, and checks
    /// that the index is unchanged; otherwise checks that the index verifies.
    fn refused(&self, kind: &str, write: impl FnOnce(&Path)) -> Option<String> {
        let (index, shared) = self.fresh();
        write(&shared);
        let before = bytes_of(&index);
        let report = ingest(&index, &shared);
        if !report.waiting.is_empty() || !report.unchained.is_empty() {
            assert!(bytes_of(&index) == before, "{kind}: the index is not what it was");
            return Some("it waits, or never will be one".to_owned());
        }
        if report.taken.is_empty() && report.known.is_empty() {
            assert_eq!(report.refused.len(), 1, "{kind}: {report:?}");
            assert!(bytes_of(&index) == before, "{kind}: the index is not what it was");
            let message = report.refused[0].error.to_string();
            assert!(message.contains(&*report.refused[0].bundle.to_string_lossy()), "{kind}: {message}");
            return Some(message);
        }
        let found = verify(&index).expect("an index is there");
        assert!(found.is_sound(), "{kind}: ingested, and then {:?}", found.faults);
        None
    }
}

fn ingest(index: &Path, shared: &Path) -> IngestReport {
    let mut writer = IndexWriter::open(index, &config(), false).expect("opened");
    writer.ingest(shared, true).expect("ingested")
}

#[test]
fn a_bundle_that_contradicts_itself_or_its_index_is_refused_and_named() {
    let place = Place::new();
    type Change = fn(&mut Forged);
    let mut wrong = 0;
    let mut check = |kind: &str, says: &str, change: Change| {
        let mut forged = place.sound.clone();
        change(&mut forged);
        let message = place.refused(kind, |shared| drop(forged.write(shared)));
        match message {
            _ if says.is_empty() => assert_eq!(message, None, "{kind}"),
            Some(message) => assert!(message.contains(says), "{kind}: {message}"),
            None => panic!("{kind} is ingested"),
        }
        wrong += 1;
    };
    check("as it was", "", |_| ());
    check("a row among telemetry", "system_metrics key", |forged| {
        let entry = forged.entries(ROWS).remove(0);
        *forged.entries(TELEMETRY) = vec![entry];
    });
    check("telemetry among series", "series is not known", |forged| {
        let entry = forged.entries(TELEMETRY).remove(0);
        *forged.entries(SERIES) = vec![entry];
    });
    check("a series among names", "names key", |forged| {
        let entry = forged.entries(SERIES)[0].clone();
        *forged.entries(NAMES) = vec![entry];
    });
    check("a name among rows", "aggregation key", |forged| {
        let entry = forged.entries(NAMES)[0].clone();
        *forged.entries(ROWS) = vec![entry];
    });
    check("files under each other's families", "key", |forged| {
        let (rows, series) = (forged.entries(ROWS).clone(), forged.entries(SERIES).clone());
        (*forged.entries(ROWS), *forged.entries(SERIES)) = (series, rows);
    });
    check("a chunk off the grid", "time grid", |forged| forged.entries(ROWS)[0].0[31] += 1);
    check("a page off the grid", "time grid", |forged| *forged.page().0.last_mut().expect("a byte") += 10);
    check("a page of another interval", "rows of another interval", |forged| {
        assert_eq!(forged.page().1[1], 10);
        forged.page().1[1] = 5;
    });
    check("a page of another slice", "series is not known", |forged| forged.page().0[1] ^= 0x80);
    check("a page of no series", "series is not known", |forged| forged.page().0[9] ^= 1);
    check("a page with a file less", "bytes follow", |forged| {
        let page = &mut forged.page().1;
        // Two files, in the same slice.
        assert_eq!(page[2], 2);
        let width = usize::from(page[3]);
        page[2] = 1;
        page.drain(4 + width..4 + 2 * width);
    });
    check("a page of names with a changed order", "out of order", |forged| {
        let names = &mut forged.entries(NAMES)[0].1;
        let last = names.len() - 1;
        assert_eq!(names[last], b'b');
        names[last] = b'A';
    });
    check("a page of names between two others", "names key", |forged| forged.entries(NAMES)[0].0[3] |= 1);
    check("telemetry off the grid", "time grid", |forged| {
        let last = forged.entries(TELEMETRY).last_mut().expect("one");
        *last.0.last_mut().expect("a byte") += 1;
    });
    check("rows of another interval", "rows of another interval", |forged| {
        assert_eq!(forged.entries(ROWS)[0].1[1], 10);
        forged.entries(ROWS)[0].1[1] = 5;
    });
    check("rows of no family", "no known family", |forged| {
        for entry in forged.entries(ROWS).iter_mut().filter(|entry| !RowPageKey::is_page(&entry.0)) {
            entry.0[0] = 9;
        }
    });
    check("a page of no family", "no known family", |forged| {
        forged.page().0[0] = 0x89;
    });
    check("bounds that are too narrow", "time bounds", |forged| {
        forged.manifest.bounds = Some(Bounds { min: 1_000, max: 1_010 });
    });
    check("bounds that are too wide", "time bounds", |forged| {
        forged.manifest.bounds = Some(Bounds { min: 0, max: 1 << 40 });
    });
    check("no bounds", "time bounds", |forged| forged.manifest.bounds = None);
    check("a row outside of the bounds", "time bounds", |forged| {
        let at = forged.entries(ROWS).len() - 2;
        let last = &mut forged.entries(ROWS)[at];
        let RowKey { series, bucket } = RowKey::decode(&last.0).expect("a key");
        last.0 = RowKey { series, bucket: bucket + (160 << 20) }.encode().to_vec();
    });
    check("a series of another id", "another id", |forged| {
        let value = &mut forged.entries(SERIES)[0].1;
        let at = value.windows(5).position(|bytes| bytes == b"posix").expect("its category");
        value[at] = b'P';
    });
    check("a series that is not there", "series is not known", |forged| {
        forged.entries(SERIES).pop();
        forged.manifest.written.series -= 1;
    });
    check("a series with a group key", "other group keys", |forged| {
        let mut identity = SeriesIdentity::decode_scope(&forged.entries(SERIES)[0].1).expect("a scope");
        identity.extra.push("epoch".to_owned());
        let entry = (identity.id().scope().0.to_vec(), identity.encode_scope(), EntryKind::Merge);
        forged.entries(SERIES).push(entry);
        forged.entries(SERIES).sort_by(|a, b| a.0.cmp(&b.0));
        forged.manifest.written.series += 1;
    });
    check("a counter with a group key", "other group keys", |forged| {
        let mut key = TelemetryKey::decode(&forged.entries(TELEMETRY)[0].0).expect("a key");
        let extra = vec!["epoch".to_owned()];
        key.scope = Some(dft_codec::CounterScope { category: "app".to_owned(), pid: Some(1), extra });
        forged.entries(TELEMETRY).last_mut().expect("one").0 = key.encode();
    });
    check("more events", "events", |forged| forged.entry().counts.events += 1);
    check("fewer events", "events", |forged| forged.entry().counts.events -= 1);
    check("more calls in profiles", "profiles", |forged| forged.entry().counts.profile_calls += 1);
    check("more system calls", "system statistics", |forged| forged.entry().counts.system_calls += 1);
    check("more readings", "readings", |forged| forged.entry().counts.telemetry += 1);
    check("more rows", "rows, but it has", |forged| forged.manifest.written.rows += 1);
    check("more telemetry rows", "telemetry rows, but it has", |forged| forged.manifest.written.telemetry += 1);
    check("more series", "series, but it has", |forged| forged.manifest.written.series += 1);
    check("rows that are gone", "events", |forged| drop(forged.entries(ROWS).pop()));
    check("no family at all", "events", |forged| forged.files.clear());
    check("a row that replaces others", "entries replace others", |forged| forged.entries(ROWS)[0].2 = EntryKind::Put);
    check("a name that replaces others", "entries replace others", |forged| {
        forged.entries(NAMES)[0].2 = EntryKind::Put
    });
    check("a row that deletes others", "entries delete others", |forged| {
        forged.entries(ROWS).insert(0, (vec![0; 24], Vec::new(), EntryKind::Delete));
    });
    check("a range that deletes others", "entries delete others", |forged| {
        forged.entries(SERIES).push((vec![0], vec![0xff], EntryKind::DeleteRange));
    });
    check("a file that only deletes", "entries delete others", |forged| {
        forged.files.push((ROWS, "more.sst".to_owned(), vec![(vec![0; 24], Vec::new(), EntryKind::Delete)]));
    });
    check("the same rows twice", "twice", |forged| {
        let rows = forged.entries(ROWS).clone();
        forged.files.insert(1, (ROWS, "again.sst".to_owned(), rows));
    });
    check("the same rows twice, and counted so", "twice", |forged| {
        let rows = forged.entries(ROWS).clone();
        forged.files.push((ROWS, "again.sst".to_owned(), rows));
        forged.entry().counts.events *= 2;
    });
    check("the same names twice", "twice", |forged| {
        let names = forged.entries(NAMES).clone();
        forged.files.push((NAMES, "again.sst".to_owned(), names));
    });
    check("rows in two files that overlap but have no key in common", "", |forged| {
        let rows = std::mem::take(forged.entries(ROWS));
        let odd: Vec<_> = rows.iter().skip(1).step_by(2).cloned().collect();
        *forged.entries(ROWS) = rows.into_iter().step_by(2).collect();
        assert!(!odd.is_empty());
        forged.files.push((ROWS, "odd.sst".to_owned(), odd));
    });
    check("a trace twice", "a trace is listed twice", |forged| {
        if let Contents::Traces(traces) = &mut forged.manifest.contents {
            traces.push(traces[0].clone());
        }
    });
    check("another configuration", "another configuration", |forged| forged.manifest.config.interval_us = 20);
    for name in ["..", ".", "", "/etc/passwd", "a/../b"] {
        let mut manifest = place.sound.manifest.clone();
        manifest.files[0].name = name.to_owned();
        let message = place.refused(name, |shared| {
            let path = shared.join(format!("{WHOLE}forged"));
            copy(&place.bundle, &path);
            fs::write(path.join(MANIFEST), manifest.encode()).expect("written");
        });
        assert!(message.expect("refused").contains("the name of a file that is not in the bundle"));
    }
    assert!(wrong > 35, "{wrong}");
}

#[test]
fn anything_but_a_bundle_is_refused_and_named_without_blocking() {
    let place = Place::new();
    let manifest = |shared: &Path| {
        let path = shared.join(format!("{WHOLE}forged"));
        copy(&place.bundle, &path);
        fs::remove_file(path.join(MANIFEST)).expect("removed");
        path.join(MANIFEST)
    };
    let refused = |says: &str, write: &dyn Fn(&Path)| {
        let message = place.refused(says, write).unwrap_or_else(|| panic!("{says} is ingested"));
        assert!(message.contains(says) && message.contains("the bundle is damaged"), "{says}: {message}");
    };
    refused("it is a FIFO", &|shared| {
        assert!(Command::new("mkfifo").arg(manifest(shared)).status().expect("it runs").success());
    });
    refused("it is a directory", &|shared| fs::create_dir(manifest(shared)).expect("made"));
    refused("it is a symbolic link", &|shared| {
        symlink(place.bundle.join(MANIFEST), manifest(shared)).expect("linked");
    });
    refused("it is a symbolic link", &|shared| symlink("/dev/zero", manifest(shared)).expect("linked"));
    refused("it has no manifest", &|shared| drop(manifest(shared)));
    refused("notes: the bundle is damaged: it is not part of the bundle", &|shared| {
        copy(&place.bundle, &shared.join(format!("{WHOLE}forged")));
        fs::write(shared.join(format!("{WHOLE}forged/notes")), "mine").expect("written");
    });
    refused("it is larger than any manifest", &|shared| {
        File::create(manifest(shared)).and_then(|file| file.set_len(1 << 40)).expect("made");
    });
    // Only the first bytes of a file that is not a manifest are read.
    refused("it is not a bundle's manifest", &|shared| {
        File::create(manifest(shared)).and_then(|file| file.set_len(1 << 30)).expect("made");
    });
    refused("it is not a bundle's manifest", &|shared| fs::write(manifest(shared), b"").expect("written"));
    refused("it is a symbolic link", &|shared| {
        symlink(&place.bundle, shared.join(format!("{WHOLE}forged"))).expect("linked");
    });
    refused("it is not a directory", &|shared| {
        fs::write(shared.join(format!("{WHOLE}forged")), b"dft bundle").expect("written");
    });
    for (says, bytes) in [("bytes, not the", &b"short"[..]), ("its bytes differ", &[])] {
        refused(says, &|shared| {
            let path = shared.join(format!("{WHOLE}forged"));
            copy(&place.bundle, &path);
            let file = path.join(&place.sound.manifest.files[0].name);
            let there = fs::read(&file).expect("read");
            let filled = if bytes.is_empty() { vec![7; there.len()] } else { bytes.to_vec() };
            fs::write(file, filled).expect("written");
        });
    }
    refused("it is a symbolic link", &|shared| {
        let path = shared.join(format!("{WHOLE}forged"));
        copy(&place.bundle, &path);
        let name = &place.sound.manifest.files[0].name;
        fs::remove_file(path.join(name)).expect("removed");
        symlink(place.bundle.join(name), path.join(name)).expect("linked");
    });
    // Files with the right hashes that are not SST files.
    let good = fs::read(place.bundle.join(&place.sound.manifest.files[0].name)).expect("read");
    for bytes in
        [b"".to_vec(), b"nothing".to_vec(), vec![0; 9_999], good[..good.len() - 9].to_vec(), good[9..].to_vec()]
    {
        let (mut manifest, name) = (place.sound.manifest.clone(), place.sound.manifest.files[0].name.clone());
        (manifest.files[0].size, manifest.files[0].hash) = (bytes.len() as u64, xxh3_128(&bytes));
        refused("", &|shared| {
            let path = shared.join(format!("{WHOLE}forged"));
            copy(&place.bundle, &path);
            fs::write(path.join(&name), &bytes).expect("written");
            fs::write(path.join(MANIFEST), manifest.encode()).expect("written");
        });
    }
}

#[test]
fn two_copies_of_a_bundle_are_ingested_once() {
    let place = Place::new();
    let (index, shared) = place.fresh();
    for name in ["forged", "again", "and-again"] {
        copy(&place.bundle, &shared.join(format!("{WHOLE}{name}")));
    }
    let report = ingest(&index, &shared);
    assert_eq!((report.taken.len(), report.known.len(), report.refused.len()), (1, 2, 0), "{report:?}");
    let once = entries_of(&index);
    assert!(verify(&index).expect("an index is there").is_sound());
    let report = ingest(&index, &shared);
    assert_eq!((report.taken.len(), report.known.len()), (0, 3), "{report:?}");
    assert_eq!(entries_of(&index), once);
}

#[test]
fn a_refused_bundle_does_not_keep_others_out() {
    let place = Place::new();
    let (index, shared) = place.fresh();
    let mut forged = place.sound.clone();
    forged.entry().counts.events += 1;
    let path = forged.write(&shared);
    // It comes first, and claims the traces of the sound one.
    copy(&place.bundle, &shared.join(format!("{WHOLE}sound")));
    let report = ingest(&index, &shared);
    assert_eq!((report.taken.len(), report.refused.len()), (1, 1), "{report:?}");
    assert!(
        matches!(&report.refused[0], BundleFailure { bundle, error: StoreError::Bundle { .. } } if *bundle == path),
        "{report:?}"
    );
    assert!(path.exists() && verify(&index).expect("an index is there").is_sound());
}

#[test]
fn any_bit_of_a_manifest_changed_and_rehashed_is_refused_or_harmless() {
    every_bit_of_a_manifest(&Place::new());
}

#[test]
fn any_bit_of_the_manifest_of_a_piece_changed_and_rehashed_is_refused_or_harmless() {
    every_bit_of_a_manifest(&Place::of(true));
}

fn every_bit_of_a_manifest(place: &Place) {
    // SST files contain their creation time, so all bundles here are copies of one.
    let written = place.folder.path().join("written");
    let sound = place.sound.write(&written);
    let wanted = {
        let (index, shared) = place.fresh();
        copy(&written, &shared);
        ingest(&index, &shared);
        entries_of(&index)
    };
    let (mut refused, mut taken) = (0, 0);
    let body = fs::read(sound.join(MANIFEST)).expect("read");
    let body = &body[..body.len() - 16];
    for at in 0..body.len() {
        let bit = at % 8;
        let mut body = body.to_vec();
        body[at] ^= 1 << bit;
        let bytes = [&body[..], &xxh3_128(&body).to_be_bytes()].concat();
        let kind = format!("bit {bit} of byte {at}");
        let message = place.refused(&kind, |shared| {
            copy(&written, shared);
            let name = sound.file_name().expect("a name");
            fs::write(shared.join(name).join(MANIFEST), bytes).expect("written");
        });
        match message {
            Some(_) => refused += 1,
            None => {
                taken += 1;
                // An ingest cannot check what a manifest states about the file of a trace.
                assert!(entries_of(&place.folder.path().join("index")) == wanted, "{kind}");
            }
        }
    }
    assert!(refused > 100 && taken > 10, "{refused} refused, {taken} ingested");
}

#[test]
fn any_byte_of_an_entry_changed_and_rehashed_is_refused_or_leaves_an_index_that_verifies() {
    let place = Place::new();
    let (mut refused, mut taken) = (0, 0);
    for family in STAGED {
        let (key, value, _) = place.sound.clone().entries(family).last().expect("one").clone();
        for at in 0..key.len() + value.len() {
            let mut forged = place.sound.clone();
            let entry = forged.entries(family).last_mut().expect("one");
            let flip = 1 << (at % 8);
            match at.checked_sub(key.len()) {
                None => entry.0[at] ^= flip,
                Some(at) => entry.1[at] ^= flip,
            }
            forged.entries(family).sort_by(|a, b| a.0.cmp(&b.0));
            match place.refused(&format!("{family}, byte {at}"), |shared| drop(forged.write(shared))) {
                Some(_) => refused += 1,
                None => taken += 1,
            }
        }
    }
    assert!(refused > 50 && taken > 10, "{refused} refused, {taken} ingested");
}
