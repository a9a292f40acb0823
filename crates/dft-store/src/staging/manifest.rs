//! The manifest of a bundle: what one worker staged of a build, to be ingested into the index.
//!
//! ```text
//! bundle-<id>/
//!   BUNDLE                     the manifest
//!   aggregation-00.0000.sst    SST files, whose entries merge with those of others
//!   …
//!
//! manifest    "dft bundle" │ varint format │ varint n, n bytes configuration │ bounds: 0 none, 1 + n, bounds
//!             │ varint rows │ varint telemetry │ varint series
//!             │ 0 │ varint n, n × (varint n, n bytes path, varint n, n bytes entry)     the traces, by path
//!             │ or 1 │ varint n, n bytes path, varint n, n bytes entry                  a piece of one
//!             │ text source, empty for none
//!             │ varint n, n × (varint n, n bytes path, varint n, n bytes entry)         duplicates, by path
//!             │ varint n, n × (text family, text name, varint size, 16 bytes hash)
//!             │ 16 bytes hash of all before
//! ```
//!
//! Hashes are XXH3-128, big-endian. The id is a hash of the bundle's contents, not of its bytes: two workers that stage
//! the same traces create bundles with the same name, and only one of them remains.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use dft_aggregate::Config;
use dft_codec::{
    Bounds, DecodeError, DuplicateEntry, FORMAT_VERSION, FileEntry, PieceEntry, Reader, put_text, put_varint,
};
use xxhash_rust::xxh3::xxh3_128;

use crate::column_families;
use crate::trace_names::TraceNames;
use crate::write::sorter::Written;

pub(crate) const MANIFEST: &str = "BUNDLE";
pub(crate) const MAGIC: &[u8] = b"dft bundle";

/// An SST file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BundleFile {
    pub(crate) family: &'static str,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) hash: u128,
}

/// What a bundle was made from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Contents {
    /// Whole traces, by path.
    Traces(Vec<(PathBuf, FileEntry)>),
    /// A piece of a trace, alone in its bundle because it waits for the other pieces.
    Piece(PathBuf, Box<PieceEntry>),
}

/// The manifest of a bundle.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) config: Config,
    pub(crate) bounds: Option<Bounds>,
    pub(crate) written: Written,
    pub(crate) contents: Contents,
    /// The source of the traces, if it was named.
    pub(crate) source: Option<String>,
    /// Duplicates of other traces, which are named by their absolute paths.
    pub(crate) duplicates: Vec<(PathBuf, DuplicateEntry)>,
    pub(crate) files: Vec<BundleFile>,
}

/// Why bytes are not a manifest that this program reads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ManifestError {
    Format(u64),
    Damaged(DecodeError),
}

impl From<DecodeError> for ManifestError {
    fn from(error: DecodeError) -> Self {
        Self::Damaged(error)
    }
}

impl Manifest {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put_varint(&mut out, FORMAT_VERSION.into());
        put_bytes(&mut out, &self.config.encode());
        match self.bounds {
            None => out.push(0),
            Some(bounds) => {
                out.push(1);
                put_bytes(&mut out, &bounds.encode());
            }
        }
        for number in [self.written.rows, self.written.telemetry, self.written.series] {
            put_varint(&mut out, number.into());
        }
        self.put_contents(&mut out);
        put_varint(&mut out, self.files.len() as u128);
        for file in &self.files {
            put_text(&mut out, file.family);
            put_text(&mut out, &file.name);
            put_varint(&mut out, file.size.into());
            out.extend_from_slice(&file.hash.to_be_bytes());
        }
        out.extend_from_slice(&xxh3_128(&out).to_be_bytes());
        out
    }

    fn put_contents(&self, out: &mut Vec<u8>) {
        match &self.contents {
            Contents::Traces(traces) => {
                out.push(0);
                put_varint(out, traces.len() as u128);
                traces.iter().for_each(|(path, entry)| put_entry(out, path, &entry.encode()));
            }
            Contents::Piece(path, entry) => {
                out.push(1);
                put_entry(out, path, &entry.encode());
            }
        }
        put_text(out, self.source.as_deref().unwrap_or_default());
        put_varint(out, self.duplicates.len() as u128);
        self.duplicates.iter().for_each(|(path, entry)| put_entry(out, path, &entry.encode()));
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        const NOT_ONE: DecodeError = DecodeError::Invalid("it is not a bundle's manifest");
        let rest = bytes.strip_prefix(MAGIC).ok_or(NOT_ONE)?;
        let format = Reader::new(rest).varint_u64()?;
        if format != u64::from(FORMAT_VERSION) {
            return Err(ManifestError::Format(format));
        }
        let (body, hash) = bytes.split_last_chunk().ok_or(DecodeError::Truncated)?;
        if xxh3_128(body) != u128::from_be_bytes(*hash) {
            return Err(DecodeError::Invalid("its bytes differ from those that were written").into());
        }
        let mut reader = Reader::new(&body[MAGIC.len()..]);
        reader.varint_u64()?;
        let config = Config::decode(take_bytes(&mut reader)?)?;
        let bounds = match reader.u8()? {
            0 => None,
            1 => Some(Bounds::decode(take_bytes(&mut reader)?)?),
            _ => return Err(DecodeError::Invalid("bounds of no known kind").into()),
        };
        let [rows, telemetry, series] = [reader.varint_u64()?, reader.varint_u64()?, reader.varint_u64()?];
        let contents = match reader.u8()? {
            0 => {
                let mut traces = Vec::new();
                for _ in 0..reader.count_of(2)? {
                    traces.push((take_path(&mut reader)?, FileEntry::decode(take_bytes(&mut reader)?)?));
                }
                if !traces.is_sorted_by(|(a, _), (b, _)| a < b) {
                    return Err(DecodeError::Invalid("a trace is listed twice or out of order").into());
                }
                Contents::Traces(traces)
            }
            1 => {
                let path = take_path(&mut reader)?;
                Contents::Piece(path, Box::new(PieceEntry::decode(take_bytes(&mut reader)?)?))
            }
            _ => return Err(DecodeError::Invalid("contents of no known kind").into()),
        };
        let source = Some(reader.text()?.to_owned()).filter(|source| !source.is_empty());
        if source.as_deref().is_some_and(|source| TraceNames::refuse_source(source).is_some()) {
            return Err(DecodeError::Invalid("an invalid name of a source").into());
        }
        let mut duplicates = Vec::new();
        for _ in 0..reader.count_of(2)? {
            duplicates.push((take_path(&mut reader)?, DuplicateEntry::decode(take_bytes(&mut reader)?)?));
        }
        if !duplicates.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(DecodeError::Invalid("a duplicate is listed twice or out of order").into());
        }
        let (mut files, mut names) = (Vec::new(), BTreeSet::new());
        for _ in 0..reader.count_of(19)? {
            let family = reader.text()?;
            let family = column_families::STAGED.into_iter().find(|known| *known == family);
            let family = family.ok_or(DecodeError::Invalid("a column family that is not staged"))?;
            let name = reader.text()?.to_owned();
            if name.is_empty() || name.contains(['/', '\0']) || name.starts_with('.') {
                return Err(DecodeError::Invalid("the name of a file that is not in the bundle").into());
            }
            if !names.insert(name.clone()) {
                return Err(DecodeError::Invalid("two files of the same name").into());
            }
            let size = reader.varint_u64()?;
            files.push(BundleFile { family, name, size, hash: u128::from_be_bytes(reader.array()?) });
        }
        reader.finish()?;
        let written = Written { rows, telemetry, series };
        Ok(Self { config, bounds, written, contents, source, duplicates, files })
    }

    /// Returns the id of the bundle's contents.
    pub(crate) fn id(&self) -> u128 {
        let mut of = self.config.encode();
        self.put_contents(&mut of);
        xxh3_128(&of)
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u128);
    out.extend_from_slice(bytes);
}

fn put_entry(out: &mut Vec<u8>, path: &Path, entry: &[u8]) {
    put_bytes(out, path.as_os_str().as_bytes());
    put_bytes(out, entry);
}

fn take_path(reader: &mut Reader<'_>) -> Result<PathBuf, DecodeError> {
    Ok(PathBuf::from(OsString::from_vec(take_bytes(reader)?.to_vec())))
}

fn take_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = reader.count_of(1)?;
    reader.bytes(length)
}

#[cfg(test)]
pub(crate) mod tests {
    use dft_codec::FileCounts;
    use dft_trace::{Consumed, OpenEnd, TimeUnit};

    use super::*;

    pub(crate) fn manifest() -> Manifest {
        let consumed = Consumed { text: 9, offset: 9, ..Consumed::NOTHING };
        let counts = FileCounts { events: 3, ..FileCounts::default() };
        let entry = FileEntry {
            size: 9,
            modified_ns: -1,
            fingerprint: 7,
            consumed,
            counts,
            fault: None,
            time_fault: None,
            processes: Default::default(),
            identity: Default::default(),
        };
        Manifest {
            config: Config::default(),
            bounds: Some(Bounds { min: 0, max: 5_000_000 }),
            written: Written { rows: 2, telemetry: 0, series: 1 },
            duplicates: vec![(
                PathBuf::from("/traces/b.pfw"),
                DuplicateEntry::of_entry(b"/traces/a.pfw".to_vec(), false, &entry),
            )],
            contents: Contents::Traces(vec![(PathBuf::from("/traces/a.pfw"), entry)]),
            source: Some("node1".to_owned()),
            files: vec![BundleFile {
                family: column_families::ROWS,
                name: "rows.0000.sst".to_owned(),
                size: 5,
                hash: 9,
            }],
        }
    }

    fn manifest_of_a_piece() -> Manifest {
        let mut manifest = manifest();
        if let Contents::Traces(traces) = manifest.contents {
            let (path, entry) = traces.into_iter().next().expect("one");
            let piece = PieceEntry { range: 3..9, clock: TimeUnit::Ns.into(), open_end: Some(OpenEnd::Line), entry };
            manifest.contents = Contents::Piece(path, Box::new(piece));
        }
        manifest
    }

    #[test]
    fn a_manifest_survives_a_round_trip_and_changed_bytes_are_refused() {
        for manifest in [manifest(), manifest_of_a_piece()] {
            let bytes = manifest.encode();
            assert_eq!(Manifest::decode(&bytes), Ok(manifest));
            for cut in 0..bytes.len() {
                assert!(Manifest::decode(&bytes[..cut]).is_err());
            }
            for at in 0..bytes.len() {
                let mut other = bytes.clone();
                other[at] ^= 0x40;
                assert!(Manifest::decode(&other).is_err(), "{at}");
            }
            assert!(Manifest::decode(&[&bytes[..], b"x"].concat()).is_err());
        }
        // A manifest of another format is recognized by its number, whatever follows.
        let other = [MAGIC, &[99], b"something else"].concat();
        assert_eq!(Manifest::decode(&other), Err(ManifestError::Format(99)));
    }

    #[test]
    fn the_bytes_of_a_manifest_do_not_change_within_a_format() {
        let hex = |manifest: Manifest| manifest.encode().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(manifest()),
            "6466742062756e646c65090b02c0843d0001000100000101060200c096b10202000100010d2f7472616365732f612e7066\
             773a0509010000000000000000000000000000000709090001010000030000000000000000000000000000000000000000\
             0000000000000000000000056e6f646531010d2f7472616365732f622e7066772f010d2f7472616365732f612e70667700\
             09010000000000000000000000000000000700000000000000000000000000010b6167677265676174696f6e0d726f7773\
             2e303030302e737374050000000000000000000000000000000957fb3b4de3fc06e94d4e13e9119ba957"
        );
        assert_eq!(
            hex(manifest_of_a_piece()),
            "6466742062756e646c65090b02c0843d0001000100000101060200c096b102020001010d2f7472616365732f612e706677\
             3f030900013a05090100000000000000000000000000000007090900010100000300000000000000000000000000000000\
             000000000000000000000000000000056e6f646531010d2f7472616365732f622e7066772f010d2f7472616365732f612e\
             7066770009010000000000000000000000000000000700000000000000000000000000010b6167677265676174696f6e0d\
             726f77732e303030302e7373740500000000000000000000000000000009058ca5a56a15806185b665e340440df1"
        );
        assert_ne!(manifest_of_a_piece().id(), manifest().id());
        assert_eq!(format!("{:032x}", manifest().id()), "5360249f6279a9bddfc4db6ad2adc161");
    }

    #[test]
    fn files_that_cannot_be_in_a_bundle_are_refused() {
        let mut twice = manifest();
        twice.files.push(twice.files[0].clone());
        assert!(Manifest::decode(&twice.encode()).is_err());
        let mut described = manifest();
        described.files[0].family = column_families::FILES;
        assert!(Manifest::decode(&described.encode()).is_err());
    }

    #[test]
    fn a_file_outside_of_the_bundle_is_refused() {
        for name in ["../x.sst", "/x.sst", ".hidden"] {
            let mut manifest = manifest();
            manifest.files[0].name = name.to_owned();
            assert!(Manifest::decode(&manifest.encode()).is_err(), "{name}");
        }
    }
}
