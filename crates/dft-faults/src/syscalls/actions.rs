//! What can happen to a system call.

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Action {
    pub(crate) name: &'static str,
    /// The error; 0 if the action is not an error.
    error: i32,
    /// Whether it may also apply to all calls from one on: a full disk stays full.
    pub(crate) lasts: bool,
    /// Whether the command can do without the call, and succeeds.
    pub(crate) harmless: bool,
}

const fn fails(name: &'static str, error: i32) -> Action {
    Action { name, error, lasts: false, harmless: false }
}

const fn keeps_failing(name: &'static str, error: i32) -> Action {
    Action { name, error, lasts: true, harmless: false }
}

const fn harmless(name: &'static str, error: i32) -> Action {
    Action { name, error, lasts: true, harmless: true }
}

/// The process dies before the call.
pub(crate) const KILL: Action = fails("kill", 0);
/// The process dies when half of a write is done.
const TORN: Action = fails("torn", 0);
/// The call is done, but its answer is lost: network file systems then report EIO.
const LOST: Action = fails("lost", 0);
const SHORT: Action = harmless("short", 0);
/// Attributes name blocks of 1 MiB, as on parallel file systems.
const BLOCKS: Action = harmless("blocks", 0);

const EIO: Action = keeps_failing("EIO", libc::EIO);
const ENOSPC: Action = keeps_failing("ENOSPC", libc::ENOSPC);
const EDQUOT: Action = keeps_failing("EDQUOT", libc::EDQUOT);
const EACCES: Action = keeps_failing("EACCES", libc::EACCES);
const EPERM: Action = fails("EPERM", libc::EPERM);
const EINTR: Action = fails("EINTR", libc::EINTR);
const EMFILE: Action = keeps_failing("EMFILE", libc::EMFILE);
const ESTALE: Action = fails("ESTALE", libc::ESTALE);
const EROFS: Action = keeps_failing("EROFS", libc::EROFS);
const EXDEV: Action = fails("EXDEV", libc::EXDEV);
const ENOMEM: Action = fails("ENOMEM", libc::ENOMEM);

/// The errors of file systems without hard links.
const NO_LINKS: [Action; 4] = [
    harmless("EPERM", libc::EPERM),
    harmless("ENOSYS", libc::ENOSYS),
    harmless("EMLINK", libc::EMLINK),
    harmless("EOPNOTSUPP", libc::EOPNOTSUPP),
];

/// The errors of file systems without locks.
const NO_LOCKS: [Action; 3] =
    [harmless("ENOLCK", libc::ENOLCK), harmless("ENOSYS", libc::ENOSYS), harmless("EOPNOTSUPP", libc::EOPNOTSUPP)];

const OPEN: [Action; 7] = [EIO, EACCES, EMFILE, ENOSPC, EINTR, ESTALE, LOST];
const READ: [Action; 4] = [EIO, ESTALE, EINTR, SHORT];
const WRITE: [Action; 6] = [EIO, ENOSPC, EDQUOT, EINTR, SHORT, TORN];
const SYNC: [Action; 3] = [EIO, ENOSPC, EDQUOT];
const RENAME: [Action; 5] = [EIO, ENOSPC, EACCES, EXDEV, LOST];
const LINK: [Action; 7] = [NO_LINKS[0], NO_LINKS[1], NO_LINKS[2], NO_LINKS[3], EIO, ENOSPC, LOST];
const UNLINK: [Action; 5] = [EIO, EACCES, EPERM, EROFS, LOST];
const TRUNCATE: [Action; 3] = [EIO, ENOSPC, EINTR];
const ALLOCATE: [Action; 3] = [harmless("EOPNOTSUPP", libc::EOPNOTSUPP), ENOSPC, EIO];
const MKDIR: [Action; 5] = [EIO, ENOSPC, EACCES, EROFS, LOST];
const LOCK: [Action; 5] = [NO_LOCKS[0], NO_LOCKS[1], NO_LOCKS[2], EIO, EINTR];
const CLOSE: [Action; 2] = [EIO, EDQUOT];
const MAP: [Action; 1] = [ENOMEM];
const STAT: [Action; 4] = [EIO, EACCES, ESTALE, BLOCKS];
const LIST: [Action; 3] = [EIO, EACCES, EMFILE];
const COPY: [Action; 4] = [EIO, ENOSPC, EXDEV, harmless("ENOSYS", libc::ENOSYS)];
const MODE: [Action; 2] = [EPERM, EIO];

/// Returns what can happen to a call of a class of `interpose.c`.
pub(crate) fn actions_of(class: &str) -> &'static [Action] {
    match class {
        "any" => &[KILL],
        "open" => &OPEN,
        "read" => &READ,
        "write" => &WRITE,
        "sync" => &SYNC,
        "rename" => &RENAME,
        "link" => &LINK,
        "unlink" => &UNLINK,
        "truncate" => &TRUNCATE,
        "allocate" => &ALLOCATE,
        "mkdir" => &MKDIR,
        "lock" => &LOCK,
        "close" => &CLOSE,
        "map" => &MAP,
        "stat" => &STAT,
        "list" => &LIST,
        "copy" => &COPY,
        "mode" => &MODE,
        _ => &[],
    }
}

/// What a file system may never support, and what it may always do. Tried with every command at any scale.
pub(crate) const ALWAYS: [(&str, Action); 9] = [
    ("link", NO_LINKS[0]),
    ("link", NO_LINKS[1]),
    ("lock", NO_LOCKS[0]),
    ("lock", NO_LOCKS[2]),
    ("allocate", ALLOCATE[0]),
    ("copy", COPY[3]),
    ("read", SHORT),
    ("write", SHORT),
    ("stat", BLOCKS),
];

/// The first answer is lost. Tried with every command.
pub(crate) const ONCE: [(&str, Action); 3] = [("link", LOST), ("rename", LOST), ("mkdir", LOST)];

/// A disk dies, fills up or loses its server, and stays so, early or late in the work. Tried with every command.
pub(crate) const FROM_SOME_TIME_ON: [(&str, Action); 3] = [("read", EIO), ("stat", EIO), ("write", ENOSPC)];

impl Action {
    /// Returns the action as `interpose.c` spells it in rules.
    pub(crate) fn rule(&self) -> String {
        if self.error == 0 { self.name.to_owned() } else { self.error.to_string() }
    }

    pub(crate) fn kills(&self) -> bool {
        *self == KILL || *self == TORN
    }
}
