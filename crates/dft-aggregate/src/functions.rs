//! What is known of functions by their name: which transfer data, and which kind of I/O they are.

/// The kind of I/O that a function does, with the numbers of the dfanalyzer tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i64)]
pub enum IoCategory {
    /// Reads data.
    Read = 1,
    /// Writes data.
    Write = 2,
    /// Works on names and attributes of files.
    Metadata = 3,
    /// Controls processes.
    Pctl = 4,
    /// Talks to other processes.
    Ipc = 5,
    /// None of the others.
    Other = 6,
    /// Waits until data is stored.
    Sync = 7,
}

impl IoCategory {
    /// The category of a function's name.
    pub fn of(name: &str) -> Self {
        match name {
            "read" | "pread" | "pread64" | "readv" | "preadv" | "preadv64" | "preadv2" | "fread" => Self::Read,
            "write" | "pwrite" | "pwrite64" | "writev" | "pwritev" | "pwritev64" | "pwritev2" | "fwrite" => Self::Write,
            "fsync" | "fdatasync" | "msync" | "sync" => Self::Sync,
            "__fxstat" | "__fxstat64" | "__lxstat" | "__lxstat64" | "__xstat" | "__xstat64" | "access" | "close"
            | "closedir" | "fclose" | "fcntl" | "fopen" | "fopen64" | "fseek" | "fseeko" | "fseeko64" | "fstat"
            | "fstat64" | "fstatat" | "fstatat64" | "ftell" | "ftello" | "ftello64" | "ftruncate" | "ftruncate64"
            | "link" | "lseek" | "lseek64" | "mkdir" | "open" | "open64" | "opendir" | "readdir" | "readdir64"
            | "readlink" | "remove" | "rename" | "rmdir" | "seek" | "stat" | "stat64" | "unlink" => Self::Metadata,
            "exec" | "exit" | "fork" | "kill" | "pipe" | "wait" => Self::Pctl,
            "msgctl" | "msgget" | "msgrcv" | "msgsnd" | "semctl" | "semget" | "semop" | "shmat" | "shmctl"
            | "shmdt" | "shmget" => Self::Ipc,
            _ => Self::Other,
        }
    }

    /// The category's name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Metadata => "metadata",
            Self::Pctl => "process control",
            Self::Ipc => "ipc",
            Self::Other => "other",
            Self::Sync => "sync",
        }
    }
}

/// Whether what a transfer returns is a number of items of arg `size`, not of bytes.
pub(crate) fn counts_items(name: &str) -> bool {
    matches!(name, "fread" | "fwrite")
}

/// Whether the function returns the bytes it moved: reads, writes and network calls of POSIX and
/// STDIO. `cat` is in lower case.
pub fn is_transfer(cat: &str, name: &str) -> bool {
    let network = || {
        matches!(
            name,
            "recv" | "recvfrom" | "recvmsg" | "send" | "sendto" | "sendmsg" | "splice" | "sendfile" | "copy_file_range"
        )
    };
    matches!(cat, "posix" | "stdio")
        && (matches!(IoCategory::of(name), IoCategory::Read | IoCategory::Write) || network())
}
