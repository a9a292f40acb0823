"""DuckDB: the gzip files, read and grouped as the index groups them, to a Parquet file."""

import duckdb
from common import TRANSFERS, Clock, arguments, say

given = arguments()
interval = given.interval_ms * 1000
files = sorted(str(file) for file in given.traces.iterdir())
table = given.out / "events.parquet"
names = ", ".join(f"'{name}'" for name in TRANSFERS)
database = duckdb.connect(config={"threads": given.threads})

clock = Clock()
database.execute(
    f"""
    COPY (
        SELECT
            cat, name, pid, tid, hhash, fhash, bucket,
            count(*) AS count,
            sum(dur) AS time, min(dur) AS time_min, max(dur) AS time_max,
            sum(size) AS size, min(size) AS size_min, max(size) AS size_max,
            min("offset") AS offset_min, max("offset") AS offset_max,
            min(ts) AS time_start, max(ts + coalesce(dur, 0)) AS time_end
        FROM (
            SELECT
                lower(cat) AS cat, name, pid, tid, ts, dur,
                args.hhash AS hhash, args.fhash AS fhash, args."offset" AS "offset",
                (ts + coalesce(dur, 0) // 2) // {interval} * {interval} AS bucket,
                CASE WHEN lower(cat) IN ('posix', 'stdio') AND name IN ({names}) AND args.ret >= 0
                    THEN args.ret END AS size
            FROM read_json(
                ?,
                format = 'newline_delimited',
                -- What is no object, such as the brackets around a trace, is passed over.
                ignore_errors = true,
                columns = {{
                    name: 'VARCHAR', cat: 'VARCHAR', pid: 'BIGINT', tid: 'BIGINT', ts: 'BIGINT', dur: 'BIGINT',
                    ph: 'VARCHAR', args: 'STRUCT(hhash VARCHAR, fhash VARCHAR, ret BIGINT, "offset" BIGINT)'
                }}
            )
            WHERE ph = 'X'
        )
        GROUP BY ALL
    ) TO '{table}' (FORMAT parquet, COMPRESSION zstd)
    """,
    [files],
)
clock.lap("tables")

calls, time_us, transferred, rows = database.execute(
    "SELECT sum(count), sum(time), sum(size), count(*) FROM read_parquet(?)", [str(table)]
).fetchone()
say(clock, calls=calls, time_us=time_us, transferred=transferred, rows=rows, index_bytes=0)
