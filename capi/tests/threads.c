/* Two threads aggregate while one scans, to run under a race detector. Argument: an empty directory. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static void *aggregate(void *given) {
    for (int64_t at = 0; at < 3000; at++) {
        dft_record record = {.size = sizeof record, .phase = DFT_PHASE_COMPLETE, .ts_us = at * 1000};
        record.name = text(at % 2 ? "read" : "write");
        record.category = text("POSIX");
        CHECK(dft_aggregator_add(given, &record) == DFT_OK);
    }
    return NULL;
}

static void *scan(void *given) {
    for (int walk = 0; walk < 20; walk++) {
        CHECK(count_calls(given) == 3000);
    }
    return NULL;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    char path[2048];
    snprintf(path, sizeof path, "%s/index", argv[1]);
    dft_aggregator *aggregators[3];
    for (int at = 0; at < 3; at++) {
        CHECK(dft_aggregator_new(NULL, 0, text(argv[1]), &aggregators[at]) == DFT_OK);
    }
    aggregate(aggregators[2]);
    CHECK(dft_aggregator_publish(aggregators[2], text(path), text("before"), 1) == DFT_OK);
    dft_index *index = NULL;
    CHECK(dft_index_open(text(path), &index) == DFT_OK);
    pthread_t threads[3];
    CHECK(pthread_create(&threads[0], NULL, aggregate, aggregators[0]) == 0);
    CHECK(pthread_create(&threads[1], NULL, aggregate, aggregators[1]) == 0);
    CHECK(pthread_create(&threads[2], NULL, scan, index) == 0);
    for (int at = 0; at < 3; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
    CHECK(dft_aggregator_merge(aggregators[0], aggregators[1]) == DFT_OK);
    for (int at = 0; at < 3; at++) {
        CHECK(dft_aggregator_free(aggregators[at]) == DFT_OK);
    }
    CHECK(dft_index_free(index) == DFT_OK);
    puts("threads.c: 1 passed, 0 failed");
    return 0;
}
