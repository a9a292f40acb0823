//! Recognises files with the name of a trace but other content by their first bytes, so that they are reported once and
//! not line by line.

use memchr::memmem;

/// How many bytes at the start of a file are checked.
pub(crate) const LOOKED_AT: usize = 4096;

/// The first bytes of compressed files and archives, what they are, and the command to undo it.
const MAGIC: [(&[u8], &str, &str); 9] = [
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "zstd -d"),
    (b"\xfd7zXZ\0", "compressed by xz", "unxz"),
    (b"BZh", "compressed by bzip2", "bunzip2"),
    (b"\x04\x22\x4d\x18", "compressed by lz4", "lz4 -d"),
    (b"\x89LZO\0", "compressed by lzop", "lzop -d"),
    (b"LZIP\x01", "compressed by lzip", "lzip -d"),
    (b"\x1f\x9d", "compressed by compress", "uncompress"),
    (b"PK\x03\x04", "a zip archive", "unzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x"),
];

/// The place and the value of the magic of a tar archive.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// Returns what a file with these first bytes is instead of a trace, with advice; `None` if it may be a trace.
pub(crate) fn other_content(first: &[u8]) -> Option<String> {
    if let Some((_, what, undo)) = MAGIC.iter().find(|(magic, ..)| first.starts_with(magic)) {
        return Some(format!("it is {what}, despite its name: decompress or unpack it first ({undo})"));
    }
    if first.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1)) {
        return Some("it is a tar archive, despite its name: unpack it first (tar -xf)".to_owned());
    }
    if is_utf_16(first) {
        return Some("it is UTF-16 text, but traces are UTF-8: convert it first (iconv -f UTF-16 -t UTF-8)".to_owned());
    }
    has_returns_only(first)
        .then(|| r"its lines end with CR, but lines of traces end with LF: convert it first (tr '\r' '\n')".to_owned())
}

/// Whether a text is UTF-16, by its byte order mark or by a zero in every other byte.
fn is_utf_16(first: &[u8]) -> bool {
    /// How many characters are checked. A trace may start with zeros, but not with one before each character.
    const CHARACTERS: usize = 8;
    if first.starts_with(b"\xff\xfe") || first.starts_with(b"\xfe\xff") {
        return true;
    }
    let Some(start) = first.get(..2 * CHARACTERS) else { return false };
    let zeros = |at: usize| start[at..].iter().step_by(2).all(|&byte| byte == 0);
    zeros(0) != zeros(1)
}

/// Whether records are separated by CR alone.
fn has_returns_only(first: &[u8]) -> bool {
    memchr::memchr(b'\n', first).is_none()
        && (memmem::find(first, b"}\r{").is_some() || memmem::find(first, b"},\r{").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_content_is_recognised_and_possible_traces_are_not() {
        let utf_16 = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        let line = "{\"name\":\"a\",\"ts\":5,\"ph\":1}";
        let mut tar = vec![b'a'; 300];
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, expected) in [
            (b"\x28\xb5\x2f\xfd\x04".to_vec(), "zstd"),
            (b"\xfd7zXZ\0\0".to_vec(), "xz"),
            (b"BZh91AY".to_vec(), "bzip2"),
            (b"PK\x03\x04\x14".to_vec(), "zip"),
            (tar, "tar"),
            (utf_16(line, u16::to_le_bytes), "UTF-16"),
            (utf_16(line, u16::to_be_bytes), "UTF-16"),
            ([b"\xff\xfe".to_vec(), utf_16("[", u16::to_le_bytes)].concat(), "UTF-16"),
            (format!("{line}\r{line}\r").into_bytes(), "end with CR"),
            (format!("[\r{line},\r{line}").into_bytes(), "end with CR"),
        ] {
            let message = other_content(&bytes).unwrap_or_default();
            assert!(message.contains(expected), "{expected}: {message:?}");
        }
        for text in [
            "",
            "[",
            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0{",
            "\0{\"ts\":5,\"ph\":1}\n",
            "\u{feff}{}",
            "PK",
            "BZ",
            "\x1f\u{8b}",
        ]
        .into_iter()
        .map(str::to_owned)
        .chain([
            format!("{line}\r\n{line}\r\n"),
            format!("{line}\r{line}\n"),
            line.to_owned(),
            "what\rever".to_owned(),
        ]) {
            assert_eq!(other_content(text.as_bytes()), None, "{text:?}");
        }
    }
}
