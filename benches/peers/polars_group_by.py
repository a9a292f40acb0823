"""Polars: the inflated text, scanned and grouped as the index groups it, to a Parquet file.

It is given text, for it scans no gzip files: the time to inflate them is not counted against it.
"""

import polars
from common import TRANSFERS, Clock, arguments, say

given = arguments()
interval = given.interval_ms * 1000
text, whole = polars.String, polars.Int64
schema = {
    "name": text,
    "cat": text,
    "pid": whole,
    "tid": whole,
    "ts": whole,
    "dur": whole,
    "ph": text,
    "args": polars.Struct({"hhash": text, "fhash": text, "ret": whole, "offset": whole}),
}
column, arg = polars.col, polars.col("args").struct.field

clock = Clock()
ret = arg("ret")
transfers = column("cat").is_in(["posix", "stdio"]) & column("name").is_in(TRANSFERS) & (ret >= 0)
size = polars.when(transfers).then(ret)
middle = column("ts") + column("dur").fill_null(0) // 2
table = given.out / "events.parquet"
(
    # What is no object, such as the brackets around a trace, is passed over.
    polars.scan_ndjson(sorted(given.traces.iterdir()), schema=schema, ignore_errors=True)
    .filter(column("ph") == "X")
    .with_columns(column("cat").str.to_lowercase())
    .group_by("cat", "name", "pid", "tid", arg("hhash"), arg("fhash"), (middle // interval * interval).alias("bucket"))
    .agg(
        polars.len().alias("count"),
        column("dur").sum().alias("time"),
        column("dur").min().alias("time_min"),
        column("dur").max().alias("time_max"),
        size.sum().alias("size"),
        size.min().alias("size_min"),
        size.max().alias("size_max"),
        arg("offset").min().alias("offset_min"),
        arg("offset").max().alias("offset_max"),
        column("ts").min().alias("time_start"),
        (column("ts") + column("dur").fill_null(0)).max().alias("time_end"),
    )
    .collect(engine="streaming")
    .write_parquet(table, compression="zstd")
)
clock.lap("tables")

total = polars.read_parquet(table, columns=["count", "time", "size"]).sum()
say(
    clock,
    calls=total["count"][0],
    time_us=total["time"][0],
    transferred=total["size"][0],
    rows=polars.scan_parquet(table).select(polars.len()).collect().item(),
    index_bytes=0,
)
