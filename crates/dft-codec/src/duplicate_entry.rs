//! The index's entry of a file that duplicates a trace.

use crate::DUPLICATE_VERSION;
use crate::bytes::{DecodeError, Reader, put_varint, put_zigzag};
use crate::content_hash::ContentHash;
use crate::file_entry::FileEntry;
use crate::identity::{put_hash, take_flag, take_hash};

/// A file whose text equals the text, or the start of the text, of an indexed trace. Nothing of it is counted.
///
/// ```text
/// version │ varint n, n bytes of │ unfinished: 0, 1 │ varint size │ zigzag modified │ 16 bytes fingerprint
///         │ varint text length │ 4 bytes CRC-32 │ 8 bytes CRC-64
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateEntry {
    /// The name of the trace that is counted.
    pub of: Vec<u8>,
    /// Whether the file is gzip, ends within a member and has only the start of the text, like a file that is still
    /// being compressed.
    pub unfinished: bool,
    /// The file's size in bytes.
    pub size: u64,
    /// The file's modification time, in ns since the epoch.
    pub modified_ns: i128,
    /// The fingerprint of the file's bytes, as in a [`FileEntry`].
    pub fingerprint: u128,
    /// The hash of the file's text.
    pub text: ContentHash,
}

impl DuplicateEntry {
    /// Returns the entry of a file that was read as a trace and that duplicates the trace `of`.
    pub fn of_entry(of: Vec<u8>, unfinished: bool, entry: &FileEntry) -> Self {
        Self {
            of,
            unfinished,
            size: entry.size,
            modified_ns: entry.modified_ns,
            fingerprint: entry.fingerprint,
            text: entry.identity.text,
        }
    }

    /// Encodes the entry.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![DUPLICATE_VERSION];
        put_varint(&mut out, self.of.len() as u128);
        out.extend_from_slice(&self.of);
        out.push(self.unfinished.into());
        put_varint(&mut out, self.size.into());
        put_zigzag(&mut out, self.modified_ns);
        out.extend_from_slice(&self.fingerprint.to_be_bytes());
        put_hash(&mut out, &self.text);
        out
    }

    /// Decodes an entry.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`DuplicateEntry::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(DUPLICATE_VERSION)?;
        let length = reader.count_of(1)?;
        let of = reader.bytes(length)?.to_vec();
        let unfinished = take_flag(&mut reader)?;
        let (size, modified_ns) = (reader.varint_u64()?, reader.zigzag()?);
        let fingerprint = u128::from_be_bytes(reader.array()?);
        let text = take_hash(&mut reader)?;
        reader.finish()?;
        Ok(Self { of, unfinished, size, modified_ns, fingerprint, text })
    }
}
