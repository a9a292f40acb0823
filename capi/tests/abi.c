/* Tests what the C ABI does and refuses, from a C program. Argument: an empty directory. */
#include <dft_utils.h>
#include <glob.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                                                      \
    do {                                                                                                      \
        if (!(condition)) {                                                                                   \
            dft_error last = {.size = sizeof last};                                                           \
            dft_last_error(&last);                                                                            \
            fprintf(stderr, "%s:%d: %s does not hold; last error %d: %.*s\n", __FILE__, __LINE__, #condition, \
                    last.status, (int)last.message.length, last.message.data);                                \
            exit(1);                                                                                          \
        }                                                                                                     \
    } while (0)

static dft_text text(const char *string) {
    dft_text text = {string, strlen(string)};
    return text;
}

static int same(dft_text text, const char *string) {
    return text.length == strlen(string) && memcmp(text.data, string, text.length) == 0;
}

static int ends_with(dft_text text, const char *end) {
    return text.length > strlen(end) && memcmp(text.data + text.length - strlen(end), end, strlen(end)) == 0;
}

static int message_contains(const char *word) {
    dft_error error = {.size = sizeof error};
    CHECK(dft_last_error(&error) == DFT_OK);
    char message[4096] = {0};
    memcpy(message, error.message.data, error.message.length < 4095 ? error.message.length : 4095);
    return strstr(message, word) != NULL;
}

static char folder[1024];

static const char *path(const char *name) {
    static char paths[8][2048];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 2048, "%s/%s", folder, name);
    return path;
}

static dft_record call(const char *name, int64_t ts) {
    dft_record record = {.size = sizeof record, .phase = DFT_PHASE_COMPLETE};
    record.name = text(name);
    record.category = text("POSIX");
    record.host_hash = text("h0");
    record.file_hash = text("f0");
    record.pid = 7;
    record.tid = 8;
    record.ts_us = ts;
    record.dur_us = 10;
    record.ret = 100;
    record.offset = 5;
    record.present = DFT_HAS_DURATION | DFT_HAS_RET | DFT_HAS_OFFSET;
    return record;
}

static void name_file(dft_aggregator *aggregator) {
    const dft_arg args[2] = {{.name = text("name"), .text = text("/data/f0"), .kind = DFT_ARG_TEXT},
                             {.name = text("value"), .text = text("f0"), .kind = DFT_ARG_TEXT}};
    dft_record record = {
        .size = sizeof record, .phase = DFT_PHASE_METADATA, .name = text("FH"), .args = args, .args_length = 2};
    CHECK(dft_aggregator_add(aggregator, &record) == DFT_OK);
}

static void *aggregate(void *given) {
    dft_aggregator *aggregator = given;
    for (int64_t at = 0; at < 20000; at++) {
        dft_record record = call(at % 2 ? "read" : "write", at * 1000);
        CHECK(dft_aggregator_add(aggregator, &record) == DFT_OK);
    }
    return NULL;
}

static void threads_aggregate_and_merge(void) {
    dft_aggregator *aggregators[3];
    pthread_t threads[3];
    for (int at = 0; at < 3; at++) {
        CHECK(dft_aggregator_new(NULL, 0, text(folder), &aggregators[at]) == DFT_OK);
        CHECK(pthread_create(&threads[at], NULL, aggregate, aggregators[at]) == 0);
    }
    for (int at = 0; at < 3; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
        if (at > 0) {
            CHECK(dft_aggregator_merge(aggregators[0], aggregators[at]) == DFT_OK);
            CHECK(dft_aggregator_free(aggregators[at]) == DFT_OK);
        }
    }
    name_file(aggregators[0]);
    dft_arg level = {.name = text("level"), .real = 0.5, .kind = DFT_ARG_REAL};
    dft_record reading = {.size = sizeof reading,
                          .phase = DFT_PHASE_COUNTER,
                          .name = text("cpu"),
                          .host_hash = text("h0"),
                          .category = text("sys"),
                          .ts_us = 5,
                          .args = &level,
                          .args_length = 1};
    CHECK(dft_aggregator_add(aggregators[0], &reading) == DFT_OK);
    dft_record bad = call("read", -1);
    CHECK(dft_aggregator_add(aggregators[0], &bad) == DFT_MALFORMED && message_contains("negative"));
    CHECK(dft_aggregator_publish(aggregators[0], text(path("index")), text("rank 0"), 0) == DFT_OK);
    CHECK(dft_aggregator_publish(aggregators[0], text(path("index")), text("rank 0"), 0) == DFT_CHANGED);
    CHECK(dft_aggregator_free(aggregators[0]) == DFT_OK);
    CHECK(dft_verify(text(path("index")), NULL, NULL) == DFT_OK);
}

static int32_t count_names(void *context, const dft_name *name) {
    CHECK(same(name->hash, "f0") && same(name->name, "/data/f0"));
    ++*(int *)context;
    return 0;
}

static int32_t see_file(void *context, const dft_file *file) {
    CHECK(same(file->path, "live:rank 0") && file->events == 60000 && file->telemetry == 1 && file->malformed == 1);
    ++*(int *)context;
    return 0;
}

static int32_t stop_at_three(void *context, const dft_row *row) {
    CHECK(same(row->host_hash, "h0") && row->value.length > 0);
    return ++*(uint64_t *)context == 3;
}

static int32_t see_reading(void *context, const dft_reading *reading) {
    CHECK(same(reading->name, "cpu") && reading->metrics == 1 && reading->group_values_length == 0);
    ++*(uint64_t *)context;
    return 0;
}

static int32_t see_level(void *context, const dft_column *column) {
    CHECK(same(column->name, "level"));
    ++*(uint64_t *)context;
    return 0;
}

/* What Arrow's header defines. */
struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

static void rows_are_grouped(void) {
    dft_index *index = NULL;
    CHECK(dft_index_open(text(path("index")), &index) == DFT_OK);
    dft_group_request request = {.size = sizeof request,
                                 .by = text("func_name"),
                                 .statistics = text("count,dur_total,size_total"),
                                 .sort = text("func_name:desc"),
                                 .limit = 1};
    struct ArrowArrayStream stream;
    CHECK(dft_group_stream(index, &request, &stream) == DFT_OK);
    /* The index may be freed before the stream. */
    CHECK(dft_index_free(index) == DFT_OK);
    struct ArrowSchema schema;
    struct ArrowArray array;
    CHECK(stream.get_schema(&stream, &schema) == 0 && schema.n_children == 4);
    CHECK(strcmp(schema.children[0]->name, "func_name") == 0 && strcmp(schema.children[1]->name, "count") == 0);
    CHECK(strcmp(schema.children[2]->name, "dur_total") == 0 && strcmp(schema.children[3]->name, "size_total") == 0);
    CHECK(stream.get_next(&stream, &array) == 0 && array.release != NULL && array.length == 1);
    for (int column = 1; column < 4; column++) {
        static const int64_t wanted[3] = {30000, 300000, 3000000};
        const int64_t *values = array.children[column]->buffers[1];
        CHECK(values[array.children[column]->offset] == wanted[column - 1]);
    }
    array.release(&array);
    schema.release(&schema);
    CHECK(stream.get_next(&stream, &array) == 0 && array.release == NULL);
    stream.release(&stream);
    CHECK(dft_index_open(text(path("index")), &index) == DFT_OK);
    request.statistics = text("dur_p50");
    CHECK(dft_group_stream(index, &request, &stream) == DFT_INVALID_ARGUMENT && message_contains("dur_p50"));
    request.statistics = text("");
    request.sort = text("");
    request.by = text("nothing");
    CHECK(dft_group_stream(index, &request, &stream) == DFT_INVALID_ARGUMENT && message_contains("nothing"));
    CHECK(dft_index_free(index) == DFT_OK);
}

static void an_index_is_described_and_scanned(void) {
    dft_index *index = NULL;
    CHECK(dft_index_open(text(path("index")), &index) == DFT_OK);
    dft_index_info info = {.size = sizeof info};
    CHECK(dft_index_describe(index, &info) == DFT_OK);
    CHECK(info.interval_us == 1000000 && info.has_bounds && info.min_bucket_us == 0 && info.max_bucket_us == 19000000);
    dft_config config = {.size = sizeof config};
    CHECK(dft_index_config(index, &config) == DFT_OK);
    CHECK(config.interval_us == 1000000 && config.group_by_file == DFT_GROUP_BY_FILE_ON &&
          config.group_keys_length == 0 && config.sketch_accuracy == 0);
    dft_index_counts counts = {.size = sizeof counts};
    CHECK(dft_index_count(index, &counts) == DFT_OK);
    CHECK(counts.event_rows == 40 && counts.series == 2 && counts.telemetry_rows == 1 && counts.files == 1);
    int seen = 0;
    CHECK(dft_index_names(index, DFT_NAMES_FILE, count_names, &seen) == DFT_OK && seen == 1);
    CHECK(dft_index_files(index, see_file, &seen) == DFT_OK && seen == 2);
    char place[8];
    dft_buffer name = {place, 3, 0};
    CHECK(dft_index_name(index, DFT_NAMES_FILE, text("f0"), &name) == DFT_TOO_LARGE && name.length == 8);
    name.capacity = sizeof place;
    CHECK(dft_index_name(index, DFT_NAMES_FILE, text("f0"), &name) == DFT_OK && memcmp(place, "/data/f0", 8) == 0);
    CHECK(dft_index_name(index, DFT_NAMES_HOST, text("f0"), &name) == DFT_OK && name.length == 0);
    CHECK(dft_index_name(index, DFT_NAMES_HOST, text("f0"), NULL) == DFT_INVALID_ARGUMENT);

    uint64_t visited = 0, calls = 0, rows = 0;
    CHECK(dft_rows_scan(index, NULL, stop_at_three, &calls, &visited) == DFT_OK && visited == 3 && calls == 3);
    CHECK(dft_rows_scan(index, NULL, NULL, NULL, &visited) == DFT_INVALID_ARGUMENT && visited == 3);
    CHECK(dft_readings_scan(index, NULL, see_reading, &calls, &visited) == DFT_OK && visited == 1 && calls == 4);
    CHECK(dft_readings_scan(index, NULL, see_reading, &calls, NULL) == DFT_OK && calls == 5);
    calls = 0;
    CHECK(dft_index_observed(index, DFT_OBSERVED_TELEMETRY_METRICS, see_level, &calls) == DFT_OK && calls == 1);
    CHECK(dft_index_observed(index, DFT_OBSERVED_CUSTOM_METRICS, see_level, &calls) == DFT_OK && calls == 1);
    CHECK(dft_index_observed(index, 3, see_level, &calls) == DFT_INVALID_ARGUMENT);
    calls = 0;
    for (uint32_t part = 0; part < 3; part++) {
        dft_row_query query = {
            .size = sizeof query, .shard = part, .shards = 3, .has_time = 1, .start_us = 0, .end_us = 10000000};
        dft_rows *cursor = NULL;
        CHECK(dft_rows_open(index, &query, &cursor) == DFT_OK);
        dft_row row = {.size = sizeof row};
        uint32_t has_row = 0;
        while (dft_rows_next(cursor, &row, &has_row) == DFT_OK && has_row) {
            CHECK(same(row.category, "posix") && same(row.host_hash, "h0") && row.pid == 7 && row.key.length == 32);
            CHECK(row.decoded.duration.mean == 10.0 && row.decoded.duration.std == 0.0 && row.decoded.offset.min == 5);
            calls += row.decoded.count;
            rows++;
            CHECK(row.group_values_length == 0);
            dft_value *value = NULL, *other = NULL;
            CHECK(dft_value_decode(DFT_VALUE_ROW, row.value, row.bucket_us, 0, &value) == DFT_OK);
            dft_row_value decoded = {.size = sizeof decoded};
            CHECK(dft_value_row(value, &decoded) == DFT_OK && decoded.count == row.decoded.count);
            CHECK(dft_value_merge(value, value) == DFT_BUSY && dft_value_copy(value, &other) == DFT_OK);
            CHECK(dft_value_merge(value, other) == DFT_OK);
            char place[1 << 14];
            dft_buffer merged = {place, 1, 0};
            CHECK(dft_value_encode(value, row.bucket_us, &merged) == DFT_TOO_LARGE && merged.length > 1);
            merged.capacity = sizeof place;
            CHECK(dft_value_encode(value, row.bucket_us, &merged) == DFT_OK);
            const dft_text result = {place, merged.length};
            CHECK(dft_value_free(value) == DFT_OK);
            CHECK(dft_value_decode(DFT_VALUE_ROW, result, row.bucket_us, 0, &value) == DFT_OK);
            CHECK(dft_value_row(value, &decoded) == DFT_OK && decoded.count == 2 * row.decoded.count);
            CHECK(dft_value_free(value) == DFT_OK && dft_value_free(other) == DFT_OK);
            CHECK(dft_value_decode(DFT_VALUE_ROW, text("nonsense"), row.bucket_us, 0, &value) == DFT_DAMAGED);
            CHECK(dft_value_decode(7, result, row.bucket_us, 0, &value) == DFT_INVALID_ARGUMENT);
        }
        CHECK(dft_rows_free(cursor) == DFT_OK);
    }
    CHECK(rows == 20 && calls == 30000);

    dft_reading_query query = {.size = sizeof query, .name = text("cpu")};
    dft_readings *readings = NULL;
    CHECK(dft_readings_open(index, &query, &readings) == DFT_OK);
    /* The index may be freed before its readers. */
    CHECK(dft_index_free(index) == DFT_OK);
    dft_reading reading = {.size = sizeof reading};
    uint32_t has_row = 0;
    CHECK(dft_readings_next(readings, &reading, &has_row) == DFT_OK && has_row && reading.metrics == 1);
    dft_metric metric = {.size = sizeof metric};
    CHECK(dft_readings_metric(readings, 0, &metric) == DFT_OK && same(metric.name, "level") && metric.mean == 0.5);
    CHECK(dft_readings_metric(readings, 1, &metric) == DFT_INVALID_ARGUMENT);
    dft_value *value = NULL;
    CHECK(dft_value_decode(DFT_VALUE_TELEMETRY, reading.value, reading.bucket_us, 0, &value) == DFT_OK);
    dft_value_info told = {.size = sizeof told};
    CHECK(dft_value_describe(value, &told) == DFT_OK && told.count == 1 && told.ts_us == 5 && told.metrics == 1);
    CHECK(told.kind == DFT_VALUE_TELEMETRY);
    dft_row_value no_row = {.size = sizeof no_row};
    CHECK(dft_value_row(value, &no_row) == DFT_INVALID_ARGUMENT);
    dft_stats *stats = NULL;
    CHECK(dft_value_stats(value, DFT_METRIC_NAMED, text("level"), &stats) == DFT_OK && stats != NULL);
    CHECK(dft_stats_describe(stats, &metric) == DFT_OK && metric.reals.mean == 0.5 && metric.integers.samples == 0);
    CHECK(dft_stats_free(stats) == DFT_OK);
    CHECK(dft_value_stats(value, DFT_METRIC_NAMED, text("none"), &stats) == DFT_OK && stats == NULL);
    CHECK(dft_value_stats(value, DFT_METRIC_SIZE, text(""), &stats) == DFT_INVALID_ARGUMENT);
    dft_value *row_value = NULL;
    CHECK(dft_value_new(DFT_VALUE_ROW, 0, &row_value) == DFT_OK);
    CHECK(dft_value_merge(value, row_value) == DFT_INVALID_ARGUMENT && message_contains("cannot be merged"));
    dft_buffer nowhere = {NULL, 0, 0};
    CHECK(dft_value_encode(row_value, 0, &nowhere) == DFT_INVALID_ARGUMENT && message_contains("time span"));
    CHECK(dft_value_set_span(row_value, 1, 5, 4) == DFT_INVALID_ARGUMENT);
    CHECK(dft_value_free(row_value) == DFT_OK && dft_value_free(value) == DFT_OK);
    CHECK(dft_readings_next(readings, &reading, &has_row) == DFT_OK && !has_row);
    CHECK(dft_readings_free(readings) == DFT_OK);
}

static int32_t stop(void *context, const dft_progress *progress) {
    (void)progress;
    ++*(int *)context;
    return 1;
}

static int32_t count_fault(void *context, const dft_note *fault) {
    CHECK(fault->path.length > 0 && fault->text.length > 0);
    ++*(int *)context;
    return 0;
}

static dft_build_request build_of(const dft_text *trace, const char *index) {
    return (dft_build_request){
        .size = sizeof(dft_build_request), .traces = trace, .traces_length = 1, .index = text(index)};
}

static dft_stage_request stage_of(const dft_text *trace, const char *staging, const char *shared) {
    return (dft_stage_request){.size = sizeof(dft_stage_request),
                               .traces = trace,
                               .traces_length = 1,
                               .staging = text(staging),
                               .shared = text(shared)};
}

static int exists(const char *name) { return access(path(name), F_OK) == 0; }

static void input_without_a_trace_creates_no_index(void) {
    FILE *file = fopen(path("x.csv"), "w");
    CHECK(file != NULL && fprintf(file, "a,b\n1,2\n") > 0 && fclose(file) == 0);
    const dft_text other = text(path("x.csv"));
    const dft_build_request request = build_of(&other, path("deep/index"));
    CHECK(dft_build(&request, NULL) == DFT_NOTHING_FOUND);
    CHECK(message_contains("not a DFTracer trace nor an index") && !exists("deep"));
}

/* Exports two indexes from live aggregation to the same directory. */
static void an_export_removes_stale_tables(void) {
    const uint32_t events = DFT_TABLE_EVENTS;
    char earlier[2048];
    snprintf(earlier, sizeof earlier, "%s", path("earlier"));
    dft_export_request all = {.size = sizeof all, .directory = text(earlier), .format = DFT_FORMAT_CSV, .threads = 1};
    dft_export_request only = all;
    only.tables = &events;
    only.tables_length = 1;
    only.format = DFT_FORMAT_PARQUET;
    dft_index *indexes[2];
    for (int at = 0; at < 2; at++) {
        dft_aggregator *aggregator = NULL;
        CHECK(dft_aggregator_new(NULL, 0, text(folder), &aggregator) == DFT_OK);
        const dft_record record = call("read", 5 + at);
        CHECK(dft_aggregator_add(aggregator, &record) == DFT_OK);
        CHECK(dft_aggregator_into_index(aggregator, 1, &indexes[at]) == DFT_OK);
    }
    CHECK(dft_export(indexes[0], &all) == DFT_OK);
    CHECK(exists("earlier/events.csv") && exists("earlier/system.csv"));
    CHECK(dft_export(indexes[0], &only) == DFT_OK);
    CHECK(exists("earlier/events.csv") && exists("earlier/events.parquet"));
    CHECK(dft_export(indexes[1], &only) == DFT_OK);
    CHECK(!exists("earlier/events.csv") && !exists("earlier/system.csv") && exists("earlier/events.parquet"));
    FILE *file = fopen(path("earlier/system.arrow"), "w");
    CHECK(file != NULL && fclose(file) == 0);
    CHECK(dft_export(indexes[1], &only) == DFT_INVALID_ARGUMENT);
    CHECK(message_contains("system.arrow") && exists("earlier/system.arrow"));
    CHECK(dft_index_free(indexes[0]) == DFT_OK && dft_index_free(indexes[1]) == DFT_OK);
}

static void traces_are_built_staged_and_ingested(void) {
    FILE *file = fopen(path("x.pfw"), "w");
    CHECK(file != NULL);
    for (int at = 0; at < 1000; at++) {
        fprintf(file,
                "{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":1,\"tid\":1,\"ts\":%d,\"dur\":3,\"ph\":\"X\",\"args\":{"
                "\"ret\":1}}\n",
                at);
    }
    fprintf(file, "oops\n");
    CHECK(fclose(file) == 0);
    char name[2048];
    snprintf(name, sizeof name, "%s", path("x.pfw"));
    const dft_text trace = text(name);
    dft_build_summary done = {.size = sizeof done};
    int faults = 0;
    char built[2048];
    snprintf(built, sizeof built, "%s", path("built"));
    dft_build_request request = build_of(&trace, built);
    request.on_fault = count_fault;
    request.context = &faults;
    CHECK(dft_build(&request, &done) == DFT_OK);
    CHECK(done.files == 1 && done.records == 1000 && done.malformed_lines == 1 && done.faulty_files == 1 &&
          faults == 1);
    CHECK(dft_build(&request, &done) == DFT_OK && done.known_files == 1);
    /* An older caller, whose request ends before `rebuild` and the callbacks. */
    request.size = offsetof(dft_build_request, rebuild);
    request.rebuild = 1;
    faults = 0;
    CHECK(dft_build(&request, &done) == DFT_OK && done.known_files == 1 && faults == 0);
    CHECK(dft_build(NULL, &done) == DFT_INVALID_ARGUMENT && message_contains("request is NULL"));
    dft_build_request strict = build_of(&trace, path("deep/strict"));
    strict.strict = 1;
    CHECK(dft_build(&strict, NULL) == DFT_MALFORMED && message_contains("x.pfw"));
    dft_stage_request staged = stage_of(&trace, path("deep/local"), path("deep/shared"));
    staged.strict = 1;
    CHECK(dft_stage(&staged, NULL) == DFT_MALFORMED);
    CHECK(!exists("deep"));
    staged = stage_of(&trace, path("local"), path("shared"));
    CHECK(dft_stage(&staged, &done) == DFT_OK && done.files == 1);
    staged.part = staged.parts = 2;
    CHECK(dft_stage(&staged, &done) == DFT_INVALID_ARGUMENT && message_contains("no part 2 of 2"));
    dft_ingest_summary ingested = {.size = sizeof ingested};
    const dft_ingest_request ingest = {
        .size = sizeof ingest, .index = text(path("ingested")), .shared = text(path("shared"))};
    CHECK(dft_ingest(&ingest, &ingested) == DFT_OK && ingested.taken == 1);
    int stopped = 0;
    dft_build_request stopping = build_of(&trace, path("stopped"));
    stopping.on_progress = stop;
    stopping.context = &stopped;
    const dft_status status = dft_build(&stopping, NULL);
    CHECK(status == DFT_OK || (status == DFT_CANCELLED && stopped > 0));
    const dft_config other = {.size = sizeof other, .interval_us = 5};
    dft_build_request differing = build_of(&trace, path("built"));
    differing.config = &other;
    CHECK(dft_build(&differing, NULL) == DFT_CONFIG && message_contains("--rebuild"));
}

static int32_t see_trace(void *context, const dft_trace *trace) {
    CHECK(trace->path.length > 0 && (trace->state == DFT_TRACE_KNOWN || trace->state == DFT_TRACE_NEW));
    ++*(int *)context;
    return trace->state == DFT_TRACE_NEW;
}

static void traces_are_resolved(void) {
    char known[2048], unknown[2048];
    snprintf(known, sizeof known, "%s", path("x.pfw"));
    snprintf(unknown, sizeof unknown, "%s", path("y.pfw"));
    const dft_text traces[2] = {text(known), text(unknown)};
    int seen = 0;
    CHECK(dft_resolve(traces, 2, text(path("built")), see_trace, &seen) == DFT_OK && seen == 2);
    seen = 0;
    CHECK(dft_resolve(traces + 1, 1, text(path("built")), see_trace, &seen) == DFT_OK && seen == 1);
    CHECK(dft_resolve(traces, 2, text(path("built")), NULL, NULL) == DFT_INVALID_ARGUMENT);
}

typedef struct {
    dft_piece pieces[64];
    char path[2048];
    uint64_t number;
} plan;

static int32_t keep_piece(void *context, const dft_piece *piece) {
    plan *kept = context;
    if (kept->number == 64 || piece->path.length > sizeof kept->path) {
        return 1;
    }
    memcpy(kept->path, piece->path.data, piece->path.length);
    kept->pieces[kept->number] = *piece;
    kept->pieces[kept->number++].path.data = kept->path;
    return 0;
}

/// How often each callback of an ingest was called.
typedef struct {
    int refused, waiting, unchained;
} outcomes;

static int32_t on_refused(void *context, const dft_note *note) {
    CHECK(note->path.length > 0 && note->text.length > 0);
    ++((outcomes *)context)->refused;
    return 0;
}

static int32_t on_waiting(void *context, const dft_note *note) {
    CHECK(ends_with(note->path, "y.pfw") && note->text.length > 0);
    ++((outcomes *)context)->waiting;
    return 0;
}

static int32_t on_unchained(void *context, const dft_note *note) {
    CHECK(ends_with(note->path, "y.pfw") && note->text.length > 0);
    ++((outcomes *)context)->unchained;
    return 0;
}

static void a_trace_is_staged_in_pieces(void) {
    FILE *file = fopen(path("y.pfw"), "w");
    CHECK(file != NULL);
    for (int at = 0; at < 1000; at++) {
        fprintf(file,
                "{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":1,\"tid\":1,\"ts\":%d,\"dur\":3,\"ph\":\"X\",\"args\":{"
                "\"ret\":1}}\n",
                at);
    }
    CHECK(fclose(file) == 0);
    char name[2048];
    snprintf(name, sizeof name, "%s", path("y.pfw"));
    const dft_text trace = text(name);
    static plan plan;
    CHECK(dft_plan(&trace, 1, 0, keep_piece, &plan) == DFT_OK && plan.number == 1);
    CHECK(plan.pieces[0].start == 0 && plan.pieces[0].end == plan.pieces[0].file_size);
    plan.number = 0;
    CHECK(dft_plan(&trace, 1, plan.pieces[0].file_size / 4, keep_piece, &plan) == DFT_OK && plan.number == 4);
    CHECK(dft_plan(&trace, 1, 1, keep_piece, &plan) == DFT_CANCELLED);
    plan.number = 4;
    CHECK(dft_plan(&trace, 1, 0, NULL, NULL) == DFT_INVALID_ARGUMENT);
    dft_build_summary done = {.size = sizeof done};
    dft_piece *pieces = plan.pieces;
    char local[2048], shared[2048], index[2048];
    snprintf(local, sizeof local, "%s", path("local"));
    snprintf(shared, sizeof shared, "%s", path("shared-pieces"));
    snprintf(index, sizeof index, "%s", path("of-pieces"));
    dft_stage_request stage = {.size = sizeof stage, .pieces = pieces, .staging = text(local), .shared = text(shared)};
    stage.pieces_length = 3;
    CHECK(dft_stage(&stage, &done) == DFT_OK);
    CHECK(done.files == 3 && done.records > 0);
    dft_ingest_summary ingested = {.size = sizeof ingested};
    outcomes seen = {0, 0, 0};
    dft_ingest_request ingest = {.size = sizeof ingest,
                                 .index = text(index),
                                 .shared = text(shared),
                                 .on_refused = on_refused,
                                 .on_waiting = on_waiting,
                                 .on_unchained = on_unchained,
                                 .context = &seen};
    CHECK(dft_ingest(&ingest, &ingested) == DFT_OK);
    CHECK(ingested.taken == 0 && ingested.waiting_traces == 1 && seen.waiting == 1 && seen.refused == 0);
    stage.pieces_length = 4;
    CHECK(dft_stage(&stage, &done) == DFT_OK);
    CHECK(done.files == 1 && done.known_files == 3);
    CHECK(dft_ingest(&ingest, &ingested) == DFT_OK);
    CHECK(ingested.taken == 4 && ingested.waiting_traces == 0 && ingested.refused == 0);
    // Cut in the middle of a line.
    pieces[0].end = ++pieces[1].start;
    snprintf(index, sizeof index, "%s", path("of-unchained"));
    ingest.index = text(index);
    int faults = 0;
    stage.pieces_length = 2;
    stage.on_fault = count_fault;
    stage.context = &faults;
    CHECK(dft_stage(&stage, &done) == DFT_OK && faults > 0);
    CHECK(dft_ingest(&ingest, &ingested) == DFT_OK);
    CHECK(ingested.refused == 2 && ingested.unchained_traces == 1 && seen.unchained == 1);
    /* An older caller, whose summary ends before waiting_traces, and whose request ends before on_waiting. */
    dft_ingest_summary old = {.size = offsetof(dft_ingest_summary, waiting_traces), .unchained_traces = 77};
    ingest.size = offsetof(dft_ingest_request, on_waiting);
    CHECK(dft_ingest(&ingest, &old) == DFT_OK);
    CHECK(old.refused == 2 && old.unchained_traces == 77 && seen.refused == 0 && seen.unchained == 1);
    pieces[1].end = pieces[1].start;
    CHECK(dft_stage(&stage, NULL) == DFT_INVALID_ARGUMENT);
    pieces[1].size = 8;
    CHECK(dft_stage(&stage, NULL) == DFT_INVALID_ARGUMENT && message_contains("several sizes"));
    pieces[0].size = 9;
    stage.pieces_length = 1;
    CHECK(dft_stage(&stage, NULL) == DFT_INVALID_ARGUMENT);
    stage.pieces = NULL;
    CHECK(dft_stage(&stage, NULL) == DFT_INVALID_ARGUMENT && message_contains("NULL"));
    const dft_piece grown = {.size = sizeof grown, .path = trace, .start = 1, .end = 5, .file_size = 9};
    stage.pieces = &grown;
    CHECK(dft_stage(&stage, NULL) == DFT_CHANGED);
    stage.traces = &trace;
    stage.traces_length = 1;
    CHECK(dft_stage(&stage, NULL) == DFT_INVALID_ARGUMENT && message_contains("neither traces nor parts"));
}

static int32_t see_key(void *context, const dft_reading_key *key) {
    CHECK(key->bucket_us == 77 && same(key->host_hash, "h") && same(key->name, "cpu"));
    if (*(int *)context) {
        CHECK(same(key->category, "app") && key->has_pid && key->pid == -3 && key->group_values_length == 2);
        CHECK(same(key->group_values[0], "") && same(key->group_values[1], "7"));
    } else {
        CHECK(same(key->category, "sys") && !key->has_pid && key->pid == 0 && key->group_values_length == 0);
    }
    *(int *)context = -1;
    return 0;
}

static void keys_of_readings_are_encoded_and_decoded(void) {
    char place[128];
    dft_buffer encoded = {place, sizeof place, 0};
    dft_reading_key key = {.size = sizeof key, .host_hash = text("h"), .name = text("cpu"), .bucket_us = 77};
    CHECK(dft_reading_key_encode(&key, &encoded) == DFT_OK && encoded.length == 16);
    int has_scope = 0;
    const dft_text host_wide = {place, encoded.length};
    CHECK(dft_reading_key_decode(host_wide, see_key, &has_scope) == DFT_OK && has_scope == -1);
    const dft_text cut = {place, encoded.length - 1};
    CHECK(dft_reading_key_decode(cut, see_key, &has_scope) == DFT_DAMAGED);
    const dft_text values[2] = {text(""), text("7")};
    key.category = text("App");
    CHECK(dft_reading_key_encode(&key, &encoded) == DFT_INVALID_ARGUMENT && message_contains("about a process"));
    key.has_pid = 1;
    key.pid = -3;
    key.group_values = values;
    key.group_values_length = 2;
    CHECK(dft_reading_key_encode(&key, &encoded) == DFT_OK && encoded.length > 16);
    has_scope = 1;
    const dft_text scoped = {place, encoded.length};
    CHECK(dft_reading_key_decode(scoped, see_key, &has_scope) == DFT_OK && has_scope == -1);
    key.bucket_us = UINT64_MAX;
    CHECK(dft_reading_key_encode(&key, &encoded) == DFT_INVALID_ARGUMENT);
}

static void statistics_are_values(void) {
    const int64_t samples[4] = {1000000001, 1000000002, 1000000003, -5};
    dft_stats *stats = NULL, *others = NULL, *read = NULL;
    CHECK(dft_stats_new(0.01, &stats) == DFT_OK && dft_stats_new(0.01, &others) == DFT_OK);
    CHECK(dft_stats_add_integers(stats, NULL, 0) == DFT_OK);
    dft_metric metric = {.size = sizeof metric};
    CHECK(dft_stats_describe(stats, &metric) == DFT_OK && metric.samples == 0 && metric.mean != metric.mean);
    CHECK(!metric.integers.has_extent && metric.integers.mean != metric.integers.mean && metric.sketched == 0);
    CHECK(dft_stats_add_integers(stats, samples, 3) == DFT_OK && dft_stats_describe(stats, &metric) == DFT_OK);
    CHECK(metric.integers.mean == 1000000002.0 && metric.integers.std == 1.0 && metric.sketched == 3);
    CHECK(metric.integers.sum_low == 3000000006u && metric.integers.sum_high == 0 && metric.mean == 1000000002.0);
    CHECK(dft_stats_add_integers(others, samples + 3, 1) == DFT_OK && dft_stats_describe(others, &metric) == DFT_OK);
    CHECK(metric.integers.sum_high == -1 && metric.integers.min == -5 && metric.integers.max == -5);
    CHECK(dft_stats_merge(stats, others) == DFT_OK && dft_stats_merge(stats, stats) == DFT_BUSY);
    char place[256];
    dft_buffer encoded = {place, sizeof place, 0};
    CHECK(dft_stats_encode(stats, &encoded) == DFT_OK);
    const dft_text bytes = {place, encoded.length}, cut = {place, encoded.length - 1};
    CHECK(dft_stats_decode(bytes, &read) == DFT_OK && dft_stats_describe(read, &metric) == DFT_OK);
    CHECK(metric.samples == 4 && metric.integers.min == -5 && metric.integers.max == 1000000003);
    double quantile = 0;
    CHECK(dft_stats_quantile(read, 0, &quantile) == DFT_OK && quantile == -5);
    CHECK(dft_stats_quantile(read, -1, &quantile) == DFT_INVALID_ARGUMENT && quantile == -5);
    CHECK(dft_stats_free(read) == DFT_OK && dft_stats_free(read) == DFT_INVALID_HANDLE);
    CHECK(dft_stats_decode(cut, &read) == DFT_DAMAGED);
    CHECK(dft_stats_free(stats) == DFT_OK && dft_stats_free(others) == DFT_OK);
    const double reals[3] = {1e9 + 0.5, 1e9 + 1.5, 1e9 + 2.5};
    CHECK(dft_stats_new(0, &stats) == DFT_OK && dft_stats_add_reals(stats, reals, 3) == DFT_OK);
    CHECK(dft_stats_describe(stats, &metric) == DFT_OK && metric.mean == 1e9 + 1.5 && metric.reals.std == 1.0);
    CHECK(dft_stats_quantile(stats, 0.5, &quantile) == DFT_OK && quantile != quantile);
    CHECK(dft_stats_free(stats) == DFT_OK && dft_stats_new(1, &stats) == DFT_INVALID_ARGUMENT);
    uint8_t series[24];
    uint64_t bucket = 0;
    CHECK(dft_row_key_decode(text("cut"), series, &bucket) == DFT_DAMAGED);
}

static void invalid_arguments_are_refused(void) {
    dft_index *index = NULL;
    CHECK(dft_index_open(text(path("nothing")), &index) == DFT_NO_INDEX && index == NULL &&
          message_contains("nothing"));
    CHECK(dft_index_open(text(""), &index) == DFT_INVALID_ARGUMENT);
    CHECK(dft_index_open(text("x"), NULL) == DFT_INVALID_ARGUMENT && message_contains("NULL"));
    const dft_text impossible = {NULL, 5};
    CHECK(dft_index_open(impossible, &index) == DFT_INVALID_ARGUMENT);
    const dft_text endless = {"x", UINT64_MAX};
    CHECK(dft_index_open(endless, &index) == DFT_INVALID_ARGUMENT);
    dft_index_info info = {.size = sizeof info};
    CHECK(dft_index_describe(NULL, &info) == DFT_INVALID_HANDLE);
    CHECK(dft_index_describe((dft_index *)(uintptr_t)0x1234567, &info) == DFT_INVALID_HANDLE);
    CHECK(dft_index_free(NULL) == DFT_OK);
    dft_aggregator *aggregator = NULL;
    CHECK(dft_aggregator_new(NULL, 0, text(folder), &aggregator) == DFT_OK);
    CHECK(dft_index_describe((dft_index *)(void *)aggregator, &info) == DFT_INVALID_HANDLE &&
          message_contains("dft_index"));
    CHECK(dft_aggregator_merge(aggregator, aggregator) == DFT_BUSY);
    dft_record record = call("read", 5);
    record.size = 3;
    CHECK(dft_aggregator_add(aggregator, &record) == DFT_INVALID_ARGUMENT && message_contains("size"));
    record = call("read", 5);
    record.phase = 77;
    CHECK(dft_aggregator_add(aggregator, &record) == DFT_INVALID_ARGUMENT && message_contains("77"));
    CHECK(dft_aggregator_add(aggregator, (const dft_record *)(const void *)((const char *)&record + 1)) ==
              DFT_INVALID_ARGUMENT &&
          message_contains("misaligned"));
    dft_aggregator *refused = NULL;
    dft_config config = {.size = sizeof config, .interval_us = UINT64_MAX};
    CHECK(dft_aggregator_new(&config, 0, text(""), &refused) == DFT_CONFIG && refused == NULL);
    config = (dft_config){.size = sizeof config, .group_by_file = 2};
    CHECK(dft_aggregator_new(&config, 0, text(""), &refused) == DFT_INVALID_ARGUMENT);
    CHECK(message_contains("DFT_GROUP_BY_FILE"));
    /* Zeros are the defaults. */
    config = (dft_config){.size = sizeof config};
    CHECK(dft_aggregator_new(&config, 0, text(""), &refused) == DFT_OK && dft_aggregator_free(refused) == DFT_OK);
    CHECK(dft_aggregator_free(aggregator) == DFT_OK);
    CHECK(dft_aggregator_free(aggregator) == DFT_INVALID_HANDLE);
    CHECK(dft_aggregator_add(aggregator, &record) == DFT_INVALID_HANDLE);
    /* A caller that was built before a struct grew gets only the fields that it has. */
    dft_version version = {.size = 12};
    version.index_format = 99;
    CHECK(dft_library_version(&version) == DFT_OK && version.abi == DFT_ABI_VERSION && version.index_format == 99);
    version.size = sizeof version;
    CHECK(dft_library_version(&version) == DFT_OK && version.index_format != 99 && version.release.length > 0);
}

static int32_t count_faults(void *context, const dft_note *fault) {
    *(uint64_t *)context += fault->text.length > 0;
    return 0;
}

/* Flips a bit in the middle of a file. */
static void flip(const char *file) {
    FILE *opened = fopen(file, "r+b");
    CHECK(opened && fseek(opened, 0, SEEK_END) == 0);
    const long middle = ftell(opened) / 2;
    CHECK(fseek(opened, middle, SEEK_SET) == 0);
    const int byte = fgetc(opened);
    CHECK(byte != EOF && fseek(opened, middle, SEEK_SET) == 0 && fputc(byte ^ 0x20, opened) != EOF);
    CHECK(fclose(opened) == 0);
}

static void every_function_reports_a_flipped_bit_as_damage(void) {
    const char *place = path("index");
    uint64_t faults = 0;
    CHECK(dft_verify(text(place), count_faults, &faults) == DFT_OK && faults == 0);

    glob_t found;
    CHECK(glob(path("index/gen-*/*.sst"), 0, NULL, &found) == 0 && found.gl_pathc > 3);
    uint32_t refused = 0;
    for (size_t at = 0; at < found.gl_pathc; at++) {
        const char *file = found.gl_pathv[at];
        flip(file);
        faults = 0;
        CHECK(dft_verify(text(place), count_faults, &faults) == DFT_DAMAGED && faults == 1 && message_contains(file));
        dft_index *index = NULL;
        int32_t status = dft_index_open(text(place), &index);
        if (status == DFT_OK) {
            dft_index_counts counts = {.size = sizeof counts};
            status = dft_index_count(index, &counts);
            CHECK(dft_index_free(index) == DFT_OK);
        }
        CHECK(status == DFT_OK || (status == DFT_DAMAGED && message_contains(file)));
        refused += status == DFT_DAMAGED;
        flip(file);
    }
    CHECK(refused > 0 && dft_verify(text(place), NULL, NULL) == DFT_OK);
    globfree(&found);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    snprintf(folder, sizeof folder, "%s", argv[1]);
    threads_aggregate_and_merge();
    an_index_is_described_and_scanned();
    rows_are_grouped();
    traces_are_built_staged_and_ingested();
    a_trace_is_staged_in_pieces();
    traces_are_resolved();
    keys_of_readings_are_encoded_and_decoded();
    statistics_are_values();
    invalid_arguments_are_refused();
    input_without_a_trace_creates_no_index();
    an_export_removes_stale_tables();
    every_function_reports_a_flipped_bit_as_damage();
    puts("abi.c: 12 passed, 0 failed");
    return 0;
}
