/* Tests fork(): a child opens and publishes for itself, and the library refuses the handles of its parent. Argument: an
 * empty directory. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static dft_aggregator *aggregated(uint64_t calls) {
    dft_aggregator *aggregator = NULL;
    CHECK(dft_aggregator_new(NULL, 0, text(""), &aggregator) == DFT_OK);
    for (uint64_t at = 0; at < calls; at++) {
        dft_record record = {.size = sizeof record, .phase = DFT_PHASE_COMPLETE, .ts_us = (int64_t)at};
        record.name = text("read");
        record.category = text("POSIX");
        CHECK(dft_aggregator_add(aggregator, &record) == DFT_OK);
    }
    return aggregator;
}

static void publish(const char *path, const char *source, uint64_t calls) {
    dft_aggregator *aggregator = aggregated(calls);
    CHECK(dft_aggregator_publish(aggregator, text(path), text(source), 2) == DFT_OK);
    CHECK(dft_aggregator_free(aggregator) == DFT_OK);
}

static dft_index *opened(const char *path) {
    dft_index *index = NULL;
    CHECK(dft_index_open(text(path), &index) == DFT_OK);
    return index;
}

/* Waits for a child, which ends by exit() and returns 0. */
static void await(pid_t child) {
    int status = 0;
    CHECK(child > 0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static atomic_uint messages;
static atomic_bool stop;

static int32_t on_log(void *context, const dft_log_message *message) {
    (void)context, (void)message;
    atomic_fetch_add(&messages, 1);
    return 0;
}

/* Takes every lock of the library that is not of a handle: the list of handles, and the log, by calls that fail. */
static void call(void) {
    dft_aggregator *aggregator = NULL;
    CHECK(dft_aggregator_new(NULL, 0, text(""), &aggregator) == DFT_OK);
    CHECK(dft_aggregator_free(aggregator) == DFT_OK);
    CHECK(dft_aggregator_free(aggregator) == DFT_INVALID_HANDLE);
    CHECK(dft_set_log(on_log, NULL) == DFT_OK);
}

static void *keep_calling(void *unused) {
    while (!atomic_load(&stop)) {
        call();
    }
    return unused;
}

/* Whether this is a child of fork_while_threads_call(). */
static bool is_child_of_threads;

/* LeakSanitizer asks before it looks for leaks. Such a child has the memory of its parent's other threads, which fork()
 * does not copy: nobody can free it. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return is_child_of_threads; }

/* How often to fork while other threads allocate. AddressSanitizer does not release its allocator's locks in a child,
 * which would wait for them for ever. */
#if defined(__SANITIZE_ADDRESS__)
#define FORKS 0
#else
#define FORKS 50
#endif

/* A child must not wait for what another thread of its parent holds when the parent forks. */
static void fork_while_threads_call(int forks) {
    pthread_t threads[3];
    CHECK(dft_set_log(on_log, NULL) == DFT_OK);
    for (int at = 0; at < 3; at++) {
        CHECK(pthread_create(&threads[at], NULL, keep_calling, NULL) == 0);
    }
    for (int at = 0; at < forks; at++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(300);
            is_child_of_threads = true;
            unsigned before = atomic_load(&messages);
            for (int times = 0; times < 10; times++) {
                call();
            }
            CHECK(atomic_load(&messages) == before + 10);
            exit(0);
        }
        await(child);
    }
    atomic_store(&stop, true);
    for (int at = 0; at < 3; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
    CHECK(dft_set_log(NULL, NULL) == DFT_OK);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    char path[2048], child_path[2048];
    snprintf(path, sizeof path, "%s/index", argv[1]);
    snprintf(child_path, sizeof child_path, "%s/child_path", argv[1]);
    publish(path, "parent", 100);
    dft_index *index = opened(path);
    dft_aggregator *live = aggregated(5);
    dft_rows *rows = NULL;
    CHECK(dft_rows_open(index, NULL, &rows) == DFT_OK);

    pid_t child = fork();
    if (child == 0) {
        /* Ends a child that hangs. */
        alarm(300);
        uint64_t rows_read = 0;
        dft_row row = {.size = sizeof row};
        uint32_t has_row = 0;
        dft_record record = {.size = sizeof record, .phase = DFT_PHASE_COMPLETE};
        dft_rows *more = NULL;
        CHECK(dft_rows_open(index, NULL, &more) == DFT_FORKED);
        dft_error error = {.size = sizeof error};
        CHECK(dft_last_error(&error) == DFT_OK && error.status == DFT_FORKED);
        const char *expected = "this dft_index was opened before fork(); open it again in this process";
        CHECK(error.message.length == strlen(expected) && !memcmp(error.message.data, expected, strlen(expected)));
        CHECK(dft_rows_next(rows, &row, &has_row) == DFT_FORKED);
        CHECK(dft_aggregator_add(live, &record) == DFT_FORKED);
        CHECK(dft_aggregator_publish(live, text(child_path), text("x"), 1) == DFT_FORKED);
        CHECK(dft_rows_free(rows) == DFT_OK);
        CHECK(dft_aggregator_free(live) == DFT_OK);
        CHECK(dft_index_free(index) == DFT_OK);
        /* A freed handle is invalid. */
        CHECK(dft_index_free(index) == DFT_INVALID_HANDLE);
        dft_index *again = opened(path);
        rows_read = count_calls(again);
        CHECK(rows_read == 100);
        CHECK(dft_index_free(again) == DFT_OK);
        publish(child_path, "child", 7);
        publish(path, "child", 11);
        exit(0);
    }
    await(child);
    /* The parent's handles still work. */
    CHECK(count_calls(index) == 100);
    CHECK(dft_rows_free(rows) == DFT_OK);
    CHECK(dft_aggregator_publish(live, text(path), text("live"), 2) == DFT_OK);
    CHECK(dft_aggregator_free(live) == DFT_OK);
    CHECK(dft_index_free(index) == DFT_OK);
    index = opened(path);
    CHECK(count_calls(index) == 116);
    CHECK(dft_index_free(index) == DFT_OK);
    index = opened(child_path);
    CHECK(count_calls(index) == 7);
    CHECK(dft_index_free(index) == DFT_OK);
    /* A child that does not use the library ends too. */
    child = fork();
    if (child == 0) {
        alarm(300);
        exit(0);
    }
    await(child);
    fork_while_threads_call(getenv("DFT_FORKS") ? atoi(getenv("DFT_FORKS")) : FORKS);
    printf("fork: passed\n");
    return 0;
}
