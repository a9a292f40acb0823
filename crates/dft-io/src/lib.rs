//! What the system says and what to do about it, and failpoints for tests.
//!
//! [`advice`] ends the message of a failed operation. [`open_regular`] never waits for what has the name of a
//! file. [`CreatedDirectories`] are removed again where what they were made for fails; a [`WorkDirectory`] when its
//! process ends, or by the next one. [`point`] names a
//! moment in the life of a file or an index; tests let the process die there, or let the system refuse what
//! comes next. [`Show`] gives names as people may be shown them. Without the feature `failpoints`, which no release has, a point is nothing.

mod created;
pub mod fork;
mod limits;
mod regular;
mod shown;
mod work_directory;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

pub use created::CreatedDirectories;
pub use limits::{memory_limit, require_threads, start_threads};
pub use regular::{copy_regular, open_regular, open_regular_with, read_regular, refuse_others};
pub use shown::{Show, Shown, is_active, shown_json, shown_lines};
pub use work_directory::{ABANDONED, OWNER, WorkDirectory, create_new, remove_tree, sweep_work_directories};

/// What a person can do about an error of the system, to be put behind its message; empty where that
/// says enough.
pub fn advice(error: &io::Error) -> &'static str {
    // Which has no kind of its own.
    const TOO_MANY_OPEN_FILES: [i32; 2] = [23, 24];
    if error.raw_os_error().is_some_and(|code| TOO_MANY_OPEN_FILES.contains(&code)) {
        return OPEN_FILES;
    }
    advice_of(error.kind())
}

/// What to do about too many open files.
pub const OPEN_FILES: &str = "; let more files be open (ulimit -n), and run it again";

/// [`advice`] about a kind of error.
pub fn advice_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "; make room there, or choose another place, and run it again"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; allow access to it, or choose another place, and run it again"
        }
        ErrorKind::TimedOut | ErrorKind::StaleNetworkFileHandle => "; run it again",
        _ => "",
    }
}

/// Makes a directory, and those that it is in, if they are not there; its name is durable then.
///
/// # Errors
///
/// What the system says.
pub fn create_directory(path: &Path) -> io::Result<()> {
    CreatedDirectories::create(path).map(|mut created| created.keep())
}

/// Makes the entries of a directory durable: names that were made, removed or renamed in it.
///
/// # Errors
///
/// What the system says.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A moment that tests can make the last one of the process, or of an operation.
///
/// With the feature `failpoints`, the variable `DFT_FAILPOINTS` says what happens: `NAME=abort` ends the
/// process at once, `NAME=full` and `NAME=denied` give the system's errors for a full disk and for a
/// lack of permission; `NAME#3=…` means the third time that it is reached. `DFT_FAILPOINTS_LOG` names a
/// file to which every point is appended that is reached.
///
/// # Errors
///
/// The one that was asked for; without `failpoints`, none.
#[inline(always)]
pub fn failpoint(name: &str) -> io::Result<()> {
    #[cfg(feature = "failpoints")]
    return failpoints::failpoint(name);
    #[cfg(not(feature = "failpoints"))]
    {
        let _ = name;
        Ok(())
    }
}

#[cfg(feature = "failpoints")]
mod failpoints {
    use std::collections::HashMap;
    use std::fs::File;
    use std::io::{self, Write};
    use std::sync::Mutex;

    static REACHED: Mutex<Option<HashMap<String, u64>>> = Mutex::new(None);

    pub(super) fn failpoint(name: &str) -> io::Result<()> {
        let time = {
            let mut reached = REACHED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let time = reached.get_or_insert_default().entry(name.to_owned()).or_default();
            *time += 1;
            *time
        };
        if let Some(log) = std::env::var_os("DFT_FAILPOINTS_LOG") {
            let mut log = File::options().create(true).append(true).open(log)?;
            log.write_all(format!("{name}\n").as_bytes())?;
        }
        let Ok(wanted) = std::env::var("DFT_FAILPOINTS") else { return Ok(()) };
        let Some((place, what)) = wanted.split_once('=') else { return Ok(()) };
        let (place, at) = match place.split_once('#') {
            Some((place, at)) => (place, at.parse().unwrap_or(1)),
            None => (place, 1),
        };
        if (place, at) != (name, time) {
            return Ok(());
        }
        match what {
            "abort" => std::process::abort(),
            "full" => Err(io::ErrorKind::StorageFull.into()),
            _ => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_lack_of_permission_have_a_way_out() {
        let advice_about = |kind: ErrorKind| advice(&io::Error::from(kind));
        assert!(advice_about(ErrorKind::StorageFull).contains("make room"));
        assert!(advice_about(ErrorKind::PermissionDenied).contains("choose another place"));
        assert_eq!(advice_about(ErrorKind::NotFound), "");
        assert!(advice(&io::Error::from_raw_os_error(24)).contains("ulimit -n"));
    }

    #[test]
    #[cfg(not(feature = "failpoints"))]
    fn a_point_is_nothing() {
        assert!(failpoint("anything").is_ok());
    }
}
