/* Live aggregation: a program aggregates its own calls and writes tables of them.
 *
 *     live DIRECTORY        writes events.parquet and the other tables to DIRECTORY
 */
#include <dft_utils.h>
#include <stdio.h>
#include <string.h>

static dft_text text(const char *string) {
    dft_text text = {string, strlen(string)};
    return text;
}

static int failed(const char *what) {
    dft_error error = {.size = sizeof error};
    dft_last_error(&error);
    fprintf(stderr, "%s: %.*s\n", what, (int)error.message.length, error.message.data);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: live DIRECTORY\n");
        return 2;
    }
    const dft_config config = {.size = sizeof config, .interval_us = 100000};
    dft_aggregator *aggregator = NULL;
    if (dft_aggregator_new(&config, 0, text(""), &aggregator) != DFT_OK) {
        return failed("new");
    }
    for (int call = 0; call < 10000; call++) {
        dft_record record = {.size = sizeof record, .phase = DFT_PHASE_COMPLETE};
        record.name = text(call % 2 ? "read" : "write");
        record.category = text("POSIX");
        record.host_hash = text("node0");
        record.pid = 1;
        record.tid = 1;
        record.ts_us = 1000000 + call * 100;
        record.dur_us = call % 50;
        record.ret = 4096;
        record.offset = (int64_t)call * 4096;
        record.present = DFT_HAS_DURATION | DFT_HAS_RET | DFT_HAS_OFFSET;
        if (dft_aggregator_add(aggregator, &record) != DFT_OK) {
            return failed("add");
        }
    }
    dft_index *index = NULL;
    if (dft_aggregator_into_index(aggregator, 0, &index) != DFT_OK) {
        return failed("into_index");
    }
    const dft_export_request request = {.size = sizeof request, .directory = text(argv[1])};
    if (dft_export(index, &request) != DFT_OK) {
        return failed("export");
    }
    dft_index_free(index);
    printf("tables are in %s\n", argv[1]);
    return 0;
}
