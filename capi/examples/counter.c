/* Scans one counter of every host over time. The query seeks to its rows instead of filtering all rows.
 *
 *     counter INDEX NAME
 */
#include <dft_utils.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: counter INDEX NAME\n");
        return 2;
    }
    dft_text path = {argv[1], strlen(argv[1])};
    dft_reading_query query = {.size = sizeof query, .name = {argv[2], strlen(argv[2])}};
    dft_index *index = NULL;
    dft_readings *readings = NULL;
    dft_reading reading = {.size = sizeof reading};
    uint32_t has_row = 0;
    dft_status status = dft_index_open(path, &index);
    if (status == DFT_OK) {
        status = dft_readings_open(index, &query, &readings);
    }
    while (status == DFT_OK && (status = dft_readings_next(readings, &reading, &has_row)) == DFT_OK && has_row) {
        for (uint64_t at = 0; at < reading.metrics; at++) {
            dft_metric metric = {.size = sizeof metric};
            status = dft_readings_metric(readings, at, &metric);
            if (status != DFT_OK) {
                break;
            }
            printf("%" PRIu64 " %.*s %.*s %g\n", reading.bucket_us, (int)reading.host_hash.length,
                   reading.host_hash.data, (int)metric.name.length, metric.name.data, metric.mean);
        }
    }
    if (status != DFT_OK) {
        dft_error error = {.size = sizeof error};
        dft_last_error(&error);
        fprintf(stderr, "%.*s\n", (int)error.message.length, error.message.data);
    }
    dft_readings_free(readings);
    dft_index_free(index);
    return status == DFT_OK ? 0 : 1;
}
