"""DuckDB: reads and groups the gzip files once, joins names to the groups, and writes a Parquet file.

Metadata is grouped together with calls, which saves a second pass over the files and storing the records.
"""

import duckdb
from common import CUSTOM, IO_CATEGORIES, TRANSFERS, Clock, arguments, say

given = arguments()
interval = given.interval_ms * 1000
files = sorted(str(file) for file in given.traces.iterdir())
table = given.out / "events.parquet"
database = duckdb.connect(config={"threads": given.threads, "preserve_insertion_order": False})


def texts(names):
    return ", ".join(f"'{name}'" for name in names)


def each(form, names):
    """Fill a form for each column, in place of `%`."""
    return ", ".join(form.replace("%", name) for name in names)


metrics = ["dur", "size", "offset", *CUSTOM]
io_category = " ".join(
    f"WHEN func_name IN ({texts(name for name in IO_CATEGORIES if IO_CATEGORIES[name] == number)}) THEN {number}"
    for number in sorted(set(IO_CATEGORIES.values()))
)

clock = Clock()
database.execute(
    f"""
    COPY (
        WITH records AS (
            SELECT
                ph, lower(cat) AS cat, name AS func_name, pid, tid, args.fhash AS fhash, args.hhash AS hhash,
                (ts + coalesce(dur, 0) // 2) // {interval} * {interval} AS bucket,
                ts, ts + coalesce(dur, 0) AS "end",
                dur AS arg_dur, args."offset" AS arg_offset, {each('args."%" AS "arg_%"', CUSTOM)},
                CASE WHEN lower(cat) IN ('posix', 'stdio') AND name IN ({texts(TRANSFERS)}) AND args.ret >= 0
                    THEN args.ret END AS arg_size,
                args.name AS named, args.value AS "value"
            FROM read_json(
                ?,
                format = 'newline_delimited',
                -- Lines that are not objects, such as the brackets around a trace, are skipped.
                ignore_errors = true,
                columns = {{
                    name: 'VARCHAR', cat: 'VARCHAR', pid: 'BIGINT', tid: 'BIGINT', ts: 'BIGINT', dur: 'BIGINT',
                    ph: 'VARCHAR',
                    args: 'STRUCT(
                        hhash VARCHAR, fhash VARCHAR, name VARCHAR, "value" VARCHAR,
                        ret BIGINT, "offset" BIGINT, {each('"%" BIGINT', CUSTOM)}
                    )'
                }}
            )
        ),
        groups AS MATERIALIZED (
            SELECT
                ph, cat, func_name, pid, tid, fhash, hhash, bucket, named, "value",
                count(*) AS calls, min(ts) AS ts, max("end") AS "end",
                {each('count("arg_%") AS "%_n", sum("arg_%") AS "%_total"', metrics)},
                {each('min("arg_%") AS "%_min", max("arg_%") AS "%_max"', metrics)},
                {each('avg("arg_%") AS "%_mean", stddev_samp("arg_%") AS "%_std"', metrics)}
            FROM records
            GROUP BY ALL
        ),
        -- If a hash has several names, the first in order.
        files AS (SELECT "value", min(named) AS name FROM groups WHERE ph = 'M' AND func_name = 'FH' GROUP BY ALL),
        hosts AS (SELECT "value", min(named) AS name FROM groups WHERE ph = 'M' AND func_name = 'HH' GROUP BY ALL),
        origin AS (SELECT min(bucket) AS bucket FROM groups WHERE ph = 'X')
        SELECT
            cat, func_name, pid, tid, coalesce(fhash, '') AS file_hash, coalesce(hhash, '') AS host_hash,
            coalesce(files.name, '') AS file_name, coalesce(hosts.name, '') AS host_name,
            'app#' || coalesce(nullif(hosts.name, ''), nullif(hhash, ''), 'unknown') || '#' || pid || '#' || tid
                AS proc_name,
            CASE {io_category} ELSE 6 END::BIGINT AS io_cat, 0::BIGINT AS acc_pat,
            calls AS count, dur_total / 1e6 AS time, size_total::BIGINT AS size,
            dur_min / 1e6 AS time_min, dur_max / 1e6 AS time_max,
            size_min, size_max, offset_min, offset_max,
            (groups.bucket - origin.bucket) // {interval} AS time_range,
            ts - origin.bucket AS time_start, "end" - origin.bucket AS time_end,
            offset_total::BIGINT AS offset_total,
            {each('"%_n", "%_mean", "%_std"', metrics)},
            {each('"%_total"::BIGINT AS "%_total", "%_min", "%_max"', CUSTOM)}
        FROM groups
            CROSS JOIN origin
            LEFT JOIN files ON groups.fhash = files."value"
            LEFT JOIN hosts ON groups.hhash = hosts."value"
        WHERE ph = 'X'
    ) TO '{table}' (FORMAT parquet, COMPRESSION zstd)
    """,
    [files],
)
clock.lap("tables")

calls, time_us, transferred, rows = database.execute(
    "SELECT sum(count), round(sum(time) * 1e6), sum(size), count(*) FROM read_parquet(?)", [str(table)]
).fetchone()
say(clock, calls=calls, time_us=time_us, transferred=transferred, rows=rows, index_bytes=0)
