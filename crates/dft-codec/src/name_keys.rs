//! Keys of names and hashes.

use std::borrow::Cow;

use crate::bytes::DecodeError;
use crate::file_id::FileId;
use crate::ordered_bytes::{put_ordered, take_ordered, utf8};

/// The kind of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NameKind {
    /// File hashes (`FH`).
    File,
    /// Host hashes (`HH`).
    Host,
    /// String hashes (`SH`).
    String,
}

impl NameKind {
    /// All kinds, in key order.
    pub const ALL: [Self; 3] = [Self::File, Self::Host, Self::String];

    /// Returns the kind's byte in a key.
    pub fn tag(self) -> u8 {
        match self {
            Self::File => b'F',
            Self::Host => b'H',
            Self::String => b'S',
        }
    }
}

/// The key of one name of one hash. The names of a hash are in byte order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey {
    /// The kind of the name.
    pub kind: NameKind,
    /// The hash, as the trace has it.
    pub hash: String,
    /// One of its names.
    pub name: String,
}

impl NameKey {
    /// Returns the part of the key before the name.
    pub fn prefix(kind: NameKind, hash: &str) -> Vec<u8> {
        if kind == NameKind::File {
            let mut key = Vec::new();
            Self::put_file_prefix(FileId::of(hash.as_bytes()), hash, &mut key);
            return key;
        }
        let mut key = vec![kind.tag()];
        put_ordered(&mut key, hash.as_bytes());
        key
    }

    /// Appends the part of the key before the name, for a file's hash and its id.
    pub fn put_file_prefix(id: FileId, hash: &str, key: &mut Vec<u8>) {
        key.extend_from_slice(&[NameKind::File.tag(), id.slice()]);
        key.extend_from_slice(&id.encode());
        if id.needs_text() {
            put_ordered(key, hash.as_bytes());
        }
    }

    /// Returns the part of a key that all names of its hash share. Of a [`FileHashKey`], this is the whole key.
    ///
    /// # Errors
    ///
    /// If the bytes are not the start of a key.
    pub fn hash_part(key: &[u8]) -> Result<&[u8], DecodeError> {
        let rest = match key {
            [FileHashKey::TAG, ..] => &[],
            [b'F', ..] => match FileNameKey::decode_id(key)? {
                (id, rest) if id.needs_text() => take_ordered(rest)?.1,
                (_, rest) => rest,
            },
            [b'H' | b'S', rest @ ..] => take_ordered(rest)?.1,
            _ => return Err(DecodeError::Invalid("unknown kind of name")),
        };
        Ok(&key[..key.len() - rest.len()])
    }

    /// Encodes the key.
    pub fn encode(&self) -> Vec<u8> {
        let mut key = Self::prefix(self.kind, &self.hash);
        key.extend_from_slice(self.name.as_bytes());
        key
    }

    /// Decodes a key.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`NameKey::encode`].
    pub fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let (&tag, rest) = key.split_first().ok_or(DecodeError::Truncated)?;
        let kind = NameKind::ALL
            .into_iter()
            .find(|kind| kind.tag() == tag)
            .ok_or(DecodeError::Invalid("unknown kind of name"))?;
        if kind == NameKind::File {
            let FileNameKey { hash, name, .. } = FileNameKey::decode(key)?;
            return Ok(Self { kind, hash: hash.into_owned(), name: name.to_owned() });
        }
        let (hash, name) = take_ordered(rest)?;
        Ok(Self { kind, hash: utf8(hash)?, name: utf8(name.to_vec())? })
    }
}

/// The key of a file's name, which borrows the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileNameKey<'a> {
    /// The file.
    pub id: FileId,
    /// The file's hash, as the trace has it.
    pub hash: Cow<'a, str>,
    /// One of its names.
    pub name: &'a str,
}

impl<'a> FileNameKey<'a> {
    /// Decodes a key.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`NameKey::encode`] for a file.
    pub fn decode(key: &'a [u8]) -> Result<Self, DecodeError> {
        let (id, rest) = Self::decode_id(key)?;
        let (hash, name) = match id.needs_text() {
            true => {
                let (hash, name) = take_ordered(rest)?;
                let hash = utf8(hash)?;
                if FileId::of(hash.as_bytes()) != id {
                    return Err(DecodeError::Invalid("a file's hash has another id"));
                }
                (hash, name)
            }
            false => {
                let mut hash = String::new();
                id.put_text(&mut hash);
                (hash, rest)
            }
        };
        let name = std::str::from_utf8(name).map_err(|_| DecodeError::NotUtf8)?;
        Ok(Self { id, hash: Cow::Owned(hash), name })
    }

    /// Decodes the file's id. Returns the bytes after it, too: the name, or the hash and the name if the id
    /// [needs a text](FileId::needs_text).
    ///
    /// # Errors
    ///
    /// If the bytes are not the start of a file's key.
    pub fn decode_id(key: &'a [u8]) -> Result<(FileId, &'a [u8]), DecodeError> {
        let Some(([tag, slice], rest)) = key.split_first_chunk() else { return Err(DecodeError::Truncated) };
        let (id, rest) = rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        let id = FileId::decode(*id)?;
        if *tag != NameKind::File.tag() || *slice != id.slice() {
            return Err(DecodeError::Invalid("a file's name is in another slice"));
        }
        Ok((id, rest))
    }
}

/// The key of the text of a file's hash, for ids that [need one](FileId::needs_text).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHashKey {
    /// The hash, as the trace has it.
    pub hash: String,
}

impl FileHashKey {
    /// The first byte of keys.
    pub const TAG: u8 = b'I';

    /// Encodes the key.
    pub fn encode(&self) -> Vec<u8> {
        let id = FileId::of(self.hash.as_bytes());
        let mut key = Self::prefix(id);
        key.extend_from_slice(self.hash.as_bytes());
        key
    }

    /// Returns the part of the key before the text.
    pub fn prefix(id: FileId) -> Vec<u8> {
        let mut key = vec![Self::TAG, id.slice()];
        key.extend_from_slice(&id.encode());
        key
    }

    /// Decodes a key.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`FileHashKey::encode`].
    pub fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let hash = key.get(2 + FileId::LENGTH..).ok_or(DecodeError::Truncated)?;
        let hash = Self { hash: utf8(hash.to_vec())? };
        if !FileId::of(hash.hash.as_bytes()).needs_text() || hash.encode() != key {
            return Err(DecodeError::Invalid("a file's hash has another id"));
        }
        Ok(hash)
    }
}
