//! The identity of a trace, which shows whether another file has the same trace.

use crate::content_hash::ContentHash;
use crate::opening::Opening;

use crate::bytes::{DecodeError, Reader, put_varint};
use crate::sample::Sample;

/// The identity of a file's trace, which shows whether another file has the same trace.
///
/// ```text
/// varint text length │ 4 bytes CRC-32 │ 8 bytes CRC-64 │ opening: 0, or 1 to 4 + 8 bytes XXH3
///         │ file: 0 text, 1 gzip, 2 gzip that ends within a member
///         │ varint n, n × (8 bytes rank, 4 bytes check, zigzag pid)
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The hash of the text so far, including text that is not read as records yet.
    pub text: ContentHash,
    /// The opening of the text.
    pub opening: Opening,
    /// Whether the file is gzip.
    pub gzip: bool,
    /// Whether the file is gzip and ends within a member. It may still have been written then.
    pub cut_short: bool,
    /// A sample of the trace's records.
    pub sample: Sample,
}

impl Identity {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_hash(out, &self.text);
        let (size, hash) = self.opening.numbers();
        out.push(size);
        if size > 0 {
            out.extend_from_slice(&hash.to_be_bytes());
        }
        out.push(u8::from(self.gzip) + u8::from(self.cut_short));
        self.sample.encode(out);
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let text = take_hash(reader)?;
        let size = reader.u8()?;
        let hash = if size > 0 { u64::from_be_bytes(reader.array()?) } else { 0 };
        let opening = Opening::from_numbers(size, hash).ok_or(DecodeError::Invalid("unknown kind of opening"))?;
        let (gzip, cut_short) = match reader.u8()? {
            file @ 0..=2 => (file > 0, file > 1),
            _ => return Err(DecodeError::Invalid("unknown kind of file")),
        };
        Ok(Self { text, opening, gzip, cut_short, sample: Sample::decode(reader)? })
    }
}

pub(crate) fn put_hash(out: &mut Vec<u8>, hash: &ContentHash) {
    put_varint(out, hash.length.into());
    put_checksums(out, hash);
}

pub(crate) fn take_hash(reader: &mut Reader<'_>) -> Result<ContentHash, DecodeError> {
    let length = reader.varint_u64()?;
    Ok(ContentHash { length, ..take_checksums(reader)? })
}

pub(crate) fn put_checksums(out: &mut Vec<u8>, hash: &ContentHash) {
    out.extend_from_slice(&hash.crc32.to_be_bytes());
    out.extend_from_slice(&hash.crc64.to_be_bytes());
}

pub(crate) fn take_checksums(reader: &mut Reader<'_>) -> Result<ContentHash, DecodeError> {
    let crc32 = u32::from_be_bytes(reader.array()?);
    Ok(ContentHash { length: 0, crc32, crc64: u64::from_be_bytes(reader.array()?) })
}

pub(crate) fn take_flag(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::Invalid("a flag is neither 0 nor 1")),
    }
}
