/* Tests a tracer that publishes when the process ends. Its handler is registered before the library is first used, so
 * it runs after everything that was created later is destroyed. Argument: an empty directory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK_EXIT _exit
#include "check.h"

/* Uses _exit(), because a handler of exit() must not call exit() again. */
static char path[2048];
static dft_aggregator *live;

static dft_aggregator *aggregated(int calls) {
    dft_aggregator *aggregator = NULL;
    CHECK(dft_aggregator_new(NULL, 0, text(""), &aggregator) == DFT_OK);
    for (int at = 0; at < calls; at++) {
        dft_record record = {.size = sizeof record, .phase = DFT_PHASE_COMPLETE, .ts_us = at};
        record.name = text("read");
        record.category = text("POSIX");
        CHECK(dft_aggregator_add(aggregator, &record) == DFT_OK);
    }
    return aggregator;
}

static void publish(dft_aggregator *aggregator, const char *source) {
    CHECK(dft_aggregator_publish(aggregator, text(path), text(source), 2) == DFT_OK);
    CHECK(dft_aggregator_free(aggregator) == DFT_OK);
}

static void at_exit(void) { publish(live, "at exit"); }

static uint64_t calls(void) {
    dft_index *index = NULL;
    CHECK(dft_index_open(text(path), &index) == DFT_OK);
    uint64_t calls = count_calls(index);
    CHECK(dft_index_free(index) == DFT_OK);
    return calls;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    for (int earlier = 0; earlier < 2; earlier++) {
        snprintf(path, sizeof path, "%s/index%d", argv[1], earlier);
        pid_t tracer = fork();
        CHECK(tracer >= 0);
        if (tracer == 0) {
            CHECK(atexit(at_exit) == 0);
            if (earlier) {
                publish(aggregated(5), "earlier");
                CHECK(calls() == 5);
            }
            live = aggregated(100);
            exit(0);
        }
        int status = 0;
        CHECK(waitpid(tracer, &status, 0) == tracer);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    /* Only after all forks, because a child would inherit the parent's static objects. */
    for (int earlier = 0; earlier < 2; earlier++) {
        snprintf(path, sizeof path, "%s/index%d", argv[1], earlier);
        CHECK(calls() == (uint64_t)(earlier ? 105 : 100));
    }
    printf("at_exit: passed\n");
    return 0;
}
