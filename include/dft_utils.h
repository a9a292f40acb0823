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
 * A pointer that is misaligned, or is NULL where NULL is not allowed, gives DFT_INVALID_ARGUMENT. The caller
 * must ensure that every pointer points to what the function's type declares.
 *
 * Callbacks run during the call that they are passed to, on the caller's thread unless the function states
 * otherwise. They must return, and must not throw.
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

// A complete call, with a start and a duration.
#define DFT_PHASE_COMPLETE 1

// A counter: its args are readings.
#define DFT_PHASE_COUNTER 2

// Statistics of calls over a period that starts at `ts_us`.
#define DFT_PHASE_AGGREGATED 3

// Metadata: what a hash stands for (`name` FH, HH or SH; args `name` and `value`).
#define DFT_PHASE_METADATA 4

// `dft_record.dur_us` is there.
#define DFT_HAS_DURATION 1

// `dft_record.ret` is there.
#define DFT_HAS_RET 2

// `dft_record.offset` is there.
#define DFT_HAS_OFFSET 4

// `dft_arg.integer` is the value.
#define DFT_ARG_INTEGER 0

// `dft_arg.real` is the value.
#define DFT_ARG_REAL 1

// `dft_arg.text` is the value.
#define DFT_ARG_TEXT 2

// Which args become custom metrics: all quantities that have no meaning of their own; no identifiers and labels,
// such as `*_hash`, `fd`, `flags` and `level`.
#define DFT_CUSTOM_METRICS_ON 0

// None.
#define DFT_CUSTOM_METRICS_OFF 1

// Those that are named.
#define DFT_CUSTOM_METRICS_NAMED 2

// All that are numeric and have no meaning of their own, identifiers and labels too.
#define DFT_CUSTOM_METRICS_ALL 3

// What the `ts` of a counter with the phase letter `C` is of its period: what each trace says.
#define DFT_COUNTER_PERIOD_OF_TRACE 0

// Its start.
#define DFT_COUNTER_PERIOD_START 1

// Its end.
#define DFT_COUNTER_PERIOD_END 2

// The unit of times where a trace does not say one: microseconds.
#define DFT_TIME_UNIT_US 0

// Nanoseconds.
#define DFT_TIME_UNIT_NS 1

// Milliseconds.
#define DFT_TIME_UNIT_MS 2

// Seconds.
#define DFT_TIME_UNIT_S 3

// Calls, in dfanalyzer's columns.
#define DFT_TABLE_EVENTS 0

// Calls that a tracer aggregated, in the same columns.
#define DFT_TABLE_PROFILES 1

// Telemetry: a column for each metric.
#define DFT_TABLE_SYSTEM 2

// System statistics that a tracer aggregated, in dfanalyzer's columns.
#define DFT_TABLE_PREAGGREGATED_SYSTEM 3

// Every row with full statistics.
#define DFT_TABLE_AGGREGATION 4

// Processes: rank, command, start and end.
#define DFT_TABLE_PROCESSES 5

// Telemetry by host, name and cell alone: readings of counters that differ only by category, process or group
// keys merge.
#define DFT_TABLE_SYSTEM_BY_HOST 6

// Apache Parquet.
#define DFT_FORMAT_PARQUET 0

// Arrow IPC, the file format.
#define DFT_FORMAT_ARROW 1

// CSV.
#define DFT_FORMAT_CSV 2

// What a trace file had wrong with it as a whole: nothing.
#define DFT_FAULT_NONE 0

// It has no byte.
#define DFT_FAULT_EMPTY 1

// Its last line or gzip member ends too early.
#define DFT_FAULT_TRUNCATED 2

// A gzip member is corrupt.
#define DFT_FAULT_DAMAGED 3

// Records that its `end` records say were written are in no trace of the index.
#define DFT_FAULT_LOST 4

// Its times are in another unit than they were read in.
#define DFT_FAULT_TIME_UNIT 5

// Hash tables: of files.
#define DFT_NAMES_FILE 0

// Of hosts.
#define DFT_NAMES_HOST 1

// Of strings.
#define DFT_NAMES_STRING 2

// Families of rows: calls.
#define DFT_SERIES_CALL 0

// Calls that a tracer aggregated over a period.
#define DFT_SERIES_AGGREGATED_CALL 1

// Statistics of the system itself that a tracer aggregated.
#define DFT_SERIES_HOST_STATISTIC 2

// A call failed: the text is the message of its error.
#define DFT_LOG_ERROR 0

// Something was wrong with the input, and the call went on: a truncated trace, a refused bundle.
#define DFT_LOG_WARNING 1

// How a trace stands to an index: it is in.
#define DFT_TRACE_KNOWN 0

// It is not in.
#define DFT_TRACE_NEW 1

// It is in, and is longer now.
#define DFT_TRACE_GROWN 2

// It is in, and is not what it was: dft_build() refuses it, unless the index is made anew.
#define DFT_TRACE_CHANGED 3

// It cannot be read.
#define DFT_TRACE_UNREADABLE 4

// It looks like a trace in a container that is not read, such as one of zstd.
#define DFT_TRACE_NOT_READ 5

// The version of the ABI that this header describes. It changes only where a program that was built
// against an older one would no longer work.
#define DFT_ABI_VERSION 2

// Aggregates records that a program has in hand. For one thread at a time; each thread has one of its
// own, and they are merged. Made by dft_aggregator_new(), freed by dft_aggregator_free().
typedef struct dft_aggregator dft_aggregator;

// An index opened for reading: a snapshot that no writer changes. Any number of threads may use it at
// once. Made by dft_index_open() or dft_aggregator_into_index(), freed by dft_index_free().
typedef struct dft_index dft_index;

// Walks telemetry in key order: by host, counter and time. For one thread at a time. Made by
// dft_readings_open(), freed by dft_readings_free().
typedef struct dft_readings dft_readings;

// Walks rows in key order: by series, then by time. For one thread at a time. Made by dft_rows_open(),
// freed by dft_rows_free().
typedef struct dft_rows dft_rows;

// What a function returns.
typedef int32_t dft_status;

// A text: any bytes, not ended by a zero. `data` may be NULL where `length` is 0.
typedef struct dft_text {
    // The first byte.
    const char *data;
    // How many bytes there are.
    uint64_t length;
} dft_text;

// How records are aggregated. Set `size`, then call dft_config_default(), then change what is to differ.
typedef struct dft_config {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // The length of a time bucket, in µs; at least 1.
    uint64_t interval_us;
    // Args whose values keep rows apart.
    const struct dft_text *group_keys;
    // How many group keys there are.
    uint64_t group_keys_length;
    // Args that become custom metrics, for DFT_CUSTOM_METRICS_NAMED.
    const struct dft_text *custom_metric_names;
    // How many custom metrics are named.
    uint64_t custom_metric_names_length;
    // One of DFT_CUSTOM_METRICS_…
    uint32_t custom_metrics;
    // 1 where rows are kept apart by file, 0 where not.
    uint32_t group_by_file;
    // The relative accuracy of percentiles, such as 0.01; 0 keeps none.
    double sketch_accuracy;
    // One of DFT_COUNTER_PERIOD_…
    uint32_t counter_period;
    // One of DFT_TIME_UNIT_…
    uint32_t time_unit;
} dft_config;

// One more arg of a record.
typedef struct dft_arg {
    // Its name.
    struct dft_text name;
    // Its value, for DFT_ARG_TEXT.
    struct dft_text text;
    // Its value, for DFT_ARG_INTEGER.
    int64_t integer;
    // Its value, for DFT_ARG_REAL.
    double real;
    // One of DFT_ARG_…
    uint32_t kind;
    // 0.
    uint32_t reserved;
} dft_arg;

// A record, field by field. A text that is empty is absent.
typedef struct dft_record {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // One of DFT_PHASE_…
    uint32_t phase;
    // Which of `dur_us`, `ret` and `offset` are there: DFT_HAS_… added up.
    uint32_t present;
    // The function, the counter, or the kind of metadata.
    struct dft_text name;
    // The category.
    struct dft_text category;
    // The host's hash.
    struct dft_text host_hash;
    // The file's hash.
    struct dft_text file_hash;
    // The process.
    int64_t pid;
    // The thread.
    int64_t tid;
    // When it began, in µs; not negative.
    int64_t ts_us;
    // How long it took, in µs; not negative.
    int64_t dur_us;
    // What it returned: of a data transfer, bytes, or a negative number where it failed.
    int64_t ret;
    // The offset in the file, in bytes.
    int64_t offset;
    // What else it has.
    const struct dft_arg *args;
    // How many more args there are.
    uint64_t args_length;
} dft_record;

// What adding lines came to.
typedef struct dft_lines_added {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // Lines that are records.
    uint64_t records;
    // Lines that are none; they are counted, and nowhere else.
    uint64_t malformed;
    // The number of the first of those, from 1; 0 where there is none.
    uint64_t first_malformed;
    // Records of unknown phase, which are in no row.
    uint64_t skipped;
    // The number of the line of the first of those, from 1; 0 where there is none.
    uint64_t first_skipped;
} dft_lines_added;

// How a build is done, which does not show in its result. NULL, or zeros, for the defaults.
typedef struct dft_build_options {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // What the tables may take in memory, in bytes; 0 for 512 MiB, or a quarter of what the process may have.
    uint64_t memory;
    // Threads; 0 for as many as the machine has cores.
    uint32_t threads;
    // 1: faults of the input are an error (DFT_MALFORMED), and nothing is stored.
    uint32_t strict;
    // 1: the index is made anew, whatever is in it.
    uint32_t rebuild;
    // 0.
    uint32_t reserved;
    // Where the traces come from, such as the name of a node: traces of node-local disks have the same path on every
    // node, and are kept apart by it. Empty for none.
    struct dft_text source;
} dft_build_options;

// How far a build is.
typedef struct dft_progress {
    // The size of this struct.
    uint64_t size;
    // Files to read.
    uint64_t files;
    // Files that were read.
    uint64_t files_read;
    // Bytes to read, as they are on disk.
    uint64_t bytes;
    // Bytes that were read.
    uint64_t bytes_read;
    // Records that were read.
    uint64_t records;
    // 0 listing files, 1 reading, 2 writing the index.
    uint32_t stage;
    // 0.
    uint32_t reserved;
} dft_progress;

// Sees how far a build is: before it begins, some ten times a second, and when it is done, on a thread of the
// library; not 0 stops the build,
// which then returns DFT_CANCELLED and leaves the index as it was.
typedef int32_t (*dft_on_progress)(void *context, const struct dft_progress *progress);

// Sees a text, such as a fault of a file or of an index; valid during the call.
typedef void (*dft_on_text)(void *context, struct dft_text path, struct dft_text text);

// What was read and written.
typedef struct dft_build_summary {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // Files that were read.
    uint64_t files;
    // Files that were in already.
    uint64_t known_files;
    // Files with faults, those that could not be read, or look like traces in another container, included.
    uint64_t faulty_files;
    // Records that were read.
    uint64_t records;
    // Lines that are no record.
    uint64_t malformed_lines;
    // Rows that were written.
    uint64_t rows;
    // Telemetry rows that were written.
    uint64_t telemetry_rows;
    // Bytes of text that were read, inflated.
    uint64_t text_bytes;
    // Records of unknown phase, which are in no row.
    uint64_t skipped_records;
    // Files that have the trace of another one, of which nothing is counted; they are in `faulty_files`, too.
    uint64_t duplicate_files;
} dft_build_summary;

// What went wrong in the last call of this thread that failed.
typedef struct dft_error {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // The status that the call returned; 0 where none has failed yet.
    dft_status status;
    // For people: what is wrong, where, and what to do.
    struct dft_text message;
    // The file or directory that it is about; empty if about none.
    struct dft_text path;
    // The key or row that it is about; empty if about none.
    struct dft_text key;
} dft_error;

// Sees what the library has to say, on whatever thread it says it; the text is valid during the call.
typedef void (*dft_on_log)(void *context, uint32_t level, struct dft_text text);

// What of an index a table shows. Set `size` and zero the rest for all of it.
typedef struct dft_view {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // The length of a cell of time, in µs, a multiple of the index's interval; 0 for that.
    uint64_t granularity_us;
    // Cells that overlap with the time from here on, in µs from the origin of the trace, …
    uint64_t start_us;
    // … to here, this excluded.
    uint64_t end_us;
    // 1 where the time range counts.
    uint32_t has_time;
    // 1 where `pid` counts.
    uint32_t has_pid;
    // Only this process.
    int64_t pid;
    // Only categories that match this glob; empty for all.
    struct dft_text category;
    // Only functions and counters that match this glob; empty for all.
    struct dft_text name;
    // Only hosts whose name or hash matches this glob; empty for all.
    struct dft_text host;
    // Only files whose name or hash matches this glob; empty for all.
    struct dft_text file;
    // Columns to group rows by, as dfanalyzer names them; none for rows that are not grouped.
    const struct dft_text *group_by;
    // How many columns rows are grouped by.
    uint64_t group_by_length;
    // Only these processes; none for all. With `has_pid`, that one too.
    const int64_t *pids;
    // How many processes there are.
    uint64_t pids_length;
    // Only one of the shards that parallel readers divide the table into, counted from 0, …
    uint32_t shard;
    // … of so many, at most 65,536; 0 or 1 for all of it. Shards are disjoint, have the same columns, and
    // together are the table: of calls, in their order. A shard cannot be grouped.
    uint32_t shards;
    // The most rows of a batch; 0 for as many as is quick.
    uint64_t batch_rows;
    // Only calls that this query asks for, such as `cat == "posix" and not pid in [1, 2]`; empty for all.
    // Its fields are family, cat, name, pid, tid, rank, host_hash, file_hash, host_name, file_name, proc_name, io_cat.
    struct dft_text query;
    // Only processes of these ranks, as traces say them; none for all.
    const int64_t *ranks;
    // How many ranks there are.
    uint64_t ranks_length;
} dft_view;

// Sees a column's name, valid during the call; not 0 ends the walk.
typedef int32_t (*dft_visit_column)(void *context, struct dft_text name);

// A trace file in an index. What it points to is valid during the callback.
typedef struct dft_file {
    // The size of this struct.
    uint64_t size;
    // What it is called in the index: its path from the index's parent directory, or its whole path.
    struct dft_text path;
    // Its size, in bytes.
    uint64_t bytes;
    // Bytes of text that were read of it, inflated.
    uint64_t text_bytes;
    // Complete calls.
    uint64_t events;
    // Records that a tracer aggregated.
    uint64_t profiles;
    // Such records of the system itself.
    uint64_t systems;
    // Readings of counters.
    uint64_t telemetry;
    // Metadata records.
    uint64_t metadata;
    // Records of unknown phase.
    uint64_t skipped;
    // Lines that are no record.
    uint64_t malformed;
    // Data transfers that returned an error.
    uint64_t failed_transfers;
    // What was wrong with it, for people; empty if nothing.
    struct dft_text fault_text;
    // One of DFT_FAULT_…
    uint32_t fault;
    // 0.
    uint32_t reserved;
    // The processes whose records it has, in order.
    const int64_t *pids;
    // How many processes there are.
    uint64_t pids_length;
} dft_file;

// Sees a file; not 0 ends the walk.
typedef int32_t (*dft_visit_file)(void *context, const struct dft_file *file);

// A process in an index. Its text is valid during the callback.
typedef struct dft_process {
    // The size of this struct.
    uint64_t size;
    // Its number.
    int64_t pid;
    // Its host's hash.
    struct dft_text host_hash;
    // How many series it has: a measure of how much a reader has to do for it.
    uint64_t series;
} dft_process;

// Sees a process; not 0 ends the walk.
typedef int32_t (*dft_visit_process)(void *context, const struct dft_process *process);

// What an index is.
typedef struct dft_index_info {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // The length of a time bucket, in µs.
    uint64_t interval_us;
    // A hash of its configuration: two indexes of one configuration have one.
    uint64_t config_hash;
    // The least bucket over rows and telemetry, in µs; 0 where there is neither.
    uint64_t min_bucket_us;
    // The greatest bucket, in µs.
    uint64_t max_bucket_us;
    // 1 where the bounds above are of something, 0 where the index has neither rows nor telemetry.
    uint32_t has_bounds;
    // 1 where rows are kept apart by file.
    uint32_t group_by_file;
    // Bytes that it takes on disk.
    uint64_t bytes;
} dft_index_info;

// How much is in an index.
typedef struct dft_index_counts {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // Rows of calls.
    uint64_t event_rows;
    // Rows of calls that a tracer aggregated.
    uint64_t profile_rows;
    // Rows of system statistics that a tracer aggregated.
    uint64_t system_rows;
    // Rows of telemetry.
    uint64_t telemetry_rows;
    // Series.
    uint64_t series;
    // Trace files and live sources.
    uint64_t files;
} dft_index_counts;

// Sees a hash and its name; not 0 ends the walk.
typedef int32_t (*dft_visit_name)(void *context, struct dft_text hash, struct dft_text name);

// What an ingest did.
typedef struct dft_ingest_summary {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // Bundles that were taken in.
    uint64_t taken;
    // Bundles that were in already.
    uint64_t known;
    // Bundles that were refused, and stay where they are.
    uint64_t refused;
    // Bundles that are in but could not be removed.
    uint64_t not_removed;
    // Bundles that are on their way, or whose worker died.
    uint64_t unfinished;
    // Traces of which some pieces are there, which wait for the others.
    uint64_t waiting_traces;
    // Traces whose pieces do not make them: they are to be staged whole.
    uint64_t unchained_traces;
    // Files that have the trace of another one, of which nothing is counted; the log names them.
    uint64_t duplicate_files;
} dft_ingest_summary;

// Which rows to walk. Set `size` and zero the rest for all calls.
typedef struct dft_row_query {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // One of DFT_SERIES_…
    uint32_t kind;
    // Only one shard of the rows, counted from 0, …
    uint32_t shard;
    // … of so many; 0 or 1 for all. Shards are disjoint, and together are all.
    uint32_t shards;
    // 1 where the time range counts.
    uint32_t has_time;
    // Buckets from this one on, in µs.
    uint64_t start_us;
    // Buckets before this one, in µs.
    uint64_t end_us;
} dft_row_query;

// Statistics of integers, exact. It does not grow.
typedef struct dft_int_stats {
    // Samples that are in the sum; UINT64_MAX where there are more than that.
    uint64_t samples;
    // The sum's low 64 bits, in two's complement.
    uint64_t sum_low;
    // The sum's high 64 bits; 0, or -1 of a negative sum, where the sum fits 64 bits.
    int64_t sum_high;
    // The least value seen; of no meaning unless `has_extent`.
    int64_t min;
    // The greatest value seen; of no meaning unless `has_extent`.
    int64_t max;
    // The mean, correctly rounded; NaN without samples.
    double mean;
    // The sample standard deviation, correctly rounded; NaN of fewer than two samples, and where the
    // tracer summed samples up without their squares.
    double std;
    // 1 where a value was seen.
    uint32_t has_extent;
    // 0.
    uint32_t reserved;
} dft_int_stats;

// What a row's value says, custom metrics aside. It does not grow, for it is part of others.
typedef struct dft_row_value {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // Calls; UINT64_MAX where there are more than that.
    uint64_t count;
    // The least `ts`, in µs.
    int64_t ts_us;
    // The greatest end of a call; of other families the greatest `ts`; in µs.
    int64_t te_us;
    // Durations, in µs.
    struct dft_int_stats duration;
    // Bytes transferred.
    struct dft_int_stats bytes;
    // File offsets, in bytes.
    struct dft_int_stats offset;
} dft_row_value;

// A row: who, when, and how much. What it points to is valid until the next step of its cursor.
typedef struct dft_row {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // The row's key, 24 bytes: its series' id and its bucket.
    struct dft_text key;
    // The row's value: dft_row_value_decode() reads it, dft_row_values_merge() merges it.
    struct dft_text value;
    // The start of its bucket, in µs.
    uint64_t bucket_us;
    // Category, in lower case.
    struct dft_text category;
    // Function.
    struct dft_text name;
    // The host's hash.
    struct dft_text host_hash;
    // The file's hash; empty where rows are not kept apart by file.
    struct dft_text file_hash;
    // The process.
    int64_t pid;
    // The thread.
    int64_t tid;
    // How much.
    struct dft_row_value decoded;
} dft_row;

// Which telemetry to walk. Set `size` and zero the rest for all of it.
typedef struct dft_reading_query {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // Only this host, by its hash; empty for all.
    struct dft_text host_hash;
    // Only this counter; empty for all.
    struct dft_text name;
    // Buckets from this one on, in µs.
    uint64_t start_us;
    // Buckets before this one, in µs.
    uint64_t end_us;
    // 1 where the time range counts.
    uint32_t has_time;
    // 0.
    uint32_t reserved;
} dft_reading_query;

// What a counter of a host read in a bucket. What it points to is valid until the next step of its cursor.
typedef struct dft_reading {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // The row's key in the index.
    struct dft_text key;
    // The row's value in the index.
    struct dft_text value;
    // The host's hash.
    struct dft_text host_hash;
    // The counter.
    struct dft_text name;
    // The start of its bucket, in µs.
    uint64_t bucket_us;
    // Readings.
    uint64_t readings;
    // The least `ts`, in µs.
    int64_t ts_us;
    // The greatest `ts`, in µs.
    int64_t te_us;
    // How many metrics it has: dft_readings_metric() gives each.
    uint64_t metrics;
    // The counter's category, in lower case.
    struct dft_text category;
    // The process that the counter is about; 0 where it is about the host as a whole.
    int64_t pid;
    // 1 where it is about a process, 0 where it is about the host as a whole.
    uint32_t has_pid;
    // 0.
    uint32_t reserved;
} dft_reading;

// What a metric of a counter read.
typedef struct dft_metric {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // Its name, valid until the next step of its cursor.
    struct dft_text name;
    // Samples; those that were NaN or infinite are left out.
    uint64_t samples;
    // Samples that were left out.
    uint64_t not_finite;
    // Their mean; NaN without samples.
    double mean;
    // Their sample standard deviation; NaN of fewer than two.
    double std;
    // The least; NaN without samples.
    double min;
    // The greatest; NaN without samples.
    double max;
} dft_metric;

// A piece of a trace: bytes of the file as it is on disk. A file that is not cut is one, from 0 to its size.
typedef struct dft_piece {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // The trace.
    struct dft_text path;
    // The first byte.
    uint64_t start;
    // The byte behind the last.
    uint64_t end;
    // The size that the file had when it was cut.
    uint64_t file_size;
} dft_piece;

// Sees a piece of a plan; valid during the call. Not 0 ends the planning, which then returns DFT_CANCELLED.
typedef int32_t (*dft_on_piece)(void *context, const struct dft_piece *piece);

// Sees a trace, and how it stands to an index: one of DFT_TRACE_…; not 0 ends the walk.
typedef int32_t (*dft_visit_trace)(void *context, struct dft_text path, uint32_t state);

// Which library this is.
typedef struct dft_version {
    // The size of this struct, which the caller sets.
    uint64_t size;
    // The ABI of the library that is loaded: DFT_ABI_VERSION of its own header.
    uint32_t abi;
    // The format of indexes that it reads and writes.
    uint32_t index_format;
    // Its release, such as 0.1.0; valid for ever.
    struct dft_text release;
    // What it can do, as words with spaces between them; valid for ever. A word is never given another
    // meaning.
    struct dft_text features;
} dft_version;

// It is done.
#define DFT_OK 0

// An argument is NULL where it must not be, misaligned, of another type, or out of its range.
#define DFT_INVALID_ARGUMENT 1

// A handle is none: it was freed, or is of another type, or never was one.
#define DFT_INVALID_HANDLE 2

// A handle that is for one thread at a time is in use by another.
#define DFT_BUSY 3

// There is no index at the path.
#define DFT_NO_INDEX 4

// Another process writes the index.
#define DFT_LOCKED 5

// The configuration is another one than the index's, or cannot be used.
#define DFT_CONFIG 6

// The format is one that this library does not read.
#define DFT_FORMAT 7

// An index, a bundle, a key or a value is damaged.
#define DFT_DAMAGED 8

// The system refused: no such file, no permission, a full disk.
#define DFT_SYSTEM 9

// A trace, or what comes from a source, is in already, with other contents.
#define DFT_CHANGED 10

// There is no trace, or no bundle, where one was looked for.
#define DFT_NOTHING_FOUND 11

// A record or a line is malformed.
#define DFT_MALFORMED 12

// A number is past what its place holds.
#define DFT_TOO_LARGE 13

// It was stopped, as asked.
#define DFT_CANCELLED 14

// What was to be added is in the index, but then something failed: it may not survive a loss of power.
#define DFT_COMMITTED 15

// A handle is of the process that this one was forked from, or this one was forked during a call: what was opened
// before `fork()` is to be opened again.
#define DFT_FORKED 16

// A defect of this library: the message says where. What the call was about may be of no use.
#define DFT_PANIC 99

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Makes an aggregator.
//
// `config`: how to aggregate; NULL for the default. `memory`: what its table may take, in bytes, before it
// is written to a directory of its own beneath `scratch`; 0 for 256 MiB; tables of others that are merged
// are kept beside it. `scratch`: an existing
// directory, or empty for the system's one for temporary files; what is made there is removed with the
// aggregator. `aggregator`: where the handle is put, to be freed by dft_aggregator_free(). Any thread.
dft_status dft_aggregator_new(const struct dft_config *config,
                              uint64_t memory,
                              struct dft_text scratch,
                              struct dft_aggregator **aggregator);

// Adds a record. It is copied as far as it is needed: nothing of it has to stay.
//
// A record that is malformed (a negative time, say) gives DFT_MALFORMED, is counted as that, and is
// nowhere else; adding goes on. One thread at a time for each aggregator.
dft_status dft_aggregator_add(struct dft_aggregator *aggregator, const struct dft_record *record);

// Adds records as lines of JSON, as a trace has them. Their times are in the unit that a CM record among
// the lines says, µs before it.
//
// `text`: whole lines. `added`: what they came to; may be NULL. Lines that are malformed are counted,
// and no error. One thread at a time for each aggregator.
dft_status dft_aggregator_add_lines(struct dft_aggregator *aggregator,
                                    struct dft_text text,
                                    struct dft_lines_added *added);

// Moves all that `from` holds to `into`; `from` is empty then, and can go on or be freed. The order in
// which several are merged does not matter: the result is the same to the bit.
//
// Both must have one configuration, else DFT_CONFIG. One thread at a time for each of the two.
dft_status dft_aggregator_merge(struct dft_aggregator *into, struct dft_aggregator *from);

// Adds all that was aggregated to an index, at once or not at all. The aggregator is empty then.
//
// `index`: the directory, which is made if it is not there. `source`: a name for what was aggregated,
// such as a host and a rank, in UTF-8; the index takes each source once, else DFT_CHANGED. `threads`: 0
// for as many as the machine has cores. Where it fails the aggregator keeps all that it had, but for
// DFT_IN_FORCE: then all is in the index. DFT_LOCKED where another process writes it: try again later.
dft_status dft_aggregator_publish(struct dft_aggregator *aggregator,
                                  struct dft_text index,
                                  struct dft_text source,
                                  uint32_t threads);

// Makes an index of all that was aggregated, for tables straight from memory; it is removed when its
// handle is freed. The aggregator is freed, also where this fails, but for DFT_INVALID_ARGUMENT,
// DFT_INVALID_HANDLE and DFT_BUSY.
//
// `index`: where the handle is put, to be freed by dft_index_free().
dft_status dft_aggregator_into_index(struct dft_aggregator *aggregator,
                                     uint32_t threads,
                                     struct dft_index **index);

// Frees an aggregator and all that it holds. NULL is nothing to free.
dft_status dft_aggregator_free(struct dft_aggregator *aggregator);

// Brings traces into an index: those that it does not have yet, and what others have grown by; all at
// once, or nothing.
//
// `traces`: files, directories (searched for *.pfw and *.pfw.gz) or globs. `index`: the directory, made
// if it is not there, and removed again where nothing comes in. DFT_NOTHING_FOUND where no trace has a record
// and there is no index yet. `config`, `options`: NULL for the defaults. `on_progress`: may be NULL.
// `on_fault`: sees what is wrong with each file, before this returns, on the caller's thread; may be
// NULL. `context`: handed on to both. `done`: may be NULL. Faults of the input are no error unless
// `options.strict`. Any thread; another build of the same index meanwhile gives DFT_LOCKED.
dft_status dft_build(const struct dft_text *traces,
                     uint64_t traces_length,
                     struct dft_text index,
                     const struct dft_config *config,
                     const struct dft_build_options *options,
                     dft_on_progress on_progress,
                     dft_on_text on_fault,
                     void *context,
                     struct dft_build_summary *done);

// Writes the default configuration: 1 s, all custom metrics, by file, no percentiles.
//
// `config`: whose `size` the caller has set. Any thread.
dft_status dft_config_default(struct dft_config *config);

// Says what went wrong in the last call of this thread that failed. The texts are valid until the next
// call of this thread that fails. Fails itself only for a bad argument, and then changes nothing.
dft_status dft_last_error(struct dft_error *error);

// Sets who sees what the library has to say; NULL for nobody, as it is at first. `context` is handed on.
// When it returns, the one that was set before is not called any more. DFT_BUSY from within a callback.
dft_status dft_set_log(dft_on_log on_log, void *context);

// Gives a table as a stream by the Arrow C stream interface, which any Arrow library reads without a copy.
//
// `table`: one of DFT_TABLE_…. `view`: NULL for all of it. `stream`: an ArrowArrayStream, whose bytes are
// overwritten; the caller releases it by its own `release`, on any one thread at a time. The index may be
// freed before it. Memory does not grow with the table.
dft_status dft_table_stream(const struct dft_index *index,
                            uint32_t table,
                            const struct dft_view *view,
                            struct ArrowArrayStream *stream);

// Shows the columns of a table to `visit`, in their order: of telemetry and of the aggregation, those of
// every metric that was observed. `view`: NULL for all of it; `context` is handed on.
dft_status dft_table_columns(const struct dft_index *index,
                             uint32_t table,
                             const struct dft_view *view,
                             dft_visit_column visit,
                             void *context);

// Writes tables to files of a directory, which is made if it is not there: one file each, named after the
// table; all are there whole or not at all. Tables that earlier exports wrote there and that show something
// else, another state of the index or other rows of it, are removed; a table that no export is known to have
// written, and that would stay beside the new ones, gives DFT_INVALID_ARGUMENT before anything is written.
//
// `tables`: DFT_TABLE_…, or none for all but the aggregation. `view`: NULL for all of it. `format`: one of
// DFT_FORMAT_…. `threads`: tables written at once; 0 for as many as the machine has cores.
dft_status dft_export(const struct dft_index *index,
                      struct dft_text directory,
                      const uint32_t *tables,
                      uint64_t tables_length,
                      const struct dft_view *view,
                      uint32_t format,
                      uint32_t threads);

// Says what is in an index on one screen, as a JSON object: spans and totals (times in µs, sizes in
// bytes), the `top` functions and files, every metric of telemetry.
//
// `view`: NULL for all of it. `on_text`: is given the text, once, with an empty path; `context` is handed
// on to it. DFT_TOO_LARGE, with the row, where no int64 holds a number.
dft_status dft_summary(const struct dft_index *index,
                       const struct dft_view *view,
                       uint64_t top,
                       dft_on_text on_text,
                       void *context);

// Shows every trace file of an index to `visit`, by path. `context` is handed on to it.
dft_status dft_index_files(const struct dft_index *index, dft_visit_file visit, void *context);

// Shows every process of an index to `visit`, by host and number; `context` is handed on to it. It reads
// all series, so it takes as long as there are some.
dft_status dft_index_processes(const struct dft_index *index, dft_visit_process visit, void *context);

// Opens an index. It needs no lock, and sees the index as it is now for as long as it is open, while
// others write it.
//
// `path`: the index's directory. `index`: where the handle is put, to be freed by dft_index_free().
// DFT_NO_INDEX, DFT_FORMAT, DFT_DAMAGED. Any thread.
dft_status dft_index_open(struct dft_text path, struct dft_index **index);

// Says where the index of some traces is put if nothing else is asked for: in `.dftagg` in their
// directory, or in the innermost directory that holds all of them. Written to `buffer` as dft_index_name()
// does.
dft_status dft_index_location(const struct dft_text *traces,
                              uint64_t traces_length,
                              char *buffer,
                              uint64_t capacity,
                              uint64_t *length);

// Frees the handle of an index. Cursors and streams of it stay good. NULL is nothing to free.
dft_status dft_index_free(struct dft_index *index);

// Says what an index is: its configuration, its time bounds, its size. At once.
dft_status dft_index_describe(const struct dft_index *index, struct dft_index_info *info);

// Gives the configuration that an index was made with, such as to build with it. Its lists are valid until
// the index's handle is freed.
dft_status dft_index_config(const struct dft_index *index, struct dft_config *config);

// Counts what is in an index. It reads all keys, so it takes as long as there are rows.
dft_status dft_index_count(const struct dft_index *index, struct dft_index_counts *counts);

// Shows every hash of a table, and its name, to `visit`, by hash: the least name in byte order where a
// hash has several. `kind` is one of DFT_NAMES_…; `context` is handed on.
dft_status dft_index_names(const struct dft_index *index, uint32_t kind, dft_visit_name visit, void *context);

// Looks up the name of a hash. `length` is set to the name's length, 0 where the hash resolves to nothing,
// and the name is written to `buffer` if it fits in `capacity` bytes, else DFT_TOO_LARGE.
dft_status dft_index_name(const struct dft_index *index,
                          uint32_t kind,
                          struct dft_text hash,
                          char *buffer,
                          uint64_t capacity,
                          uint64_t *length);

// Brings the bundles of a shared directory into an index, in any order, each once; those that are in are
// removed, unless `keep` is not 0.
//
// `index`: made, with the bundles' configuration, if it is not there. `on_refused`: sees why a bundle was
// refused, or not removed, and which traces are to be staged whole, for their pieces do not make them; on
// the caller's thread; may be NULL. `done`: may be NULL.
dft_status dft_ingest(struct dft_text index,
                      struct dft_text shared,
                      uint32_t keep,
                      dft_on_text on_refused,
                      void *context,
                      struct dft_ingest_summary *done);

// dft_ingest(), with what becomes of traces whose pieces were staged.
//
// `on_waiting`: sees each trace of which some pieces are there, and what is missing. `on_unchained`: sees
// each trace whose pieces do not make it, and why: it is to be staged whole, by dft_stage(), and then
// ingested. Both on the caller's thread; either may be NULL. The other arguments are those of dft_ingest().
dft_status dft_ingest_pieces(struct dft_text index,
                             struct dft_text shared,
                             uint32_t keep,
                             dft_on_text on_refused,
                             dft_on_text on_waiting,
                             dft_on_text on_unchained,
                             void *context,
                             struct dft_ingest_summary *done);

// Begins a walk over rows.
//
// `query`: NULL for all calls. `rows`: where the cursor is put, to be freed by dft_rows_free(). The index
// may be freed before it.
dft_status dft_rows_open(const struct dft_index *index,
                         const struct dft_row_query *query,
                         struct dft_rows **rows);

// Steps to the next row. `has_row` is set to 1 and `row` filled, or `has_row` to 0 at the end.
dft_status dft_rows_next(struct dft_rows *rows, struct dft_row *row, uint32_t *has_row);

// Frees a cursor. NULL is nothing to free.
dft_status dft_rows_free(struct dft_rows *rows);

// Begins a walk over telemetry. What is asked for is sought, not filtered.
//
// `query`: NULL for all of it. `readings`: where the cursor is put, to be freed by dft_readings_free().
dft_status dft_readings_open(const struct dft_index *index,
                             const struct dft_reading_query *query,
                             struct dft_readings **readings);

// Steps to the next row of telemetry: see dft_rows_next().
dft_status dft_readings_next(struct dft_readings *readings, struct dft_reading *reading, uint32_t *has_row);

// Gives one metric of the row at hand, by its number from 0, in byte order of their names.
dft_status dft_readings_metric(struct dft_readings *readings, uint64_t number, struct dft_metric *metric);

// Frees a cursor. NULL is nothing to free.
dft_status dft_readings_free(struct dft_readings *readings);

// Stages one machine's part of a build: traces to bundles in a directory that all machines share, each
// there whole or not at all. What is in a bundle already is left out.
//
// `staging`: a directory of this machine, for the work. `shared`: where the bundles go, which may be the
// same. `part` of `parts`, counted from 0, of the traces, about equal in bytes: the same on every machine
// that sees the same files. The other arguments are those of dft_build().
dft_status dft_stage(const struct dft_text *traces,
                     uint64_t traces_length,
                     struct dft_text staging,
                     struct dft_text shared,
                     uint32_t part,
                     uint32_t parts,
                     const struct dft_config *config,
                     const struct dft_build_options *options,
                     dft_on_progress on_progress,
                     dft_on_text on_fault,
                     void *context,
                     struct dft_build_summary *done);

// Cuts traces into pieces of about one size, for several machines to stage: at lines, or at members of gzip
// files. A file that is not much larger, or cannot be cut, is one piece. Hardly anything of the files is
// read.
//
// `traces`: files, directories (searched for *.pfw and *.pfw.gz) or globs. `piece_size`: in bytes, as they
// are on disk; 0 for 1 GiB. `on_piece`: sees each piece, by path and place, on the caller's thread.
// `context`: handed on. Any thread.
dft_status dft_plan(const struct dft_text *traces,
                    uint64_t traces_length,
                    uint64_t piece_size,
                    dft_on_piece on_piece,
                    void *context);

// Stages pieces of traces to bundles in a directory that all machines share, each there whole or not at
// all. What is in a bundle already is left out, so a piece whose machine died is staged again. An ingest
// takes a trace when all of its pieces are there.
//
// `pieces`: of dft_plan(). The size of each is that of the first. A trace that has not the size that it had
// when it was cut gives DFT_CHANGED: plan again. The other arguments are those of dft_stage(). A piece that
// turns out not to end where it was to is said by `on_fault`; the next ingest names the trace, too.
dft_status dft_stage_pieces(const struct dft_piece *pieces,
                            uint64_t pieces_length,
                            struct dft_text staging,
                            struct dft_text shared,
                            const struct dft_config *config,
                            const struct dft_build_options *options,
                            dft_on_progress on_progress,
                            dft_on_text on_fault,
                            void *context,
                            struct dft_build_summary *done);

// Shows each of some traces, and how it stands to an index, to `visit`, by path: what dft_build() would
// read. Where there is no index, all that can be read are new. Nothing is written.
//
// `traces`: files, directories (searched for *.pfw and *.pfw.gz) or globs. `context` is handed on.
dft_status dft_resolve(const struct dft_text *traces,
                       uint64_t traces_length,
                       struct dft_text index,
                       dft_visit_trace visit,
                       void *context);

// Reads a row's key: 16 bytes of a series' id to `series`, and the bucket, in µs, to `bucket_us`.
// DFT_DAMAGED where the bytes are no such key.
dft_status dft_row_key_decode(struct dft_text key, uint8_t *series, uint64_t *bucket_us);

// Reads a row's value, whose key has this bucket. DFT_DAMAGED where the bytes are no such value.
dft_status dft_row_value_decode(struct dft_text value, uint64_t bucket_us, struct dft_row_value *decoded);

// Merges values of one row's key, as the index's merge operator does: all of them to one, written to
// `buffer` if it fits in `capacity` bytes, else DFT_TOO_LARGE; `length` is set to its length either way.
dft_status dft_row_values_merge(const struct dft_text *values,
                                uint64_t values_length,
                                uint64_t bucket_us,
                                char *buffer,
                                uint64_t capacity,
                                uint64_t *length);

// Merges values of one telemetry key: see dft_row_values_merge().
dft_status dft_telemetry_values_merge(const struct dft_text *values,
                                      uint64_t values_length,
                                      uint64_t bucket_us,
                                      char *buffer,
                                      uint64_t capacity,
                                      uint64_t *length);

// Computes the statistics of integer samples, exactly: those of an index are the same.
dft_status dft_int_stats_of(const int64_t *samples, uint64_t samples_length, struct dft_int_stats *stats);

// Computes the statistics of samples with fractions, correctly rounded; NaN and infinities are counted and
// left out. The name of `metric` is empty.
dft_status dft_real_stats_of(const double *samples, uint64_t samples_length, struct dft_metric *metric);

// Reads a telemetry key: the host's hash and the counter's name to buffers, as dft_index_name() does, and
// the bucket, in µs. DFT_DAMAGED where the bytes are no such key.
dft_status dft_telemetry_key_decode(struct dft_text key,
                                    char *host_hash,
                                    uint64_t host_hash_capacity,
                                    uint64_t *host_hash_length,
                                    char *name,
                                    uint64_t name_capacity,
                                    uint64_t *name_length,
                                    uint64_t *bucket_us);

// Writes the key of a counter of a host as a whole (category `sys`, no group keys) at a bucket to `buffer`, as
// telemetry is kept under: see dft_row_values_merge() for the buffer.
dft_status dft_telemetry_key_encode(struct dft_text host_hash,
                                    struct dft_text name,
                                    uint64_t bucket_us,
                                    char *buffer,
                                    uint64_t capacity,
                                    uint64_t *length);

// Reads everything in an index and checks that it is what was written and agrees with itself; DFT_DAMAGED
// where it does not.
//
// `on_fault`: sees each fault, on the caller's thread; may be NULL.
dft_status dft_verify(struct dft_text index, dft_on_text on_fault, void *context);

// Ends the threads that the library keeps for its next work; dlclose() does that, too. The next work makes new ones.
// No handle may be open, and no other call under way.
dft_status dft_library_end_threads(void);

// Says which library is loaded, for programs that were built against another one.
dft_status dft_library_version(struct dft_version *version);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DFT_UTILS_H */
