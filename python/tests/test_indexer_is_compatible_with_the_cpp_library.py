"""Tests of ``dft_utils.indexer`` as users of dftracer-utils 0.0.12 use it."""

import pyarrow
import pytest
from conftest import call, write_trace

import dft_utils
from dft_utils.indexer import AggregationConfig, Indexer, IndexStatus

EVENTS = """cat func_name pid tid file_hash host_hash file_name host_name proc_name io_cat acc_pat count time size
time_min time_max size_min size_max offset_min offset_max time_range time_start time_end""".split()


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
    with pytest.raises(ValueError, match="there is no such field"):
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
