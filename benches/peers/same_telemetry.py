"""Compares every row and value of a peer's table of readings with the table `system` of `dft export`.

    same_telemetry.py TABLES PEER    directories: of the table system; of system.parquet

Prints the differences, if any. Means may differ by 1e-9 of the highest of their metric, since the peers do not sum
exactly.
"""

import sys
from pathlib import Path

import polars

ours, theirs = (polars.read_parquet(Path(directory) / "system.parquet") for directory in sys.argv[1:])
KEY = ["host_hash", "name", "cat", "pid", "time_bucket"]
WITHIN = 1e-9

texts = polars.selectors.by_dtype(polars.Categorical, polars.String)
ours, theirs = (frame.with_columns(texts.cast(polars.String)).sort(*KEY) for frame in (ours, theirs))
differences = [f"no column {name}" for name in ours.columns if name not in theirs.columns]
if len(ours) != len(theirs):
    differences.append(f"{len(theirs)} rows instead of {len(ours)}")
for name in ours.columns if not differences else []:
    one, other = ours[name], theirs[name]
    if one.dtype.is_float():
        scale = abs(one).max() or 1
        same = (one.is_null() == other.is_null()) & ((one - other).abs() <= WITHIN * scale).fill_null(True)
    else:
        same = one.eq_missing(other)
    if not same.all():
        at = same.arg_min()
        differences.append(f"{name}: {other[at]} instead of {one[at]}, {(~same).sum()} differences in total")
print("; ".join(differences))
