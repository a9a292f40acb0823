"""Compares groups of `dft query` with those that DuckDB makes of the raw records: see group-check.

DuckDB does all grouping and all statistics, on records that are read here line by line. Only calls are compared: for
calls that the tracer summed up, the records themselves do not have the statistics.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import duckdb
from raw_records import DIVISORS, records

dft, traces, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])

INTERVAL = 100_000
TRANSFERS = (
    "read pread pread64 readv preadv preadv64 preadv2 fread write pwrite pwrite64 writev pwritev pwritev64 pwritev2 "
    "fwrite send sendto sendmsg recv recvfrom recvmsg splice sendfile sendfile64 copy_file_range"
).split()

# What dft groups by, and how SQL says the same of a record.
KEYS = {
    "func_name": "name",
    "cat": "cat",
    "pid": "pid",
    "tid": "tid",
    "host_hash": "host_hash",
    "host_name": "host_name",
    "file_hash": "file_hash",
    "file_name": "file_name",
    "file_dir": r"CASE WHEN file_name LIKE '%/%' THEN "
    r"coalesce(nullif(regexp_replace(file_name, '/+[^/]*$', ''), ''), '/') ELSE '' END",
    "file_ext": r"regexp_extract(regexp_replace(file_name, '^.*/', ''), '^.+\.([^.]*)$', 1)",
    "file_pattern": r"regexp_replace(file_name, '[0-9]+', '[0-9]', 'g')",
    "time_bucket": f"(ts + coalesce(dur, 0) // 2) // {INTERVAL} * {INTERVAL}",
    "epoch": "epoch",
}
GROUPS = [[], *([key] for key in KEYS), ["cat", "func_name", "epoch"], ["file_dir", "func_name", "time_bucket"]]
# The statistics of a metric, and how SQL says the same. Quantiles are within 1 %.
STATISTICS = {
    "n": "count({0})",
    "total": "sum({0})::BIGINT",
    "mean": "avg({0})",
    "std": "stddev_samp({0})",
    "min": "min({0})",
    "max": "max({0})",
    "p90": "list_sort(list({0}) FILTER ({0} IS NOT NULL))[floor(0.9 * (count({0}) - 1))::BIGINT + 1]",
}
METRICS = ["dur", "size", "offset"]
FILTERS = [
    (None, "true"),
    ("file_name like '/p/%' and not name in ['read']", "file_name LIKE '/p/%' AND name <> 'read'"),
    ("name ~ '^(p?read|open)' or file_ext == 'npz'", "name SIMILAR TO '(p?read|open).*' OR file_name LIKE '%.npz'"),
    ("cat ilike 'POS%' and pid between 0 and 20000", "cat = 'posix' AND pid BETWEEN 0 AND 20000"),
    ("epoch is not null and epoch >= 1", "epoch <> '' AND try_cast(epoch AS BIGINT) >= 1"),
    ("file_name contains 'data' and epoch is null", "contains(file_name, 'data') AND epoch IS NULL"),
]


def rows(files):
    """Every call of traces, with its names: (columns of the table `calls`)."""
    calls, names = [], {"FH": {}, "HH": {}}
    for path in files:
        divisor = 1
        for record in records(path):
            args, phase = record.get("args", {}), record.get("ph")
            if phase in ("M", 4):
                if record["name"] in names:
                    names[record["name"]].setdefault(str(args["value"]), args["name"])
                elif record["name"] == "CM" and args.get("name") == "time_metric":
                    divisor = DIVISORS[args["value"]]
            elif phase in ("X", 1):
                ret, cat = args.get("ret"), record["cat"].lower()
                is_transfer = cat in ("posix", "stdio") and record["name"] in TRANSFERS
                size = ret if is_transfer and ret is not None and ret >= 0 else None
                if size is not None and record["name"] in ("fread", "fwrite"):
                    size *= args.get("size", 1)
                epoch = args.get("epoch")
                times = [None if value is None else value // divisor for value in (record["ts"], record.get("dur"))]
                identity = [cat, record["name"], record["pid"], record["tid"]]
                hashes = [str(args.get("hhash", "")), str(args.get("fhash", "")), None if epoch is None else str(epoch)]
                calls.append([*identity, *times, size, args.get("offset"), *hashes])
    for call in calls:
        call += [names["HH"].get(call[8], ""), names["FH"].get(call[9], "")]
    return calls


def close(ours, theirs, statistic):
    if ours is None or theirs is None:
        return ours is None and theirs is None
    if statistic.endswith("_p90"):
        return abs(ours - theirs) <= 0.0101 * abs(theirs) + 1e-9
    if isinstance(ours, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
    return ours == theirs


def check(name, index, database):
    """Compares every grouping through every filter; returns how many groups there were."""
    statistics = ["count", "file_nunique", *(f"{metric}_{of}" for metric in METRICS for of in STATISTICS)]
    aggregates = ["count(*)", "count(DISTINCT nullif(file_name, ''))"]
    aggregates += [sql.format(f'"{metric}"') for metric in METRICS for sql in STATISTICS.values()]
    compared = 0
    for query, where in FILTERS:
        for by in GROUPS:
            command = [dft, "query", str(index), "--table", "events", "--format", "json"]
            command += ["--stats", ",".join(statistics)]
            command += ["--group-by", ",".join(by)] if by else []
            command += ["--query", query] if query else []
            ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            keys = [KEYS[key] for key in by]
            sql = f"SELECT {', '.join([*keys, *aggregates])} FROM calls WHERE {where}"
            sql += f" GROUP BY {', '.join(keys)}" if keys else ""
            theirs = {row[: len(by)]: row[len(by) :] for row in database.execute(sql).fetchall()}
            found = {tuple(row[key] for key in by): [row[statistic] for statistic in statistics] for row in ours}
            if found.keys() != theirs.keys():
                sys.exit(f"{name}, {query}, by {by}: other groups: {found.keys() ^ theirs.keys()}")
            for key, values in found.items():
                for statistic, mine, other in zip(statistics, values, theirs[key]):
                    if not close(mine, other, statistic):
                        sys.exit(f"{name}, {query}, {by} {key}: {statistic} is {mine}, but DuckDB's {other}")
            compared += len(found)
    return compared


for directory in sorted(path for path in traces.iterdir() if path.is_dir()):
    files = sorted(path for path in directory.rglob("*") if path.name.endswith((".pfw", ".pfw.gz")))
    calls = rows(files)
    if not calls:
        continue
    index = work / directory.name
    command = [dft, "index", str(directory), "--index", str(index), "--interval", f"{INTERVAL}us"]
    built = subprocess.run([*command, "--percentiles", "--group-key", "epoch"], capture_output=True, text=True)
    if built.returncode not in (0, 3):
        sys.exit(built.stderr)
    database = duckdb.connect()
    database.execute(
        "CREATE TABLE calls (cat TEXT, name TEXT, pid BIGINT, tid BIGINT, ts BIGINT, dur BIGINT, size BIGINT, "
        '"offset" BIGINT, host_hash TEXT, file_hash TEXT, epoch TEXT, host_name TEXT, file_name TEXT)'
    )
    ndjson = work / f"{directory.name}.json"
    names = [row[0] for row in database.execute("DESCRIBE calls").fetchall()]
    with ndjson.open("w") as file:
        file.writelines(json.dumps(dict(zip(names, call))) + "\n" for call in calls)
    types = {row[0]: row[1] for row in database.execute("DESCRIBE calls").fetchall()}
    columns = ", ".join(f"'{column}': '{kind}'" for column, kind in types.items())
    database.execute(
        f"INSERT INTO calls SELECT * FROM read_json('{ndjson}', format = 'newline_delimited', columns = {{{columns}}})"
    )
    print(f"same     {directory.name:<24} {len(calls)} calls, {check(directory.name, index, database)} groups compared")
