/* libdft_utils: aggregates DFTracer traces to tables.
 *
 * This header is generated (`cargo xtask header`). These rules hold for every function:
 *
 * Status. Every function returns a dft_status: 0 (DFT_OK) is success. A code never changes its meaning and
 * is never reused. dft_last_error() describes the thread's last failed call: what failed, where, and what
 * to do. A function that fails does not change its arguments.
 *
 * Handles (dft_index *, dft_aggregator *, …) are opaque and are not addresses: never dereference one. Free
 * each once, with the function that its type names. A handle that was freed, has another type, or never was
 * a handle gives DFT_INVALID_HANDLE and has no other effect. If an object allows one thread at a time, a
 * second concurrent call gives DFT_BUSY.
 *
 * Texts are a pointer and a length: any bytes, without a terminating zero. The caller owns the texts that it
 * passes; a function reads them only during the call. The library owns the texts that a function returns;
 * the function states how long they are valid.
 *
 * Structs that start with `size` may grow: set it to sizeof the struct before the call. The library reads and
 * writes no more than that, and uses defaults for fields that an older caller does not have. `reserved` is 0.
 *
 * Requests. A call with many options takes a request, such as dft_build_request: a struct of this kind. Set `size` and
 * what the request says is needed; zeros elsewhere are the defaults: `dft_build_request request = {.size = sizeof
 * request, .traces = traces, .traces_length = 2, .index = index};`
 *
 * Buffers. A function that writes bytes takes a dft_buffer of the caller. If the bytes do not fit, it returns
 * DFT_TOO_LARGE and sets `length` to the length that is needed. There is no terminating zero.
 *
 * A pointer that is misaligned, or is NULL where NULL is not allowed, gives DFT_INVALID_ARGUMENT. The caller
 * must ensure that every pointer points to what the function's type declares.
 *
 * Callbacks receive a context of the caller and a struct, and return 0 to go on; any other result stops what calls
 * them. They run during the call that they are passed to, on the caller's thread unless the function states otherwise.
 * They must return, and must not throw.
 *
 * fork(): a child cannot use what its parent opened. In the child, a handle gives DFT_FORKED, freeing it gives
 * DFT_OK and changes nothing, and a stream fails; the child opens and builds for itself. If the parent forks while
 * another thread is in dft_build(), dft_stage(), dft_ingest(), dft_index_open(), dft_aggregator_publish() or
 * dft_aggregator_into_index(), each of these functions gives DFT_FORKED in the child, because the child has only a
 * part of the state that they need. Programs that a child executes are not affected.
 *
 * The library prints nothing, never ends the process, installs no signal handler, and lets no panic or
 * exception out. Times are in µs, sizes in bytes. Linux, 64 bits.
 */

#ifndef DFT_UTILS_H
#define DFT_UTILS_H

#include <stdint.h>

struct ArrowArrayStream;

// Which args become custom metrics: all numeric args without a predefined meaning, except identifiers and labels, such
// as `*_hash`, `fd`, `flags` and `level`.
#define DFT_CUSTOM_METRICS_ON 0

// No args become custom metrics.
#define DFT_CUSTOM_METRICS_OFF 1

// The args in `custom_metric_names` become custom metrics.
#define DFT_CUSTOM_METRICS_NAMED 2

// All numeric args without a predefined meaning become custom metrics, including identifiers and labels.
#define DFT_CUSTOM_METRICS_ALL 3

// Whether the `ts` of a counter of phase `C` is the start or the end of its period: as each trace states.
#define DFT_COUNTER_PERIOD_OF_TRACE 0

// `ts` is the start of the period.
#define DFT_COUNTER_PERIOD_START 1

// `ts` is the end of the period.
#define DFT_COUNTER_PERIOD_END 2

// The unit of times if a trace does not state one: microseconds.
#define DFT_TIME_UNIT_US 0

// The unit of times if a trace does not state one: nanoseconds.
#define DFT_TIME_UNIT_NS 1

// The unit of times if a trace does not state one: milliseconds.
#define DFT_TIME_UNIT_MS 2

// The unit of times if a trace does not state one: seconds.
#define DFT_TIME_UNIT_S 3

// Rows are separated by file.
#define DFT_GROUP_BY_FILE_ON 0

// Rows are not separated by file.
#define DFT_GROUP_BY_FILE_OFF 1

// Table `events`: calls, in dfanalyzer's columns.
#define DFT_TABLE_EVENTS 0

// Table `profiles`: aggregated calls, in the same columns.
#define DFT_TABLE_PROFILES 1

// Table `system`: telemetry, with columns for each metric.
#define DFT_TABLE_SYSTEM 2

// Table `preaggregated_system`: host statistics, in dfanalyzer's columns.
#define DFT_TABLE_PREAGGREGATED_SYSTEM 3

// Table `aggregation`: every row with full statistics.
#define DFT_TABLE_AGGREGATION 4

// Table `processes`: rank, command, start and end of each process.
#define DFT_TABLE_PROCESSES 5

// Table `system` by host, name and cell alone: merges the readings of counters that differ only in category, process
// or group keys.
#define DFT_TABLE_SYSTEM_BY_HOST 6

// Format: Apache Parquet.
#define DFT_FORMAT_PARQUET 0

// Format: Arrow IPC file.
#define DFT_FORMAT_ARROW 1

// Format: CSV.
#define DFT_FORMAT_CSV 2

// Fault of a trace file: none.
#define DFT_FAULT_NONE 0

// Fault of a trace file: it is empty.
#define DFT_FAULT_EMPTY 1

// Fault of a trace file: its last line or gzip member is incomplete.
#define DFT_FAULT_TRUNCATED 2

// Fault of a trace file: a gzip member is corrupt.
#define DFT_FAULT_DAMAGED 3

// Fault of a trace file: records are lost. Its `end` records count records that are in no trace of the index.
#define DFT_FAULT_LOST 4

// Fault of a trace file: its times are in another unit than the one in which they were read.
#define DFT_FAULT_TIME_UNIT 5

// Hash table: file hashes.
#define DFT_NAMES_FILE 0

// Hash table: host hashes.
#define DFT_NAMES_HOST 1

// Hash table: hashes of other strings.
#define DFT_NAMES_STRING 2

// Series kind: calls.
#define DFT_SERIES_CALL 0

// Series kind: aggregated calls.
#define DFT_SERIES_AGGREGATED_CALL 1

// Series kind: host statistics.
#define DFT_SERIES_HOST_STATISTIC 2

// Log level: a call failed. The text is the message of its error.
#define DFT_LOG_ERROR 0

// Log level: the input has a fault, such as a truncated trace or a refused bundle, and the call goes on.
#define DFT_LOG_WARNING 1

// Names: group keys that have a value in some row, in the order of the configuration.
#define DFT_OBSERVED_GROUP_KEYS 0

// Names: custom metrics of rows, in byte order.
#define DFT_OBSERVED_CUSTOM_METRICS 1

// Names: metrics of telemetry, in byte order.
#define DFT_OBSERVED_TELEMETRY_METRICS 2

// Phase: a call, with a start and a duration.
#define DFT_PHASE_COMPLETE 1

// Phase: a counter. Its args are readings.
#define DFT_PHASE_COUNTER 2

// Phase: an aggregated call, over a period that starts at `ts_us`.
#define DFT_PHASE_AGGREGATED 3

// Phase: metadata that names a hash. `name` is FH, HH or SH; the args are `name` and `value`.
#define DFT_PHASE_METADATA 4

// `dft_record.dur_us` is present.
#define DFT_HAS_DURATION 1

// `dft_record.ret` is present.
#define DFT_HAS_RET 2

// `dft_record.offset` is present.
#define DFT_HAS_OFFSET 4

// `dft_arg.integer` is the value.
#define DFT_ARG_INTEGER 0

// `dft_arg.real` is the value.
#define DFT_ARG_REAL 1

// `dft_arg.text` is the value.
#define DFT_ARG_TEXT 2

// Metric: durations, in µs.
#define DFT_METRIC_DURATION 0

// Metric: bytes transferred.
#define DFT_METRIC_SIZE 1

// Metric: file offsets, in bytes.
#define DFT_METRIC_OFFSET 2

// Metric: a custom metric of rows, or a metric of telemetry, by its name.
#define DFT_METRIC_NAMED 3

// State of a trace: it is indexed.
#define DFT_TRACE_KNOWN 0

// State of a trace: it is not indexed.
#define DFT_TRACE_NEW 1

// State of a trace: it is indexed, and has grown since.
#define DFT_TRACE_GROWN 2

// State of a trace: it is indexed, and has changed since. dft_build() fails unless it rebuilds the index.
#define DFT_TRACE_CHANGED 3

// State of a trace: it cannot be read.
#define DFT_TRACE_UNREADABLE 4

// State of a trace: it looks like a trace in an unsupported container, such as zstd.
#define DFT_TRACE_NOT_READ 5

// State of a trace: it is indexed, and its file no longer exists. Its records stay in the index until a rebuild.
#define DFT_TRACE_GONE 6

// Value: that of a row.
#define DFT_VALUE_ROW 0

// Value: that of a row of telemetry.
#define DFT_VALUE_TELEMETRY 1

// The version of the ABI that this header describes. It changes only if programs that were built against an older
// version would no longer work.
#define DFT_ABI_VERSION 3

// Aggregates records that a program passes to it. It allows one thread at a time: use one aggregator for each thread,
// then merge them. Created by dft_aggregator_new(), freed by dft_aggregator_free().
typedef struct dft_aggregator dft_aggregator;

// An index opened for reading: a snapshot that no writer changes. Any number of threads may use it at once. Created by
// dft_index_open() or dft_aggregator_into_index(), freed by dft_index_free().
typedef struct dft_index dft_index;

// A cursor over telemetry in key order: by host, counter and time. It allows one thread at a time. Created by
// dft_readings_open(), freed by dft_readings_free().
typedef struct dft_readings dft_readings;

// A cursor over rows in key order: by series, then by time. It allows one thread at a time. Created by
// dft_rows_open(), freed by dft_rows_free().
typedef struct dft_rows dft_rows;

// Aggregates the records of many threads, and hands them over to an index. Any number of threads may use it at once. A
// child of fork() may use it, too: it begins empty there, and what the parent added stays the parent's. Created by
// dft_sink_new(), freed by dft_sink_free().
typedef struct dft_sink dft_sink;

// Statistics of one metric: exact sums of integers and of doubles, and a sketch from which quantiles and histograms
// are read. It allows one thread at a time. Created by dft_stats_new(), dft_stats_decode(), dft_stats_copy() and
// dft_value_stats(), freed by dft_stats_free().
typedef struct dft_stats dft_stats;

// The value of a row or of a row of telemetry, with all of its metrics. It allows one thread at a time. Created by
// dft_value_new(), dft_value_decode() and dft_value_copy(), freed by dft_value_free().
typedef struct dft_value dft_value;

// The status that a function returns: DFT_OK, or the reason for a failure.
typedef int32_t dft_status;

// A text: any bytes, without a terminating zero.
typedef struct dft_text {
    // The first byte. May be NULL if `length` is 0.
    const char *data;
    // The length in bytes.
    uint64_t length;
} dft_text;

// How records are aggregated. Set `size`; zeros elsewhere are the defaults: an interval of 1 s, DFT_CUSTOM_METRICS_ON,
// separated by file, no percentiles.
typedef struct dft_config {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The length of a time bucket, in µs: 1 to INT64_MAX; 0 for 1 s.
    uint64_t interval_us;
    // Names of args whose values separate rows: UTF-8, distinct, not empty. May be NULL if there are none.
    const struct dft_text *group_keys;
    // The number of group keys, at most 1,000.
    uint64_t group_keys_length;
    // Names of args that become custom metrics, in UTF-8, for DFT_CUSTOM_METRICS_NAMED. May be NULL if there are none.
    const struct dft_text *custom_metric_names;
    // The number of names in `custom_metric_names`.
    uint64_t custom_metric_names_length;
    // One of DFT_CUSTOM_METRICS_…
    uint32_t custom_metrics;
    // One of DFT_GROUP_BY_FILE_…
    uint32_t group_by_file;
    // The relative accuracy of percentiles: 0.00001 to less than 1, such as 0.01; 0 for no percentiles.
    double sketch_accuracy;
    // One of DFT_COUNTER_PERIOD_…
    uint32_t counter_period;
    // One of DFT_TIME_UNIT_…
    uint32_t time_unit;
} dft_config;

// An additional arg of a record.
typedef struct dft_arg {
    // The name.
    struct dft_text name;
    // The value, for DFT_ARG_TEXT.
    struct dft_text text;
    // The value, for DFT_ARG_INTEGER.
    int64_t integer;
    // The value, for DFT_ARG_REAL.
    double real;
    // One of DFT_ARG_…
    uint32_t kind;
    // Reserved: 0.
    uint32_t reserved;
} dft_arg;

// A record. An empty text means that the field is absent.
typedef struct dft_record {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // One of DFT_PHASE_…
    uint32_t phase;
    // Which of `dur_us`, `ret` and `offset` are present: a sum of DFT_HAS_…
    uint32_t present;
    // The function, the counter, or the kind of metadata.
    struct dft_text name;
    // The category.
    struct dft_text category;
    // The host hash.
    struct dft_text host_hash;
    // The file hash.
    struct dft_text file_hash;
    // The process id.
    int64_t pid;
    // The thread id.
    int64_t tid;
    // The start, in µs; not negative.
    int64_t ts_us;
    // The duration, in µs; not negative.
    int64_t dur_us;
    // The return value. Of a data transfer: bytes, or a negative number if it failed.
    int64_t ret;
    // The offset in the file, in bytes.
    int64_t offset;
    // Additional args. May be NULL if there are none.
    const struct dft_arg *args;
    // The number of additional args.
    uint64_t args_length;
} dft_record;

// The result of adding lines.
typedef struct dft_lines_added {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // Lines that are records.
    uint64_t records;
    // Malformed lines. They are counted, but are in no row.
    uint64_t malformed;
    // The line number of the first malformed line, from 1; 0 if there is none.
    uint64_t first_malformed;
    // Skipped records: those of unknown phase, which are in no row.
    uint64_t skipped;
    // The line number of the first skipped record, from 1; 0 if there is none.
    uint64_t first_skipped;
} dft_lines_added;

// A view of an index: a granularity, filters and the form of the result. Set `size` and zero the rest to see
// everything. Globs know `*` and `?`, which also match `/`, `[ab]` and `{one,other}`. Texts are UTF-8.
typedef struct dft_view {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The granularity, which is the length of a cell, in µs: a multiple of the index's interval; 0 for the interval.
    uint64_t granularity_us;
    // The start of the time range, in µs from the origin of the trace. Only cells that overlap the range are shown.
    uint64_t start_us;
    // The end of the time range, in µs from the origin of the trace, excluded.
    uint64_t end_us;
    // 1 if `start_us` and `end_us` apply, 0 if not.
    uint32_t has_time;
    // 1 if `pid` applies, 0 if not.
    uint32_t has_pid;
    // Only the process with this id.
    int64_t pid;
    // Only categories that match this glob, in lower case; empty for all.
    struct dft_text category;
    // Only functions and counters that match this glob; empty for all.
    struct dft_text name;
    // Only hosts whose name or hash matches this glob; empty for all.
    struct dft_text host;
    // Only files whose name or hash matches this glob; empty for all.
    struct dft_text file;
    // Columns to group rows by, with dfanalyzer's names. NULL with length 0 does not group rows.
    const struct dft_text *group_by;
    // The number of columns in `group_by`.
    uint64_t group_by_length;
    // Only processes with these ids, and `pid` if `has_pid` is set. NULL with length 0 for all.
    const int64_t *pids;
    // The number of process ids in `pids`.
    uint64_t pids_length;
    // The shard of the table to show, for parallel readers: from 0 to `shards` - 1.
    uint32_t shard;
    // The number of shards, at most 65,536; 0 or 1 for the whole table. Shards are disjoint, have the same columns,
    // and together are the table. For calls, the shards in order are the table. A shard cannot be grouped.
    uint32_t shards;
    // The maximum number of rows of a batch; 0 for a size that is fast to read.
    uint64_t batch_rows;
    // Only calls that match this query, such as `cat == "posix" and not pid in [1, 2]`; empty for all.
    // Its fields are family, cat, name, pid, tid, rank, host_hash, file_hash, host_name, file_name, proc_name, io_cat.
    struct dft_text query;
    // Only processes with these ranks, as the traces state them. NULL with length 0 for all.
    const int64_t *ranks;
    // The number of ranks in `ranks`.
    uint64_t ranks_length;
    // The unit of the column `time_range`, in µs, which divides the granularity; 0 to count cells.
    uint64_t range_unit_us;
} dft_view;

// What to analyze or compare, and how. Set `size`; zeros elsewhere are the defaults.
typedef struct dft_analyze_request {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // Which calls, and the granularity of groups by time; its `size` must be set; NULL for all.
    const struct dft_view *view;
    // Which calls belong to which layer: the name of a built-in preset (posix, dlio, dlio-prev, generic), or the path
    // of a TOML file, which has a `/` or a `.`; empty or `auto` to choose a built-in one by what the trace has.
    struct dft_text preset;
    // What to group by: time, process, host, rank, file, directory, pattern, function, epoch or a group key of the
    // index; empty for no groups.
    struct dft_text by;
    // Conditions of a comparison, such as `time > 1.2x where cat = posix`. NULL with length 0 for none. Must be empty
    // for an analysis.
    const struct dft_text *conditions;
    // The number of conditions.
    uint64_t conditions_length;
} dft_analyze_request;

// A text about a path, such as a fault of a file. Its texts are valid during the callback.
typedef struct dft_note {
    // The size of this struct in bytes. The library sets it.
    uint64_t size;
    // The path; empty if the text is about none.
    struct dft_text path;
    // The text, for people.
    struct dft_text text;
} dft_note;

// Receives a note, valid during the callback. A result other than 0 ends the notes.
typedef int32_t (*dft_on_note)(void *context, const struct dft_note *note);

// The progress of a build.
typedef struct dft_progress {
    // The size of this struct in bytes. The library sets it.
    uint64_t size;
    // The number of files to read.
    uint64_t files;
    // The number of files that were read.
    uint64_t files_read;
    // The bytes to read, in size on disk.
    uint64_t bytes;
    // The bytes that were read, in size on disk.
    uint64_t bytes_read;
    // The number of records that were read.
    uint64_t records;
    // The stage: 0 listing files, 1 reading, 2 writing the index.
    uint32_t stage;
    // Reserved: 0.
    uint32_t reserved;
} dft_progress;

// Receives the progress of a build: before it starts, about ten times a second, and at its end. It runs on a thread of
// the library. `progress`: valid during the callback. A result other than 0 stops the build, which then returns
// DFT_CANCELLED and leaves the index unchanged.
typedef int32_t (*dft_on_progress)(void *context, const struct dft_progress *progress);

// What to build, and how. Set `size`, `traces` and `index`; zeros elsewhere are the defaults.
typedef struct dft_build_request {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // Files, directories (searched for *.pfw and *.pfw.gz) or globs.
    const struct dft_text *traces;
    // The number of texts in `traces`.
    uint64_t traces_length;
    // The directory of the index, which is created if it does not exist and removed again if nothing is added. Not
    // empty.
    struct dft_text index;
    // How to aggregate; NULL for the default.
    const struct dft_config *config;
    // Where the traces come from, such as the name of a node, in UTF-8; empty for none. It distinguishes traces on
    // node-local disks, which have the same path on every node.
    struct dft_text source;
    // The memory budget of the tables of all threads, in bytes; 0 for 512 MiB, and at most a quarter of the process's
    // limit (`ulimit -v`).
    uint64_t memory;
    // The number of threads, limited to 1,024; 0 for the number of cores.
    uint32_t threads;
    // If not 0, faults of the input are an error (DFT_MALFORMED), and nothing is stored.
    uint32_t strict;
    // If not 0, the index is rebuilt, whatever it holds.
    uint32_t rebuild;
    // Reserved: 0.
    uint32_t reserved;
    // Receives the progress on a thread of the library; may be NULL.
    dft_on_progress on_progress;
    // Receives each fault of a file on the caller's thread, before the function returns; may be NULL. A result other
    // than 0 ends the reports, not the build.
    dft_on_note on_fault;
    // Passed to both callbacks; may be NULL.
    void *context;
} dft_build_request;

// What a build or a staging read and wrote.
typedef struct dft_build_summary {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The number of files that were read.
    uint64_t files;
    // The number of files that were already indexed or staged.
    uint64_t known_files;
    // The number of files with faults, including duplicates, files that cannot be read, and files that look like
    // traces in an unsupported container.
    uint64_t faulty_files;
    // The number of records that were read.
    uint64_t records;
    // The number of malformed lines.
    uint64_t malformed_lines;
    // The number of rows that were written.
    uint64_t rows;
    // The number of telemetry rows that were written.
    uint64_t telemetry_rows;
    // The size of the text that was read, in bytes, uncompressed.
    uint64_t text_bytes;
    // The number of skipped records: those of unknown phase, which are in no row.
    uint64_t skipped_records;
    // The number of duplicates: files with the text of another trace. Nothing in them is counted.
    uint64_t duplicate_files;
} dft_build_summary;

// The last failed call of a thread.
typedef struct dft_error {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The status that the call returned; DFT_OK if no call has failed yet.
    dft_status status;
    // A message for people: what failed, where, and what to do.
    struct dft_text message;
    // The file or directory that the error concerns; empty if none.
    struct dft_text path;
    // The key or row that the error concerns; empty if none.
    struct dft_text key;
} dft_error;

// A message of the library. Its text is valid during the callback.
typedef struct dft_log_message {
    // The size of this struct in bytes. The library sets it.
    uint64_t size;
    // The message, for people.
    struct dft_text text;
    // DFT_LOG_ERROR or DFT_LOG_WARNING.
    uint32_t level;
    // Reserved: 0.
    uint32_t reserved;
} dft_log_message;

// Receives a message of the library, valid during the callback. It may run on any thread, and on several at once.
// Messages that the callback itself causes are dropped. Its result is ignored: return 0.
typedef int32_t (*dft_on_log)(void *context, const struct dft_log_message *message);

// A column of a table. Its text is valid during the callback.
typedef struct dft_column {
    // The size of this struct in bytes. The library sets it.
    uint64_t size;
    // The name.
    struct dft_text name;
} dft_column;

// Receives a column, valid during the callback. A result other than 0 ends the iteration.
typedef int32_t (*dft_visit_column)(void *context, const struct dft_column *column);

// What to export, and how. Set `size` and `directory`; zeros elsewhere are the defaults.
typedef struct dft_export_request {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The directory, which is created if it does not exist; not empty.
    struct dft_text directory;
    // The tables: values of DFT_TABLE_…. NULL with length 0 for all tables except `aggregation`.
    const uint32_t *tables;
    // The number of tables.
    uint64_t tables_length;
    // Which rows; its `size` must be set; NULL for all.
    const struct dft_view *view;
    // One of DFT_FORMAT_…
    uint32_t format;
    // The number of tables written at once, limited to 1,024; 0 for the number of cores.
    uint32_t threads;
} dft_export_request;

// A trace file in an index. What it points to is valid during the callback.
typedef struct dft_file {
    // The size of this struct in bytes. The library sets it.
    uint64_t size;
    // The name in the index: the path relative to the parent directory of the index, or the whole path.
    struct dft_text path;
    // The size on disk, in bytes.
    uint64_t bytes;
    // The size of the text that was read, in bytes, uncompressed.
    uint64_t text_bytes;
    // The number of calls.
    uint64_t events;
    // The number of aggregated calls.
    uint64_t profiles;
    // The number of host statistics.
    uint64_t systems;
    // The number of readings of counters.
    uint64_t telemetry;
    // The number of metadata records.
    uint64_t metadata;
    // The number of skipped records: those of unknown phase.
    uint64_t skipped;
    // The number of malformed lines.
    uint64_t malformed;
    // The number of data transfers that returned an error.
    uint64_t failed_transfers;
    // A description of the faults for people; empty if there are none.
    struct dft_text fault_text;
    // One of DFT_FAULT_…
    uint32_t fault;
    // Reserved: 0.
    uint32_t reserved;
    // The ids of the processes that have records in the file, in ascending order.
    const int64_t *pids;
    // The number of processes.
    uint64_t pids_length;
} dft_file;

// Receives a file, valid during the callback. A result other than 0 ends the iteration.
typedef int32_t (*dft_visit_file)(void *context, const struct dft_file *file);

// A process in an index. Its text is valid during the callback.
typedef struct dft_process {
    // The size of this struct in bytes. The library sets it.
    uint64_t size;
    // The process id.
    int64_t pid;
    // The host hash.
    struct dft_text host_hash;
    // The number of its series, which indicates how much work it is to read them.
    uint64_t series;
} dft_process;

// Receives a process, valid during the callback. A result other than 0 ends the iteration.
typedef int32_t (*dft_visit_process)(void *context, const struct dft_process *process);

// How rows are grouped. Set `size`; zeros elsewhere are the defaults. Lists are texts in UTF-8, separated by commas,
// as `dft query` takes them.
typedef struct dft_group_request {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // What rows are grouped by, such as `func_name,file_dir`: a column of dfanalyzer's tables, `family`, `file_dir`,
    // `file_ext`, `file_pattern`, `time_bucket`, `size_bin`, or a group key; empty for one group of all rows.
    struct dft_text by;
    // The statistics, such as `count,dur_total,size_p50`; empty for `count,dur_total,dur_mean,dur_max,size_total`.
    struct dft_text statistics;
    // The columns to sort by, such as `dur_total:desc`; empty for those that rows are grouped by.
    struct dft_text sort;
    // The most groups to return, after sorting; 0 for all.
    uint64_t limit;
    // The kinds of series whose rows are grouped: values of DFT_SERIES_…. NULL with length 0 for calls and aggregated
    // calls.
    const uint32_t *kinds;
    // The number of values in `kinds`.
    uint64_t kinds_length;
    // Which rows; its `size` must be set, and its `group_by` must be empty; NULL for all.
    const struct dft_view *view;
    // The number of threads that read rows, limited to 1,024; 0 for the number of cores.
    uint32_t threads;
    // Reserved: 0.
    uint32_t reserved;
} dft_group_request;

// A buffer of the caller for bytes that a function writes, without a terminating zero.
typedef struct dft_buffer {
    // The first byte. May be NULL if `capacity` is 0.
    char *data;
    // The size of the buffer in bytes.
    uint64_t capacity;
    // Receives the length of the result in bytes, even if the result does not fit.
    uint64_t length;
} dft_buffer;

// The properties of an index.
typedef struct dft_index_info {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The length of a time bucket, in µs.
    uint64_t interval_us;
    // A hash of the configuration. Indexes with the same configuration have the same hash.
    uint64_t config_hash;
    // The lowest bucket of rows and telemetry, in µs; 0 if there is neither.
    uint64_t min_bucket_us;
    // The highest bucket of rows and telemetry, in µs; 0 if there is neither.
    uint64_t max_bucket_us;
    // 1 if the index has rows or telemetry, 0 if it has neither.
    uint32_t has_bounds;
    // Reserved: 0.
    uint32_t reserved;
    // The size on disk, in bytes.
    uint64_t bytes;
} dft_index_info;

// The number of entries in an index.
typedef struct dft_index_counts {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The number of rows of calls.
    uint64_t event_rows;
    // The number of rows of aggregated calls.
    uint64_t profile_rows;
    // The number of rows of host statistics.
    uint64_t system_rows;
    // The number of rows of telemetry.
    uint64_t telemetry_rows;
    // The number of series.
    uint64_t series;
    // The number of trace files and live sources.
    uint64_t files;
} dft_index_counts;

// A hash and its name. Its texts are valid during the callback.
typedef struct dft_name {
    // The size of this struct in bytes. The library sets it.
    uint64_t size;
    // The hash.
    struct dft_text hash;
    // The name.
    struct dft_text name;
} dft_name;

// Receives a hash and its name, valid during the callback. A result other than 0 ends the iteration.
typedef int32_t (*dft_visit_name)(void *context, const struct dft_name *name);

// What to ingest, and how. Set `size`, `index` and `shared`; zeros elsewhere are the defaults.
typedef struct dft_ingest_request {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The directory of the index, which is created with the bundles' configuration if it does not exist; not empty.
    struct dft_text index;
    // The directory of the bundles; not empty.
    struct dft_text shared;
    // If not 0, ingested bundles are kept; else they are removed.
    uint32_t keep;
    // Reserved: 0.
    uint32_t reserved;
    // Receives the path of each bundle that was refused or not removed, with the reason; may be NULL.
    dft_on_note on_refused;
    // Receives each trace with missing pieces, and what is missing; may be NULL.
    dft_on_note on_waiting;
    // Receives each trace whose pieces do not fit together, and why: stage it whole, then ingest it. May be NULL.
    dft_on_note on_unchained;
    // Passed to the callbacks, which run on the caller's thread; may be NULL.
    void *context;
} dft_ingest_request;

// What an ingest did.
typedef struct dft_ingest_summary {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The number of bundles that were ingested.
    uint64_t taken;
    // The number of bundles whose traces were already indexed.
    uint64_t known;
    // The number of bundles that were refused and stay where they are.
    uint64_t refused;
    // The number of indexed bundles that could not be removed.
    uint64_t not_removed;
    // The number of bundles that are being moved, or were when their worker died.
    uint64_t unfinished;
    // The number of traces with some pieces staged and others missing.
    uint64_t waiting_traces;
    // The number of traces whose pieces do not fit together: stage them whole.
    uint64_t unchained_traces;
    // The number of duplicates: files with the text of another trace. Nothing in them is counted. The log names them.
    uint64_t duplicate_files;
} dft_ingest_summary;

// The key of a row of telemetry: one counter in one bucket.
typedef struct dft_reading_key {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The host hash, in UTF-8.
    struct dft_text host_hash;
    // The name of the counter, in UTF-8.
    struct dft_text name;
    // The category, in lower case and UTF-8; empty for `sys`, which concerns the whole host.
    struct dft_text category;
    // The values of the group keys of the index, in UTF-8 and in their order; empty texts for absent values. NULL with
    // length 0 if there are none.
    const struct dft_text *group_values;
    // The number of texts in `group_values`, at most 1,000.
    uint64_t group_values_length;
    // The start of the bucket, in µs; less than 2^63.
    uint64_t bucket_us;
    // The process that the counter concerns; 0 if it concerns the whole host.
    int64_t pid;
    // 1 if the counter concerns a process, 0 if it concerns the whole host.
    uint32_t has_pid;
    // Reserved: 0.
    uint32_t reserved;
} dft_reading_key;

// Receives a key, valid during the callback. Its result is ignored: return 0.
typedef int32_t (*dft_on_reading_key)(void *context, const struct dft_reading_key *key);

// Which telemetry a cursor returns. Set `size` and zero the rest for all telemetry.
typedef struct dft_reading_query {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // Only the host with this hash, in UTF-8; empty for all.
    struct dft_text host_hash;
    // Only the counter with this name, in UTF-8; empty for all.
    struct dft_text name;
    // Only buckets that start at or after this time, in µs.
    uint64_t start_us;
    // Only buckets that start before this time, in µs.
    uint64_t end_us;
    // 1 if `start_us` and `end_us` apply, 0 if not.
    uint32_t has_time;
    // Reserved: 0.
    uint32_t reserved;
} dft_reading_query;

// A row of telemetry: one counter in one bucket. Its texts are valid until the next step of the cursor or until it is
// freed.
typedef struct dft_reading {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The key of the row in the index.
    struct dft_text key;
    // The encoded value of the row in the index, for dft_value_decode().
    struct dft_text value;
    // The host hash.
    struct dft_text host_hash;
    // The name of the counter.
    struct dft_text name;
    // The start of the bucket, in µs.
    uint64_t bucket_us;
    // The number of readings.
    uint64_t readings;
    // The earliest `ts`, in µs.
    int64_t ts_us;
    // The latest `ts`, in µs.
    int64_t te_us;
    // The number of metrics; dft_readings_metric() returns each.
    uint64_t metrics;
    // The category of the counter, in lower case.
    struct dft_text category;
    // The process that the counter concerns; 0 if it concerns the whole host.
    int64_t pid;
    // 1 if the counter concerns a process, 0 if it concerns the whole host.
    uint32_t has_pid;
    // Reserved: 0.
    uint32_t reserved;
    // The values of the group keys of the index, in the order of its configuration; empty texts for absent values.
    // There are none if the counter has no value of any group key.
    const struct dft_text *group_values;
    // The number of texts in `group_values`.
    uint64_t group_values_length;
} dft_reading;

// Receives a row of telemetry, valid during the callback. A result other than 0 ends the scan.
typedef int32_t (*dft_visit_reading)(void *context, const struct dft_reading *reading);

// Exact statistics of integers. This struct does not grow.
typedef struct dft_int_stats {
    // The number of samples in the sum; UINT64_MAX if there are more.
    uint64_t samples;
    // The low 64 bits of the sum, in two's complement.
    uint64_t sum_low;
    // The high 64 bits of the sum. If the sum fits in 64 bits: 0, or -1 for a negative sum.
    int64_t sum_high;
    // The lowest value; undefined if `has_extent` is 0.
    int64_t min;
    // The highest value; undefined if `has_extent` is 0.
    int64_t max;
    // The mean, correctly rounded; NaN without samples.
    double mean;
    // The sample standard deviation, correctly rounded; NaN with fewer than two samples, or if the tracer summed up
    // samples without their squares.
    double std;
    // 1 if `min` and `max` are known, 0 if not.
    uint32_t has_extent;
    // Reserved: 0.
    uint32_t reserved;
} dft_int_stats;

// Correctly rounded statistics of doubles. What is unknown is NaN. This struct does not grow.
typedef struct dft_real_stats {
    // The number of samples in the sum, without those that are NaN or infinite; UINT64_MAX if there are more.
    uint64_t samples;
    // The number of samples that are NaN or infinite. Nothing else counts them.
    uint64_t not_finite;
    // The sum; NaN without samples.
    double total;
    // The mean; NaN without samples.
    double mean;
    // The sample standard deviation; NaN with fewer than two samples, or if the tracer summed up samples without their
    // squares.
    double std;
    // The sum of squared deviations from the mean (Welford's M2); NaN without samples or squares.
    double m2;
    // The lowest sample; NaN without samples.
    double min;
    // The highest sample; NaN without samples.
    double max;
} dft_real_stats;

// Statistics of one metric. What is unknown is NaN.
typedef struct dft_metric {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The name, valid as the function or callback states: `dur`, `size` and `offset` for those metrics.
    struct dft_text name;
    // One of DFT_METRIC_…
    uint32_t metric;
    // Reserved: 0.
    uint32_t reserved;
    // The number of samples, without those that are NaN or infinite; UINT64_MAX if there are more.
    uint64_t samples;
    // The number of samples that are NaN or infinite.
    uint64_t not_finite;
    // The sum, correctly rounded; NaN without samples.
    double total;
    // The mean, correctly rounded; NaN without samples, or if their number is in doubt.
    double mean;
    // The sample standard deviation, correctly rounded; NaN with fewer than two samples, or without their squares.
    double std;
    // The lowest value; NaN if unknown.
    double min;
    // The highest value; NaN if unknown.
    double max;
    // The number of values in the sketch; 0 without a sketch.
    uint64_t sketched;
    // The statistics of those samples that are integers.
    struct dft_int_stats integers;
    // The statistics of the other samples.
    struct dft_real_stats reals;
} dft_metric;

// Which rows a cursor returns. Set `size` and zero the rest for all calls.
typedef struct dft_row_query {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // One of DFT_SERIES_…
    uint32_t kind;
    // The shard of the rows to return, from 0 to `shards` - 1.
    uint32_t shard;
    // The number of shards, at most 65,536; 0 or 1 for all rows. Shards are disjoint and together are all rows.
    uint32_t shards;
    // 1 if `start_us` and `end_us` apply, 0 if not.
    uint32_t has_time;
    // Only buckets that start at or after this time, in µs.
    uint64_t start_us;
    // Only buckets that start before this time, in µs.
    uint64_t end_us;
} dft_row_query;

// The value of a row, without custom metrics. This struct does not grow, because other structs contain it.
typedef struct dft_row_value {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The number of calls; UINT64_MAX if there are more.
    uint64_t count;
    // The earliest `ts`, in µs.
    int64_t ts_us;
    // The latest end of a call, in µs; of other series kinds, the latest `ts`.
    int64_t te_us;
    // Statistics of the durations, in µs.
    struct dft_int_stats duration;
    // Statistics of the sizes transferred, in bytes.
    struct dft_int_stats bytes;
    // Statistics of the file offsets, in bytes.
    struct dft_int_stats offset;
} dft_row_value;

// A row: its series, bucket and value. Its texts are valid until the next step of the cursor or until it is freed.
typedef struct dft_row {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The key, 32 bytes: the series id and the bucket.
    struct dft_text key;
    // The encoded value, for dft_value_decode().
    struct dft_text value;
    // The start of the bucket, in µs.
    uint64_t bucket_us;
    // The category, in lower case.
    struct dft_text category;
    // The function.
    struct dft_text name;
    // The host hash.
    struct dft_text host_hash;
    // The file hash; empty if rows are not separated by file.
    struct dft_text file_hash;
    // The process id.
    int64_t pid;
    // The thread id.
    int64_t tid;
    // The decoded value, without custom metrics and sketches: dft_value_decode() reads all.
    struct dft_row_value decoded;
    // The values of the group keys of the index, in the order of its configuration; empty texts for absent values.
    const struct dft_text *group_values;
    // The number of texts in `group_values`.
    uint64_t group_values_length;
} dft_row;

// Receives a row, valid during the callback. A result other than 0 ends the scan.
typedef int32_t (*dft_visit_row)(void *context, const struct dft_row *row);

// What a sink does with records. Set `size`, `index` and `source`; zeros elsewhere are the defaults.
typedef struct dft_sink_request {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The directory of the index, which is created if it does not exist; not empty.
    struct dft_text index;
    // Where the records come from, such as a host and a rank, in UTF-8. Several processes may have the same.
    struct dft_text source;
    // How to aggregate; NULL for the default.
    const struct dft_config *config;
    // An existing directory for tables that exceed the memory budget; empty for the system's directory for temporary
    // files. What is created there is removed with the sink.
    struct dft_text scratch;
    // The memory budget of the table of each thread, and of what waits to be published, in bytes; 0 for 16 MiB.
    uint64_t memory;
    // How often a thread of the sink hands over everything to the index, in ms; 0 for never.
    uint64_t interval_ms;
    // How long dft_sink_publish() waits for an index that another writer holds, in ms; 0 for 10 s.
    uint64_t patience_ms;
    // The number of threads that publish, limited to 1,024; 0 for 1.
    uint32_t threads;
    // If not 0, the sink publishes when the process ends by exit() or by returning from main(), after the handlers of
    // atexit(), and when the library is unloaded. A process that ends by _exit(), exec() or a signal publishes nothing
    // then.
    uint32_t at_exit;
} dft_sink_request;

// A piece of a trace: a range of the bytes of its file on disk. A file that is not cut is one piece.
typedef struct dft_piece {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The path of the trace; not empty.
    struct dft_text path;
    // The offset of the first byte.
    uint64_t start;
    // The offset after the last byte.
    uint64_t end;
    // The size of the file in bytes when it was cut.
    uint64_t file_size;
} dft_piece;

// Receives a piece of a plan, which is valid during the callback. A result other than 0 stops dft_plan(), which then
// returns DFT_CANCELLED.
typedef int32_t (*dft_on_piece)(void *context, const struct dft_piece *piece);

// What to stage, and how. Set `size`, `staging`, `shared`, and either `traces` or `pieces`; zeros elsewhere are the
// defaults.
typedef struct dft_stage_request {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // Files, directories (searched for *.pfw and *.pfw.gz) or globs.
    const struct dft_text *traces;
    // The number of texts in `traces`.
    uint64_t traces_length;
    // Pieces from dft_plan(), in place of `traces`; all have the same `size`.
    const struct dft_piece *pieces;
    // The number of pieces.
    uint64_t pieces_length;
    // A directory of this machine for temporary files; not empty.
    struct dft_text staging;
    // The directory of the bundles, which all machines share; not empty; may be the same as `staging`.
    struct dft_text shared;
    // The part of the traces to stage, from 0 to `parts` - 1.
    uint32_t part;
    // The number of parts; 0 or 1 for all traces. Parts are about equal in bytes, and are the same on every machine
    // that sees the same files. Pieces have no parts.
    uint32_t parts;
    // How to aggregate; NULL for the default.
    const struct dft_config *config;
    // Where the traces come from, as in dft_build_request.
    struct dft_text source;
    // The memory budget of the tables of all threads, in bytes; 0 for the default, as in dft_build_request.
    uint64_t memory;
    // The number of threads, limited to 1,024; 0 for the number of cores.
    uint32_t threads;
    // If not 0, faults of the input are an error (DFT_MALFORMED), and nothing is stored.
    uint32_t strict;
    // Receives the progress on a thread of the library; may be NULL.
    dft_on_progress on_progress;
    // Receives each fault of a file on the caller's thread, and each piece that does not end where the next one
    // starts; may be NULL. A result other than 0 ends the reports.
    dft_on_note on_fault;
    // Passed to both callbacks; may be NULL.
    void *context;
} dft_stage_request;

// A bin of a histogram by powers of two. This struct does not grow.
typedef struct dft_bin {
    // The power of two that the magnitudes of the bin's values are at least, with their sign; 0 for values of 0.
    double power;
    // The number of values; UINT64_MAX if there are more.
    uint64_t values;
} dft_bin;

// Receives a bin, valid during the callback. A result other than 0 ends the iteration.
typedef int32_t (*dft_visit_bin)(void *context, const struct dft_bin *bin);

// A trace, relative to an index. Its text is valid during the callback.
typedef struct dft_trace {
    // The size of this struct in bytes. The library sets it.
    uint64_t size;
    // The path.
    struct dft_text path;
    // One of DFT_TRACE_…
    uint32_t state;
    // Reserved: 0.
    uint32_t reserved;
} dft_trace;

// Receives a trace, valid during the callback. A result other than 0 ends the iteration.
typedef int32_t (*dft_visit_trace)(void *context, const struct dft_trace *trace);

// What a value has, except its metrics.
typedef struct dft_value_info {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The number of calls, or of readings; UINT64_MAX if there are more.
    uint64_t count;
    // The earliest `ts`, in µs; INT64_MAX if there is none.
    int64_t ts_us;
    // The latest end of a call, in µs; of aggregated calls, host statistics and telemetry, the latest `ts`. INT64_MIN
    // if there is none.
    int64_t te_us;
    // The number of metrics for which something was recorded.
    uint64_t metrics;
    // One of DFT_VALUE_…
    uint32_t kind;
    // Reserved: 0.
    uint32_t reserved;
} dft_value_info;

// Receives a metric, valid during the callback. A result other than 0 ends the iteration.
typedef int32_t (*dft_visit_metric)(void *context, const struct dft_metric *metric);

// The version of the library.
typedef struct dft_version {
    // The size of this struct in bytes. The caller sets it.
    uint64_t size;
    // The ABI version of the loaded library: the DFT_ABI_VERSION of its header.
    uint32_t abi;
    // The version of the index format that the library reads and writes.
    uint32_t index_format;
    // The release, such as 0.1.0. Valid while the library is loaded.
    struct dft_text release;
    // The features, as words separated by spaces. Valid while the library is loaded. The meaning of a word never
    // changes.
    struct dft_text features;
} dft_version;

// Success.
#define DFT_OK 0

// An argument is NULL where NULL is not allowed, misaligned, not UTF-8 where UTF-8 is required, or out of range.
#define DFT_INVALID_ARGUMENT 1

// A handle was freed, has another type, or never was a handle.
#define DFT_INVALID_HANDLE 2

// The object allows one thread at a time and is in use, or is to be freed while it is in use.
#define DFT_BUSY 3

// There is no index at the path.
#define DFT_NO_INDEX 4

// Another writer is changing the index. Try again later.
#define DFT_LOCKED 5

// The configuration differs from the index's, or is invalid.
#define DFT_CONFIG 6

// The index or bundle has a format that this library does not read.
#define DFT_FORMAT 7

// An index, a bundle, a key or a value is damaged.
#define DFT_DAMAGED 8

// The operating system reported an error, such as no such file, no permission, or a full disk.
#define DFT_SYSTEM 9

// A trace has changed since it was indexed, staged or planned, or the index already has the source.
#define DFT_CHANGED 10

// No trace or bundle was found, or no trace has a record.
#define DFT_NOTHING_FOUND 11

// A record or a line is malformed.
#define DFT_MALFORMED 12

// A number or a result is too large for the place that receives it.
#define DFT_TOO_LARGE 13

// A callback stopped the work.
#define DFT_CANCELLED 14

// Everything was added to the index, but a later step failed: the change may be lost if the power fails.
#define DFT_COMMITTED 15

// A handle was opened by the process that this one was forked from, or this process was forked during a call. Open the
// object again in this process.
#define DFT_FORKED 16

// A bug in the library; the message states where. The objects that the call used may be unusable.
#define DFT_PANIC 99

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Creates an aggregator.
//
// `config`: how to aggregate; NULL for the default. `memory`: the memory budget of the table, in bytes, after which it
// is written to a new directory in `scratch`; 0 for 256 MiB. Tables of merged aggregators stay in memory in addition.
// `scratch`: an existing directory; empty for the system's directory for temporary files. What the aggregator creates
// there is removed with it. `aggregator`: receives the handle, which dft_aggregator_free() frees; not NULL.
//
// Returns DFT_CONFIG if `config` is invalid, DFT_TOO_LARGE if 65,536 handles are open. Any thread.
dft_status dft_aggregator_new(const struct dft_config *config,
                              uint64_t memory,
                              struct dft_text scratch,
                              struct dft_aggregator **aggregator);

// Adds a record. The function copies what it needs, so the record need not outlive the call.
//
// `record`: the record; its `size` must be set; not NULL.
//
// Returns DFT_MALFORMED if the record is malformed, for example has a negative time. Such a record is counted as
// malformed and is in no row, and more records can be added. Returns DFT_SYSTEM if the table cannot be written to the
// scratch directory; the record is not added. One thread at a time for each aggregator.
dft_status dft_aggregator_add(struct dft_aggregator *aggregator,
                              const struct dft_record *record);

// Adds records as lines of JSON, like those of a trace. Their times are in the unit that a CM record among the lines
// states; before it, in the unit of the configuration, µs by default.
//
// `text`: whole lines. `added`: receives the result; its `size` must be set; may be NULL. Malformed lines are counted
// and are not an error. Returns DFT_SYSTEM if the table cannot be written to the scratch directory; no line is added.
// One thread at a time for each aggregator.
dft_status dft_aggregator_add_lines(struct dft_aggregator *aggregator,
                                    struct dft_text text,
                                    struct dft_lines_added *added);

// Moves everything in `from` to `into`. `from` is empty afterwards; it can be used again or freed. The order of
// several merges does not change a bit of the result.
//
// `into`, `from`: two different aggregators; the same one gives DFT_BUSY. Returns DFT_CONFIG if their configurations
// differ. One thread at a time for each of the two.
dft_status dft_aggregator_merge(struct dft_aggregator *into,
                                struct dft_aggregator *from);

// Adds everything that was aggregated to an index, completely or not at all. The aggregator is empty afterwards.
//
// `index`: the directory, which is created if it does not exist; not empty. `source`: a name for the records, such as
// a host and a rank, in UTF-8. `threads`: the number of threads, limited to 1,024; 0 for the number of cores.
//
// Returns DFT_CHANGED if the index already has the source, DFT_INVALID_ARGUMENT if `source` is not UTF-8,
// DFT_CONFIG if the index has another configuration, DFT_LOCKED if another writer is changing the index (try again
// later), and DFT_SYSTEM if the index cannot be written. The index and the aggregator are unchanged then. After
// DFT_COMMITTED, everything is in the index and the aggregator is empty. One thread at a time for each aggregator.
dft_status dft_aggregator_publish(struct dft_aggregator *aggregator,
                                  struct dft_text index,
                                  struct dft_text source,
                                  uint32_t threads);

// Creates a temporary index of everything that was aggregated, to read tables without publishing. The index is removed
// with its handle, or with the last cursor or stream of it.
//
// `aggregator`: is freed, also if the function fails with a status other than DFT_INVALID_ARGUMENT, DFT_INVALID_HANDLE
// and DFT_BUSY. `threads`: the number of threads, limited to 1,024; 0 for the number of cores. `index`: receives the
// handle, which dft_index_free() frees; not NULL. Returns DFT_SYSTEM if the index cannot be written. One thread at a
// time for each aggregator.
dft_status dft_aggregator_into_index(struct dft_aggregator *aggregator,
                                     uint32_t threads,
                                     struct dft_index **index);

// Frees an aggregator and everything in it. `aggregator`: NULL does nothing. Returns DFT_BUSY if it is in use, and
// DFT_INVALID_HANDLE if it was freed before. Any thread.
dft_status dft_aggregator_free(struct dft_aggregator *aggregator);

// Analyzes where the time of a job went: layers with their busy times and overlaps, processes, epochs, groups and
// findings, as a JSON object: see `dft_analyze::Analysis`. Times are in µs and sizes in bytes; null is not known.
//
// `request`: what to analyze; its `size` must be set; NULL for all. `on_text`: receives the text once, with an empty
// path, on the caller's thread; not NULL. `context`: passed to it; may be NULL.
//
// Returns DFT_INVALID_ARGUMENT if anything in the request is invalid, or names a preset or a group that does not
// exist, and DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any number of threads.
dft_status dft_analyze(const struct dft_index *index,
                       const struct dft_analyze_request *request,
                       dft_on_note on_text,
                       void *context);

// Compares runs with the first of them: layers or groups side by side, with changes, and whether these are beyond
// noise, as a JSON object: see `dft_analyze::Comparison`.
//
// `indexes`, `names`: the runs and what they are called in the result; two or more of each. `request`: what to
// compare; its `size` must be set; NULL for the layers of all calls. `on_text`, `context`: as for `dft_analyze`.
//
// Returns DFT_INVALID_ARGUMENT if anything in the request is invalid, or if there are not two runs, and DFT_DAMAGED or
// DFT_SYSTEM if an index cannot be read. Any number of threads.
dft_status dft_compare(const struct dft_index *const *indexes,
                       const struct dft_text *names,
                       uint64_t length,
                       const struct dft_analyze_request *request,
                       dft_on_note on_text,
                       void *context);

// Adds traces to an index: traces that it does not have yet, and what known traces have grown by. Adds all or nothing.
//
// `request`: what to build; its `size` must be set; not NULL. `done`: receives what was done; its `size` must be set;
// may be NULL.
//
// Faults of the input are not an error, unless `strict` is set: then DFT_MALFORMED. Returns DFT_NOTHING_FOUND if there
// is no trace, or no trace has a record and there is no index yet; DFT_CONFIG if `config` is invalid or differs from
// the index's; DFT_CHANGED if an indexed trace has changed other than by growing, unless `rebuild` is set; DFT_LOCKED
// if another writer is changing the index; DFT_FORMAT or DFT_DAMAGED if the index cannot be used; DFT_CANCELLED if
// `on_progress` stopped the build; DFT_SYSTEM for errors of the system. The index is unchanged then. After
// DFT_COMMITTED, the traces are in the index. Any thread.
dft_status dft_build(const struct dft_build_request *request,
                     struct dft_build_summary *done);

// Describes the last failed call of the calling thread.
//
// `error`: receives the description; its `size` must be set; not NULL. Its texts are valid until the next failed call
// of this thread other than this function. Returns DFT_INVALID_ARGUMENT for a bad `error`, and then leaves the last
// error as it is. Thread-safe: each thread has its own last error.
dft_status dft_last_error(struct dft_error *error);

// Sets the callback that receives the library's messages. There is none at first.
//
// `on_log`: the callback, which may run on any thread; NULL for none. `context`: passed to it; may be NULL. The caller
// must keep it valid until another callback is set. After this function returns, the previous callback is no longer
// called. Returns DFT_BUSY inside the log callback. Any thread.
dft_status dft_set_log(dft_on_log on_log,
                       void *context);

// Opens a table as a stream of the Arrow C stream interface, which any Arrow library reads without a copy. Memory does
// not grow with the table.
//
// `index`: the index; its handle may be freed before the stream. `table`: one of DFT_TABLE_…. `view`: which rows; its
// `size` must be set; NULL for all. `stream`: an ArrowArrayStream, which is overwritten, so it must not be a stream
// that needs a release; not NULL. The caller releases it with its `release`.
//
// Returns DFT_INVALID_ARGUMENT if the table, or anything in the view, is invalid, and DFT_DAMAGED or DFT_SYSTEM if the
// index cannot be read. Errors while reading are errors of the stream. Any number of threads; each stream allows one
// thread at a time.
dft_status dft_table_stream(const struct dft_index *index,
                            uint32_t table,
                            const struct dft_view *view,
                            struct ArrowArrayStream *stream);

// Iterates over the columns of a table, in order. Telemetry and the table `aggregation` have columns for every metric
// that was observed.
//
// `table`: one of DFT_TABLE_…. `view`: its `size` must be set; NULL for everything. `visit`: receives each name on the
// caller's thread; not NULL. `context`: passed to it; may be NULL. Statuses and thread rule: see dft_table_stream().
dft_status dft_table_columns(const struct dft_index *index,
                             uint32_t table,
                             const struct dft_view *view,
                             dft_visit_column visit,
                             void *context);

// Writes tables to a directory, one file for each, named after the table. Either all tables are written or none.
// Tables of earlier exports that show another state of the index, or other rows of it, are removed.
//
// `request`: what to export; its `size` must be set; not NULL.
//
// Returns DFT_INVALID_ARGUMENT if an argument is invalid, or if the directory has a table that no export is known to
// have written and that would stay next to the new ones; then nothing is written. Returns DFT_TOO_LARGE, with the row
// in the last error, if a number does not fit in its column, DFT_DAMAGED if the index or the directory's list of
// exports is damaged, and DFT_SYSTEM for errors of the system. Any number of threads.
dft_status dft_export(const struct dft_index *index,
                      const struct dft_export_request *request);

// Summarizes an index as a JSON object: time spans and totals (times in µs, sizes in bytes), the top functions and
// files, and every metric of telemetry.
//
// `view`: which rows; its `size` must be set; NULL for all. `top`: the number of functions and files to list.
// `on_text`: receives the text once, with an empty path, on the caller's thread; not NULL. `context`: passed to it;
// may be NULL.
//
// Returns DFT_INVALID_ARGUMENT if anything in the view is invalid, DFT_TOO_LARGE, with the row in the last error, if a
// number does not fit in an int64, and DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any number of threads.
dft_status dft_summary(const struct dft_index *index,
                       const struct dft_view *view,
                       uint64_t top,
                       dft_on_note on_text,
                       void *context);

// Iterates over the trace files and live sources of an index, sorted by path.
//
// `visit`: receives each file on the caller's thread; not NULL. `context`: passed to it; may be NULL. Returns
// DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any number of threads.
dft_status dft_index_files(const struct dft_index *index, dft_visit_file visit, void *context);

// Iterates over the processes of an index, sorted by host hash and process id. It reads all series first, so its time
// grows with their number.
//
// `visit`: receives each process on the caller's thread; not NULL. `context`: passed to it; may be NULL. Returns
// DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any number of threads.
dft_status dft_index_processes(const struct dft_index *index,
                               dft_visit_process visit,
                               void *context);

// Groups rows, and opens the groups as a stream of the Arrow C stream interface: what rows are grouped by, then the
// statistics, with the names of `dft query`. Memory grows with the groups, not with the rows.
//
// `index`: the index; its handle may be freed before the stream. `request`: how to group; its `size` must be set; NULL
// for one group of all calls. `stream`: as for dft_table_stream().
//
// Returns DFT_INVALID_ARGUMENT if a name is unknown, if a statistic needs percentiles that the index does not keep, or
// if anything in the view is invalid; DFT_TOO_LARGE if a number does not fit in its column; DFT_DAMAGED or DFT_SYSTEM
// if the index cannot be read. Any number of threads.
dft_status dft_group_stream(const struct dft_index *index,
                            const struct dft_group_request *request,
                            struct ArrowArrayStream *stream);

// Opens an index for reading. It takes no lock. The handle shows the index as it is now, even if others change it
// later.
//
// `path`: the directory of the index; not empty. `index`: receives the handle, which dft_index_free() frees; not NULL.
// Returns DFT_NO_INDEX if there is no index, DFT_FORMAT if this library does not read its format, DFT_DAMAGED if it is
// damaged, DFT_SYSTEM for errors of the system, and DFT_TOO_LARGE if 65,536 handles are open. Any thread.
dft_status dft_index_open(struct dft_text path,
                          struct dft_index **index);

// Writes the default place of the index of some traces: `.dftagg` in their directory, or in the innermost directory
// that holds all of them.
//
// `traces`: files, directories or globs; `traces_length` of them. `location`: receives the path; not NULL. Returns
// DFT_TOO_LARGE if the path does not fit, and DFT_NOTHING_FOUND if the traces cannot be listed. Any thread.
dft_status dft_index_location(const struct dft_text *traces,
                              uint64_t traces_length,
                              struct dft_buffer *location);

// Frees the handle of an index. Cursors and streams of it stay valid. `index`: NULL does nothing. Returns DFT_BUSY if
// the handle is in use, and DFT_INVALID_HANDLE if it was freed before. Any thread.
dft_status dft_index_free(struct dft_index *index);

// Describes an index: configuration, time bounds, size. It reads no rows.
//
// `info`: receives the description; its `size` must be set; not NULL. Any number of threads.
dft_status dft_index_describe(const struct dft_index *index, struct dft_index_info *info);

// Returns the configuration of an index, for example to build with the same one.
//
// `config`: receives the configuration; its `size` must be set; not NULL. Its lists are valid until the handle of the
// index is freed. Any number of threads.
dft_status dft_index_config(const struct dft_index *index,
                            struct dft_config *config);

// Counts the entries of an index. It reads all keys, so its time grows with the number of rows.
//
// `counts`: receives the counts; its `size` must be set; not NULL. Returns DFT_DAMAGED or DFT_SYSTEM if the index
// cannot be read. Any number of threads.
dft_status dft_index_count(const struct dft_index *index,
                           struct dft_index_counts *counts);

// Iterates over a hash table in the order of the hashes. If a hash has several names, the first in byte order is
// reported.
//
// `kind`: one of DFT_NAMES_…. `visit`: receives each hash and its name on the caller's thread; not NULL. `context`:
// passed to it; may be NULL. Returns DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any number of threads.
dft_status dft_index_names(const struct dft_index *index,
                           uint32_t kind,
                           dft_visit_name visit,
                           void *context);

// Looks up the name of a hash.
//
// `kind`: one of DFT_NAMES_…. `hash`: the hash, in UTF-8. `name`: receives the name, with the length 0 if the hash has
// no name; not NULL.
//
// Returns DFT_TOO_LARGE if the name does not fit, and DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any
// number of threads.
dft_status dft_index_name(const struct dft_index *index,
                          uint32_t kind,
                          struct dft_text hash,
                          struct dft_buffer *name);

// Adds the bundles of a directory to an index, in any order, each once.
//
// `request`: what to ingest; its `size` must be set; not NULL. `done`: receives what was done; its `size` must be set;
// may be NULL.
//
// Returns DFT_NOTHING_FOUND if there are no bundles, DFT_LOCKED if another writer is changing the index, DFT_FORMAT or
// DFT_DAMAGED if the index cannot be used, and DFT_SYSTEM for errors of the system. The index is unchanged then. After
// DFT_COMMITTED, the bundles are in the index. A refused bundle is not an error. Any thread.
dft_status dft_ingest(const struct dft_ingest_request *request,
                      struct dft_ingest_summary *done);

// Decodes the key of a row.
//
// `key`: the 32 bytes of the key. `series`: receives the series id, 24 bytes; not NULL. `bucket_us`: receives the
// start of the bucket, in µs; not NULL. Returns DFT_DAMAGED if the bytes are not a row key. Any thread.
dft_status dft_row_key_decode(struct dft_text key,
                              uint8_t *series,
                              uint64_t *bucket_us);

// Decodes the key of a row of telemetry.
//
// `key`: the bytes of the key. `on_key`: receives the key once, on the caller's thread; not NULL. `context`: passed to
// it; may be NULL. Returns DFT_DAMAGED if the bytes are not such a key. Any thread.
dft_status dft_reading_key_decode(struct dft_text key,
                                  dft_on_reading_key on_key,
                                  void *context);

// Encodes the key of a row of telemetry.
//
// `key`: the key; its `size` must be set; not NULL. `encoded`: receives the bytes; not NULL. Returns
// DFT_INVALID_ARGUMENT if the key is invalid: a counter of category `sys` concerns the host, every other one a
// process. Returns DFT_TOO_LARGE if the bytes do not fit. Any thread.
dft_status dft_reading_key_encode(const struct dft_reading_key *key,
                                  struct dft_buffer *encoded);

// Iterates over names that rows or telemetry of an index were observed to have, beyond what every row has. It reads
// all series, all rows or all telemetry first.
//
// `which`: one of DFT_OBSERVED_…. `visit`: receives each name on the caller's thread; not NULL. `context`: passed to
// it; may be NULL. Returns DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. Any number of threads.
dft_status dft_index_observed(const struct dft_index *index,
                              uint32_t which,
                              dft_visit_column visit,
                              void *context);

// Opens a cursor over telemetry. It starts before the first row, and seeks to the rows of the query instead of
// filtering all rows.
//
// `index`: the index; its handle may be freed before the cursor. `query`: which telemetry; its `size` must be set;
// NULL for all. `readings`: receives the cursor, which dft_readings_free() frees; not NULL. Returns DFT_SYSTEM or
// DFT_DAMAGED if the index cannot be read, and DFT_TOO_LARGE if 65,536 handles are open. Any number of threads.
dft_status dft_readings_open(const struct dft_index *index,
                             const struct dft_reading_query *query,
                             struct dft_readings **readings);

// Scans telemetry in key order: the same as a cursor, as one call.
//
// `query`: as for dft_readings_open(). `visit`: receives each row on the caller's thread; not NULL. `context`: passed
// to it; may be NULL. `visited`: receives the number of rows that were visited, including the one that ended the scan;
// may be NULL. Statuses: as for dft_readings_open() and dft_readings_next(). Any number of threads.
dft_status dft_readings_scan(const struct dft_index *index,
                             const struct dft_reading_query *query,
                             dft_visit_reading visit,
                             void *context,
                             uint64_t *visited);

// Steps to the next row of telemetry. Arguments, statuses and thread rule: see dft_rows_next().
dft_status dft_readings_next(struct dft_readings *readings, struct dft_reading *reading, uint32_t *has_row);

// Returns one metric of the current row.
//
// `number`: from 0 to `dft_reading.metrics` - 1, in byte order of the names. `metric`: receives the metric; its `size`
// must be set; not NULL. Its name is valid until the next step of the cursor. Returns DFT_INVALID_ARGUMENT if there is
// no such metric. One thread at a time for each cursor.
dft_status dft_readings_metric(struct dft_readings *readings,
                               uint64_t number,
                               struct dft_metric *metric);

// Frees a cursor. NULL does nothing. Returns DFT_BUSY if it is in use, and DFT_INVALID_HANDLE if it was freed before.
// Any thread.
dft_status dft_readings_free(struct dft_readings *readings);

// Writes a page for the browser that shows where the time of a job went: one HTML file, at most 3 MB, that needs no
// other file and no network. A report of that name is replaced.
//
// `view`: which rows; its `size` must be set; NULL for all. `path`: the file; not empty.
//
// Returns DFT_INVALID_ARGUMENT if anything in the view is invalid or the path names something that is not a report,
// DFT_TOO_LARGE if a sum does not fit in 64 bits, and DFT_DAMAGED or DFT_SYSTEM if the index cannot be read or the
// file cannot be written. Any number of threads.
dft_status dft_report(const struct dft_index *index,
                      const struct dft_view *view,
                      struct dft_text path);

// Passes what `dft_report` shows to a function, as a JSON object or as the page itself. Times are in µs, from the
// origin of the trace, and sizes in bytes.
//
// `view`: which rows; its `size` must be set; NULL for all. `as_page`: 0 for JSON, 1 for the page. `on_text`: receives
// the text once, with an empty path, on the caller's thread; not NULL. `context`: passed to it; may be NULL.
//
// Returns what `dft_report` returns. Any number of threads.
dft_status dft_report_text(const struct dft_index *index,
                           const struct dft_view *view,
                           uint32_t as_page,
                           dft_on_note on_text,
                           void *context);

// Opens a cursor over rows. It starts before the first row.
//
// `index`: the index; its handle may be freed before the cursor. `query`: which rows; its `size` must be set; NULL for
// all calls. `rows`: receives the cursor, which dft_rows_free() frees; not NULL. Returns DFT_INVALID_ARGUMENT if the
// series kind or the shard does not exist, DFT_SYSTEM or DFT_DAMAGED if the index cannot be read, and DFT_TOO_LARGE if
// 65,536 handles are open. Any number of threads.
dft_status dft_rows_open(const struct dft_index *index,
                         const struct dft_row_query *query,
                         struct dft_rows **rows);

// Scans rows in key order: the same as a cursor, as one call.
//
// `query`: as for dft_rows_open(). `visit`: receives each row on the caller's thread; not NULL. `context`: passed to
// it; may be NULL. `visited`: receives the number of rows that were visited, including the one that ended the scan;
// may be NULL. Statuses: as for dft_rows_open() and dft_rows_next(). Any number of threads.
dft_status dft_rows_scan(const struct dft_index *index,
                         const struct dft_row_query *query,
                         dft_visit_row visit,
                         void *context,
                         uint64_t *visited);

// Steps to the next row.
//
// `row`: receives the row, unless there is none; its `size` must be set; not NULL. `has_row`: receives 1, or 0 at the
// end; not NULL. Returns DFT_DAMAGED or DFT_SYSTEM if the index cannot be read. One thread at a time for each cursor.
dft_status dft_rows_next(struct dft_rows *rows,
                         struct dft_row *row,
                         uint32_t *has_row);

// Frees a cursor. NULL does nothing. Returns DFT_BUSY if it is in use, and DFT_INVALID_HANDLE if it was freed before.
// Any thread.
dft_status dft_rows_free(struct dft_rows *rows);

// Creates a sink.
//
// `request`: what to do; its `size` must be set; not NULL. `sink`: receives the handle, which dft_sink_free() frees;
// not NULL. Returns DFT_CONFIG if `config` is invalid, DFT_INVALID_ARGUMENT if `source` is not UTF-8, and
// DFT_TOO_LARGE if 65,536 handles are open. Nothing is written yet. Any thread.
dft_status dft_sink_new(const struct dft_sink_request *request,
                        struct dft_sink **sink);

// Adds a record. It is copied as far as needed. Several threads may add at once: none waits for another.
//
// `record`: the record; its `size` must be set; not NULL.
//
// Returns DFT_MALFORMED if the record is malformed; it is counted as malformed and is in no row. Returns DFT_SYSTEM if
// the table of the thread exceeds its budget and cannot be written to the scratch directory; the record is not added.
dft_status dft_sink_add(struct dft_sink *sink,
                        const struct dft_record *record);

// Hands over what threads have held for at least some time to the index: completely or not at all, and once.
//
// `older_than_ms`: the time in ms; 0 for everything. Returns DFT_LOCKED if another writer is changing the index, and
// the other statuses of dft_aggregator_publish(), but never DFT_CHANGED. Nothing is lost: what was not published is
// published by the next call. After DFT_COMMITTED, it is in the index. Any number of threads.
dft_status dft_sink_flush(struct dft_sink *sink,
                          uint64_t older_than_ms);

// Hands over everything to the index, and waits for other writers up to the patience of the sink. Statuses: as for
// dft_sink_flush(). It may be called by a handler of atexit(), also by one that was registered before the sink was
// created. Any number of threads.
dft_status dft_sink_publish(struct dft_sink *sink);

// Frees a sink. What was not published is dropped; call dft_sink_publish() first. A sink that publishes at exit does
// so now, before it is freed. NULL does nothing.
//
// The caller must ensure that no other thread is adding to it. Returns DFT_BUSY if the sink is in use,
// DFT_INVALID_HANDLE if it was freed before, and the statuses of dft_sink_publish() for a sink that publishes at exit;
// it is freed nevertheless. Any thread.
dft_status dft_sink_free(struct dft_sink *sink);

// Cuts traces into pieces of about one size, which several machines can stage. It cuts at the start of a line, or of a
// gzip member. A file that is not much larger than a piece, or cannot be cut, is one piece. The function reads only a
// little of each file.
//
// `traces`: files, directories (searched for *.pfw and *.pfw.gz) or globs; `traces_length` of them. `piece_size`: the
// size of a piece in bytes on disk; 0 for 1 GiB. `on_piece`: receives each piece, sorted by path and offset, on the
// caller's thread; not NULL. `context`: passed to it; may be NULL.
//
// Returns DFT_NOTHING_FOUND if there are no traces or they cannot be listed, DFT_CANCELLED if `on_piece` stopped it.
// Any thread.
dft_status dft_plan(const struct dft_text *traces,
                    uint64_t traces_length,
                    uint64_t piece_size,
                    dft_on_piece on_piece,
                    void *context);

// Stages one machine's part of the traces, or pieces of traces: aggregates them to bundles in a directory that all
// machines share. Each bundle appears there complete or not at all. What is already in a bundle is left out, so the
// work of a machine that died can be staged again. An ingest adds a trace that was cut when all of its pieces are
// staged.
//
// `request`: what to stage; its `size` must be set; not NULL. `done`: receives what was done; its `size` must be set;
// may be NULL.
//
// Returns DFT_INVALID_ARGUMENT if there are both traces and pieces, no such part, or a piece that is not a valid
// range; DFT_NOTHING_FOUND if there are no traces; DFT_CONFIG if `config` is invalid; DFT_MALFORMED for faults if
// `strict` is set; DFT_CHANGED if a staged trace has changed, or has another size than when it was cut (plan again);
// DFT_CANCELLED if `on_progress` stopped the work; and DFT_SYSTEM for errors of the system. Bundles that were finished
// before stay. Any thread.
dft_status dft_stage(const struct dft_stage_request *request,
                     struct dft_build_summary *done);

// Creates statistics without samples.
//
// `sketch_accuracy`: the relative accuracy of quantiles: 0.00001 to less than 1, such as 0.01; 0 for no sketch.
// `stats`: receives the handle, which dft_stats_free() frees; not NULL. Any thread.
dft_status dft_stats_new(double sketch_accuracy,
                         struct dft_stats **stats);

// Adds integer samples. Their statistics are exact.
//
// `samples`: the samples, `samples_length` of them; may be NULL if there are none. One thread at a time.
dft_status dft_stats_add_integers(struct dft_stats *stats, const int64_t *samples, uint64_t samples_length);

// Adds samples that are doubles. Their sums are exact. NaN and infinities are counted and left out.
//
// `samples`: the samples, `samples_length` of them; may be NULL if there are none. One thread at a time.
dft_status dft_stats_add_reals(struct dft_stats *stats, const double *samples, uint64_t samples_length);

// Adds all samples of `from` to `into`. `from` stays as it is. The order of several merges does not change a bit of
// the result.
//
// `into`, `from`: two different statistics; the same one gives DFT_BUSY. Returns DFT_CONFIG if their sketches have
// different accuracies. One thread at a time for each of the two.
dft_status dft_stats_merge(struct dft_stats *into,
                           const struct dft_stats *from);

// Copies statistics. `copy`: receives the handle, which dft_stats_free() frees; not NULL. One thread at a time.
dft_status dft_stats_copy(const struct dft_stats *stats,
                          struct dft_stats **copy);

// Reads statistics, except quantiles and histogram.
//
// `metric`: receives them, with an empty name; its `size` must be set; not NULL. One thread at a time.
dft_status dft_stats_describe(const struct dft_stats *stats, struct dft_metric *metric);

// Reads a quantile: the value of rank ⌊q·(n − 1)⌋ of n samples, within the accuracy of the sketch, and between the
// exact minimum and maximum.
//
// `q`: from 0 to 1. `value`: receives the quantile; NaN without samples, without a sketch, or if a tracer summed up
// samples, which are in no sketch; not NULL. Returns DFT_INVALID_ARGUMENT for another `q`. One thread at a time.
dft_status dft_stats_quantile(const struct dft_stats *stats,
                              double q,
                              double *value);

// Iterates over the histogram by powers of two, in ascending order. Bins without values are left out. There is none
// where dft_stats_quantile() gives NaN.
//
// `visit`: receives each bin on the caller's thread; not NULL. `context`: passed to it; may be NULL. One thread at a
// time.
dft_status dft_stats_histogram(const struct dft_stats *stats,
                               dft_visit_bin visit,
                               void *context);

// Encodes statistics, for dft_stats_decode() of any process. `encoded`: receives the bytes; not NULL. Returns
// DFT_TOO_LARGE if they do not fit. One thread at a time.
dft_status dft_stats_encode(const struct dft_stats *stats, struct dft_buffer *encoded);

// Decodes statistics.
//
// `bytes`: what dft_stats_encode() wrote. `stats`: receives the handle, which dft_stats_free() frees; not NULL.
// Returns DFT_DAMAGED if the bytes are not such statistics. Any thread.
dft_status dft_stats_decode(struct dft_text bytes,
                            struct dft_stats **stats);

// Frees statistics. NULL does nothing. Returns DFT_BUSY if they are in use, and DFT_INVALID_HANDLE if they were freed
// before. Any thread.
dft_status dft_stats_free(struct dft_stats *stats);

// Reports the state of each trace relative to an index, sorted by path: what dft_build() would read. If there is no
// index, all traces that can be read are new. Traces of the index whose files no longer exist are reported too,
// whichever traces are passed. The function writes nothing.
//
// `traces`: files, directories (searched for *.pfw and *.pfw.gz) or globs; `traces_length` of them. `index`: the
// directory of the index; not empty. `visit`: receives each trace on the caller's thread; not NULL. `context`: passed
// to it; may be NULL. Returns DFT_NOTHING_FOUND if the traces cannot be listed, and DFT_FORMAT, DFT_DAMAGED or
// DFT_SYSTEM if the index cannot be read. Any thread.
dft_status dft_resolve(const struct dft_text *traces,
                       uint64_t traces_length,
                       struct dft_text index,
                       dft_visit_trace visit,
                       void *context);

// Creates a value without calls, readings or metrics.
//
// `kind`: one of DFT_VALUE_…. `sketch_accuracy`: the accuracy of its sketches, as in dft_config; 0 for none. `value`:
// receives the handle, which dft_value_free() frees; not NULL. Any thread.
dft_status dft_value_new(uint32_t kind,
                         double sketch_accuracy,
                         struct dft_value **value);

// Decodes a value.
//
// `kind`: one of DFT_VALUE_…. `bytes`: the value of a row or of a reading in the index. `bucket_us`: the bucket in its
// key, in µs. `sketch_accuracy`: that of the index's configuration; 0 to read no sketches. `value`: receives the
// handle, which dft_value_free() frees; not NULL. Returns DFT_DAMAGED if the bytes are not such a value. Any thread.
dft_status dft_value_decode(uint32_t kind,
                            struct dft_text bytes,
                            uint64_t bucket_us,
                            double sketch_accuracy,
                            struct dft_value **value);

// Encodes a value as the index does.
//
// `bucket_us`: the bucket of its key, in µs. `encoded`: receives the bytes; not NULL. Returns DFT_INVALID_ARGUMENT if
// the value has no time span yet, and DFT_TOO_LARGE if the bytes do not fit. One thread at a time.
dft_status dft_value_encode(const struct dft_value *value,
                            uint64_t bucket_us,
                            struct dft_buffer *encoded);

// Adds `from` to `into`, as the merge operator of the index does. `from` stays as it is.
//
// `into`, `from`: two different values of one kind; the same value gives DFT_BUSY. Returns DFT_INVALID_ARGUMENT if
// they are of different kinds, and DFT_CONFIG if the accuracies of their sketches differ. One thread at a time for
// each.
dft_status dft_value_merge(struct dft_value *into,
                           const struct dft_value *from);

// Copies a value. `copy`: receives the handle, which dft_value_free() frees; not NULL. One thread at a time.
dft_status dft_value_copy(const struct dft_value *value, struct dft_value **copy);

// Reads the count and the time span of a value, and how many metrics it has.
//
// `info`: receives them; its `size` must be set; not NULL. One thread at a time.
dft_status dft_value_describe(const struct dft_value *value, struct dft_value_info *info);

// Sets the count and the time span of a value.
//
// `count`: the number of calls, or of readings. `ts_us`, `te_us`: as in dft_value_info. Returns DFT_INVALID_ARGUMENT
// if `te_us` is before `ts_us`. One thread at a time.
dft_status dft_value_set_span(struct dft_value *value,
                              uint64_t count,
                              int64_t ts_us,
                              int64_t te_us);

// Reads the parts of a row's value that every row has.
//
// `decoded`: receives them; its `size` must be set; not NULL. Returns DFT_INVALID_ARGUMENT for a value of telemetry.
// One thread at a time.
dft_status dft_value_row(const struct dft_value *value,
                         struct dft_row_value *decoded);

// Iterates over the metrics for which something was recorded: durations, sizes and offsets, then named metrics in byte
// order.
//
// `visit`: receives each metric on the caller's thread; not NULL. `context`: passed to it; may be NULL. One thread at
// a time.
dft_status dft_value_metrics(const struct dft_value *value,
                             dft_visit_metric visit,
                             void *context);

// Returns the statistics of a metric as a value of their own.
//
// `metric`: one of DFT_METRIC_…. `name`: the name for DFT_METRIC_NAMED, in UTF-8; else ignored. `stats`: receives the
// handle, which dft_stats_free() frees; NULL if nothing was recorded; not NULL. One thread at a time.
dft_status dft_value_stats(const struct dft_value *value,
                           uint32_t metric,
                           struct dft_text name,
                           struct dft_stats **stats);

// Sets the statistics of a metric, in place of what was recorded before.
//
// `metric`, `name`: as for dft_value_stats(). `stats`: the statistics, which stay as they are. Returns DFT_CONFIG if
// the accuracy of their sketch is not that of the value, and DFT_INVALID_ARGUMENT if the metric cannot have such
// samples: durations, sizes and offsets are integers, and telemetry has doubles and no sketches. One thread at a time
// for each.
dft_status dft_value_set_stats(struct dft_value *value,
                               uint32_t metric,
                               struct dft_text name,
                               const struct dft_stats *stats);

// Frees a value. NULL does nothing. Returns DFT_BUSY if it is in use, and DFT_INVALID_HANDLE if it was freed before.
// Any thread.
dft_status dft_value_free(struct dft_value *value);

// Reads everything in an index and checks that it is unchanged since it was written and is consistent.
//
// `index`: the directory of the index; not empty. `on_fault`: receives each fault with the path of the index, on the
// caller's thread; may be NULL. `context`: passed to it; may be NULL.
//
// Returns DFT_DAMAGED if there is a fault (the last error describes the first one) and DFT_NO_INDEX if there is no
// index. Any thread.
dft_status dft_verify(struct dft_text index,
                      dft_on_note on_fault,
                      void *context);

// Ends the idle threads that the library keeps, as dlclose() does. Later calls start new threads.
//
// The caller must ensure that no handle is open and no other call is running. Returns DFT_SYSTEM if the threads cannot
// be accessed.
dft_status dft_library_end_threads(void);

// Describes the loaded library, for programs that were built against another version.
//
// `version`: receives the description; its `size` must be set; not NULL. Any thread.
dft_status dft_library_version(struct dft_version *version);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DFT_UTILS_H */
