"""Tests of ``dft_utils.indexer`` as users of dftracer-utils 0.0.12 use it."""

import datetime
import statistics
from concurrent.futures import ThreadPoolExecutor

import pyarrow
import pytest
from conftest import call, write_trace

import dft_utils
from dft_utils.indexer import AggregationConfig, Indexer, IndexStatus

EVENTS = """cat func_name pid tid file_hash host_hash file_name host_name proc_name io_cat acc_pat count time size
time_min time_max size_min size_max offset_min offset_max time_range time_start time_end""".split()


SUMS = """count time size time_sq size_sq time_min time_max size_min size_max time_call_min time_call_max size_call_min
size_call_max time_start time_end""".split()


@pytest.fixture
def traces(tmp_path):
    folder = tmp_path / "traces"
    folder.mkdir()
    for pid in (1, 2):
        metadata = call(0, name="HH", ph="M", args={"name": "node1", "value": "h1"})
        calls = [call(ts * 400_000, pid=pid, args={"hhash": "h1", "ret": 10}) for ts in range(10)]
        write_trace(folder / f"p{pid}.pfw.gz", [metadata, *calls])
    return folder


def rows(batches):
    return pyarrow.Table.from_batches([pyarrow.record_batch(batch) for batch in batches])


def test_from_traces_to_tables(traces):
    with Indexer(str(traces), require_aggregation=AggregationConfig(time_interval_ms=1000)) as indexer:
        before = indexer.resolve()
        assert (before.total_files, before.ready, len(before.needs_work)) == (2, [], 2)
        status = indexer.ensure_indexed()
        files = sorted(str(path) for path in traces.glob("*.gz"))
        assert status == IndexStatus(2, files, [], str(traces / ".dftagg"), 1_000_000)
        assert indexer.get_hash_table("host") == {"h1": "node1"}
        assert indexer.get_hash_table("proc") == {}
        with pytest.raises(ValueError):
            indexer.get_hash_table("other")
        paths, pids = indexer.query_file_info()
        assert [(paths[number], pids[number]) for number in sorted(paths)] == list(zip(files, [{1}, {2}]))
        assert indexer.query_file_pids(1) == {1} and indexer.query_file_pids(99) == set()
        tables = indexer.iter_arrow_dfanalyzer_all(time_granularity=2.0)
        assert set(tables) == {"events", "profiles", "system"}
        assert tables["profiles"] == [] == tables["system"]
        events = rows(tables["events"])
        assert events.schema.names == EVENTS
        assert events["count"].to_pylist() == [5, 5, 5, 5]
        for name in ["cat", "func_name", "file_hash", "host_hash", "file_name", "host_name", "proc_name"]:
            assert events.schema.field(name).type == pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
        assert set(events["file_name"].to_pylist()) == {""}
        one = rows(indexer.iter_arrow_dfanalyzer(query="(pid == 2)"))
        assert set(one["pid"].to_pylist()) == {2}
        batches = list(indexer.iter_arrow_dfanalyzer("events", batch_size=3))
        assert [batch.num_rows for batch in batches] == [3, 3, 2]
        grouped = rows(indexer.iter_arrow_dfanalyzer_all(group_by=["pid"])["events"])
        assert grouped.select(["pid", "count"]).to_pylist() == [{"pid": 1, "count": 10}, {"pid": 2, "count": 10}]
        assert rows(indexer.iter_aggregation("events"))["dur_total"].to_pylist() == [9, 6, 9, 6] * 2
        assert list(indexer.iter_aggregation("profiles")) == []


def test_requests_that_the_index_cannot_serve_are_errors(traces):
    with pytest.raises(ValueError, match="At least one"):
        Indexer()
    finer = AggregationConfig(time_interval_ms=500)
    Indexer(traces, require_aggregation=finer).ensure_indexed()
    served = Indexer(traces, require_aggregation=AggregationConfig(time_interval_ms=2000)).ensure_indexed()
    assert served.aggregation_interval_us == 500_000
    other = AggregationConfig(time_interval_ms=750)
    with pytest.raises(dft_utils.ConfigError, match="force_rebuild"):
        Indexer(traces, require_aggregation=other).ensure_indexed()
    rebuilt = Indexer(traces, require_aggregation=other, force_rebuild=True).ensure_indexed()
    assert rebuilt.aggregation_interval_us == 750_000
    indexer = Indexer(traces)
    with pytest.raises(ValueError, match="time_resolution"):
        indexer.iter_arrow_dfanalyzer_all(time_resolution=1e3)
    with pytest.raises(ValueError, match="there is no field or group key"):
        indexer.iter_arrow_dfanalyzer_all(time_granularity=0.75, query="colour == 'red'")
    with pytest.raises(ValueError, match="type must be"):
        indexer.iter_arrow_dfanalyzer("event")


def test_new_traces_are_indexed(traces):
    indexer = Indexer(traces, require_aggregation=True)
    assert indexer.ensure_indexed().aggregation_interval_us == 5_000_000
    write_trace(traces / "p3.pfw", [call(1, pid=3)])
    assert indexer.resolve().needs_work == [str(traces / "p3.pfw")]
    assert indexer.ensure_indexed().needs_work == []
    table = rows(indexer.iter_arrow_dfanalyzer(time_granularity=5.0))
    assert set(table["pid"].to_pylist()) == {1, 2, 3}


HOST = {"hhash": "h1"}


@pytest.fixture
def all_kinds(tmp_path):
    """Write one trace with every kind of row, over 20 s."""
    at = [10_000_000 + second * 5_000_000 for second in range(4)]
    system = {"name": "cpu", "cat": "sys", "ph": 3}
    lines = [
        *(call(ts, args={**HOST, "ret": 10, "epoch": str(ts // 10_000_000), "level": 2, "mine": 4}) for ts in at),
        *(call(ts, ph=3, args={**HOST, "dft_cnt": 2, "dur_sum": 5}) for ts in at),
        *(call(ts, **system, args={**HOST, "dft_cnt": 2, "user_sum": 6, "user_min": 2, "user_max": 4}) for ts in at),
        *(call(ts, "cpu", cat="sys", ph=2, args={**HOST, "user_pct": 2.5}) for ts in at),
    ]
    folder = tmp_path / "traces"
    folder.mkdir()
    write_trace(folder / "all.pfw.gz", lines)
    return folder


def test_all_defaults_work_together(all_kinds):
    """The default interval is 5 s, and the default granularity is 1 s: time_range counts seconds."""
    with Indexer(all_kinds, require_aggregation=True) as indexer:
        assert indexer.aggregation_config.time_interval_ms == 5000.0
        indexer.ensure_indexed()
        tables = indexer.iter_arrow_dfanalyzer_all()
        events = rows(tables["events"])
        assert events["time_range"].to_pylist() == [0, 5, 10, 15]
        assert events["time_start"].to_pylist() == [0, 5_000_000, 10_000_000, 15_000_000]
        assert rows(tables["profiles"])["time_range"].to_pylist() == [0, 5, 10, 15]
        grouped = rows(indexer.iter_arrow_dfanalyzer_all(group_by=["time_range"])["events"])
        assert grouped["time_range"].to_pylist() == [0, 5, 10, 15]
        assert rows(indexer.iter_arrow_dfanalyzer(time_granularity=2.5))["time_range"].to_pylist() == [0, 2, 4, 6]
        assert rows(indexer.iter_arrow_dfanalyzer(time_granularity=10.0))["time_range"].to_pylist() == [0, 1]
        with pytest.raises(ValueError, match="not a multiple of the index's interval"):
            indexer.iter_arrow_dfanalyzer(time_granularity=3.0)


def test_pre_aggregated_system_rows_come_out(all_kinds):
    with Indexer(all_kinds, require_aggregation=True) as indexer:
        indexer.ensure_indexed()
        tables = indexer.iter_arrow_dfanalyzer_all()
        assert list(tables) == ["events", "profiles", "system", "preaggregated_system"]
        system = rows(tables["preaggregated_system"])
        assert system.schema.names == EVENTS
        assert system.select(["cat", "func_name", "count", "time_range"]).to_pylist() == [
            {"cat": "sys", "func_name": "cpu", "count": 2, "time_range": at} for at in (0, 5, 10, 15)
        ]
        assert rows(indexer.iter_arrow_dfanalyzer("preaggregated_system")) == system
        telemetry = rows(tables["system"])
        assert telemetry.schema.names == ["host_hash", "name", "time_bucket", "ts", "te", "count", "user_pct"]
        assert telemetry["user_pct"].to_pylist() == [2.5] * 4
        statistics = rows(indexer.iter_aggregation("system"))
        assert set(statistics["family"].to_pylist()) == {"system"}
        assert statistics["user_total"].to_pylist() == [6] * 4


def test_another_configuration_is_noticed_and_is_an_error_with_the_way_out(all_kinds):
    config = AggregationConfig(group_keys=["epoch"], custom_metric_fields=["mine"], compute_percentiles=True)
    with Indexer(all_kinds, require_aggregation=config) as indexer:
        indexer.ensure_indexed()
        statistics = rows(indexer.iter_aggregation())
        assert {"epoch", "mine_total", "dur_p50"} <= set(statistics.schema.names)
    trace = str(all_kinds / "all.pfw.gz")
    others = {
        "group_keys ['epoch'], not []": AggregationConfig(5000, None, ["mine"], True),
        "custom_metric_fields ['mine'], not None": AggregationConfig(5000, ["epoch"], None, True),
        "custom_metric_fields ['mine'], not ['level']": AggregationConfig(5000, ["epoch"], ["level"], True),
        "compute_percentiles True, not False": AggregationConfig(5000, ["epoch"], ["mine"], False),
        "group_by_file True, not False": AggregationConfig(5000, ["epoch"], ["mine"], True, False),
        "an interval in µs of 5000000, not 2000000": AggregationConfig(2000, ["epoch"], ["mine"], True),
    }
    for difference, other in others.items():
        indexer = Indexer(all_kinds, require_aggregation=other)
        status = indexer.resolve()
        assert (status.ready, status.needs_work) == ([], [trace]), difference
        for run in (indexer.ensure_indexed, indexer.build):
            with pytest.raises(dft_utils.ConfigError) as error:
                run()
            message = str(error.value)
            assert difference in message and error.value.path == str(all_kinds / ".dftagg")
            assert all(way in message for way in ("force_rebuild=True", "index_dir", "require_aggregation=None"))
    as_it_is = Indexer(all_kinds).ensure_indexed()
    assert (as_it_is.ready, as_it_is.needs_work) == ([trace], [])
    same = AggregationConfig(10_000, ["epoch"], ["mine", "mine"], True)
    assert Indexer(all_kinds, require_aggregation=same).resolve().needs_work == []
    rebuilt = Indexer(all_kinds, require_aggregation=AggregationConfig(2000), force_rebuild=True)
    assert rebuilt.resolve().needs_work == [trace]
    assert rebuilt.ensure_indexed().ready == [trace]


def test_a_status_has_defaults():
    status = IndexStatus(total_files=5)
    assert (status.ready, status.needs_work, status.truncated, status.removed) == ([], [], [], [])
    assert (status.index_path, status.aggregation_interval_us) == ("", 0)
    status.ready.append("a")
    assert IndexStatus(1).ready == []


def test_a_status_names_truncated_traces(traces):
    cut = write_trace(traces / "cut.pfw.gz", [call(ts, pid=3) for ts in range(100)])
    cut.write_bytes(cut.read_bytes()[:-30])
    link = traces.parent / "link"
    link.symlink_to(traces)
    for directory in (traces, link):
        status = Indexer(directory, require_aggregation=True).ensure_indexed()
        assert status.truncated == [str(traces / "cut.pfw.gz")], directory
        assert len(status.ready) == 3


def test_a_status_names_removed_traces(traces):
    indexer = Indexer(traces, require_aggregation=True)
    assert indexer.ensure_indexed().removed == []
    (traces / "p1.pfw.gz").unlink()
    (traces / "p2.pfw.gz").rename(traces / "renamed.pfw.gz")
    status = indexer.resolve()
    assert status.removed == [str(traces / "p1.pfw.gz"), str(traces / "p2.pfw.gz")]
    assert status.needs_work == [str(traces / "renamed.pfw.gz")]
    # What was removed stays counted; what was renamed is the same trace.
    assert indexer.ensure_indexed().removed == [str(traces / "p1.pfw.gz")]
    assert sum(rows(indexer.iter_arrow_dfanalyzer())["count"].to_pylist()) == 20
    rebuilt = Indexer(traces, require_aggregation=True, force_rebuild=True).ensure_indexed()
    assert (rebuilt.removed, rebuilt.total_files) == ([], 1)


def test_a_changed_trace_needs_work_and_is_an_error(traces):
    indexer = Indexer(traces, require_aggregation=True)
    indexer.ensure_indexed()
    write_trace(traces / "p1.pfw.gz", [call(7, pid=1)])
    assert indexer.resolve().needs_work == [str(traces / "p1.pfw.gz")]
    with pytest.raises(dft_utils.ChangedError):
        indexer.ensure_indexed()


def test_intervals_can_be_written_as_durations(all_kinds):
    for interval in ("5s", 5000, 5000.0, datetime.timedelta(seconds=5)):
        assert AggregationConfig(interval).config().interval_us == 5_000_000
    with pytest.raises(ValueError, match="time_interval_ms"):
        AggregationConfig("5 parsecs").config()
    config = AggregationConfig("2s", group_by_file=False)
    with Indexer(all_kinds, require_aggregation=config) as indexer:
        assert indexer.ensure_indexed().aggregation_interval_us == 2_000_000
        assert not dft_utils.open(indexer.index_path).config.group_by_file


def test_files_and_a_directory_and_another_place_for_the_index(traces, tmp_path):
    files = [traces / "p1.pfw.gz"]
    status = Indexer(files=files, index_dir=tmp_path / "elsewhere").ensure_indexed()
    assert (status.total_files, status.index_path) == (1, str(tmp_path / "elsewhere" / ".dftagg"))
    assert Indexer(traces, files=files).resolve().total_files == 2


def test_ensure_indexed_reads_nothing_again(traces):
    first, again = [], []
    for seen in (first, again):
        with Indexer(traces, require_aggregation=True, progress=seen.append) as indexer:
            assert len(indexer.ensure_indexed().ready) == 2
    assert first[-1].records == 22 and again == []


def test_queries_select_rows(traces):
    with Indexer(traces, require_aggregation=AggregationConfig("1s")) as indexer:
        indexer.ensure_indexed()

        def count(query):
            one = indexer.iter_arrow_dfanalyzer("events", query=query)
            every = indexer.iter_arrow_dfanalyzer_all(query=query)["events"]
            counts = [[pyarrow.record_batch(batch)["count"].to_pylist() for batch in found] for found in (one, every)]
            assert counts[0] == counts[1]
            return sum(map(sum, counts[0]))

        assert count(None) == 20
        assert count("pid == 1") == 10
        assert count("pid == 1 or pid == 2") == 20
        assert count('name == "read" and cat == "posix"') == 20
        assert count("pid == 999999") == 0
        with pytest.raises(ValueError, match="at byte"):
            count("invalid ==")
        for single in ("ts >= 0", "dur > 1"):
            with pytest.raises(ValueError):
                count(single)


def test_arguments_of_other_tiers_are_accepted(traces):
    tiers = {"require_checkpoint": False, "require_bloom": True, "require_manifest": False, "checkpoint_size": 1 << 20}
    config = AggregationConfig(2000.0, ["host", "rank"], ["bytes"], True)
    with Indexer(str(traces), require_aggregation=config, parallelism=1, runtime=None, **tiers) as indexer:
        assert indexer.aggregation_config is config
        assert (config.time_interval_ms, config.group_keys) == (2000.0, ["host", "rank"])
        assert (config.custom_metric_fields, config.compute_percentiles) == (["bytes"], True)
        assert len(indexer.ensure_indexed().ready) == 2
    assert Indexer(str(traces)).aggregation_config is None


def test_an_empty_directory_is_an_error_and_creates_no_index(tmp_path):
    (tmp_path / "empty").mkdir()
    indexer = Indexer(tmp_path / "empty", require_aggregation=True)
    with pytest.raises(dft_utils.NothingFoundError):
        indexer.ensure_indexed()
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_damaged_index_is_named_and_can_be_rebuilt(traces):
    with Indexer(traces, require_aggregation=True) as indexer:
        indexer.ensure_indexed()
    (seal,) = (traces / ".dftagg").glob("gen-*/SEAL")
    seal.write_bytes(b"damage")
    with pytest.raises(dft_utils.DamagedError, match=str(traces / ".dftagg")):
        Indexer(traces, require_aggregation=True).ensure_indexed()
    rebuilt = Indexer(traces, require_aggregation=True, force_rebuild=True).ensure_indexed()
    assert (len(rebuilt.ready), rebuilt.needs_work) == (2, [])


def test_indexers_build_at_the_same_time(tmp_path):
    """Each of several threads builds an index of its own, in the same process."""

    def build(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_trace(folder / "a.pfw.gz", [call(ts, pid=number) for ts in range(1000)])
        with Indexer(folder, require_aggregation=True) as indexer:
            indexer.ensure_indexed()
            return rows(indexer.iter_arrow_dfanalyzer())["count"].to_pylist()

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(build, range(3))) == [[1000]] * 3


def test_statistics_are_those_of_the_single_calls(tmp_path):
    durations = {"read": [3, 10, 250, 7], "write": [5, 5, 5], "open": [9]}
    names = {"FH": ("f1", "/data/one"), "HH": ("h1", "node1")}
    lines = [call(0, kind, ph="M", args={"name": name, "value": hash_}) for kind, (hash_, name) in names.items()]
    for name, values in durations.items():
        args = {"hhash": "h1", "fhash": "f1", **({} if name == "open" else {"ret": 100})}
        lines += [call(1_000_000 + at, name, dur=value, args=args) for at, value in enumerate(values)]
    write_trace(tmp_path / "a.pfw.gz", lines)
    with Indexer(tmp_path, require_aggregation=True) as indexer:
        indexer.ensure_indexed()
        found = {row["func_name"]: row for row in rows(indexer.iter_aggregation()).to_pylist()}
        for name, values in durations.items():
            row = found[name]
            assert row["count"] == row["dur_n"] == len(values)
            assert (row["dur_total"], row["dur_min"], row["dur_max"]) == (sum(values), min(values), max(values))
            assert row["dur_mean"] == statistics.mean(values)
            deviation = statistics.stdev(values) if len(values) > 1 else None
            assert row["dur_std"] == (pytest.approx(deviation, rel=1e-15) if deviation else deviation), name
        events = {row["func_name"]: row for row in rows(indexer.iter_arrow_dfanalyzer()).to_pylist()}
        assert [events[name]["size"] for name in durations] == [400, 300, None]
        assert {(row["file_name"], row["host_name"]) for row in events.values()} == {("/data/one", "node1")}


def test_groups_are_their_columns_and_then_sums(traces):
    with Indexer(traces, require_aggregation=True) as indexer:
        indexer.ensure_indexed()
        groups = ["time_range", "cat", "pid"]
        grouped = rows(indexer.iter_arrow_dfanalyzer_all(group_by=groups)["events"])
        assert grouped.schema.names == [*groups, *SUMS]
        with pytest.raises(ValueError, match="cannot group by"):
            indexer.iter_arrow_dfanalyzer_all(group_by=["cat", "colour"])
