"""Polars: scans and groups the inflated readings once, and writes a Parquet file. See `polars_table.py`."""

import polars
from common import READINGS, Clock, arguments, say
from polars import col, when

given = arguments()
interval = given.interval_ms * 1000
category, whole = polars.Categorical, polars.Int64
schema = {
    "name": category,
    "cat": category,
    "pid": whole,
    "ts": whole,
    "ph": category,
    "args": polars.Struct({"hhash": category} | {name: polars.Float64 for name in READINGS}),
}
arg = col("args").struct.field
table = given.out / "system.parquet"

clock = Clock()
(
    polars.scan_ndjson(sorted(given.traces.iterdir()), schema=schema, ignore_errors=True)
    .filter(col("ph") == "C")
    .select(
        "ts",
        arg("hhash").alias("host_hash"),
        "name",
        col("cat").cast(polars.String).str.to_lowercase(),
        pid=when(col("cat").cast(polars.String) != "sys").then("pid"),
        time_bucket=col("ts") // interval * interval,
        *[arg(name) for name in READINGS],
    )
    .group_by("host_hash", "name", "cat", "pid", "time_bucket")
    .agg(
        ts=col("ts").min(),
        te=col("ts").max(),
        count=polars.len().cast(whole),
        **{name: col(name).mean() for name in READINGS},
    )
    .collect(engine="streaming")
    .write_parquet(table, compression="zstd")
)
clock.lap("tables")

rows = polars.read_parquet(table, columns=["count"])
say(clock, calls=rows["count"].sum(), time_us=0, transferred=0, rows=len(rows), index_bytes=0)
