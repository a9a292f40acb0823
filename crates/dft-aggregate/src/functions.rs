//! Functions by name: which transfer data, and which kind of I/O they do.

/// The kind of I/O that a function does, with the numbers of the dfanalyzer tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
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
    /// Anything else.
    Other = 6,
    /// Waits until data is stored.
    Sync = 7,
}

impl IoCategory {
    /// Returns the category of a function.
    pub fn of(name: &str) -> Self {
        match name {
            "read" | "pread" | "pread64" | "readv" | "preadv" | "preadv64" | "preadv2" | "fread" | "fgets"
            | "fgetc" | "getc" | "getline" | "getdelim" | "fscanf" | "readahead" => Self::Read,
            "write" | "pwrite" | "pwrite64" | "writev" | "pwritev" | "pwritev64" | "pwritev2" | "fwrite" | "splice"
            | "sendfile" | "sendfile64" | "copy_file_range" | "fputs" | "fputc" | "putc" | "puts" | "fprintf"
            | "vfprintf" => Self::Write,
            "fsync" | "fdatasync" | "msync" | "sync" | "syncfs" | "sync_file_range" => Self::Sync,
            "__fxstat" | "__fxstat64" | "__fxstatat" | "__fxstatat64" | "__lxstat" | "__lxstat64" | "__xstat"
            | "__xstat64" | "access" | "faccessat" | "faccessat2" | "close" | "closedir" | "creat" | "creat64"
            | "dup" | "dup2" | "dup3" | "fallocate" | "fallocate64" | "posix_fallocate" | "fchmod" | "fchmodat"
            | "chmod" | "chown" | "fchown" | "fchownat" | "lchown" | "fclose" | "fcntl" | "fdopen" | "fileno"
            | "fopen" | "fopen64" | "freopen" | "freopen64" | "fseek" | "fseeko" | "fseeko64" | "fstat" | "fstat64"
            | "fstatat" | "fstatat64" | "fstatfs" | "fstatvfs" | "ftell" | "ftello" | "ftello64" | "ftruncate"
            | "ftruncate64" | "getdents" | "getdents64" | "getxattr" | "lgetxattr" | "fgetxattr" | "setxattr"
            | "lsetxattr" | "fsetxattr" | "listxattr" | "llistxattr" | "flistxattr" | "removexattr"
            | "lremovexattr" | "fremovexattr" | "link" | "linkat" | "lseek" | "lseek64" | "lstat" | "lstat64"
            | "mkdir" | "mkdirat" | "mknod" | "mknodat" | "newfstatat" | "open" | "open64" | "openat" | "openat64"
            | "opendir" | "fdopendir" | "readdir" | "readdir64" | "readdir_r" | "readlink" | "readlinkat"
            | "remove" | "rename" | "renameat" | "renameat2" | "rewind" | "rewinddir" | "rmdir" | "scandir"
            | "seek" | "seekdir" | "stat" | "stat64" | "statfs" | "statvfs" | "statx" | "symlink" | "symlinkat"
            | "telldir" | "truncate" | "truncate64" | "umask" | "unlink" | "unlinkat" | "utime" | "utimes"
            | "utimensat" | "futimens" => Self::Metadata,
            "exec" | "execve" | "exit" | "fork" | "vfork" | "clone" | "kill" | "pipe" | "pipe2" | "wait"
            | "waitpid" => Self::Pctl,
            "msgctl" | "msgget" | "msgrcv" | "msgsnd" | "semctl" | "semget" | "semop" | "shmat" | "shmctl"
            | "shmdt" | "shmget" => Self::Ipc,
            _ => Self::Other,
        }
    }

    /// Returns the category's name, for people.
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

/// Tells whether a transfer returns a number of items of arg `size`, not of bytes.
pub(crate) fn counts_items(name: &str) -> bool {
    matches!(name, "fread" | "fwrite")
}

/// Tells whether a function returns how much it transferred: reads, writes, network calls and copies of POSIX and
/// STDIO. Not all functions that read or write do: `fgets` does not return a number of bytes. `cat` must be in lower
/// case.
pub(crate) fn is_transfer(cat: &str, name: &str) -> bool {
    matches!(cat, "posix" | "stdio")
        && matches!(
            name,
            "read"
                | "pread"
                | "pread64"
                | "readv"
                | "preadv"
                | "preadv64"
                | "preadv2"
                | "fread"
                | "write"
                | "pwrite"
                | "pwrite64"
                | "writev"
                | "pwritev"
                | "pwritev64"
                | "pwritev2"
                | "fwrite"
                | "recv"
                | "recvfrom"
                | "recvmsg"
                | "send"
                | "sendto"
                | "sendmsg"
                | "splice"
                | "sendfile"
                | "sendfile64"
                | "copy_file_range"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All known names, with the number of their category in the tables.
    const KINDS: [(i64, &str); 7] = [
        (
            1,
            "fgetc fgets fread fscanf getc getdelim getline pread pread64 preadv preadv2 preadv64 read readahead \
             readv",
        ),
        (
            2,
            "copy_file_range fprintf fputc fputs fwrite putc puts pwrite pwrite64 pwritev pwritev2 pwritev64 \
             sendfile sendfile64 splice vfprintf write writev",
        ),
        (
            3,
            "__fxstat __fxstat64 __fxstatat __fxstatat64 __lxstat __lxstat64 __xstat __xstat64 access chmod chown \
             close closedir creat creat64 dup dup2 dup3 faccessat faccessat2 fallocate fallocate64 fchmod \
             fchmodat fchown fchownat fclose fcntl fdopen fdopendir fgetxattr fileno flistxattr fopen fopen64 \
             fremovexattr freopen freopen64 fseek fseeko fseeko64 fsetxattr fstat fstat64 fstatat fstatat64 \
             fstatfs fstatvfs ftell ftello ftello64 ftruncate ftruncate64 futimens getdents getdents64 getxattr \
             lchown lgetxattr link linkat listxattr llistxattr lremovexattr lseek lseek64 lsetxattr lstat lstat64 \
             mkdir mkdirat mknod mknodat newfstatat open open64 openat openat64 opendir posix_fallocate readdir \
             readdir64 readdir_r readlink readlinkat remove removexattr rename renameat renameat2 rewind \
             rewinddir rmdir scandir seek seekdir setxattr stat stat64 statfs statvfs statx symlink symlinkat \
             telldir truncate truncate64 umask unlink unlinkat utime utimensat utimes",
        ),
        (4, "clone exec execve exit fork kill pipe pipe2 vfork wait waitpid"),
        (5, "msgctl msgget msgrcv msgsnd semctl semget semop shmat shmctl shmdt shmget"),
        (6, "recv recvfrom recvmsg send sendmsg sendto"),
        (7, "fdatasync fsync msync sync sync_file_range syncfs"),
    ];

    const TRANSFERS: &str = "copy_file_range fread fwrite pread pread64 preadv preadv2 preadv64 pwrite pwrite64 pwritev pwritev2 \
         pwritev64 read readv recv recvfrom recvmsg send sendfile sendfile64 sendmsg sendto splice write \
         writev";

    #[test]
    fn every_function_has_its_category() {
        let mut seen = std::collections::BTreeSet::new();
        for (kind, names) in KINDS {
            for name in names.split_whitespace() {
                assert_eq!(IoCategory::of(name) as i64, kind, "{name}");
                assert!(seen.insert(name), "{name} is listed twice");
            }
        }
        assert_eq!(seen.len(), 180);
        for name in ["", "READ", "read ", "Model.forward", "mmap", "ioctl", "open_by_handle_at"] {
            assert_eq!(IoCategory::of(name), IoCategory::Other, "{name}");
        }
    }

    #[test]
    fn only_transfers_return_how_much_they_moved() {
        let transfers: Vec<&str> = TRANSFERS.split_whitespace().collect();
        assert_eq!(transfers.len(), 26);
        for name in KINDS.iter().flat_map(|(_, names)| names.split_whitespace()) {
            assert_eq!(is_transfer("posix", name), transfers.contains(&name), "{name}");
            assert_eq!(is_transfer("stdio", name), transfers.contains(&name), "{name}");
            assert!(!is_transfer("mpi", name) && !is_transfer("POSIX", name), "{name}");
        }
    }
}
