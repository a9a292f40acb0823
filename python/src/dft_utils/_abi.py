"""The C ABI of libdft_utils, as ctypes knows it.

Generated from include/dft_utils.h by generate_abi.py (`cargo xtask header`): not to be edited.
"""

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)

DFT_CUSTOM_METRICS_ON = 0
DFT_CUSTOM_METRICS_OFF = 1
DFT_CUSTOM_METRICS_NAMED = 2
DFT_CUSTOM_METRICS_ALL = 3
DFT_COUNTER_PERIOD_OF_TRACE = 0
DFT_COUNTER_PERIOD_START = 1
DFT_COUNTER_PERIOD_END = 2
DFT_TIME_UNIT_US = 0
DFT_TIME_UNIT_NS = 1
DFT_TIME_UNIT_MS = 2
DFT_TIME_UNIT_S = 3
DFT_GROUP_BY_FILE_ON = 0
DFT_GROUP_BY_FILE_OFF = 1
DFT_TABLE_EVENTS = 0
DFT_TABLE_PROFILES = 1
DFT_TABLE_SYSTEM = 2
DFT_TABLE_PREAGGREGATED_SYSTEM = 3
DFT_TABLE_AGGREGATION = 4
DFT_TABLE_PROCESSES = 5
DFT_TABLE_SYSTEM_BY_HOST = 6
DFT_FORMAT_PARQUET = 0
DFT_FORMAT_ARROW = 1
DFT_FORMAT_CSV = 2
DFT_FAULT_NONE = 0
DFT_FAULT_EMPTY = 1
DFT_FAULT_TRUNCATED = 2
DFT_FAULT_DAMAGED = 3
DFT_FAULT_LOST = 4
DFT_FAULT_TIME_UNIT = 5
DFT_NAMES_FILE = 0
DFT_NAMES_HOST = 1
DFT_NAMES_STRING = 2
DFT_SERIES_CALL = 0
DFT_SERIES_AGGREGATED_CALL = 1
DFT_SERIES_HOST_STATISTIC = 2
DFT_LOG_ERROR = 0
DFT_LOG_WARNING = 1
DFT_OBSERVED_GROUP_KEYS = 0
DFT_OBSERVED_CUSTOM_METRICS = 1
DFT_OBSERVED_TELEMETRY_METRICS = 2
DFT_PHASE_COMPLETE = 1
DFT_PHASE_COUNTER = 2
DFT_PHASE_AGGREGATED = 3
DFT_PHASE_METADATA = 4
DFT_HAS_DURATION = 1
DFT_HAS_RET = 2
DFT_HAS_OFFSET = 4
DFT_ARG_INTEGER = 0
DFT_ARG_REAL = 1
DFT_ARG_TEXT = 2
DFT_METRIC_DURATION = 0
DFT_METRIC_SIZE = 1
DFT_METRIC_OFFSET = 2
DFT_METRIC_NAMED = 3
DFT_TRACE_KNOWN = 0
DFT_TRACE_NEW = 1
DFT_TRACE_GROWN = 2
DFT_TRACE_CHANGED = 3
DFT_TRACE_UNREADABLE = 4
DFT_TRACE_NOT_READ = 5
DFT_TRACE_GONE = 6
DFT_VALUE_ROW = 0
DFT_VALUE_TELEMETRY = 1
DFT_ABI_VERSION = 3
DFT_OK = 0
DFT_INVALID_ARGUMENT = 1
DFT_INVALID_HANDLE = 2
DFT_BUSY = 3
DFT_NO_INDEX = 4
DFT_LOCKED = 5
DFT_CONFIG = 6
DFT_FORMAT = 7
DFT_DAMAGED = 8
DFT_SYSTEM = 9
DFT_CHANGED = 10
DFT_NOTHING_FOUND = 11
DFT_MALFORMED = 12
DFT_TOO_LARGE = 13
DFT_CANCELLED = 14
DFT_COMMITTED = 15
DFT_FORKED = 16
DFT_PANIC = 99


dft_status = c_int32


class dft_text(Structure):
    _fields_ = [
        ("data", c_char_p),
        ("length", c_uint64),
    ]


class dft_config(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("interval_us", c_uint64),
        ("group_keys", POINTER(dft_text)),
        ("group_keys_length", c_uint64),
        ("custom_metric_names", POINTER(dft_text)),
        ("custom_metric_names_length", c_uint64),
        ("custom_metrics", c_uint32),
        ("group_by_file", c_uint32),
        ("sketch_accuracy", c_double),
        ("counter_period", c_uint32),
        ("time_unit", c_uint32),
    ]


class dft_arg(Structure):
    _fields_ = [
        ("name", dft_text),
        ("text", dft_text),
        ("integer", c_int64),
        ("real", c_double),
        ("kind", c_uint32),
        ("reserved", c_uint32),
    ]


class dft_record(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("phase", c_uint32),
        ("present", c_uint32),
        ("name", dft_text),
        ("category", dft_text),
        ("host_hash", dft_text),
        ("file_hash", dft_text),
        ("pid", c_int64),
        ("tid", c_int64),
        ("ts_us", c_int64),
        ("dur_us", c_int64),
        ("ret", c_int64),
        ("offset", c_int64),
        ("args", POINTER(dft_arg)),
        ("args_length", c_uint64),
    ]


class dft_lines_added(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("records", c_uint64),
        ("malformed", c_uint64),
        ("first_malformed", c_uint64),
        ("skipped", c_uint64),
        ("first_skipped", c_uint64),
    ]


class dft_view(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("granularity_us", c_uint64),
        ("start_us", c_uint64),
        ("end_us", c_uint64),
        ("has_time", c_uint32),
        ("has_pid", c_uint32),
        ("pid", c_int64),
        ("category", dft_text),
        ("name", dft_text),
        ("host", dft_text),
        ("file", dft_text),
        ("group_by", POINTER(dft_text)),
        ("group_by_length", c_uint64),
        ("pids", POINTER(c_int64)),
        ("pids_length", c_uint64),
        ("shard", c_uint32),
        ("shards", c_uint32),
        ("batch_rows", c_uint64),
        ("query", dft_text),
        ("ranks", POINTER(c_int64)),
        ("ranks_length", c_uint64),
        ("range_unit_us", c_uint64),
    ]


class dft_analyze_request(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("view", POINTER(dft_view)),
        ("preset", dft_text),
        ("by", dft_text),
        ("conditions", POINTER(dft_text)),
        ("conditions_length", c_uint64),
    ]


class dft_note(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("path", dft_text),
        ("text", dft_text),
    ]


dft_on_note = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_note))


class dft_progress(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("files", c_uint64),
        ("files_read", c_uint64),
        ("bytes", c_uint64),
        ("bytes_read", c_uint64),
        ("records", c_uint64),
        ("stage", c_uint32),
        ("reserved", c_uint32),
    ]


dft_on_progress = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_progress))


class dft_build_request(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("traces", POINTER(dft_text)),
        ("traces_length", c_uint64),
        ("index", dft_text),
        ("config", POINTER(dft_config)),
        ("source", dft_text),
        ("memory", c_uint64),
        ("threads", c_uint32),
        ("strict", c_uint32),
        ("rebuild", c_uint32),
        ("reserved", c_uint32),
        ("on_progress", dft_on_progress),
        ("on_fault", dft_on_note),
        ("context", c_void_p),
    ]


class dft_build_summary(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("files", c_uint64),
        ("known_files", c_uint64),
        ("faulty_files", c_uint64),
        ("records", c_uint64),
        ("malformed_lines", c_uint64),
        ("rows", c_uint64),
        ("telemetry_rows", c_uint64),
        ("text_bytes", c_uint64),
        ("skipped_records", c_uint64),
        ("duplicate_files", c_uint64),
    ]


class dft_error(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("status", dft_status),
        ("message", dft_text),
        ("path", dft_text),
        ("key", dft_text),
    ]


class dft_log_message(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("text", dft_text),
        ("level", c_uint32),
        ("reserved", c_uint32),
    ]


dft_on_log = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_log_message))


class dft_column(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("name", dft_text),
    ]


dft_visit_column = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_column))


class dft_export_request(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("directory", dft_text),
        ("tables", POINTER(c_uint32)),
        ("tables_length", c_uint64),
        ("view", POINTER(dft_view)),
        ("format", c_uint32),
        ("threads", c_uint32),
    ]


class dft_file(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("path", dft_text),
        ("bytes", c_uint64),
        ("text_bytes", c_uint64),
        ("events", c_uint64),
        ("profiles", c_uint64),
        ("systems", c_uint64),
        ("telemetry", c_uint64),
        ("metadata", c_uint64),
        ("skipped", c_uint64),
        ("malformed", c_uint64),
        ("failed_transfers", c_uint64),
        ("fault_text", dft_text),
        ("fault", c_uint32),
        ("reserved", c_uint32),
        ("pids", POINTER(c_int64)),
        ("pids_length", c_uint64),
    ]


dft_visit_file = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_file))


class dft_process(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("pid", c_int64),
        ("host_hash", dft_text),
        ("series", c_uint64),
    ]


dft_visit_process = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_process))


class dft_group_request(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("by", dft_text),
        ("statistics", dft_text),
        ("sort", dft_text),
        ("limit", c_uint64),
        ("kinds", POINTER(c_uint32)),
        ("kinds_length", c_uint64),
        ("view", POINTER(dft_view)),
        ("threads", c_uint32),
        ("reserved", c_uint32),
    ]


class dft_buffer(Structure):
    _fields_ = [
        ("data", POINTER(c_char)),
        ("capacity", c_uint64),
        ("length", c_uint64),
    ]


class dft_index_info(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("interval_us", c_uint64),
        ("config_hash", c_uint64),
        ("min_bucket_us", c_uint64),
        ("max_bucket_us", c_uint64),
        ("has_bounds", c_uint32),
        ("reserved", c_uint32),
        ("bytes", c_uint64),
    ]


class dft_index_counts(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("event_rows", c_uint64),
        ("profile_rows", c_uint64),
        ("system_rows", c_uint64),
        ("telemetry_rows", c_uint64),
        ("series", c_uint64),
        ("files", c_uint64),
    ]


class dft_name(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("hash", dft_text),
        ("name", dft_text),
    ]


dft_visit_name = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_name))


class dft_ingest_request(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("index", dft_text),
        ("shared", dft_text),
        ("keep", c_uint32),
        ("reserved", c_uint32),
        ("on_refused", dft_on_note),
        ("on_waiting", dft_on_note),
        ("on_unchained", dft_on_note),
        ("context", c_void_p),
    ]


class dft_ingest_summary(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("taken", c_uint64),
        ("known", c_uint64),
        ("refused", c_uint64),
        ("not_removed", c_uint64),
        ("unfinished", c_uint64),
        ("waiting_traces", c_uint64),
        ("unchained_traces", c_uint64),
        ("duplicate_files", c_uint64),
    ]


class dft_reading_key(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("host_hash", dft_text),
        ("name", dft_text),
        ("category", dft_text),
        ("group_values", POINTER(dft_text)),
        ("group_values_length", c_uint64),
        ("bucket_us", c_uint64),
        ("pid", c_int64),
        ("has_pid", c_uint32),
        ("reserved", c_uint32),
    ]


dft_on_reading_key = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_reading_key))


class dft_reading_query(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("host_hash", dft_text),
        ("name", dft_text),
        ("start_us", c_uint64),
        ("end_us", c_uint64),
        ("has_time", c_uint32),
        ("reserved", c_uint32),
    ]


class dft_reading(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("key", dft_text),
        ("value", dft_text),
        ("host_hash", dft_text),
        ("name", dft_text),
        ("bucket_us", c_uint64),
        ("readings", c_uint64),
        ("ts_us", c_int64),
        ("te_us", c_int64),
        ("metrics", c_uint64),
        ("category", dft_text),
        ("pid", c_int64),
        ("has_pid", c_uint32),
        ("reserved", c_uint32),
        ("group_values", POINTER(dft_text)),
        ("group_values_length", c_uint64),
    ]


dft_visit_reading = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_reading))


class dft_int_stats(Structure):
    _fields_ = [
        ("samples", c_uint64),
        ("sum_low", c_uint64),
        ("sum_high", c_int64),
        ("min", c_int64),
        ("max", c_int64),
        ("mean", c_double),
        ("std", c_double),
        ("has_extent", c_uint32),
        ("reserved", c_uint32),
    ]


class dft_real_stats(Structure):
    _fields_ = [
        ("samples", c_uint64),
        ("not_finite", c_uint64),
        ("total", c_double),
        ("mean", c_double),
        ("std", c_double),
        ("m2", c_double),
        ("min", c_double),
        ("max", c_double),
    ]


class dft_metric(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("name", dft_text),
        ("metric", c_uint32),
        ("reserved", c_uint32),
        ("samples", c_uint64),
        ("not_finite", c_uint64),
        ("total", c_double),
        ("mean", c_double),
        ("std", c_double),
        ("min", c_double),
        ("max", c_double),
        ("sketched", c_uint64),
        ("integers", dft_int_stats),
        ("reals", dft_real_stats),
    ]


class dft_row_query(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("kind", c_uint32),
        ("shard", c_uint32),
        ("shards", c_uint32),
        ("has_time", c_uint32),
        ("start_us", c_uint64),
        ("end_us", c_uint64),
    ]


class dft_row_value(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("count", c_uint64),
        ("ts_us", c_int64),
        ("te_us", c_int64),
        ("duration", dft_int_stats),
        ("bytes", dft_int_stats),
        ("offset", dft_int_stats),
    ]


class dft_row(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("key", dft_text),
        ("value", dft_text),
        ("bucket_us", c_uint64),
        ("category", dft_text),
        ("name", dft_text),
        ("host_hash", dft_text),
        ("file_hash", dft_text),
        ("pid", c_int64),
        ("tid", c_int64),
        ("decoded", dft_row_value),
        ("group_values", POINTER(dft_text)),
        ("group_values_length", c_uint64),
    ]


dft_visit_row = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_row))


class dft_sink_request(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("index", dft_text),
        ("source", dft_text),
        ("config", POINTER(dft_config)),
        ("scratch", dft_text),
        ("memory", c_uint64),
        ("interval_ms", c_uint64),
        ("patience_ms", c_uint64),
        ("threads", c_uint32),
        ("at_exit", c_uint32),
    ]


class dft_piece(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("path", dft_text),
        ("start", c_uint64),
        ("end", c_uint64),
        ("file_size", c_uint64),
    ]


dft_on_piece = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_piece))


class dft_stage_request(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("traces", POINTER(dft_text)),
        ("traces_length", c_uint64),
        ("pieces", POINTER(dft_piece)),
        ("pieces_length", c_uint64),
        ("staging", dft_text),
        ("shared", dft_text),
        ("part", c_uint32),
        ("parts", c_uint32),
        ("config", POINTER(dft_config)),
        ("source", dft_text),
        ("memory", c_uint64),
        ("threads", c_uint32),
        ("strict", c_uint32),
        ("on_progress", dft_on_progress),
        ("on_fault", dft_on_note),
        ("context", c_void_p),
    ]


class dft_bin(Structure):
    _fields_ = [
        ("power", c_double),
        ("values", c_uint64),
    ]


dft_visit_bin = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_bin))


class dft_trace(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("path", dft_text),
        ("state", c_uint32),
        ("reserved", c_uint32),
    ]


dft_visit_trace = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_trace))


class dft_value_info(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("count", c_uint64),
        ("ts_us", c_int64),
        ("te_us", c_int64),
        ("metrics", c_uint64),
        ("kind", c_uint32),
        ("reserved", c_uint32),
    ]


dft_visit_metric = CFUNCTYPE(c_int32, c_void_p, POINTER(dft_metric))


class dft_version(Structure):
    _fields_ = [
        ("size", c_uint64),
        ("abi", c_uint32),
        ("index_format", c_uint32),
        ("release", dft_text),
        ("features", dft_text),
    ]


# What each function returns and takes.
FUNCTIONS = {
    "dft_aggregator_new": (dft_status, [POINTER(dft_config), c_uint64, dft_text, POINTER(c_void_p)]),
    "dft_aggregator_add": (dft_status, [c_void_p, POINTER(dft_record)]),
    "dft_aggregator_add_lines": (dft_status, [c_void_p, dft_text, POINTER(dft_lines_added)]),
    "dft_aggregator_merge": (dft_status, [c_void_p, c_void_p]),
    "dft_aggregator_publish": (dft_status, [c_void_p, dft_text, dft_text, c_uint32]),
    "dft_aggregator_into_index": (dft_status, [c_void_p, c_uint32, POINTER(c_void_p)]),
    "dft_aggregator_free": (dft_status, [c_void_p]),
    "dft_analyze": (dft_status, [c_void_p, POINTER(dft_analyze_request), dft_on_note, c_void_p]),
    "dft_compare": (dft_status, [POINTER(c_void_p), POINTER(dft_text), c_uint64, POINTER(dft_analyze_request), dft_on_note, c_void_p]),
    "dft_build": (dft_status, [POINTER(dft_build_request), POINTER(dft_build_summary)]),
    "dft_last_error": (dft_status, [POINTER(dft_error)]),
    "dft_set_log": (dft_status, [dft_on_log, c_void_p]),
    "dft_table_stream": (dft_status, [c_void_p, c_uint32, POINTER(dft_view), c_void_p]),
    "dft_table_columns": (dft_status, [c_void_p, c_uint32, POINTER(dft_view), dft_visit_column, c_void_p]),
    "dft_export": (dft_status, [c_void_p, POINTER(dft_export_request)]),
    "dft_summary": (dft_status, [c_void_p, POINTER(dft_view), c_uint64, dft_on_note, c_void_p]),
    "dft_index_files": (dft_status, [c_void_p, dft_visit_file, c_void_p]),
    "dft_index_processes": (dft_status, [c_void_p, dft_visit_process, c_void_p]),
    "dft_group_stream": (dft_status, [c_void_p, POINTER(dft_group_request), c_void_p]),
    "dft_index_open": (dft_status, [dft_text, POINTER(c_void_p)]),
    "dft_index_location": (dft_status, [POINTER(dft_text), c_uint64, POINTER(dft_buffer)]),
    "dft_index_free": (dft_status, [c_void_p]),
    "dft_index_describe": (dft_status, [c_void_p, POINTER(dft_index_info)]),
    "dft_index_config": (dft_status, [c_void_p, POINTER(dft_config)]),
    "dft_index_count": (dft_status, [c_void_p, POINTER(dft_index_counts)]),
    "dft_index_names": (dft_status, [c_void_p, c_uint32, dft_visit_name, c_void_p]),
    "dft_index_name": (dft_status, [c_void_p, c_uint32, dft_text, POINTER(dft_buffer)]),
    "dft_ingest": (dft_status, [POINTER(dft_ingest_request), POINTER(dft_ingest_summary)]),
    "dft_row_key_decode": (dft_status, [dft_text, POINTER(c_uint8), POINTER(c_uint64)]),
    "dft_reading_key_decode": (dft_status, [dft_text, dft_on_reading_key, c_void_p]),
    "dft_reading_key_encode": (dft_status, [POINTER(dft_reading_key), POINTER(dft_buffer)]),
    "dft_index_observed": (dft_status, [c_void_p, c_uint32, dft_visit_column, c_void_p]),
    "dft_readings_open": (dft_status, [c_void_p, POINTER(dft_reading_query), POINTER(c_void_p)]),
    "dft_readings_scan": (dft_status, [c_void_p, POINTER(dft_reading_query), dft_visit_reading, c_void_p, POINTER(c_uint64)]),
    "dft_readings_next": (dft_status, [c_void_p, POINTER(dft_reading), POINTER(c_uint32)]),
    "dft_readings_metric": (dft_status, [c_void_p, c_uint64, POINTER(dft_metric)]),
    "dft_readings_free": (dft_status, [c_void_p]),
    "dft_report": (dft_status, [c_void_p, POINTER(dft_view), dft_text]),
    "dft_report_text": (dft_status, [c_void_p, POINTER(dft_view), c_uint32, dft_on_note, c_void_p]),
    "dft_rows_open": (dft_status, [c_void_p, POINTER(dft_row_query), POINTER(c_void_p)]),
    "dft_rows_scan": (dft_status, [c_void_p, POINTER(dft_row_query), dft_visit_row, c_void_p, POINTER(c_uint64)]),
    "dft_rows_next": (dft_status, [c_void_p, POINTER(dft_row), POINTER(c_uint32)]),
    "dft_rows_free": (dft_status, [c_void_p]),
    "dft_sink_new": (dft_status, [POINTER(dft_sink_request), POINTER(c_void_p)]),
    "dft_sink_add": (dft_status, [c_void_p, POINTER(dft_record)]),
    "dft_sink_flush": (dft_status, [c_void_p, c_uint64]),
    "dft_sink_publish": (dft_status, [c_void_p]),
    "dft_sink_free": (dft_status, [c_void_p]),
    "dft_plan": (dft_status, [POINTER(dft_text), c_uint64, c_uint64, dft_on_piece, c_void_p]),
    "dft_stage": (dft_status, [POINTER(dft_stage_request), POINTER(dft_build_summary)]),
    "dft_stats_new": (dft_status, [c_double, POINTER(c_void_p)]),
    "dft_stats_add_integers": (dft_status, [c_void_p, POINTER(c_int64), c_uint64]),
    "dft_stats_add_reals": (dft_status, [c_void_p, POINTER(c_double), c_uint64]),
    "dft_stats_merge": (dft_status, [c_void_p, c_void_p]),
    "dft_stats_copy": (dft_status, [c_void_p, POINTER(c_void_p)]),
    "dft_stats_describe": (dft_status, [c_void_p, POINTER(dft_metric)]),
    "dft_stats_quantile": (dft_status, [c_void_p, c_double, POINTER(c_double)]),
    "dft_stats_histogram": (dft_status, [c_void_p, dft_visit_bin, c_void_p]),
    "dft_stats_encode": (dft_status, [c_void_p, POINTER(dft_buffer)]),
    "dft_stats_decode": (dft_status, [dft_text, POINTER(c_void_p)]),
    "dft_stats_free": (dft_status, [c_void_p]),
    "dft_resolve": (dft_status, [POINTER(dft_text), c_uint64, dft_text, dft_visit_trace, c_void_p]),
    "dft_value_new": (dft_status, [c_uint32, c_double, POINTER(c_void_p)]),
    "dft_value_decode": (dft_status, [c_uint32, dft_text, c_uint64, c_double, POINTER(c_void_p)]),
    "dft_value_encode": (dft_status, [c_void_p, c_uint64, POINTER(dft_buffer)]),
    "dft_value_merge": (dft_status, [c_void_p, c_void_p]),
    "dft_value_copy": (dft_status, [c_void_p, POINTER(c_void_p)]),
    "dft_value_describe": (dft_status, [c_void_p, POINTER(dft_value_info)]),
    "dft_value_set_span": (dft_status, [c_void_p, c_uint64, c_int64, c_int64]),
    "dft_value_row": (dft_status, [c_void_p, POINTER(dft_row_value)]),
    "dft_value_metrics": (dft_status, [c_void_p, dft_visit_metric, c_void_p]),
    "dft_value_stats": (dft_status, [c_void_p, c_uint32, dft_text, POINTER(c_void_p)]),
    "dft_value_set_stats": (dft_status, [c_void_p, c_uint32, dft_text, c_void_p]),
    "dft_value_free": (dft_status, [c_void_p]),
    "dft_verify": (dft_status, [dft_text, dft_on_note, c_void_p]),
    "dft_library_end_threads": (dft_status, []),
    "dft_library_version": (dft_status, [POINTER(dft_version)]),
}
