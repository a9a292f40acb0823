//! Recognises files that are traces by their names, but in a container that is not read.

use std::fmt;
use std::path::{Path, PathBuf};

/// The suffixes of the names of traces.
pub const TRACE_SUFFIXES: [&str; 2] = [".pfw", ".pfw.gz"];

/// Whether a file of this name is a trace.
pub(crate) fn is_trace(name: &[u8]) -> bool {
    TRACE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix.as_bytes()))
}

/// A file that looks like a trace, but is not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotRead {
    /// The file.
    pub path: PathBuf,
    /// Its container, by its name.
    pub container: Container,
}

/// The container of a trace that is neither text nor gzip, by the name of its file. Its `Display` text includes advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Container {
    /// Compressed, but not by gzip.
    Compressed {
        /// The name of the compressor.
        name: &'static str,
        /// The command to decompress.
        undo: &'static str,
    },
    /// An archive: the command to unpack it.
    Archive(&'static str),
    /// Text or gzip under another name, such as that of a rotated log.
    OtherName,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compressed { name, undo } => {
                write!(f, "compressed by {name}: decompress it ({undo})")
            }
            Self::Archive(undo) => write!(f, "an archive: unpack it ({undo})"),
            Self::OtherName => f.write_str("its name does not end in .pfw or .pfw.gz: rename it, or pass its path"),
        }
    }
}

/// Suffixes of compressors, with names and commands.
const COMPRESSORS: [(&str, &str, &str); 11] = [
    ("zst", "zstd", "zstd -d"),
    ("zstd", "zstd", "zstd -d"),
    ("bz2", "bzip2", "bunzip2"),
    ("xz", "xz", "unxz"),
    ("lzma", "lzma", "unlzma"),
    ("lz4", "lz4", "lz4 -d"),
    ("lzo", "lzop", "lzop -d"),
    ("lz", "lzip", "lzip -d"),
    ("br", "brotli", "brotli -d"),
    ("sz", "snappy", "snzip -d"),
    ("z", "compress", "uncompress"),
];

/// Suffixes of archives, with commands. A compressed `.tar` is an archive, too.
const ARCHIVES: [(&str, &str); 10] = [
    ("tar", "tar -xf"),
    ("tgz", "tar -xf"),
    ("tbz", "tar -xf"),
    ("tbz2", "tar -xf"),
    ("txz", "tar -xf"),
    ("tlz", "tar -xf"),
    ("tzst", "tar -xf"),
    ("zip", "unzip"),
    ("7z", "7z x"),
    ("rar", "unrar x"),
];

impl Container {
    /// Returns the container of a file, if its name contains the suffix of a trace but does not end in it.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.as_encoded_bytes();
        if is_trace(name) {
            return None;
        }
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let (_, rest) = name.rsplit_once(".pfw")?;
        if rest.starts_with(|next: char| next.is_alphanumeric()) {
            return None;
        }
        let mut extensions = rest.rsplit('.');
        let last = extensions.next()?;
        let is_tar = extensions.next() == Some("tar");
        let compressor = COMPRESSORS.iter().find(|(suffix, ..)| *suffix == last);
        if is_tar && (compressor.is_some() || last == "gz") {
            return Some(Self::Archive("tar -xf"));
        }
        if let Some(&(_, name, undo)) = compressor {
            return Some(Self::Compressed { name, undo });
        }
        if let Some(&(_, undo)) = ARCHIVES.iter().find(|(suffix, _)| *suffix == last) {
            return Some(Self::Archive(undo));
        }
        // An empty rest means that only the case differs.
        let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
        (rest.is_empty() || last == "gz" || is_number).then_some(Self::OtherName)
    }

    /// Whether the file is read if its path is given explicitly.
    pub(crate) fn is_readable(self) -> bool {
        self == Self::OtherName
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_in_other_containers_are_recognised_by_name() {
        for (name, text) in [
            ("a.pfw.zst", "compressed by zstd: decompress it (zstd -d)"),
            ("a.PFW.BZ2", "compressed by bzip2: decompress it (bunzip2)"),
            ("a.pfw.gz.xz", "compressed by xz: decompress it (unxz)"),
            ("a.pfw.Z", "compressed by compress: decompress it (uncompress)"),
            ("a.pfw.lz4", "compressed by lz4: decompress it (lz4 -d)"),
            ("a.pfw.zip", "an archive: unpack it (unzip)"),
            ("a.pfw.tar.gz", "an archive: unpack it (tar -xf)"),
            ("a.pfw_all.tar.zst", "an archive: unpack it (tar -xf)"),
            ("a.pfw-files.tgz", "an archive: unpack it (tar -xf)"),
        ] {
            let container = Container::of(Path::new(name)).expect(name);
            assert_eq!(container.to_string(), text, "{name}");
            assert!(!container.is_readable(), "{name}");
        }
        for name in ["a.pfw.0.gz", "a.pfw.gz.1", "a.pfw.12", "a.PFW", "a.pfw.GZ", ".pfw.old.gz"] {
            assert_eq!(Container::of(Path::new(name)), Some(Container::OtherName), "{name}");
        }
        for name in [
            "a.pfw",
            "a.pfw.gz",
            "a.zst",
            "a.tar.gz",
            "a.pfwx.gz",
            "a.pfw.gz.zindex",
            "a.pfw.bak",
            "a.pfw.idx",
            "gz",
            "..",
        ] {
            assert_eq!(Container::of(Path::new(name)), None, "{name}");
        }
    }
}
