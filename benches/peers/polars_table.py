"""Polars: scans and groups the inflated text once, joins names to the groups, and writes a Parquet file.

It gets text, since it cannot scan gzip files; the time to inflate them is not counted. Metadata is grouped together
with calls, which saves a second pass over the text. The streaming engine, and texts as categories, were the fastest
of several variants.
"""

import polars
from common import CUSTOM, IO_CATEGORIES, TRANSFERS, Clock, arguments, say
from polars import col, when

given = arguments()
interval = given.interval_ms * 1000
category, text, whole = polars.Categorical, polars.String, polars.Int64
args = {"hhash": category, "fhash": category, "name": text, "value": text, "ret": whole, "offset": whole}
schema = {
    "name": category,
    "cat": category,
    "pid": whole,
    "tid": whole,
    "ts": whole,
    "dur": whole,
    "ph": category,
    "args": polars.Struct(args | {name: whole for name in CUSTOM}),
}
arg = col("args").struct.field
metrics = {name: col(name) for name in ["dur", "size", "offset"]} | {name: col(f"arg_{name}") for name in CUSTOM}
table = given.out / "events.parquet"

clock = Clock()
dur = col("dur").fill_null(0)
records = (
    # Lines that are not objects, such as the brackets around a trace, are skipped.
    polars.scan_ndjson(sorted(given.traces.iterdir()), schema=schema, ignore_errors=True)
    .select(
        *["ph", "pid", "tid", "dur", "ts"],
        *[arg(name) for name in ["hhash", "fhash", "ret", "offset"]],
        *[arg(name).alias(f"arg_{name}") for name in CUSTOM],
        cat=col("cat").cast(text).str.to_lowercase(),
        func_name="name",
        end=col("ts") + dur,
        bucket=(col("ts") + dur // 2) // interval * interval,
        named=arg("name"),
        value=arg("value"),
    )
    .with_columns(
        size=when(
            col("cat").is_in(["posix", "stdio"]) & col("func_name").is_in(TRANSFERS) & (col("ret") >= 0)
        ).then(col("ret"))
    )
)
groups = (
    records.group_by("ph", "cat", "func_name", "pid", "tid", "fhash", "hhash", "bucket", "named", "value")
    .agg(
        polars.len(),
        *[metric.count().alias(f"{name}_n") for name, metric in metrics.items()],
        *[metric.sum().alias(f"{name}_total") for name, metric in metrics.items()],
        *[metric.min().alias(f"{name}_min") for name, metric in metrics.items()],
        *[metric.max().alias(f"{name}_max") for name, metric in metrics.items()],
        *[metric.std().alias(f"{name}_std") for name, metric in metrics.items()],
        col("ts").min(),
        col("end").max(),
    )
    .collect(engine="streaming")
    .lazy()
)


def names(kind, hash, name):
    """Return the names of hashes of a kind of metadata; the first in order if a hash has several names."""
    named = groups.filter(ph="M", func_name=kind).group_by(col("value").cast(category).alias(hash))
    return named.agg(col("named").min().alias(name))


def sampled(name, value):
    return when(col(f"{name}_n") > 0).then(value)


calls = groups.filter(ph="X")
cell = col("bucket") - col("bucket").min()
host = polars.coalesce(when(col("host_name") != "").then("host_name"), when(col("hhash") != "").then("hhash"))
(
    calls.join(names("FH", "fhash", "file_name"), on="fhash", how="left")
    .join(names("HH", "hhash", "host_name"), on="hhash", how="left")
    .with_columns(*[sampled(name, f"{name}_total").alias(f"{name}_total") for name in metrics])
    .select(
        *["cat", "func_name", "pid", "tid"],
        file_hash=col("fhash").cast(text).fill_null(""),
        host_hash=col("hhash").cast(text).fill_null(""),
        file_name=col("file_name").fill_null(""),
        host_name=col("host_name").fill_null(""),
        proc_name=polars.format("app#{}#{}#{}", host.fill_null("unknown"), "pid", "tid"),
        io_cat=col("func_name").cast(text).replace_strict(IO_CATEGORIES, default=6, return_dtype=whole),
        acc_pat=polars.lit(0, whole),
        count=col("len").cast(whole),
        time=col("dur_total") / 1e6,
        size="size_total",
        time_min=col("dur_min") / 1e6,
        time_max=col("dur_max") / 1e6,
        size_min="size_min",
        size_max="size_max",
        offset_min="offset_min",
        offset_max="offset_max",
        time_range=cell // interval,
        time_start=col("ts") - col("bucket").min(),
        time_end=col("end") - col("bucket").min(),
        offset_total="offset_total",
        **{f"{name}_n": col(f"{name}_n").cast(whole) for name in metrics},
        **{f"{name}_mean": col(f"{name}_total") / col(f"{name}_n") for name in metrics},
        **{f"{name}_std": col(f"{name}_std") for name in metrics},
        **{f"{name}_{part}": col(f"{name}_{part}") for name in CUSTOM for part in ["total", "min", "max"]},
    )
    .collect()
    .write_parquet(table, compression="zstd")
)
clock.lap("tables")

total = polars.read_parquet(table, columns=["count", "time", "size"]).sum()
say(
    clock,
    calls=total["count"][0],
    time_us=round(total["time"][0] * 1e6),
    transferred=total["size"][0],
    rows=polars.scan_parquet(table).select(polars.len()).collect().item(),
    index_bytes=0,
)
