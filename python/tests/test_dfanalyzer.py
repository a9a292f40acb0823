"""Run the real dfanalyzer command, in separate processes, on indexes of this engine."""

import dataclasses
import importlib.util
import json
import multiprocessing
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TRACES = PROJECT / "tests/data"
SHARED = PROJECT.parent / "shared/traces"

if importlib.util.find_spec("dftracer") is None:
    pytest.skip("dfanalyzer is not installed: pip install dft-utils[dfanalyzer]", allow_module_level=True)

import pandas as pd
import pyarrow as pa

import dft_utils
from dft_utils.dfanalyzer import hook, reader
from dft_utils.dfanalyzer.traces import OtherTraces, Status, Traces


@dataclasses.dataclass
class Report:
    """The results of a run of dfanalyzer."""

    stats: dict
    processes: object
    stderr: str

    def posix(self, metric):
        return self.processes[f"posix_{metric}_sum"].sum()

    def hosts(self):
        return {process.split("#")[1] for process in self.processes.index}


@pytest.fixture
def analyze(tmp_path):
    """Return a function that runs the command on traces, without USER in its environment, and returns its report."""

    def run(traces, preset="posix", workers=2, index=tmp_path / "index", staging=None):
        settings = {
            "trace_path": traces,
            "analyzer/preset": preset,
            "analyzer.checkpoint": "false",
            "cluster.n_workers": workers,
            "cluster.local_directory": tmp_path / "dask",
            "hydra.run.dir": tmp_path / "run",
            "output": "file",
            "output.path": tmp_path / "report",
            "view_types": "[proc_name]",
        }
        environment = {name: value for name, value in os.environ.items() if name not in ("USER", "LOGNAME")}
        options = [("--index", index), ("--staging", staging)]
        words = [
            *[sys.executable, "-m", "dft_utils.dfanalyzer"],
            *[word for option, value in options if value for word in (option, value)],
            *[f"{name}={value}" for name, value in settings.items()],
        ]
        how = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "timeout": 600}
        done = subprocess.run(words, **how)
        if "cancelled for reason: lost dependencies" in done.stderr:
            # On a busy machine, Dask's scheduler occasionally cancels results that the analyzer has released. The
            # analyzer then writes no report, so this cannot hide a wrong one.
            done = subprocess.run(words, **how)
        assert done.returncode == 0, done.stderr
        stats = json.loads((tmp_path / "report/raw_stats.json").read_text())
        processes = pd.read_parquet(tmp_path / "report/detail_view_proc_name.parquet")
        return Report({name: float(value) for name, value in stats.items()}, processes, done.stderr)

    return run


@pytest.mark.skipif(not SHARED.exists(), reason="the traces of a whole job are not here")
def test_a_job_of_eight_processes_is_reported_completely(analyze):
    report = analyze(SHARED / "tracer-1-dlio", preset="dlio-prev", workers=3)
    assert report.stats["total_event_count"] == 18_039
    assert report.stats["unique_process_count"] == 8
    assert report.stats["unique_host_count"] == 1
    assert report.hosts() == {"corona171"}
    assert report.stats["unique_file_count"] == 166
    assert report.posix("count") == 10_581
    assert report.posix("size") == 117_265_580_220
    # The files' names distinguish training data from checkpoints.
    assert report.processes["reader_posix_size_sum"].sum() == 117_265_568_800
    assert report.stats["job_time"] == pytest.approx(56.695354)


# dfanalyzer skips system files only for events: tracers that aggregate keep no file names.
SYSTEM_FILES = 55_636 + 48_556 + 38_576 + 146_604
# Such tracers also sum the return values of failed reads, -1 each.
FAILED_READS = 12


@pytest.mark.skipif(not SHARED.exists(), reason="the traces of all processes are not here")
def test_events_of_a_program_give_the_report_of_its_aggregates(analyze):
    events = analyze(SHARED / "tracer-3-events", workers=3)
    assert events.stats["trace_event_count"] == 15_100
    assert events.posix("size") == 14_170_628 - SYSTEM_FILES + FAILED_READS
    assert events.posix("time") == pytest.approx(0.178280)
    assert (events.hosts(), len(events.processes)) == ({"vm"}, 4)


def test_aggregates_keep_bytes_times_and_names_when_workers_stage_them(analyze, tmp_path):
    staging = tmp_path / "staging"
    staging.mkdir()
    os.utime(staging, (0, 0))
    report = analyze(TRACES / "tracer-3-aggregated", workers=3, staging=staging)
    assert report.stats["profile_event_count"] == 14_514
    assert report.posix("count") == 13_554
    assert report.posix("size") == 14_170_628
    assert report.posix("time") == pytest.approx(0.202625)
    assert (report.hosts(), len(report.processes)) == ({"vm"}, 4)
    # The staging directory was used and is empty again.
    assert staging.stat().st_mtime > 0
    assert list(staging.iterdir()) == []


def test_processes_that_share_files_are_each_counted_once(analyze, tmp_path):
    traces = tmp_path / "traces"
    # Process 2 is in two files, one of them with process 1, and on two hosts; a third file has no process.
    write(traces / "one.pfw", host("a"), *reads(1, "a", 3), *reads(2, "a", 4))
    write(traces / "two.pfw", host("b"), *reads(2, "a", 5), *reads(2, "b", 6))
    write(
        traces / "three.pfw",
        {"ph": 2, "cat": "sys", "name": "cpu", "ts": 7, "args": {"hhash": "a", "user_pct": 1}},
    )
    report = analyze(traces)
    assert report.stats["total_event_count"] == 3 + 4 + 5 + 6
    assert report.processes["posix_count_sum"].to_dict() == {
        "app#host of a#1#1": 3,
        "app#host of a#2#2": 9,
        "app#host of b#2#2": 6,
    }
    assert report.posix("size") == (3 + 4 + 5 + 6) * 10


def test_an_index_may_be_analyzed_without_its_traces(analyze, tmp_path):
    aggregator = dft_utils.Aggregator()
    for record in [host("a"), *reads(1, "a", 3), *reads(2, "a", 4)]:
        aggregator.add_lines(json.dumps(record) + "\n")
    aggregator.publish(tmp_path / "run.dftagg", "rank 0")
    report = analyze(tmp_path / "run.dftagg", index=None)
    assert report.processes["posix_count_sum"].to_dict() == {"app#host of a#1#1": 3, "app#host of a#2#2": 4}


def test_faults_of_traces_are_warnings_and_the_rest_is_reported(analyze, tmp_path):
    traces = tmp_path / "traces"
    write(traces / "one.pfw", host("a"), *reads(1, "a", 3))
    with (traces / "one.pfw").open("a") as file:
        file.write("no record\n")
    report = analyze(traces, index=None)
    assert report.stats["total_event_count"] == 3
    assert "one.pfw" in report.stderr
    assert "malformed" in report.stderr
    assert (traces / ".dftagg").is_dir()


def traces_of(directory, seconds=1.0, files=None, index=None):
    """Return the object that dfanalyzer creates in its own process."""
    config = dft_utils.AggregationConfig(time_interval_ms=seconds * 1000)
    where = "" if files else str(directory)
    return Traces(
        where, files, require_aggregation=config, require_bloom=True, index=index, staging=None, warn=print
    )


def test_an_index_is_reused_and_updated(tmp_path):
    write(tmp_path / "one.pfw", host("a"), *reads(1, "a", 3))
    traces = traces_of(tmp_path)
    assert traces.ensure_indexed() == Status(1, str(tmp_path / ".dftagg"))
    assert traces.query_file_info() == ({0: "telemetry", 1: "1"}, {1: {1}})
    write(tmp_path / "two.pfw", *reads(2, "a", 4))
    traces = traces_of(tmp_path)
    assert traces.ensure_indexed().total_files == 2
    assert traces.query_file_info() == ({0: "telemetry", 1: "1", 2: "2"}, {1: {1}, 2: {2}})


def test_an_index_that_does_not_serve_the_granularity_is_refused(tmp_path):
    write(tmp_path / "one.pfw", host("a"), *reads(1, "a", 3))
    traces_of(tmp_path, seconds=0.2).ensure_indexed()
    # Two seconds are a multiple of the interval, half a second is not.
    traces_of(tmp_path, seconds=2).ensure_indexed()
    with pytest.raises(dft_utils.ConfigError, match="200000 µs.*500000 µs.*--index"):
        traces_of(tmp_path, seconds=0.5).ensure_indexed()
    traces_of(tmp_path, seconds=0.5, index=tmp_path / "other").ensure_indexed()


def test_an_index_with_other_traces_is_refused(tmp_path):
    paths = [str(tmp_path / name) for name in ("one.pfw", "two.pfw")]
    for path in paths:
        write(Path(path), host("a"), *reads(1, "a", 3))
    traces_of(tmp_path, files=paths).ensure_indexed()
    with pytest.raises(OtherTraces, match="1 traces that were not requested, such as .*one.pfw"):
        traces_of(tmp_path, files=paths[1:]).ensure_indexed()


def test_only_times_in_microseconds_are_accepted():
    with pytest.raises(ValueError, match="time_resolution is 1e\\+09"):
        reader.read_share(["1"], "", 1.0, 1e9)
    with pytest.raises(ValueError, match="time_granularity is 1e-07"):
        reader.read_share(["1"], "", 1e-7, 1e6)


TEXT = pa.dictionary(pa.int32(), pa.string())
EVENTS = {
    **dict.fromkeys(["cat", "func_name"], TEXT),
    **dict.fromkeys(["pid", "tid"], pa.int64()),
    **dict.fromkeys(["file_hash", "host_hash", "file_name", "host_name", "proc_name"], TEXT),
    **dict.fromkeys(["io_cat", "acc_pat", "count"], pa.int64()),
    "time": pa.float64(),
    "size": pa.int64(),
    **dict.fromkeys(["time_min", "time_max"], pa.float64()),
    **dict.fromkeys(["size_min", "size_max", "offset_min", "offset_max"], pa.int64()),
    **dict.fromkeys(["time_range", "time_start", "time_end"], pa.int64()),
}


def test_concurrent_workers_read_disjoint_shares_of_the_whole_table(index_path):
    traces = traces_of(index_path)
    traces.ensure_indexed()
    names, pids = traces.query_file_info()
    hands = reader.deal({unit: pids.get(unit, set()) for unit in names}, 4)
    shares = [([names[unit] for unit in units], str(index_path), 1.0, 1e6) for units in hands.values()]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        read = pool.starmap(reader.read_share, shares * 10, chunksize=1)
    with dft_utils.open(index_path) as index:
        for name in ("events", "profiles", "system"):
            table = "system_by_host" if name == "system" else name
            whole = ordered(index.table(table, granularity="1s").to_arrow())
            assert whole.num_rows > 0
            parts = [share[name] and pa.ipc.open_stream(share[name]).read_all() for share in read]
            for first in range(0, len(parts), len(shares)):
                tables = [part for part in parts[first : first + len(shares)] if part]
                assert ordered(pa.concat_tables(tables)).equals(whole)
    for part in (share["events"] for share in read[: len(shares)]):
        events = pa.ipc.open_stream(part).read_all()
        assert list(zip(events.schema.names, events.schema.types)) == list(EVENTS.items())
        # An unknown name is empty.
        assert not any(events[column].null_count for column in EVENTS if EVENTS[column] == TEXT)


def ordered(table):
    """Return the rows in a canonical order, with plain strings."""
    plain = [column.cast(pa.string()) if column.type == TEXT else column for column in table.columns]
    table = pa.table(plain, names=table.column_names)
    return table.sort_by([(column, "ascending") for column in table.column_names]).combine_chunks()


@pytest.mark.parametrize("workers", [0, 1, 2, 3, 7, 40])
@pytest.mark.parametrize("units", [0, 1, 2, 19, 20])
def test_every_unit_of_work_is_assigned_once(units, workers):
    hands = reader.deal({unit: set() for unit in range(units)}, workers)
    dealt = [unit for hand in hands.values() for unit in hand]
    assert sorted(dealt) == list(range(units))
    assert set(hands) <= set(range(max(workers, 1)))
    sizes = [len(hands.get(worker, [])) for worker in range(max(workers, 1))]
    assert max(sizes) - min(sizes) <= 1


def test_an_unknown_version_is_a_warning(monkeypatch):
    monkeypatch.setattr(hook.importlib.metadata, "version", lambda package: "9.9.9")
    messages = list(hook.other_versions())
    assert messages[0].startswith("dftracer-analyzer is 9.9.9, but only 0.0.9 is known to work: pip install ")
    assert messages[1].startswith("dftracer-utils is 9.9.9, but only 0.0.12 is known to work: pip install ")


def test_an_analyzer_with_another_reader_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, hook.READER, types.ModuleType(hook.READER))
    with pytest.raises(hook.Unsupported, match="has no Indexer.*pip install dftracer-analyzer==0.0.9"):
        hook.install()


def test_a_missing_package_is_an_error(monkeypatch):
    monkeypatch.setattr(hook, "KNOWN", {"no-such-analyzer": "1"})
    with pytest.raises(hook.Unsupported, match="no-such-analyzer is not installed"):
        hook.install()


def write(path, *records):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def host(host_hash):
    return {"ph": 4, "name": "HH", "args": {"name": f"host of {host_hash}", "value": host_hash}}


def reads(pid, host_hash, number):
    """Return reads of 10 bytes each."""
    common = {"ph": 1, "cat": "POSIX", "name": "read", "pid": pid, "tid": pid, "dur": 5}
    return [{**common, "ts": 1000 + 10 * call, "args": {"hhash": host_hash, "ret": 10}} for call in range(number)]
