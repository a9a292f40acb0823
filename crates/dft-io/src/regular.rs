//! Opens regular files, and refuses everything else without blocking.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Opens a regular file for reading. Opening a FIFO would block until it has a writer.
///
/// # Errors
///
/// The system's error, and [`io::ErrorKind::InvalidInput`] if the path is not a regular file; it names what it is.
pub fn open_regular(path: &Path) -> io::Result<File> {
    open_regular_with(path, OpenOptions::new().read(true))
}

/// Opens a regular file like [`open_regular`] but with other options, which may also create it.
///
/// # Errors
///
/// Those of [`open_regular`].
fn open_regular_with(path: &Path, options: &OpenOptions) -> io::Result<File> {
    // Check before opening: opening a device may have side effects, and a socket cannot be opened at all.
    if let Ok(metadata) = fs::metadata(path) {
        refuse_others(metadata.file_type())?;
    }
    // The path may have become a FIFO by now. With O_NONBLOCK it does not block, and the check below refuses it.
    let file = options.clone().custom_flags(libc::O_NONBLOCK).open(path)?;
    refuse_others(file.metadata()?.file_type())?;
    Ok(file)
}

/// Opens a regular file in a directory that others may write to. A symbolic link is refused, not followed.
///
/// # Errors
///
/// Those of [`open_regular`]; a link is [`io::ErrorKind::InvalidInput`].
pub fn open_no_link(path: &Path, options: &OpenOptions) -> io::Result<File> {
    // Check before opening, for the reason above.
    refuse_others(fs::symlink_metadata(path)?.file_type())?;
    let file = options.clone().custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(path)?;
    refuse_others(file.metadata()?.file_type())?;
    Ok(file)
}

/// Reads a whole regular file.
///
/// # Errors
///
/// Those of [`open_regular`], and those of reading.
pub(crate) fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Copies a regular file and its permissions to a file that must not exist yet. Returns its size in bytes.
///
/// # Errors
///
/// Those of [`open_regular`], and those of creating, reading and writing.
pub fn copy_regular(from: &Path, to: &Path) -> io::Result<u64> {
    let mut source = open_regular(from)?;
    let mut target = crate::create_new(to)?;
    let copied = io::copy(&mut source, &mut target)?;
    target.set_permissions(source.metadata()?.permissions())?;
    Ok(copied)
}

/// Checks that a file type is that of a regular file.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidInput`] for any other type; the message names the type.
pub fn refuse_others(found: FileType) -> io::Result<()> {
    let what = match found {
        found if found.is_file() => return Ok(()),
        found if found.is_dir() => "a directory",
        found if found.is_fifo() => "a FIFO",
        found if found.is_socket() => "a socket",
        found if found.is_symlink() => "a symbolic link",
        _ => "a device",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a regular file")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    #[test]
    fn files_that_are_not_regular_are_refused_without_blocking() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        assert!(Command::new("mkfifo").arg(path("fifo")).status().expect("it runs").success());
        let _socket = UnixListener::bind(path("socket")).expect("bound");
        fs::create_dir(path("directory")).expect("made");
        fs::write(path("file"), "it").expect("written");
        for (name, what) in [("fifo", "a FIFO"), ("socket", "a socket"), ("directory", "a directory")] {
            let expect_refused = |result: io::Result<()>| {
                let error = result.expect_err("refused").to_string();
                assert_eq!(error, format!("it is {what}, not a regular file"));
            };
            expect_refused(open_regular(&path(name)).map(drop));
            expect_refused(read_regular(&path(name)).map(drop));
            expect_refused(copy_regular(&path(name), &path("copy")).map(drop));
            let exists = copy_regular(&path("file"), &path(name)).expect_err("nothing is written over");
            assert_eq!(exists.kind(), io::ErrorKind::AlreadyExists);
            expect_refused(open_regular_with(&path(name), OpenOptions::new().create(true).append(true)).map(drop));
        }
        std::os::unix::fs::symlink(path("file"), path("link")).expect("linked");
        let open = |name: &str| open_no_link(&path(name), OpenOptions::new().read(true));
        assert_eq!(open("link").expect_err("refused").to_string(), "it is a symbolic link, not a regular file");
        assert_eq!(open("nothing").expect_err("refused").kind(), io::ErrorKind::NotFound);
        assert!(open("file").is_ok() && open("fifo").is_err());
        let null = open_regular(Path::new("/dev/null")).expect_err("refused").to_string();
        assert_eq!(null, "it is a device, not a regular file");
        assert!(!path("copy").exists());
        assert_eq!(copy_regular(&path("file"), &path("copy")).expect("copied"), 2);
        assert_eq!(read_regular(&path("copy")).expect("read"), b"it");
        assert_eq!(open_regular(&path("nothing")).expect_err("refused").kind(), io::ErrorKind::NotFound);
    }
}
