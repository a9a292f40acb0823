//! Bytes as each thing that an index stores: a decoder refuses them, or what it makes of them encodes to something that it
//! decodes to the same.
#![no_main]

use std::fmt::Debug;

use dft_aggregate::Config;
use dft_codec::{
    Bounds, ChunkCursor, DecodeError, DuplicateEntry, FileEntry, FileId, NameGivers, NameKey, NamePageKey, PieceEntry,
    RowChunk, RowKey, RowPageKey, RowValue, ScopeId, SeriesId, SeriesIdentity, TelemetryKey, TelemetryValue,
    merge_name_pages, merge_row_pages,
};
use libfuzzer_sys::fuzz_target;

/// Decodes, and where that succeeds, encodes and decodes again.
fn comes_back<T: PartialEq + Debug, E>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    encode: impl Fn(&T) -> Vec<u8>,
) {
    if let Ok(value) = decode(bytes) {
        let again = decode(&encode(&value));
        assert!(again.is_ok_and(|again| again == value), "{value:?}");
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&kind, bytes)) = input.split_first() else { return };
    match kind % 16 {
        0 => comes_back(bytes, RowKey::decode, |key| key.encode().to_vec()),
        1 => comes_back(bytes, TelemetryKey::decode, TelemetryKey::encode),
        2 => comes_back(bytes, NameKey::decode, NameKey::encode),
        3 => comes_back(bytes, SeriesIdentity::decode_scope, SeriesIdentity::encode_scope),
        4 => comes_back(bytes, Bounds::decode, |bounds| bounds.encode().to_vec()),
        5 => comes_back(bytes, NameGivers::decode, NameGivers::encode),
        6 => comes_back(bytes, FileEntry::decode, FileEntry::encode),
        7 => comes_back(bytes, PieceEntry::decode, PieceEntry::encode),
        8 => comes_back(bytes, DuplicateEntry::decode, DuplicateEntry::encode),
        9 => comes_back(bytes, Config::decode, Config::encode),
        10 => drop(RowValue::decode(bytes, 1_000_000)),
        11 => drop(TelemetryValue::decode(bytes, 1_000_000)),
        12 => {
            let key = RowPageKey { scope: ScopeId([1; ScopeId::LENGTH]), spelling: 1, window: 0 };
            comes_back(bytes, |page| merge_row_pages(key, &[page]), Vec::clone);
        }
        13 => {
            let key = NamePageKey::of(FileId::of(b"0000000000000001"));
            comes_back(bytes, |page| merge_name_pages(key, &[page]), Vec::clone);
        }
        14 => {
            let key = NamePageKey::of(FileId::of(b"any text"));
            comes_back(bytes, |page| merge_name_pages(key, &[page]), Vec::clone);
        }
        _ => {}
    }
    let key = RowKey { series: SeriesId([1; 24]), bucket: 0 };
    let walk = || -> Result<(), DecodeError> {
        let mut rows = ChunkCursor::begin(key, bytes)?;
        while let Some((key, place)) = rows.advance(bytes)? {
            drop(RowValue::decode(&bytes[place], key.bucket));
        }
        Ok(())
    };
    // Readers decode the rows one by one; a merge decodes the whole chunk.
    let _ = walk();
    let _ = RowChunk::decode(key, bytes);
});
