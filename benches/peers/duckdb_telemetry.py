"""DuckDB: reads and groups the gzip files of readings once, and writes a Parquet file. See `duckdb_table.py`."""

import duckdb
from common import READINGS, Clock, arguments, say

given = arguments()
interval = given.interval_ms * 1000
files = sorted(str(file) for file in given.traces.iterdir())
table = given.out / "system.parquet"
database = duckdb.connect(config={"threads": given.threads, "preserve_insertion_order": False})

clock = Clock()
database.execute(
    f"""
    COPY (
        SELECT
            args.hhash AS host_hash, name, lower(cat) AS cat, CASE WHEN cat <> 'sys' THEN pid END AS pid,
            ts // {interval} * {interval} AS time_bucket, min(ts) AS ts, max(ts) AS te, count(*) AS count,
            {', '.join(f'avg(args."{name}") AS "{name}"' for name in READINGS)}
        FROM read_json(
            ?,
            format = 'newline_delimited',
            ignore_errors = true,
            columns = {{
                name: 'VARCHAR', cat: 'VARCHAR', pid: 'BIGINT', ts: 'BIGINT', ph: 'VARCHAR',
                args: 'STRUCT(hhash VARCHAR, {', '.join(f'"{name}" DOUBLE' for name in READINGS)})'
            }}
        ) AS records
        WHERE ph = 'C'
        GROUP BY 1, 2, 3, 4, 5
    ) TO '{table}' (FORMAT parquet, COMPRESSION zstd)
    """,
    [files],
)
clock.lap("tables")

calls, rows = database.execute("SELECT sum(count), count(*) FROM read_parquet(?)", [str(table)]).fetchone()
say(clock, calls=calls, time_us=0, transferred=0, rows=rows, index_bytes=0)
