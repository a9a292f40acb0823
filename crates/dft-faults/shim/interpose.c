/* Interposes the system calls of a program (LD_PRELOAD), counts those on files below a directory, and lets the Nth
 * of a class fail, fall short or kill the process.
 *
 *   DFT_FAULTS_ROOT   only files below this directory count
 *   DFT_FAULTS_PAGE   a file of `struct page`, mapped shared: counts that survive the process
 *   DFT_FAULTS_RULES  CLASS:N:ACTION or CLASS:N+:ACTION (every call from the Nth on), separated by commas
 *
 * CLASS is one of `names` below, or `any`. ACTION is `kill` (before the call), `torn` (after half of a write, kill),
 * `short` (half of the requested length), `lost` (done, but reported as EIO), `succeed` (not done, but reported as
 * done), `blocks` (done, but the attributes name blocks of 1 MiB), or the number of an error.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Some headers define these as macros. */
#undef fread_unlocked
#undef fwrite_unlocked

enum class { OPEN, READ, WRITE, SYNC, RENAME, LINK, UNLINK, TRUNCATE, ALLOCATE, MKDIR, LOCK, CLOSE, MAP, STAT, LIST, COPY, MODE, CLASSES };

static const char *const names[CLASSES] = {"open",     "read",  "write", "sync",  "rename", "link", "unlink", "truncate", "allocate",
                                           "mkdir", "lock",  "close", "map",    "stat", "list",   "copy",     "mode"};

struct slot {
    char name[24];
    _Atomic uint64_t calls;
};

struct page {
    struct slot slots[CLASSES];
    _Atomic uint64_t all;
    _Atomic uint64_t applied;
};

enum { NONE = 0, KILL = -1, TORN = -2, SHORT = -3, LOST = -4, SUCCEED = -5, BLOCKS = -6 };

/* What parallel file systems report as the best size of a read or write. */
enum { LARGE_BLOCK = 1 << 20 };

/* The program may pass NULL where the headers rule it out. */
#pragma GCC diagnostic ignored "-Wnonnull-compare"

struct rule {
    int class; /* CLASSES for any */
    uint64_t from;
    int onwards;
    int action;
};

enum { RULES = 16, FILES = 65536 };

static struct page *page;
static struct rule rules[RULES];
static int rules_length;
static const char *root;
static size_t root_length;
static _Atomic unsigned char tracked[FILES];

/* The function that the program would have called. */
#define REAL(name)                                                                                                     \
    static __typeof__(&name) real;                                                                                     \
    if (!real) {                                                                                                       \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                                                             \
    }

static void parse_rules(const char *text) {
    while (*text && rules_length < RULES) {
        struct rule *rule = &rules[rules_length];
        size_t length = strcspn(text, ":");
        rule->class = -1;
        for (int class = 0; class < CLASSES; class++) {
            if (strlen(names[class]) == length && !strncmp(names[class], text, length)) {
                rule->class = class;
            }
        }
        if (length == 3 && !strncmp(text, "any", 3)) {
            rule->class = CLASSES;
        } else if (rule->class < 0) {
            abort(); /* a rule that would never apply */
        }
        char *end;
        rule->from = strtoull(text + length + 1, &end, 10);
        rule->onwards = *end == '+';
        const char *action = end + rule->onwards + 1;
        length = strcspn(action, ",");
        rule->action = !strncmp(action, "kill", length)    ? KILL
                       : !strncmp(action, "torn", length)  ? TORN
                       : !strncmp(action, "short", length) ? SHORT
                       : !strncmp(action, "lost", length)  ? LOST
                       : !strncmp(action, "succeed", length) ? SUCCEED
                       : !strncmp(action, "blocks", length)  ? BLOCKS
                                                           : atoi(action);
        rules_length++;
        text = action + length + (action[length] == ',');
    }
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("DFT_FAULTS_PAGE"), *text = getenv("DFT_FAULTS_RULES");
    root = getenv("DFT_FAULTS_ROOT");
    if (!path || !root) {
        return;
    }
    root_length = strlen(root);
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || syscall(SYS_ftruncate, file, sizeof(struct page))) {
        abort();
    }
    struct page *mapped =
        (struct page *)syscall(SYS_mmap, NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    syscall(SYS_close, file);
    if (mapped == MAP_FAILED) {
        abort();
    }
    for (int class = 0; class < CLASSES; class++) {
        strncpy(mapped->slots[class].name, names[class], sizeof mapped->slots[class].name - 1);
    }
    if (text) {
        parse_rules(text);
    }
    page = mapped;
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) {
        pause();
    }
}

/* Counts a call and returns what must happen to it. */
static int fault(enum class class) {
    uint64_t call = atomic_fetch_add(&page->slots[class].calls, 1) + 1;
    uint64_t all = atomic_fetch_add(&page->all, 1) + 1;
    for (int at = 0; at < rules_length; at++) {
        const struct rule *rule = &rules[at];
        uint64_t number = rule->class == CLASSES ? all : call;
        if ((rule->class == CLASSES || rule->class == (int)class) &&
            (number == rule->from || (rule->onwards && number > rule->from))) {
            atomic_fetch_add(&page->applied, 1);
            if (rule->action == KILL || (rule->action == TORN && class != WRITE)) {
                die();
            }
            return rule->action;
        }
    }
    return NONE;
}

static int is_tracked(int file) {
    return page && file >= 0 && file < FILES && atomic_load(&tracked[file]);
}

static int is_below(const char *path) {
    return page && path && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static int is_below_at(int directory, const char *path) {
    return is_below(path) || (path && path[0] != '/' && is_tracked(directory));
}

static int track(int file) {
    if (file >= 0 && file < FILES) {
        atomic_store(&tracked[file], 1);
    }
    return file;
}

static int is_error(int action) {
    return action > 0;
}

/* A call that returns -1 and sets errno on failure. */
#define CALL(counts, class, type, call)                                                                                \
    do {                                                                                                               \
        if (!(counts)) {                                                                                               \
            return call;                                                                                               \
        }                                                                                                              \
        int action = fault(class);                                                                                     \
        if (is_error(action)) {                                                                                        \
            errno = action;                                                                                            \
            return -1;                                                                                                 \
        }                                                                                                              \
        if (action == SUCCEED) {                                                                                       \
            return 0;                                                                                                  \
        }                                                                                                              \
        type result = call;                                                                                            \
        if (action == LOST && result >= 0) {                                                                           \
            errno = EIO;                                                                                               \
            return -1;                                                                                                 \
        }                                                                                                              \
        return result;                                                                                                 \
    } while (0)

/* A call that returns a file descriptor. */
#define OPENS(counts, call)                                                                                            \
    do {                                                                                                               \
        if (!(counts)) {                                                                                               \
            return call;                                                                                               \
        }                                                                                                              \
        int action = fault(OPEN);                                                                                      \
        if (is_error(action)) {                                                                                        \
            errno = action;                                                                                            \
            return -1;                                                                                                 \
        }                                                                                                              \
        int file = call;                                                                                               \
        if (action == LOST && file >= 0) {                                                                             \
            syscall(SYS_close, file);                                                                                  \
            errno = EIO;                                                                                               \
            return -1;                                                                                                 \
        }                                                                                                              \
        return track(file);                                                                                            \
    } while (0)

#define MODE_OF(flags)                                                                                                 \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                                           \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        mode = va_arg(more, mode_t);                                                                                   \
        va_end(more);                                                                                                  \
    }

int open(const char *path, int flags, ...) {
    REAL(open)
    MODE_OF(flags)
    OPENS(is_below(path), real(path, flags, mode));
}

int open64(const char *path, int flags, ...) {
    REAL(open64)
    MODE_OF(flags)
    OPENS(is_below(path), real(path, flags, mode));
}

int openat(int directory, const char *path, int flags, ...) {
    REAL(openat)
    MODE_OF(flags)
    OPENS(is_below_at(directory, path), real(directory, path, flags, mode));
}

int openat64(int directory, const char *path, int flags, ...) {
    REAL(openat64)
    MODE_OF(flags)
    OPENS(is_below_at(directory, path), real(directory, path, flags, mode));
}

int creat(const char *path, mode_t mode) {
    REAL(creat)
    OPENS(is_below(path), real(path, mode));
}

int creat64(const char *path, mode_t mode) {
    REAL(creat64)
    OPENS(is_below(path), real(path, mode));
}

/* The variants of the above that `_FORTIFY_SOURCE` uses. */
int __open_2(const char *path, int flags) {
    return open(path, flags);
}

int __open64_2(const char *path, int flags) {
    return open64(path, flags);
}

int __openat_2(int directory, const char *path, int flags) {
    return openat(directory, path, flags);
}

int __openat64_2(int directory, const char *path, int flags) {
    return openat64(directory, path, flags);
}

#define OPENS_STREAM(function)                                                                                         \
    FILE *function(const char *path, const char *mode) {                                                               \
        REAL(function)                                                                                                 \
        int action = is_below(path) ? fault(OPEN) : NONE;                                                              \
        if (is_error(action)) {                                                                                        \
            errno = action;                                                                                            \
            return NULL;                                                                                               \
        }                                                                                                              \
        FILE *stream = real(path, mode);                                                                               \
        if (stream && is_below(path)) {                                                                                \
            track(fileno(stream));                                                                                     \
        }                                                                                                              \
        return stream;                                                                                                 \
    }
OPENS_STREAM(fopen)
OPENS_STREAM(fopen64)

/* Reading. */
#define READS(function, parameters, file, amount, call)                                                                \
    ssize_t function parameters {                                                                                      \
        REAL(function)                                                                                                 \
        int action = is_tracked(file) ? fault(READ) : NONE;                                                            \
        if (is_error(action)) {                                                                                        \
            errno = action;                                                                                            \
            return -1;                                                                                                 \
        }                                                                                                              \
        if (action == SHORT && amount > 1) {                                                                           \
            amount /= 2;                                                                                               \
        }                                                                                                              \
        return call;                                                                                                   \
    }
READS(read, (int file, void *to, size_t length), file, length, real(file, to, length))
READS(pread, (int file, void *to, size_t length, off_t from), file, length, real(file, to, length, from))
READS(pread64, (int file, void *to, size_t length, off64_t from), file, length, real(file, to, length, from))
READS(readv, (int file, const struct iovec *to, int length), file, length, real(file, to, length))

ssize_t __read_chk(int file, void *to, size_t length, size_t room) {
    (void)room;
    return read(file, to, length);
}

ssize_t __pread_chk(int file, void *to, size_t length, off_t from, size_t room) {
    (void)room;
    return pread(file, to, length, from);
}

ssize_t __pread64_chk(int file, void *to, size_t length, off64_t from, size_t room) {
    (void)room;
    return pread64(file, to, length, from);
}

int fclose(FILE *stream) {
    REAL(fclose)
    int file = fileno(stream);
    if (file >= 0 && file < FILES) {
        atomic_store(&tracked[file], 0);
    }
    return real(stream);
}

/* A failed read sets the stream's error flag, which is how the caller learns of it. */
#define READS_STREAM(function)                                                                                         \
    size_t function(void *to, size_t size, size_t number, FILE *stream) {                                              \
        REAL(function)                                                                                                 \
        int action = is_tracked(fileno(stream)) ? fault(READ) : NONE;                                                  \
        if (is_error(action)) {                                                                                        \
            stream->_flags |= 0x20; /* _IO_ERR_SEEN */                                                                 \
            errno = action;                                                                                            \
            return 0;                                                                                                  \
        }                                                                                                              \
        return real(to, size, number, stream);                                                                         \
    }
READS_STREAM(fread)
READS_STREAM(fread_unlocked)

/* Writing. */
#define WRITES(function, parameters, file, amount, call)                                                               \
    ssize_t function parameters {                                                                                      \
        REAL(function)                                                                                                 \
        int action = is_tracked(file) ? fault(WRITE) : NONE;                                                           \
        if (is_error(action)) {                                                                                        \
            errno = action;                                                                                            \
            return -1;                                                                                                 \
        }                                                                                                              \
        if ((action == SHORT || action == TORN) && amount > 1) {                                                       \
            amount /= 2;                                                                                               \
        }                                                                                                              \
        ssize_t result = call;                                                                                         \
        if (action == TORN) {                                                                                          \
            die();                                                                                                     \
        }                                                                                                              \
        return result;                                                                                                 \
    }
WRITES(write, (int file, const void *from, size_t length), file, length, real(file, from, length))
WRITES(pwrite, (int file, const void *from, size_t length, off_t to), file, length, real(file, from, length, to))
WRITES(pwrite64, (int file, const void *from, size_t length, off64_t to), file, length, real(file, from, length, to))
WRITES(writev, (int file, const struct iovec *from, int length), file, length, real(file, from, length))
WRITES(pwritev, (int file, const struct iovec *from, int length, off_t to), file, length, real(file, from, length, to))

#define WRITES_STREAM(function)                                                                                        \
    size_t function(const void *from, size_t size, size_t number, FILE *stream) {                                      \
        REAL(function)                                                                                                 \
        int action = is_tracked(fileno(stream)) ? fault(WRITE) : NONE;                                                 \
        if (is_error(action)) {                                                                                        \
            errno = action;                                                                                            \
            return 0;                                                                                                  \
        }                                                                                                              \
        return real(from, size, number, stream);                                                                       \
    }
WRITES_STREAM(fwrite)
WRITES_STREAM(fwrite_unlocked)

/* Calls on open files. */
int fsync(int file) {
    REAL(fsync)
    CALL(is_tracked(file), SYNC, int, real(file));
}

int fdatasync(int file) {
    REAL(fdatasync)
    CALL(is_tracked(file), SYNC, int, real(file));
}

int sync_file_range(int file, off64_t from, off64_t length, unsigned flags) {
    REAL(sync_file_range)
    CALL(is_tracked(file), SYNC, int, real(file, from, length, flags));
}

int syncfs(int file) {
    REAL(syncfs)
    CALL(is_tracked(file), SYNC, int, real(file));
}

int ftruncate(int file, off_t length) {
    REAL(ftruncate)
    CALL(is_tracked(file), TRUNCATE, int, real(file, length));
}

int ftruncate64(int file, off64_t length) {
    REAL(ftruncate64)
    CALL(is_tracked(file), TRUNCATE, int, real(file, length));
}

int truncate(const char *path, off_t length) {
    REAL(truncate)
    CALL(is_below(path), TRUNCATE, int, real(path, length));
}

int fallocate(int file, int mode, off_t from, off_t length) {
    REAL(fallocate)
    CALL(is_tracked(file), ALLOCATE, int, real(file, mode, from, length));
}

int fallocate64(int file, int mode, off64_t from, off64_t length) {
    REAL(fallocate64)
    CALL(is_tracked(file), ALLOCATE, int, real(file, mode, from, length));
}

/* These return the error. */
int posix_fallocate(int file, off_t from, off_t length) {
    REAL(posix_fallocate)
    int action = is_tracked(file) ? fault(ALLOCATE) : NONE;
    return is_error(action) ? action : real(file, from, length);
}

int posix_fallocate64(int file, off64_t from, off64_t length) {
    REAL(posix_fallocate64)
    int action = is_tracked(file) ? fault(ALLOCATE) : NONE;
    return is_error(action) ? action : real(file, from, length);
}

int flock(int file, int operation) {
    REAL(flock)
    CALL(is_tracked(file), LOCK, int, real(file, operation));
}

/* The third argument is a number or an address; both are passed in the same way. */
static int file_control(int (*real)(int, int, ...), int file, int command, void *argument) {
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) {
        int copy = real(file, command, argument);
        return is_tracked(file) ? track(copy) : copy;
    }
    int is_lock = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW;
    CALL(is_lock && is_tracked(file), LOCK, int, real(file, command, argument));
}

int fcntl(int file, int command, ...) {
    REAL(fcntl)
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    return file_control(real, file, command, argument);
}

int fcntl64(int file, int command, ...) {
    REAL(fcntl64)
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    return file_control(real, file, command, argument);
}

/* Closes the file even if an error is reported, as the system does. */
int close(int file) {
    REAL(close)
    if (!is_tracked(file)) {
        return real(file);
    }
    int action = fault(CLOSE);
    atomic_store(&tracked[file], 0);
    int result = real(file);
    if (is_error(action)) {
        errno = action;
        return -1;
    }
    return result;
}

#define MAPS(function, offset)                                                                                         \
    void *function(void *at, size_t length, int protection, int flags, int file, offset from) {                       \
        REAL(function)                                                                                                 \
        int action = is_tracked(file) ? fault(MAP) : NONE;                                                             \
        if (is_error(action)) {                                                                                        \
            errno = action;                                                                                            \
            return MAP_FAILED;                                                                                         \
        }                                                                                                              \
        return real(at, length, protection, flags, file, from);                                                        \
    }
MAPS(mmap, off_t)
MAPS(mmap64, off64_t)

ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t length, unsigned flags) {
    REAL(copy_file_range)
    CALL(is_tracked(in) || is_tracked(out), COPY, ssize_t, real(in, in_at, out, out_at, length, flags));
}

ssize_t sendfile(int out, int in, off_t *at, size_t length) {
    REAL(sendfile)
    CALL(is_tracked(in) || is_tracked(out), COPY, ssize_t, real(out, in, at, length));
}

ssize_t sendfile64(int out, int in, off64_t *at, size_t length) {
    REAL(sendfile64)
    CALL(is_tracked(in) || is_tracked(out), COPY, ssize_t, real(out, in, at, length));
}

int fchmod(int file, mode_t mode) {
    REAL(fchmod)
    CALL(is_tracked(file), MODE, int, real(file, mode));
}

int futimens(int file, const struct timespec times[2]) {
    REAL(futimens)
    CALL(is_tracked(file), MODE, int, real(file, times));
}

/* Calls on paths. */
int rename(const char *from, const char *to) {
    REAL(rename)
    CALL(is_below(from) || is_below(to), RENAME, int, real(from, to));
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    REAL(renameat)
    CALL(is_below_at(from_at, from) || is_below_at(to_at, to), RENAME, int, real(from_at, from, to_at, to));
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    REAL(renameat2)
    CALL(is_below_at(from_at, from) || is_below_at(to_at, to), RENAME, int, real(from_at, from, to_at, to, flags));
}

int link(const char *from, const char *to) {
    REAL(link)
    CALL(is_below(from) || is_below(to), LINK, int, real(from, to));
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    REAL(linkat)
    CALL(is_below_at(from_at, from) || is_below_at(to_at, to), LINK, int, real(from_at, from, to_at, to, flags));
}

int unlink(const char *path) {
    REAL(unlink)
    CALL(is_below(path), UNLINK, int, real(path));
}

int unlinkat(int directory, const char *path, int flags) {
    REAL(unlinkat)
    CALL(is_below_at(directory, path), UNLINK, int, real(directory, path, flags));
}

int rmdir(const char *path) {
    REAL(rmdir)
    CALL(is_below(path), UNLINK, int, real(path));
}

int remove(const char *path) {
    REAL(remove)
    CALL(is_below(path), UNLINK, int, real(path));
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir)
    CALL(is_below(path), MKDIR, int, real(path, mode));
}

int mkdirat(int directory, const char *path, mode_t mode) {
    REAL(mkdirat)
    CALL(is_below_at(directory, path), MKDIR, int, real(directory, path, mode));
}

int chmod(const char *path, mode_t mode) {
    REAL(chmod)
    CALL(is_below(path), MODE, int, real(path, mode));
}

/* Attributes and directories. */
#define ATTRIBUTES(counts, call, block_size)                                                                           \
    do {                                                                                                               \
        if (!(counts)) {                                                                                               \
            return call;                                                                                               \
        }                                                                                                              \
        int action = fault(STAT);                                                                                      \
        if (is_error(action)) {                                                                                        \
            errno = action;                                                                                            \
            return -1;                                                                                                 \
        }                                                                                                              \
        int result = call;                                                                                             \
        if (action == BLOCKS && !result) {                                                                             \
            block_size = LARGE_BLOCK;                                                                                  \
        }                                                                                                              \
        return result;                                                                                                 \
    } while (0)

#define STATS(function, type)                                                                                          \
    int function(const char *path, struct type *to) {                                                                  \
        REAL(function)                                                                                                 \
        ATTRIBUTES(is_below(path), real(path, to), to->st_blksize);                                                    \
    }
STATS(stat, stat)
STATS(stat64, stat64)
STATS(lstat, stat)
STATS(lstat64, stat64)

int fstat(int file, struct stat *to) {
    REAL(fstat)
    ATTRIBUTES(is_tracked(file), real(file, to), to->st_blksize);
}

int fstat64(int file, struct stat64 *to) {
    REAL(fstat64)
    ATTRIBUTES(is_tracked(file), real(file, to), to->st_blksize);
}

int fstatat(int directory, const char *path, struct stat *to, int flags) {
    REAL(fstatat)
    ATTRIBUTES(is_below_at(directory, path), real(directory, path, to, flags), to->st_blksize);
}

int fstatat64(int directory, const char *path, struct stat64 *to, int flags) {
    REAL(fstatat64)
    ATTRIBUTES(is_below_at(directory, path), real(directory, path, to, flags), to->st_blksize);
}

int statx(int directory, const char *path, int flags, unsigned mask, struct statx *to) {
    REAL(statx)
    /* A program passes no path to ask whether the call exists, which the headers rule out. */
    const char *volatile asked = path;
    const char *name = asked;
    int counts = name && *name ? is_below_at(directory, name) : is_tracked(directory);
    ATTRIBUTES(counts, real(directory, path, flags, mask, to), to->stx_blksize);
}

int access(const char *path, int mode) {
    REAL(access)
    CALL(is_below(path), STAT, int, real(path, mode));
}

DIR *opendir(const char *path) {
    REAL(opendir)
    int action = is_below(path) ? fault(LIST) : NONE;
    if (is_error(action)) {
        errno = action;
        return NULL;
    }
    DIR *directory = real(path);
    if (directory && is_below(path)) {
        track(dirfd(directory));
    }
    return directory;
}

DIR *fdopendir(int file) {
    REAL(fdopendir)
    int action = is_tracked(file) ? fault(LIST) : NONE;
    if (is_error(action)) {
        errno = action;
        return NULL;
    }
    return real(file);
}

int closedir(DIR *directory) {
    REAL(closedir)
    int file = dirfd(directory);
    if (file >= 0 && file < FILES) {
        atomic_store(&tracked[file], 0);
    }
    return real(directory);
}

#define LISTS(function, type)                                                                                          \
    struct type *function(DIR *directory) {                                                                            \
        REAL(function)                                                                                                 \
        int action = is_tracked(dirfd(directory)) ? fault(LIST) : NONE;                                                \
        if (is_error(action)) {                                                                                        \
            errno = action;                                                                                            \
            return NULL;                                                                                               \
        }                                                                                                              \
        return real(directory);                                                                                        \
    }
LISTS(readdir, dirent)
LISTS(readdir64, dirent64)
