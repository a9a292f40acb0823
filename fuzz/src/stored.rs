//! Bytes as the manifest of a bundle, the seal of a generation, or the marker of an index, with the right hash where they
//! have one: opening refuses them, or takes them as they are.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use dft_aggregate::Config;
use dft_index::LiveAggregator;
use dft_store::{Index, bundle_config};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_128;

/// An index, and a directory with one bundle, which all runs share.
struct Places {
    index: PathBuf,
    generation: PathBuf,
    shared: PathBuf,
    marker: Vec<u8>,
    seal: Vec<u8>,
    _folder: TempDir,
}

static PLACES: LazyLock<Places> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("made");
    let (index, shared) = (folder.path().join("index"), folder.path().join("shared"));
    let mut live = LiveAggregator::new(&Config::default(), 1 << 20, folder.path()).expect("made");
    live.lines(br#"{"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":5,"dur":2,"ph":"X"}"#).expect("added");
    live.publish(&index, "fuzz", 1).expect("published");
    fs::create_dir_all(shared.join("bundle-1")).expect("made");
    let generation = index.join("gen-000001");
    let (marker, seal) = (fs::read(index.join("DFT_INDEX")), fs::read(generation.join("SEAL")));
    let (marker, seal) = (marker.expect("read"), seal.expect("read"));
    Places { index, generation, shared, marker, seal, _folder: folder }
});

/// Opens the index with other bytes in one of its files, which gets its own back.
fn open_with(index: &Path, file: &Path, bytes: &[u8], own: &[u8]) {
    fs::write(file, bytes).expect("written");
    let opened = Index::open(index);
    fs::write(file, own).expect("written");
    // What is not what was written is refused, unless it says the same.
    if let Ok(opened) = opened {
        assert_eq!(opened.files().expect("listed").len(), 1);
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&kind, bytes)) = input.split_first() else { return };
    let places = &*PLACES;
    match kind % 3 {
        0 => {
            let manifest = [bytes, &xxh3_128(bytes).to_be_bytes()[..]].concat();
            fs::write(places.shared.join("bundle-1/BUNDLE"), manifest).expect("written");
            drop(bundle_config(&places.shared));
        }
        1 => {
            let seal = [bytes, format!("{:032x}\n", xxh3_128(bytes)).as_bytes()].concat();
            open_with(&places.index, &places.generation.join("SEAL"), &seal, &places.seal);
        }
        _ => open_with(&places.index, &places.index.join("DFT_INDEX"), bytes, &places.marker),
    }
});
