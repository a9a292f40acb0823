// A tracer without traces: aggregates the I/O of a program while it runs, and leaves an index.
//
//     c++ -std=c++17 -shared -fPIC tracer.cpp -ldft_utils -ldl -o libtracer.so
//     TRACER_INDEX=run.dftagg LD_PRELOAD=./libtracer.so cp -r from to
//     dft summary run.dftagg
//
// TRACER_INTERVAL_MS hands over at an interval; by default, the index appears when the program ends. TRACER_TRACE names
// a file that receives the same calls as a trace, to compare with: tests use it.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // RTLD_NEXT
#endif
#include <dft_utils.hpp>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

namespace {

// The function of the C library that ours hides.
template <typename Function> Function *next(const char *name) {
    return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

// Whether this thread is inside the tracer, whose own calls are not recorded. Threads that it creates are inside, too.
thread_local bool inside = false;

// 0: not started, 1: being started, 2: records, 3: off.
std::atomic<int> state{0};
dft_sink *sink = nullptr;
int trace = -1;
char host[HOST_NAME_MAX + 1];

std::int64_t now_us() {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

void start() {
    int stopped = 0;
    if (!state.compare_exchange_strong(stopped, 1)) {
        return;
    }
    const char *index = std::getenv("TRACER_INDEX");
    const char *interval = std::getenv("TRACER_INTERVAL_MS");
    gethostname(host, HOST_NAME_MAX);
    auto request = dft::sized<dft_sink_request>();
    request.index = dft::text(index == nullptr ? "" : index);
    request.source = dft::text(host);
    request.interval_ms = interval == nullptr ? 0 : std::strtoull(interval, nullptr, 10);
    if (const char *path = std::getenv("TRACER_TRACE")) {
        trace = next<int(const char *, int, ...)>("open")(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    }
    state = index != nullptr && dft_sink_new(&request, &sink) == DFT_OK ? 2 : 3;
}

// Runs when the process ends, after the handlers of atexit().
__attribute__((destructor)) void finish() {
    inside = true;
    if (state.exchange(3) == 2 && dft_sink_publish(sink) != DFT_OK) {
        auto error = dft::sized<dft_error>();
        dft_last_error(&error);
        std::fprintf(stderr, "tracer: %.*s\n", static_cast<int>(error.message.length), error.message.data);
    }
}

// Records a call. Leaves errno as the call set it.
void record(const char *name, std::int64_t start_us, std::int64_t ret, std::int64_t offset) {
    const int error = errno;
    auto record = dft::record();
    record.name = dft::text(name);
    record.category = dft::text("POSIX");
    record.host_hash = dft::text(host);
    record.pid = getpid();
    record.tid = gettid();
    record.ts_us = start_us;
    record.dur_us = now_us() - start_us;
    record.ret = ret;
    record.offset = offset;
    record.present = DFT_HAS_DURATION | DFT_HAS_RET | (offset >= 0 ? DFT_HAS_OFFSET : 0);
    dft_sink_add(sink, &record);
    if (trace >= 0) {
        char line[512], at[64] = "";
        if (offset >= 0) {
            std::snprintf(at, sizeof at, R"(,"offset":%lld)", static_cast<long long>(offset));
        }
        const int length = std::snprintf(
            line, sizeof line,
            R"({"ph":"X","name":"%s","cat":"POSIX","pid":%d,"tid":%d,"ts":%lld,"dur":%lld,"args":{"hhash":"%s","ret":%lld%s}})"
            "\n",
            name, getpid(), gettid(), static_cast<long long>(start_us), static_cast<long long>(record.dur_us), host,
            static_cast<long long>(ret), at);
        // One write appends the whole line.
        if (next<ssize_t(int, const void *, std::size_t)>("write")(trace, line, static_cast<std::size_t>(length)) < 0) {
            trace = -1;
        }
    }
    errno = error;
}

// Calls a function of the C library and records the call.
template <typename Call> auto traced(const char *name, std::int64_t offset, Call &&call) {
    if (inside || state.load(std::memory_order_acquire) == 3) {
        return call();
    }
    inside = true;
    if (state.load(std::memory_order_acquire) == 0) {
        start();
    }
    const std::int64_t start_us = now_us();
    // The call itself may be interrupted by a handler that calls us.
    inside = false;
    const auto ret = call();
    inside = true;
    if (state.load(std::memory_order_acquire) == 2) {
        record(name, start_us, ret, offset);
    }
    inside = false;
    return ret;
}

mode_t mode_of(int flags, va_list arguments) {
    const bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    return creates ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
}

// A thread that is about to begin, and whether its creator was inside the tracer.
struct Begin {
    void *(*run)(void *);
    void *argument;
    bool inside;
};

} // namespace

extern "C" {

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
    using Create = int(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    static const auto real = next<Create>("pthread_create");
    const auto begin = [](void *given) -> void * {
        const Begin begin = *static_cast<Begin *>(given);
        delete static_cast<Begin *>(given);
        inside = begin.inside;
        return begin.run(begin.argument);
    };
    auto *given = new Begin{run, argument, inside};
    const int status = real(thread, attributes, begin, given);
    if (status != 0) {
        delete given;
    }
    return status;
}

int open(const char *path, int flags, ...) {
    static const auto real = next<int(const char *, int, ...)>("open");
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return traced("open", -1, [&] { return real(path, flags, mode); });
}

int openat(int directory, const char *path, int flags, ...) {
    static const auto real = next<int(int, const char *, int, ...)>("openat");
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return traced("openat", -1, [&] { return real(directory, path, flags, mode); });
}

int close(int file) {
    static const auto real = next<int(int)>("close");
    return traced("close", -1, [&] { return real(file); });
}

ssize_t read(int file, void *bytes, std::size_t length) {
    static const auto real = next<ssize_t(int, void *, std::size_t)>("read");
    return traced("read", -1, [&] { return real(file, bytes, length); });
}

ssize_t write(int file, const void *bytes, std::size_t length) {
    static const auto real = next<ssize_t(int, const void *, std::size_t)>("write");
    return traced("write", -1, [&] { return real(file, bytes, length); });
}

ssize_t pread(int file, void *bytes, std::size_t length, off_t offset) {
    static const auto real = next<ssize_t(int, void *, std::size_t, off_t)>("pread");
    return traced("pread", offset, [&] { return real(file, bytes, length, offset); });
}

ssize_t pwrite(int file, const void *bytes, std::size_t length, off_t offset) {
    static const auto real = next<ssize_t(int, const void *, std::size_t, off_t)>("pwrite");
    return traced("pwrite", offset, [&] { return real(file, bytes, length, offset); });
}

// Programs that are compiled with 64-bit offsets call these.
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int directory, const char *path, int flags, ...) __attribute__((alias("openat")));
ssize_t pread64(int file, void *bytes, std::size_t length, off64_t offset) __attribute__((alias("pread")));
ssize_t pwrite64(int file, const void *bytes, std::size_t length, off64_t offset) __attribute__((alias("pwrite")));
}
