//! Temporary directories of one process, which other processes remove if their owner has died.

use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, SystemTime};

use crate::regular::read_regular;

/// The name of the file that identifies the owner of a work directory.
pub const OWNER: &str = "OWNER";

const MAGIC: &str = "dft work directory 1\n";

/// How long a work directory of another machine must be unchanged to count as abandoned: a week.
pub const ABANDONED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long a directory with an incomplete owner file must be unchanged for its owner to count as dead.
const BEGUN: Duration = Duration::from_secs(24 * 60 * 60);

/// A temporary directory of this process. Dropping it removes the directory, unless the process is a fork of the one
/// that created it. If the process dies, [`sweep_work_directories`] of another process removes the directory.
///
/// ```text
/// build-0123456789abcdef/
///   OWNER                dft work directory 1
///                        <boot id> <PID namespace> <process id> <start time>
/// ```
///
/// A work directory is recognised by its owner file, never by its name alone, so directories of others are left
/// alone. The kernel, not a lock, tells whether the owner is alive: some file systems have no locks, and some grant
/// every lock. The kernel cannot tell for an owner on another machine or in another PID namespace; such a directory is
/// removed when nothing in it has changed for [`ABANDONED`].
#[derive(Debug)]
pub struct WorkDirectory {
    path: PathBuf,
    process: u32,
}

impl WorkDirectory {
    /// Creates a directory in `parent`, which must exist. Its name is `prefix` and 16 hexadecimal digits: six random
    /// ones, four of a hash of the system, and six of the process id, because a process may die before it has written
    /// the owner file.
    ///
    /// # Errors
    ///
    /// The system's error; nothing is left behind.
    pub fn create(parent: &Path, prefix: &str) -> io::Result<Self> {
        /// How often a name may be in use, or another process may sweep the directory before it has an owner file.
        const TRIES: u32 = 100;
        let mut tries = 0;
        loop {
            tries += 1;
            let random = RandomState::new().hash_one(process::id()) & 0xff_ffff;
            let path = parent.join(format!("{prefix}{random:06x}{:04x}{:06x}", system_hash(), process::id()));
            let created = fs::create_dir(&path).and_then(|()| {
                let directory = Self { path, process: process::id() };
                directory.write_owner().map(|()| directory)
            });
            match created {
                Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < TRIES => {}
                Err(error) if error.kind() == ErrorKind::NotFound && tries < TRIES && parent.is_dir() => {}
                created => return created,
            }
        }
    }

    fn write_owner(&self) -> io::Result<()> {
        let mut file = create_new(&self.path.join(OWNER))?;
        file.write_all(format!("{MAGIC}{}\n", Owner::of_this_process().line()).as_bytes())
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        if self.process == process::id() {
            // The next process that works here removes what is left.
            let _ = remove_tree(&self.path, OWNER);
        }
    }
}

/// Removes the work directories of dead processes in `parent` whose names start with `prefix`. Those that cannot be
/// removed are left for the next sweep.
///
/// # Errors
///
/// If `parent` cannot be listed.
pub fn sweep_work_directories(parent: &Path, prefix: &str) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let is_name = |name: &str| {
            let random = name.strip_prefix(prefix);
            random.is_some_and(|random| random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit()))
        };
        if entry.file_name().to_str().is_some_and(is_name) && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sweep(&entry.path());
        }
    }
    Ok(())
}

fn sweep(directory: &Path) {
    let owner = directory.join(OWNER);
    match Owner::read(&owner) {
        Ok(Some(owner)) => {
            let is_dead = owner.is_dead().unwrap_or_else(|| is_older(directory, ABANDONED));
            if is_dead {
                let _ = remove_tree(directory, OWNER);
            }
        }
        // The process died before it wrote the owner file, or is about to write it; it then retries with another name.
        // `remove_dir` removes only an empty directory.
        Err(error) if error.kind() == ErrorKind::NotFound => drop(fs::remove_dir(directory)),
        // The process died while it wrote the owner file, or is still writing it.
        Ok(None) if is_begun(&owner) && (is_dead_by_name(directory) || is_older(directory, BEGUN)) => {
            let _ = fs::remove_file(&owner).and_then(|()| fs::remove_dir(directory));
        }
        // The directory belongs to someone else.
        Ok(None) | Err(_) => {}
    }
}

/// Whether an owner file is incomplete: a prefix of a valid one.
fn is_begun(owner: &Path) -> bool {
    read_regular(owner).is_ok_and(|bytes| {
        let (begun, magic) = (bytes.len().min(MAGIC.len()), MAGIC.as_bytes());
        bytes[..begun] == magic[..begun] && (bytes.len() <= magic.len() || !bytes.ends_with(b"\n"))
    })
}

/// Whether the process that a directory is named after has certainly ended.
fn is_dead_by_name(directory: &Path) -> bool {
    let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((system, process)) = name.len().checked_sub(10).and_then(|at| name.get(at..)?.split_at_checked(4)) else {
        return false;
    };
    let is_here = system_hash() != 0 && u64::from_str_radix(system, 16) == Ok(system_hash());
    is_here && u32::from_str_radix(process, 16).is_ok_and(|process| matches!(Life::of(process), Life::Ended))
}

/// Returns a 16-bit hash of this system, the same in all of its processes; 0 if the system is unknown.
fn system_hash() -> u64 {
    // FNV-1a, because the hash must be the same in every release.
    let text = system().map(|(boot, namespace)| boot + &namespace).unwrap_or_default();
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    if text.is_empty() { 0 } else { hash & 0xffff }
}

/// Whether nothing in a directory, at any depth, has changed for longer than `age`. Anything unreadable counts as
/// changed.
fn is_older(directory: &Path, age: Duration) -> bool {
    let is_old = |path: &Path| {
        let changed = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
        changed.is_ok_and(|changed| SystemTime::now().duration_since(changed).is_ok_and(|since| since > age))
    };
    let Ok(mut entries) = fs::read_dir(directory) else { return false };
    is_old(directory)
        && entries.all(|entry| {
            entry.is_ok_and(|entry| {
                is_old(&entry.path())
                    && (!entry.file_type().is_ok_and(|kind| kind.is_dir()) || is_older(&entry.path(), age))
            })
        })
}

/// Removes a directory and its contents. The file `last` is removed after everything else, so that a partly removed
/// directory can still be recognised. Links are removed, not followed.
///
/// # Errors
///
/// The system's error. It is no error if the directory does not exist.
pub fn remove_tree(directory: &Path, last: &str) -> io::Result<()> {
    let unless_missing = |error: io::Error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => return unless_missing(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name() == last {
            continue;
        }
        let removed = match entry.file_type() {
            Ok(kind) if kind.is_dir() => fs::remove_dir_all(entry.path()),
            Ok(_) => fs::remove_file(entry.path()),
            Err(error) => Err(error),
        };
        removed.or_else(unless_missing)?;
    }
    fs::remove_file(directory.join(last)).or_else(unless_missing)?;
    fs::remove_dir(directory).or_else(unless_missing)
}

/// Creates a file for writing; it must not exist yet. A link of that name is not followed.
///
/// # Errors
///
/// The system's error.
pub fn create_new(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).custom_flags(libc::O_NOFOLLOW).open(path)
}

/// The process that created a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    /// The boot id of the machine and the PID namespace; `None` if the kernel does not provide them.
    system: Option<(String, String)>,
    process: u32,
    /// When the process started, in clock ticks since boot.
    started: Option<u64>,
}

impl Owner {
    fn of_this_process() -> Self {
        let process = process::id();
        Self { system: system(), process, started: Life::of(process).started() }
    }

    fn line(&self) -> String {
        let (boot, namespace) = self.system.clone().unwrap_or_else(|| ("-".to_owned(), "-".to_owned()));
        let started = self.started.map_or_else(|| "-".to_owned(), |started| started.to_string());
        format!("{boot} {namespace} {} {started}", self.process)
    }

    /// Reads an owner file; `None` if it is not a valid one.
    fn read(path: &Path) -> io::Result<Option<Self>> {
        /// More bytes than any owner file has.
        const LONGEST: u64 = 4096;
        let kind = fs::symlink_metadata(path)?;
        if !kind.is_file() || kind.len() > LONGEST {
            return Ok(None);
        }
        let bytes = read_regular(path)?;
        Ok(std::str::from_utf8(&bytes).ok().and_then(Self::parse))
    }

    fn parse(text: &str) -> Option<Self> {
        let line = text.strip_prefix(MAGIC)?.strip_suffix('\n')?;
        let [boot, namespace, process, started] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let system = (boot != "-").then(|| (boot.to_owned(), namespace.to_owned()));
        let started = if started == "-" { None } else { Some(started.parse().ok()?) };
        Some(Self { system, process: process.parse().ok()?, started })
    }

    /// Whether the process has ended; `None` if this process cannot tell.
    fn is_dead(&self) -> Option<bool> {
        let here = system()?;
        let (boot, namespace) = self.system.as_ref()?;
        if *boot != here.0 || *namespace != here.1 {
            return None;
        }
        match Life::of(self.process) {
            Life::Unknown => None,
            Life::Ended => Some(true),
            // Another process may have the same id by now.
            Life::Runs { started } => Some(self.started.is_some_and(|at| at != started)),
        }
    }
}

/// Returns the boot id of this machine and the PID namespace of this process.
fn system() -> Option<(String, String)> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?.to_str()?.to_owned();
    let is_word = |word: &str| !word.is_empty() && !word.contains(char::is_whitespace);
    (is_word(&boot) && is_word(&namespace)).then_some((boot, namespace))
}

enum Life {
    Runs { started: u64 },
    Ended,
    Unknown,
}

impl Life {
    fn of(process: u32) -> Self {
        let stat = match fs::read_to_string(format!("/proc/{process}/stat")) {
            Ok(stat) => stat,
            // If /proc hides other processes, signal 0 still tells whether one exists.
            Err(error) if error.kind() == ErrorKind::NotFound => return Self::of_hidden(process),
            Err(_) => return Self::Unknown,
        };
        // The second field, the name, may contain anything. The third is the state, the 22nd the start time.
        let Some((_, rest)) = stat.rsplit_once(") ") else { return Self::Unknown };
        let mut fields = rest.split(' ');
        if matches!(fields.next(), Some("Z" | "X" | "x")) {
            return Self::Ended;
        }
        fields.nth(18).and_then(|field| field.parse().ok()).map_or(Self::Unknown, |started| Self::Runs { started })
    }

    fn of_hidden(process: u32) -> Self {
        let Ok(process) = i32::try_from(process) else { return Self::Unknown };
        // SAFETY: signal 0 is not delivered; the call only checks whether the process exists.
        let there = unsafe { libc::kill(process, 0) } == 0;
        match io::Error::last_os_error().raw_os_error() {
            _ if there => Self::Unknown,
            Some(libc::ESRCH) => Self::Ended,
            _ => Self::Unknown,
        }
    }

    fn started(&self) -> Option<u64> {
        match self {
            Self::Runs { started } => Some(*started),
            Self::Ended | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).expect("listed").map(|entry| entry.expect("listed").file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    fn owned_by(folder: &Path, name: &str, owner: &Owner) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir(&path).expect("made");
        fs::write(path.join(OWNER), format!("{MAGIC}{}\n", owner.line())).expect("written");
        fs::create_dir(path.join("deep")).expect("made");
        fs::write(path.join("deep/file"), "work").expect("written");
        path
    }

    #[test]
    fn a_work_directory_is_removed_when_dropped_and_not_swept_while_its_owner_lives() {
        let folder = tempfile::tempdir().expect("a folder");
        let work = WorkDirectory::create(folder.path(), "build-").expect("made");
        fs::write(work.path().join("run-0"), "work").expect("written");
        sweep_work_directories(folder.path(), "build-").expect("swept");
        assert!(work.path().join("run-0").exists());
        drop(work);
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn a_sweep_removes_only_directories_of_dead_processes() {
        let folder = tempfile::tempdir().expect("a folder");
        let me = Owner::of_this_process();
        assert!(me.system.is_some() && me.started.is_some(), "the kernel identifies this process");
        let mut child = Command::new("true").spawn().expect("it runs");
        let ended = child.id();
        child.wait().expect("a child");

        owned_by(folder.path(), "build-00000000000000d1", &Owner { process: ended, ..me.clone() });
        let before = me.started.map(|started| started - 1);
        owned_by(folder.path(), "build-00000000000000d2", &Owner { started: before, ..me.clone() });
        fs::create_dir(folder.path().join("build-00000000000000d3")).expect("made");
        // One whose owner died while it wrote the owner file, and one whose owner is still writing it.
        let cut = |process: u32| format!("build-abcdef{:04x}{process:06x}", system_hash());
        for process in [ended, process::id()] {
            fs::create_dir(folder.path().join(cut(process))).expect("made");
            fs::write(folder.path().join(cut(process)).join(OWNER), &MAGIC[..7]).expect("written");
        }
        let elsewhere = Some(("another-boot".to_owned(), "pid:[1]".to_owned()));
        owned_by(folder.path(), "build-00000000000000a1", &Owner { system: elsewhere, ..me.clone() });
        owned_by(folder.path(), "build-00000000000000a2", &Owner { system: None, process: ended, started: None });
        owned_by(folder.path(), "build-00000000000000a3", &me);
        owned_by(folder.path(), "build-release", &Owner { process: ended, ..me.clone() });
        // Directories of users: without an owner file, or with something else of that name.
        for name in ["build-release-2", "build-00000000000000b1", "build-00000000000000b2"] {
            fs::create_dir(folder.path().join(name)).expect("made");
            fs::write(folder.path().join(name).join("notes"), "mine").expect("written");
        }
        fs::write(folder.path().join("build-00000000000000b1/OWNER"), "me\n").expect("written");
        let outside = tempfile::tempdir().expect("a folder");
        let kept = owned_by(outside.path(), "kept", &Owner { process: ended, ..me.clone() });
        symlink(&kept, folder.path().join("build-00000000000000c1")).expect("linked");

        sweep_work_directories(folder.path(), "build-").expect("swept");
        let left = ["a1", "a2", "a3", "b1", "b2", "c1"].map(|end| format!("build-00000000000000{end}"));
        let more = ["build-release", "build-release-2"].map(str::to_owned);
        assert_eq!(names(folder.path()), [&left[..], &[cut(process::id())], &more].concat());
        assert!(kept.join("deep/file").exists(), "a link is not followed");
    }

    #[test]
    fn an_abandoned_directory_of_another_machine_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let elsewhere = Some(("another-boot".to_owned(), "pid:[1]".to_owned()));
        let owner = Owner { system: elsewhere, ..Owner::of_this_process() };
        let path = owned_by(folder.path(), "build-00000000000000a1", &owner);
        let old = SystemTime::now() - ABANDONED - Duration::from_secs(60);
        let age = |path: &Path| fs::File::open(path).and_then(|file| file.set_modified(old)).expect("dated");
        age(&path.join(OWNER));
        age(&path.join("deep"));
        age(&path);
        sweep_work_directories(folder.path(), "build-").expect("swept");
        assert!(path.exists(), "a file in it is new");
        age(&path.join("deep/file"));
        // And one whose owner died while it wrote the owner file.
        let begun = folder.path().join("build-00000000000000a2");
        fs::create_dir(&begun).expect("made");
        fs::write(begun.join(OWNER), &MAGIC[..5]).expect("written");
        sweep_work_directories(folder.path(), "build-").expect("swept");
        assert!(!path.exists() && begun.exists());
        age(&begun.join(OWNER));
        age(&begun);
        sweep_work_directories(folder.path(), "build-").expect("swept");
        assert!(!begun.exists());
    }

    #[test]
    fn a_link_in_a_work_directory_is_removed_and_its_target_stays() {
        let (folder, outside) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        fs::write(outside.path().join("file"), "mine").expect("written");
        let work = WorkDirectory::create(folder.path(), "build-").expect("made");
        symlink(outside.path(), work.path().join("link")).expect("linked");
        symlink(outside.path().join("file"), work.path().join("file")).expect("linked");
        assert!(create_new(&work.path().join("file")).is_err(), "a link is not written through");
        drop(work);
        assert_eq!(names(folder.path()), [""; 0]);
        assert_eq!(fs::read(outside.path().join("file")).expect("read"), b"mine");
    }
}
