//! What the other crates need of the operating system: files and directories, `fork()`, limits of the process, and
//! text that is safe to print.
//!
//! Files and directories:
//!
//! - [`open_regular`] opens regular files only, and never blocks on a FIFO. [`open_no_link`] refuses symbolic links,
//!   too.
//! - [`sync_directory`] makes the names in a directory durable.
//! - [`CreatedDirectories`] removes directories again if the operation that created them fails.
//! - A [`WorkDirectory`] is removed when it is dropped, or by the next process if its own has died.
//!
//! Processes:
//!
//! - [`fork`] keeps a child of `fork()` from removing its parent's files and holding its parent's locks. No thread
//!   holds a [`ForkMutex`] while the process forks.
//! - [`memory_limit`] and [`require_threads`] check the limits of the process before they are reached.
//! - [`failpoint`] names a place in the code where tests end the process or make the system refuse. Without the
//!   feature `failpoints`, which no release has, it does nothing.
//! - [`account`] measures the stages of builds and exports, for benchmarks.
//!
//! Text for people:
//!
//! - [`Show`] makes names safe to print to a terminal.
//! - [`units`] formats counts, sizes and times.
//! - [`advice`] returns what to do about an error of the system. It ends the message of a failed operation.
//!
//! Errors are those of the system, as [`std::io::Error`], without the path: the caller adds it.
//!
//! # Example
//!
//! ```
//! use std::path::Path;
//!
//! use dft_io::{Show, units};
//!
//! assert_eq!(Path::new("rank\n0.pfw").shown().to_string(), r"rank\n0.pfw");
//! assert_eq!(units::bytes(4096.0), "4 KiB");
//! assert_eq!(units::duration(12_345_678.0), "12.3 s");
//! ```

pub mod account;
mod created;
pub mod fork;
mod fork_mutex;
mod fork_registry;
mod limits;
mod regular;
mod shown;
pub mod units;
mod work_directory;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

pub use created::CreatedDirectories;
pub use fork_mutex::ForkMutex;
pub use limits::{memory_limit, require_threads, start_threads};
pub use regular::{copy_regular, open_no_link, open_regular, refuse_others};
pub use shown::{Show, Shown, is_active, shown_json, shown_lines};
pub use work_directory::{ABANDONED, OWNER, WorkDirectory, create_new, remove_tree, sweep_work_directories};

/// Returns what a user can do about a system error, to append to its message; empty if the message suffices.
pub fn advice(error: &io::Error) -> &'static str {
    // `ErrorKind` has no kind for these: ENFILE and EMFILE.
    const TOO_MANY_OPEN_FILES: [i32; 2] = [23, 24];
    if error.raw_os_error().is_some_and(|code| TOO_MANY_OPEN_FILES.contains(&code)) {
        return OPEN_FILES;
    }
    advice_of(error.kind())
}

/// The [`advice`] for too many open files.
pub const OPEN_FILES: &str = "; raise the limit of open files (ulimit -n), then run it again";

/// Returns [`advice`] for a kind of error.
pub fn advice_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "; make room there or choose another place, then run it again"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; allow access to it or choose another place, then run it again"
        }
        ErrorKind::TimedOut | ErrorKind::StaleNetworkFileHandle => "; run it again",
        _ => "",
    }
}

/// Creates a directory and its missing parents, and makes their names durable.
///
/// # Errors
///
/// The system's error.
pub fn create_directory(path: &Path) -> io::Result<()> {
    CreatedDirectories::create(path).map(|mut created| created.keep())
}

/// Makes the entries of a directory durable: names that were created, removed or renamed in it.
///
/// # Errors
///
/// The system's error.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Ends the process or fails here, if a test requests it.
///
/// With the feature `failpoints`, the variable `DFT_FAILPOINTS` sets what happens: `NAME=abort` ends the process at
/// once, `NAME=full` and `NAME=denied` return the system's errors for a full disk and for missing permission;
/// `NAME#3=…` applies to the third time that the failpoint is reached. The names of all failpoints that are reached are
/// appended to the file that `DFT_FAILPOINTS_LOG` names.
///
/// # Errors
///
/// The requested error; without `failpoints`, none.
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
    fn a_full_disk_and_missing_permission_have_advice() {
        let advice_about = |kind: ErrorKind| advice(&io::Error::from(kind));
        assert!(advice_about(ErrorKind::StorageFull).contains("make room"));
        assert!(advice_about(ErrorKind::PermissionDenied).contains("choose another place"));
        assert_eq!(advice_about(ErrorKind::NotFound), "");
        assert!(advice(&io::Error::from_raw_os_error(24)).contains("ulimit -n"));
    }

    #[test]
    #[cfg(not(feature = "failpoints"))]
    fn a_failpoint_does_nothing_without_the_feature() {
        assert!(failpoint("anything").is_ok());
    }
}
