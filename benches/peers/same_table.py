"""Compares every row and value of a peer's table with the tables of `dft export`.

    same_table.py TABLES PEER    directories: of the tables events and aggregation; of events.parquet

Prints the differences, if any. Integers must be equal. Other numbers may differ by 1e-9 of the highest value of their
metric, since the peers do not sum exactly.
"""

import sys
from pathlib import Path

import polars
from polars import col

tables, peer = map(Path, sys.argv[1:])
KEY = ["cat", "func_name", "pid", "tid", "file_hash", "host_hash"]
WITHIN = 1e-9


def plain(frame):
    """Replace dictionaries by their values, and missing numbers of samples by 0."""
    texts = polars.selectors.by_dtype(polars.Categorical, polars.String)
    return frame.with_columns(texts.cast(polars.String), polars.selectors.ends_with("_n").fill_null(0))


events = polars.read_parquet(tables / "events.parquet")
statistics = polars.read_parquet(tables / "aggregation.parquet").filter(col("family") == "event")
# Both tables are sorted by key, so their rows correspond.
more = [name for name in statistics.columns if name not in events.columns]
ours = plain(polars.concat([events, statistics.select(more)], how="horizontal"))
theirs = plain(polars.read_parquet(peer / "events.parquet"))
ours, theirs = (frame.sort(*KEY, "time_range") for frame in (ours, theirs))

differences = []
if len(ours) != len(theirs):
    differences.append(f"{len(theirs)} rows instead of {len(ours)}")
differences += [f"no column {name}" for name in sorted(set(events.columns) - set(theirs.columns))]
for name in theirs.columns if not differences else []:
    one, other = ours[name], theirs[name]
    if one.dtype.is_float() or other.dtype.is_float():
        of = name.rsplit("_", 1)[0] + "_max"
        scale = abs(ours[of if of in ours.columns else name]).max() or 1
        same = (one.is_null() == other.is_null()) & ((one - other).abs() <= WITHIN * scale).fill_null(True)
    else:
        same = one.eq_missing(other)
    if not same.all():
        at = same.arg_min()
        differences.append(f"{name}: {other[at]} instead of {one[at]}, {(~same).sum()} differences in total")
# Those that the table has under other names or in seconds.
elsewhere = ["dur_total", "dur_min", "dur_max", "size_total"]
wanted = [name for name in statistics.columns if name.endswith(("_n", "_total", "_min", "_max", "_mean", "_std"))]
differences += [f"no column {name}" for name in wanted if name not in [*theirs.columns, *elsewhere]]
print("; ".join(differences))
