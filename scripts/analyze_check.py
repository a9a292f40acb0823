"""Compares `dft analyze` with brute force over the raw records: see analyze-check.

The records are read here line by line. Each layer's busy time in a process is the union of its calls' intervals, by
sorting them; overlaps are intersections of unions. Only calls are compared: for calls that the tracer summed up, nobody
knows when they were in progress.
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from raw_records import DIVISORS, records

dft, traces, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])

PRESET = """
name = "check"
title = "for the check"
compute = ["compute"]
[[layer]]
name = "all"
where = 'pid >= 0'
[[layer]]
name = "compute"
where = 'cat == "ai_framework"'
[[layer]]
name = "io"
where = 'cat == "posix"'
[[layer]]
name = "data"
where = 'cat == "posix" and file_name contains "/data"'
parent = "io"
[[layer]]
name = "read"
where = 'name ~ "read"'
parent = "io"
[[layer]]
name = "loader"
where = 'cat in ["data_loader", "reader"]'
"""
LAYERS = {
    "all": lambda call: True,
    "compute": lambda call: call["cat"] == "ai_framework",
    "io": lambda call: call["cat"] == "posix",
    "data": lambda call: call["cat"] == "posix" and "/data" in call["file"],
    "read": lambda call: "read" in call["name"],
    "loader": lambda call: call["cat"] in ("data_loader", "reader"),
}
CHILDREN = {"io": ["data", "read"]}


def calls(files):
    """Every call of traces, with the names of their files."""
    found, names = [], {}
    for path in files:
        divisor = 1
        for record in records(path):
            args = record.get("args", {})
            if record.get("name") == "CM" and args.get("name") == "time_metric":
                divisor = DIVISORS[args["value"]]
            elif record.get("name") == "FH":
                names[str(args["value"])] = args["name"]
            elif record.get("ph") in ("X", 1):
                start = record["ts"] // divisor
                found.append(
                    {
                        "cat": record["cat"].lower(),
                        "name": record["name"],
                        "process": (str(args.get("hhash", "")), record.get("pid", 0)),
                        "file": str(args.get("fhash", "")),
                        "start": start,
                        "end": start + record.get("dur", 0) // divisor,
                    }
                )
    for call in found:
        call["file"] = names.get(call["file"], "")
    return found


def union(intervals):
    """Disjoint intervals, in order."""
    joined = []
    for start, end in sorted(interval for interval in intervals if interval[0] < interval[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def both(a, b):
    """The times in both of two unions."""
    found, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        start, end = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if start < end:
            found.append((start, end))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return found


def length(intervals):
    return sum(end - start for start, end in intervals)


def peak(intervals):
    """The most intervals that hold the same time."""
    edges = sorted(edge for start, end in intervals if start < end for edge in ((start, 1), (end, -1)))
    most = now = 0
    # Of edges at the same time, ends come first.
    for _, change in edges:
        now += change
        most = max(most, now)
    return most


class Check:
    """Counts comparisons, and prints what differs."""

    def __init__(self):
        self.compared = self.wrong = 0

    def equal(self, what, found, wanted):
        self.compared += 1
        if found != wanted:
            self.wrong += 1
            print(f"  {what}: {found} is not {wanted}")

    def at_most(self, what, found, wanted):
        self.compared += 1
        if found > wanted:
            self.wrong += 1
            print(f"  {what}: {found} is more than {wanted}")


def analyze(index, *arguments):
    command = [dft, "analyze", str(index), "--json", "--preset", str(work / "check.toml"), *arguments]
    command += ["--query", 'family == "event"']
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(check, name, found, index):
    processes = sorted({call["process"] for call in found})
    by_layer = {
        layer: {
            process: union((c["start"], c["end"]) for c in found if c["process"] == process and is_of(c))
            for process in processes
        }
        for layer, is_of in LAYERS.items()
    }
    any_process = {layer: union(i for u in of.values() for i in u) for layer, of in by_layer.items()}
    analysis = analyze(index)
    shown = {layer["name"]: layer for layer in analysis["layers"]}
    check.equal(f"{name} job", analysis["job"]["time_us"], max(c["end"] for c in found) - min(c["start"] for c in found))
    computes = length(any_process["compute"]) > 0
    for layer, is_of in LAYERS.items():
        of_layer = [call for call in found if is_of(call)]
        check.equal(f"{name} {layer} exists", layer in shown, bool(of_layer))
        if not of_layer:
            continue
        row, busy = shown[layer], shown[layer]["busy"]
        unions = by_layer[layer]
        check.equal(f"{name} {layer} calls", row["calls"], len(of_layer))
        check.equal(f"{name} {layer} time", row["time_us"], sum(call["end"] - call["start"] for call in of_layer))
        check.equal(f"{name} {layer} busy", busy["any_us"], length(any_process[layer]))
        check.equal(f"{name} {layer} sum", busy["sum_us"], sum(length(unions[process]) for process in processes))
        most = peak((call["start"], call["end"]) for call in of_layer)
        check_peak = check.equal if busy["peak_is_exact"] else check.at_most
        check_peak(f"{name} {layer} at once", busy["peak_calls_in_progress"], most)
        children = {p: union(i for c in CHILDREN.get(layer, []) for i in by_layer[c][p]) for p in processes}
        own = sum(length(unions[p]) - length(both(unions[p], children[p])) for p in processes)
        check.equal(f"{name} {layer} own", busy["own_us"], own)
        if busy["hidden"]:
            same = sum(length(both(unions[p], by_layer["compute"][p])) for p in processes)
            check.equal(f"{name} {layer} hidden", busy["hidden"]["same_process_us"], same)
            across = length(both(any_process[layer], any_process["compute"]))
            check.equal(f"{name} {layer} hidden by any", busy["hidden"]["any_process_us"], across)
        check.equal(f"{name} {layer} compared", bool(busy["hidden"]), computes and layer != "compute")
    for overlap in analysis["overlaps"]:
        a, b = overlap["a"], overlap["b"]
        same = sum(length(both(by_layer[a][p], by_layer[b][p])) for p in processes)
        check.equal(f"{name} {a} and {b}", overlap["same_process_us"], same)
        check.equal(f"{name} {a} and {b}, any", overlap["any_process_us"], length(both(any_process[a], any_process[b])))

    # By function, and by cells of time, which calls are split over.
    functions = defaultdict(list)
    for call in found:
        functions[f"{call['cat']} {call['name']}"].append((call["start"], call["end"]))
    groups = analyze(index, "--by", "function")["groups"]["groups"]
    check.equal(f"{name} functions", {group["name"] for group in groups}, set(functions))
    for group in groups:
        check.equal(f"{name} {group['name']}", group["all"]["busy_us"], length(union(functions[group["name"]])))
    for group in analyze(index, "--by", "time", "--granularity", "1s")["groups"]["groups"]:
        cell = [(group["start_us"], group["start_us"] + 1_000_000)]
        wanted = sum(length(both(by_layer["all"][process], cell)) for process in processes)
        check.equal(f"{name} {group['start_us']}", group["all"]["busy_sum_us"], wanted)


def main():
    check = Check()
    (work / "check.toml").write_text(PRESET)
    for directory in sorted(path for path in traces.iterdir() if path.is_dir()):
        files = sorted(path for path in directory.rglob("*.pfw*") if path.is_file())
        found = calls(files)
        index = work / directory.name
        subprocess.run(
            [dft, "index", str(directory), "--index", str(index), "--interval", "100ms"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        if found:
            compare(check, directory.name, found, index)
        print(f"{directory.name}: {len(found)} calls")
    print(f"{check.compared} numbers compared, {check.wrong} differ")
    sys.exit(1 if check.wrong or check.compared < 100 else 0)


main()
