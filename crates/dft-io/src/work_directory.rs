//! Directories that one process works in for a while, and their removal when that process died.
//!
//! ```text
//! build-0123456789abcdef/
//!   OWNER                dft work directory 1
//!                        <boot id> <PID namespace> <process id> <start time>
//! ```
//!
//! A work directory is known by its owner file, never by its name alone, so a directory of somebody else is left
//! as it is. Whether the owner still lives is asked of the kernel, not of a lock: some file systems have no
//! locks, and some grant every lock. The owner of another machine, or of another PID namespace, cannot be asked;
//! such a directory is removed when nothing in it has changed for [`ABANDONED`].

use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, SystemTime};

/// The name of the file that says whose a work directory is.
pub const OWNER: &str = "OWNER";

const MAGIC: &str = "dft work directory 1\n";

/// After how long without a change a work directory of another machine is taken for abandoned.
pub const ABANDONED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// After how long a directory whose owner file has no end is taken for that of a dead process.
const BEGUN: Duration = Duration::from_secs(24 * 60 * 60);

/// A directory for the work of this process. It is removed when it is dropped, unless the process is a fork of
/// the one that made it.
#[derive(Debug)]
pub struct WorkDirectory {
    path: PathBuf,
    process: u32,
}

impl WorkDirectory {
    /// Makes a directory in `parent`, which must exist. Its name is `prefix` and 16 hexadecimal digits: six at random,
    /// four of a hash of the system, and the process id, for a process may die before the owner file says it.
    ///
    /// # Errors
    ///
    /// What the system says; nothing is left then.
    pub fn create(parent: &Path, prefix: &str) -> io::Result<Self> {
        /// How often a name may be taken, or another process may sweep the directory before it has an owner.
        const TRIES: u32 = 100;
        let mut tries = 0;
        loop {
            tries += 1;
            let random = RandomState::new().hash_one(process::id()) & 0xff_ffff;
            let path = parent.join(format!("{prefix}{random:06x}{:04x}{:06x}", system_hash(), process::id()));
            let made = fs::create_dir(&path).and_then(|()| {
                let made = Self { path, process: process::id() };
                made.write_owner().map(|()| made)
            });
            match made {
                Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < TRIES => {}
                Err(error) if error.kind() == ErrorKind::NotFound && tries < TRIES && parent.is_dir() => {}
                made => return made,
            }
        }
    }

    fn write_owner(&self) -> io::Result<()> {
        let mut file = create_new(&self.path.join(OWNER))?;
        file.write_all(format!("{MAGIC}{}\n", Owner::of_this_process().line()).as_bytes())
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        if self.process == process::id() {
            // The next process that works here removes what stays.
            let _ = remove_tree(&self.path, OWNER);
        }
    }
}

/// Removes the work directories of dead processes in `parent` whose names begin with `prefix`. What cannot be
/// removed stays for the next time.
///
/// # Errors
///
/// Where `parent` cannot be listed.
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
        // The process died before it wrote the owner, or is about to: then it takes another name. Only an empty
        // directory is removed so.
        Err(error) if error.kind() == ErrorKind::NotFound => drop(fs::remove_dir(directory)),
        // It died while it wrote that, or is about to go on.
        Ok(None) if is_begun(&owner) && (is_dead_by_name(directory) || is_older(directory, BEGUN)) => {
            let _ = fs::remove_file(&owner).and_then(|()| fs::remove_dir(directory));
        }
        // It is somebody else's.
        Ok(None) | Err(_) => {}
    }
}

/// Whether an owner file is one of which the end is missing.
fn is_begun(owner: &Path) -> bool {
    crate::read_regular(owner).is_ok_and(|bytes| {
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

/// A few bits of which system this is, the same in every process of it; 0 where that is not known.
fn system_hash() -> u64 {
    // FNV-1a: it is to be the same in every release.
    let text = system().map(|(boot, namespace)| boot + &namespace).unwrap_or_default();
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    if text.is_empty() { 0 } else { hash & 0xffff }
}

/// Whether nothing in a directory, at any depth, has changed for a time. What cannot be read counts as changed.
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

/// Removes a directory and all that is in it; the file `last` goes after everything else, so that a directory of
/// which a part is left is still known by it. Links are removed, not followed.
///
/// # Errors
///
/// What the system says; a directory that is gone is none.
pub fn remove_tree(directory: &Path, last: &str) -> io::Result<()> {
    let is_gone = |error: io::Error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => return is_gone(error),
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
        removed.or_else(is_gone)?;
    }
    fs::remove_file(directory.join(last)).or_else(is_gone)?;
    fs::remove_dir(directory).or_else(is_gone)
}

/// Makes a file that must not be there yet, and writes to it. A link of its name is not followed.
///
/// # Errors
///
/// What the system says.
pub fn create_new(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).custom_flags(libc::O_NOFOLLOW).open(path)
}

/// The process that made a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    /// Which start of which machine, and which of its PID namespaces: `None` where the kernel does not say.
    system: Option<(String, String)>,
    process: u32,
    /// When the process started, in clock ticks since the machine did.
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

    /// Reads an owner file; `None` where it is something else.
    fn read(path: &Path) -> io::Result<Option<Self>> {
        /// More than any owner file has, in bytes.
        const LONGEST: u64 = 4096;
        let kind = fs::symlink_metadata(path)?;
        if !kind.is_file() || kind.len() > LONGEST {
            return Ok(None);
        }
        let bytes = crate::read_regular(path)?;
        Ok(std::str::from_utf8(&bytes).ok().and_then(Self::parse))
    }

    fn parse(text: &str) -> Option<Self> {
        let line = text.strip_prefix(MAGIC)?.strip_suffix('\n')?;
        let [boot, namespace, process, started] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let system = (boot != "-").then(|| (boot.to_owned(), namespace.to_owned()));
        let started = if started == "-" { None } else { Some(started.parse().ok()?) };
        Some(Self { system, process: process.parse().ok()?, started })
    }

    /// Whether the process has ended; `None` where that cannot be known here.
    fn is_dead(&self) -> Option<bool> {
        let here = system()?;
        let (boot, namespace) = self.system.as_ref()?;
        if *boot != here.0 || *namespace != here.1 {
            return None;
        }
        match Life::of(self.process) {
            Life::Unknown => None,
            Life::Ended => Some(true),
            // Another process may have the number by now.
            Life::Runs { started } => Some(self.started.is_some_and(|at| at != started)),
        }
    }
}

/// The start of this machine, and the PID namespace of this process.
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
            // Where other processes are hidden, those of the kernel's list are all that can be asked for.
            Err(error) if error.kind() == ErrorKind::NotFound => return Self::of_hidden(process),
            Err(_) => return Self::Unknown,
        };
        // The second field, the name, may hold anything; the third is the state, the 22nd the start time.
        let Some((_, rest)) = stat.rsplit_once(") ") else { return Self::Unknown };
        let mut fields = rest.split(' ');
        if matches!(fields.next(), Some("Z" | "X" | "x")) {
            return Self::Ended;
        }
        fields.nth(18).and_then(|field| field.parse().ok()).map_or(Self::Unknown, |started| Self::Runs { started })
    }

    fn of_hidden(process: u32) -> Self {
        let Ok(process) = i32::try_from(process) else { return Self::Unknown };
        // SAFETY: signal 0 is sent to nobody; it only asks whether there is such a process.
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
    fn a_work_directory_is_removed_with_its_owner_and_while_that_lives_by_nobody_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let work = WorkDirectory::create(folder.path(), "build-").expect("made");
        fs::write(work.path().join("run-0"), "work").expect("written");
        sweep_work_directories(folder.path(), "build-").expect("swept");
        assert!(work.path().join("run-0").exists());
        drop(work);
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn directories_of_dead_processes_are_removed_and_those_of_others_are_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let me = Owner::of_this_process();
        assert!(me.system.is_some() && me.started.is_some(), "the kernel says who this is");
        let mut child = Command::new("true").spawn().expect("it runs");
        let ended = child.id();
        child.wait().expect("a child");

        owned_by(folder.path(), "build-00000000000000d1", &Owner { process: ended, ..me.clone() });
        let before = me.started.map(|started| started - 1);
        owned_by(folder.path(), "build-00000000000000d2", &Owner { started: before, ..me.clone() });
        fs::create_dir(folder.path().join("build-00000000000000d3")).expect("made");
        // One whose owner died while it wrote who it is, and one whose owner is about to go on.
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
        // Of a person: no owner, or something else that is called so.
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
        // And one whose owner died while it wrote who it is.
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
    fn a_link_in_a_work_directory_is_removed_and_what_it_leads_to_stays() {
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
