/* Tests the sink for tracers: many threads, forks, exits, and an index that another writer holds. Argument: an empty
 * directory. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Uses _exit(), because a handler of exit() must not call exit() again. */
#define CHECK_EXIT _exit
#include "check.h"

enum { THREADS = 8, CALLS = 5000, FORKS = 6 };

/* AddressSanitizer does not release its allocator's locks in a child of a fork. If another thread allocated at the
 * fork, the child would wait for them for ever. */
#if defined(__SANITIZE_ADDRESS__)
enum { FORKS_BESIDE_THREADS = 0 };
#else
enum { FORKS_BESIDE_THREADS = 1 };
#endif

static char folder[1024], path[2048];
static dft_sink *sink;

static dft_sink_request request_of(const char *name) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return (dft_sink_request){.size = sizeof(dft_sink_request),
                              .index = text(path),
                              .source = text("node1"),
                              .scratch = text(folder),
                              .patience_ms = 300000};
}

static void open_sink(const char *name) {
    const dft_sink_request request = request_of(name);
    CHECK(dft_sink_new(&request, &sink) == DFT_OK);
}

static dft_record record(const char *name, int64_t ts) {
    dft_record record = {.size = sizeof record, .phase = DFT_PHASE_COMPLETE, .ts_us = ts};
    record.name = text(name);
    record.category = text("POSIX");
    return record;
}

static void add(int calls) {
    for (int at = 0; at < calls; at++) {
        const dft_record call = record(at % 2 ? "read" : "write", at * 1000);
        CHECK(dft_sink_add(sink, &call) == DFT_OK);
    }
}

static uint64_t calls_in_index(void) {
    dft_index *index = NULL;
    const dft_status status = dft_index_open(text(path), &index);
    if (status == DFT_NO_INDEX) {
        return 0;
    }
    CHECK(status == DFT_OK);
    const uint64_t calls = count_calls(index);
    CHECK(dft_index_free(index) == DFT_OK);
    return calls;
}

static void close_sink(uint64_t calls) {
    CHECK(dft_sink_publish(sink) == DFT_OK);
    CHECK(dft_sink_free(sink) == DFT_OK);
    CHECK(dft_sink_free(sink) == DFT_INVALID_HANDLE);
    CHECK(calls_in_index() == calls);
    CHECK(dft_verify(text(path), NULL, NULL) == DFT_OK);
}

static void *add_many(void *unused) {
    add(CALLS);
    return unused;
}

static atomic_int adds_on;

static void *add_until_told(void *count) {
    while (adds_on) {
        add(10);
        *(uint64_t *)count += 10;
    }
    return NULL;
}

static void *flush_until_told(void *flushes) {
    while (adds_on) {
        const dft_status status = dft_sink_flush(sink, 0);
        /* A child may be publishing. */
        CHECK(status == DFT_OK || status == DFT_LOCKED);
        *(uint64_t *)flushes += status == DFT_OK;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return NULL;
}

static void threads_add_while_records_are_handed_over(void) {
    open_sink("threads");
    pthread_t threads[THREADS], flusher;
    uint64_t flushes = 0;
    adds_on = 1;
    CHECK(pthread_create(&flusher, NULL, flush_until_told, &flushes) == 0);
    for (int at = 0; at < THREADS; at++) {
        CHECK(pthread_create(&threads[at], NULL, add_many, NULL) == 0);
    }
    for (int at = 0; at < THREADS; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
    adds_on = 0;
    CHECK(pthread_join(flusher, NULL) == 0 && flushes > 0);
    close_sink(THREADS * CALLS);
}

static void young_records_stay_until_they_are_old(void) {
    open_sink("young");
    add(10);
    CHECK(dft_sink_flush(sink, 3600 * 1000) == DFT_OK && calls_in_index() == 0);
    CHECK(dft_sink_flush(sink, 0) == DFT_OK && calls_in_index() == 10);
    CHECK(dft_sink_flush(sink, 0) == DFT_OK && calls_in_index() == 10);
    add(5);
    close_sink(15);
}

static void an_interval_hands_over_by_itself(void) {
    dft_sink_request request = request_of("interval");
    request.interval_ms = 20;
    CHECK(dft_sink_new(&request, &sink) == DFT_OK);
    add(10);
    for (int tries = 0; calls_in_index() < 10; tries++) {
        CHECK(tries < 1000);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    add(3);
    close_sink(13);
}

static void tables_that_exceed_their_budget_are_written_out(void) {
    dft_sink_request request = request_of("budget");
    request.memory = 1;
    CHECK(dft_sink_new(&request, &sink) == DFT_OK);
    add(20000);
    close_sink(20000);
}

static void what_another_writer_delays_is_published_once(void) {
    open_sink("locked");
    add(10);
    CHECK(dft_sink_flush(sink, 0) == DFT_OK);
    char lock[4096];
    snprintf(lock, sizeof lock, "%s/LOCK", path);
    const int file = open(lock, O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0 && flock(file, LOCK_EX) == 0);
    for (int turn = 0; turn < 3; turn++) {
        add(10);
        CHECK(dft_sink_flush(sink, 0) == DFT_LOCKED && calls_in_index() == 10);
    }
    CHECK(close(file) == 0);
    close_sink(40);
}

static void invalid_records_and_arguments_are_refused(void) {
    dft_sink *refused = NULL;
    dft_sink_request request = request_of("refused");
    request.index = text("");
    CHECK(dft_sink_new(&request, &refused) == DFT_INVALID_ARGUMENT && refused == NULL);
    CHECK(dft_sink_new(NULL, &refused) == DFT_INVALID_ARGUMENT);
    request = request_of("refused");
    const dft_config config = {.size = sizeof config, .interval_us = UINT64_MAX};
    request.config = &config;
    CHECK(dft_sink_new(&request, &refused) == DFT_CONFIG && refused == NULL);
    open_sink("refused");
    const dft_record bad = record("read", -1);
    CHECK(dft_sink_add(sink, &bad) == DFT_MALFORMED);
    add(2);
    close_sink(2);
    CHECK(dft_sink_add(sink, &bad) == DFT_INVALID_HANDLE && dft_sink_publish(sink) == DFT_INVALID_HANDLE);
    CHECK(dft_sink_free(NULL) == DFT_OK);
}

static void await(pid_t child) {
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_child_begins_empty_and_both_are_counted_once(void) {
    open_sink("forked");
    add(100);
    const pid_t child = fork();
    if (child == 0) {
        alarm(300);
        add(7);
        CHECK(dft_sink_publish(sink) == DFT_OK && calls_in_index() == 7);
        const pid_t grandchild = fork();
        if (grandchild == 0) {
            alarm(300);
            add(11);
            CHECK(dft_sink_publish(sink) == DFT_OK && dft_sink_free(sink) == DFT_OK);
            exit(0);
        }
        await(grandchild);
        /* What a process drops is not in the index. */
        add(1000);
        CHECK(dft_sink_free(sink) == DFT_OK);
        exit(0);
    }
    await(child);
    add(5);
    close_sink(123);
}

static void forks_while_threads_add_and_hand_over_lose_nothing(void) {
    open_sink("busy");
    pthread_t threads[3];
    uint64_t counts[3] = {0, 0, 0};
    adds_on = 1;
    CHECK(pthread_create(&threads[0], NULL, add_until_told, &counts[0]) == 0);
    CHECK(pthread_create(&threads[1], NULL, add_until_told, &counts[1]) == 0);
    CHECK(pthread_create(&threads[2], NULL, flush_until_told, &counts[2]) == 0);
    for (int at = 0; at < FORKS; at++) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(300);
            add(3);
            /* The parent's thread publishes to the same index all the time. */
            CHECK(dft_sink_publish(sink) == DFT_OK);
            _exit(0);
        }
        await(child);
    }
    adds_on = 0;
    for (int at = 0; at < 3; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
    close_sink(counts[0] + counts[1] + 3 * FORKS);
}

static void add_and_publish(void) {
    add(4);
    CHECK(dft_sink_publish(sink) == DFT_OK);
}

static void add_late(void) { add(4); }

/* A process whose handler was registered before the library was used. It publishes by itself, or by its handler. */
static void a_process_publishes_when_it_ends(int by_itself) {
    dft_sink_request request = request_of(by_itself ? "by_itself" : "by_handler");
    const pid_t child = fork();
    if (child == 0) {
        alarm(300);
        CHECK(atexit(by_itself ? add_late : add_and_publish) == 0);
        request.at_exit = (uint32_t)by_itself;
        CHECK(dft_sink_new(&request, &sink) == DFT_OK);
        add(100);
        exit(0);
    }
    await(child);
    CHECK(calls_in_index() == 104);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    snprintf(folder, sizeof folder, "%s", argv[1]);
    a_process_publishes_when_it_ends(0);
    a_process_publishes_when_it_ends(1);
    a_child_begins_empty_and_both_are_counted_once();
    threads_add_while_records_are_handed_over();
    young_records_stay_until_they_are_old();
    an_interval_hands_over_by_itself();
    tables_that_exceed_their_budget_are_written_out();
    what_another_writer_delays_is_published_once();
    invalid_records_and_arguments_are_refused();
    if (FORKS_BESIDE_THREADS) {
        forks_while_threads_add_and_hand_over_lose_nothing();
    }
    printf("sink.c: %d passed, 0 failed\n", 9 + FORKS_BESIDE_THREADS);
    return 0;
}
