//! What the tool leaves out, and the suffixes that it gives to categories.

use std::borrow::Cow;

/// Parts of the names of files whose calls are left out.
const FILES: [&str; 12] = [
    "/dev/",
    "/etc/",
    "/gapps/python",
    "/lib/python",
    "/proc/",
    "/software/",
    "/sys/",
    "/usr/lib",
    "/usr/tce/backend",
    "/usr/tce/packages",
    "/venv",
    "__pycache__",
];

/// Functions that are left out.
const FUNCTIONS: [&str; 4] =
    ["DLIOBenchmark.__init__", "DLIOBenchmark.initialize", "FileStorage.__init__", "TorchDataset.__init__"];

/// Parts of the names of functions that are left out. A dot is any one character.
const PARTS_OF_FUNCTIONS: [&str; 18] = [
    "Checkpointing.__init__",
    "Checkpointing.finalize",
    "Checkpointing.get_tensor",
    "DataLoader.__init__",
    "DataLoader.finalize",
    "DataLoader.get_tensor",
    "DataLoader.next",
    "Framework.get_loader",
    "Framework.init_loader",
    "Framework.is_nativeio_available",
    "Framework.trace_object",
    "Reader.__init__",
    "Reader.load_index",
    "Reader.next",
    "Reader.read_index",
    ".save_state",
    "checkpoint_end_",
    "checkpoint_start_",
];

/// Whether the tool leaves out calls that are no aggregated ones.
pub(super) fn is_left_out(function: &str, file: &str) -> bool {
    FILES.iter().any(|part| file.contains(part))
        || FUNCTIONS.contains(&function)
        || PARTS_OF_FUNCTIONS.iter().any(|part| has_part(function, part))
}

/// Whether a text has a part in which dots are any one character.
fn has_part(text: &str, part: &str) -> bool {
    let part: Vec<char> = part.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let is_same = |(a, b): (&char, &char)| *b == '.' || a == b;
    text.windows(part.len()).any(|window| window.iter().zip(&part).all(is_same))
}

/// Suffixes by what is in the name of the file, in their order.
const SUFFIXES: [(&str, &str); 4] =
    [("/data", "_reader"), ("/checkpoint", "_checkpoint"), ("/lustre", "_lustre"), ("/ssd", "_ssd")];

/// Returns the category with the suffixes that the file gives to I/O.
pub(super) fn with_suffixes<'c>(category: &'c str, file: &str) -> Cow<'c, str> {
    if file.is_empty() || !(category.contains("posix") || category.contains("stdio")) {
        return Cow::Borrowed(category);
    }
    let mut name = Cow::Borrowed(category);
    for (part, suffix) in SUFFIXES {
        if file.contains(part) {
            name.to_mut().push_str(suffix);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_functions_are_left_out_by_parts_of_their_names() {
        for (function, file, out) in [
            ("read", "/p/data/x.h5", false),
            ("read", "/usr/lib/libc.so", true),
            ("read", "/home/me/venv/x", true),
            ("read", "", false),
            ("DLIOBenchmark.initialize", "", true),
            ("DLIOBenchmark.initialize2", "", false),
            ("TorchDataLoader.next", "", true),
            ("HDF5Reader.read_index", "", true),
            ("xReader:next", "", true),
            ("PyTorchCheckpointing.save_state", "", true),
        ] {
            assert_eq!(is_left_out(function, file), out, "{function} {file}");
        }
        assert_eq!(with_suffixes("posix", "/p/lustre3/a/data/x.h5"), "posix_reader_lustre");
        assert_eq!(with_suffixes("reader", "/data/x"), "reader");
    }
}
