"""Whether a peer's table says what the tables of `dft export` say: every row, every value.

    same_table.py TABLES PEER    directories: of the tables events and aggregation; of events.parquet

Prints what differs, or nothing. Integers are to be the same; what is no integer, to 1e-9 of the
greatest value of its metric, for the peers do not sum exactly.
"""

import sys
from pathlib import Path

import polars
from polars import col

tables, peer = map(Path, sys.argv[1:])
KEY = ["cat", "func_name", "pid", "tid", "file_hash", "host_hash"]
WITHIN = 1e-9


def plain(frame):
    """Dictionaries as what they stand for, and no samples as 0 of them."""
    texts = polars.selectors.by_dtype(polars.Categorical, polars.String)
    return frame.with_columns(texts.cast(polars.String), polars.selectors.ends_with("_n").fill_null(0))


events = polars.read_parquet(tables / "events.parquet")
statistics = polars.read_parquet(tables / "aggregation.parquet").filter(col("family") == "event")
# Both are sorted by key, so rows of one are those of the other.
beside = [name for name in statistics.columns if name not in events.columns]
ours = plain(polars.concat([events, statistics.select(beside)], how="horizontal"))
theirs = plain(polars.read_parquet(peer / "events.parquet"))
ours, theirs = (frame.sort(*KEY, "time_range") for frame in (ours, theirs))

differences = []
if len(ours) != len(theirs):
    differences.append(f"{len(theirs)} rows for {len(ours)}")
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
        differences.append(f"{name}: {other[at]} for {one[at]}, and {(~same).sum()} in all")
# Those that the table has under names of its own, or in seconds.
elsewhere = ["dur_total", "dur_min", "dur_max", "size_total"]
wanted = [name for name in statistics.columns if name.endswith(("_n", "_total", "_min", "_max", "_mean", "_std"))]
differences += [f"no column {name}" for name in wanted if name not in [*theirs.columns, *elsewhere]]
print("; ".join(differences))
