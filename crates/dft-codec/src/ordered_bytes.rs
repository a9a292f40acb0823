//! Bytes in keys that sort as the original bytes do.

use crate::bytes::DecodeError;

/// Appends bytes, escaped and terminated so that they sort as the original bytes do, whatever follows.
pub fn put_ordered(key: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        key.push(byte);
        if byte == 0 {
            key.push(0xff);
        }
    }
    key.extend_from_slice(&[0, 0]);
}

/// Returns the bytes that were appended first, and what follows them.
pub(crate) fn take_ordered(key: &[u8]) -> Result<(Vec<u8>, &[u8]), DecodeError> {
    let mut bytes = Vec::new();
    let mut at = 0;
    loop {
        match (key.get(at), key.get(at + 1)) {
            (Some(0), Some(0)) => return Ok((bytes, &key[at + 2..])),
            (Some(0), Some(0xff)) => {
                bytes.push(0);
                at += 2;
            }
            (Some(0), Some(_)) => return Err(DecodeError::Invalid("a zero byte is not escaped")),
            (Some(&byte), _) if byte != 0 => {
                bytes.push(byte);
                at += 1;
            }
            _ => return Err(DecodeError::Truncated),
        }
    }
}

/// Returns bytes as text.
pub(crate) fn utf8(bytes: Vec<u8>) -> Result<String, DecodeError> {
    String::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)
}
