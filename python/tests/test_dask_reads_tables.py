"""Dask DataFrames of tables have every row once, the same types in every partition, and one state of the index."""

import pytest
from clusters import cluster, dask, write_traces

import dft_utils.dask

pandas = pytest.importorskip("pandas")
pytest.importorskip("dask.dataframe")

TABLES = ("events", "profiles", "system", "preaggregated_system", "aggregation", "processes")


@pytest.fixture(scope="module")
def client():
    with cluster(2) as client:
        yield client


def rows(records):
    """Return the rows of a table in a canonical order."""
    return sorted(repr(tuple(record.values())) for record in records)


def records(frame):
    """Return rows as Python values, with None for missing values."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("text", ["string", "category"])
def test_every_row_is_in_one_partition_and_all_partitions_have_the_same_types(client, index_path, table, text):
    # More partitions than some of the tables have rows.
    read = dft_utils.dask.read(index_path, table, npartitions=40, text=text)
    partitions = dask.compute(*read.to_delayed())
    assert len(partitions) == 40
    types = {name: str(kind) for name, kind in read.dtypes.items()}
    for partition in partitions:
        assert {name: str(kind) for name, kind in partition.dtypes.items()} == types
    if table == "profiles":
        assert any(partition.empty for partition in partitions)
    whole = dft_utils.open(index_path).table(table).to_arrow().to_pylist()
    together = [record for partition in partitions for record in records(partition)]
    assert whole and rows(together) == rows(whole)
    if table in ("events", "profiles"):
        assert together == whole, "the partitions are in the order of the keys"


def test_types_are_as_documented(client, index_path):
    read = dft_utils.dask.read(index_path)
    types = {name: str(read.dtypes[name]) for name in ("pid", "count", "size", "offset_min", "time", "time_min")}
    assert types == {
        "pid": "int64",
        "count": "int64",
        "size": "Int64",
        "offset_min": "Int64",
        "time": "float64",
        "time_min": "float64",
    }
    assert read.dtypes["func_name"] == pandas.StringDtype("pyarrow")
    categories = dft_utils.dask.read(index_path, text="category").func_name
    assert not categories.cat.known


@pytest.mark.parametrize("text", ["string", "category"])
def test_views_and_groups(client, index_path, text):
    view = {"granularity": "5s", "cat": "posix"}
    whole = dft_utils.open(index_path).table("events", **view).to_pandas()
    read = dft_utils.dask.read(index_path, "events", npartitions=7, text=text, **view)
    found = read.groupby("func_name", observed=True)["count"].sum().compute()
    wanted = whole.groupby("func_name", observed=True)["count"].sum()
    assert {str(name): count for name, count in found.items()} == {str(name): count for name, count in wanted.items()}
    assert read["size"].sum().compute() == whole["size"].sum()
    assert len(read[["pid", "size"]]) == len(whole)


def test_without_a_cluster_threads_read(index_path):
    with dask.config.set(scheduler="threads"):
        read = dft_utils.dask.read(dft_utils.open(index_path), npartitions=5)
        assert len(read.compute()) == dft_utils.open(index_path).info().event_rows


def test_reading_an_index_that_is_written_concurrently_is_an_error(client, tmp_path):
    """A read must not mix rows of two states of the index."""
    (tmp_path / "traces").mkdir()
    write_traces(tmp_path / "traces", 2)
    dft_utils.build(tmp_path / "traces", tmp_path / "index")
    read = dft_utils.dask.read(tmp_path / "index", npartitions=3)
    before = len(read.compute())
    write_traces(tmp_path / "traces", 4)
    dft_utils.build(tmp_path / "traces", tmp_path / "index")
    with pytest.raises(dft_utils.ChangedError, match="read again") as error:
        read.compute()
    assert error.value.path == str(tmp_path / "index")
    assert len(dft_utils.dask.read(tmp_path / "index", npartitions=3).compute()) > before


def test_invalid_arguments_are_errors_before_reading(client, index_path, tmp_path):
    with pytest.raises(dft_utils.NoIndexError):
        dft_utils.dask.read(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no table"):
        dft_utils.dask.read(index_path, "calls")
    with pytest.raises(ValueError, match="shard"):
        dft_utils.dask.read(index_path, shard=(0, 2))
    with pytest.raises(ValueError, match="group"):
        dft_utils.dask.read(index_path, group_by=["cat"])
    with pytest.raises(ValueError, match="category"):
        dft_utils.dask.read(index_path, text="bytes")
    with pytest.raises(ValueError, match="granularity"):
        dft_utils.dask.read(index_path, granularity="1500ms")


def test_concurrent_workers_read_every_row(index_path):
    """Four workers read 200 times, without waiting for each other."""
    wanted = dft_utils.open(index_path).info().event_rows
    with cluster(4) as client:
        counts = client.gather(client.map(count, range(800), pure=False, index=str(index_path)))
    assert [sum(counts[at : at + 4]) for at in range(0, 800, 4)] == [wanted] * 200


def count(number, index):
    from dft_utils.dask.read import Partition, _generation

    return len(Partition(index, _generation(index), "events", {}, 4, "string")(number % 4, ["count"]))
