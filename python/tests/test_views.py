"""Tests of granularity, filters, queries, groups and shards."""

import json

import pytest
from conftest import call, write_trace

import dft_utils


def frame(index, **view):
    return index.table("events", **view).to_pandas()


def test_filters_match_those_of_pandas(index):
    rows = frame(index)
    posix = rows[rows["cat"] == "posix"]
    assert len(frame(index, cat="POSIX")) == len(posix) > 0
    assert len(frame(index, cat="posix", name="{read,write}")) == posix["func_name"].isin(["read", "write"]).sum() > 0
    pids = sorted(rows["pid"].unique())
    assert len(pids) > 2
    assert len(frame(index, pid=pids[:2])) == rows["pid"].isin(pids[:2]).sum()
    assert len(frame(index, pid=pids[0])) == (rows["pid"] == pids[0]).sum()
    assert len(frame(index, pid=[])) == 0
    assert len(frame(index, pid=[], query="cat == 'posix' or cat == 'stdio'")) == 0
    query = f"cat == 'posix' and not pid in [{pids[0]}]"
    assert len(frame(index, query=query)) == (posix["pid"] != pids[0]).sum() > 0


def test_processes_and_their_ranks(tmp_path):
    rank_args = {"hhash": "h", "name": "rank", "value": "3"}
    metadata = {"name": "PR", "cat": "dftracer", "pid": 7, "tid": 7, "ph": "M", "args": rank_args}
    here = {"args": {"hhash": "h"}}
    lines = [json.dumps(metadata), call(1000, **here), call(2000, **here), call(3000, pid=8, **here)]
    dft_utils.build(write_trace(tmp_path / "x.pfw", lines), tmp_path / "index")
    with dft_utils.open(tmp_path / "index") as index:
        processes = index.table("processes").to_arrow().to_pylist()
        found = [(row["pid"], row["rank"], row["records"], row["started"], row["command"]) for row in processes]
        assert found == [(7, 3, 2, 1000, None), (8, None, 1, 3000, None)]
        assert frame(index, rank=3)["pid"].unique().tolist() == [7]
        assert len(frame(index, rank=[])) == 0 == len(frame(index, rank=range(3)))
        assert len(frame(index, query="rank == 3")) == 1
        groups = index.table("events", group_by="rank").to_arrow().to_pylist()
        assert [(row["rank"], row["count"]) for row in groups] == [(None, 1), (3, 2)]


def test_coarser_cells_have_the_same_totals(index):
    fine, coarse = frame(index), frame(index, granularity="1min")
    assert len(coarse) < len(fine)
    assert coarse["count"].sum() == fine["count"].sum()
    assert frame(index, granularity=60)["count"].tolist() == coarse["count"].tolist()
    first_minute = frame(index, granularity="1min", time=(0, "1min"))
    assert len(first_minute) == (coarse["time_range"] == 0).sum()
    with pytest.raises(dft_utils.InvalidArgumentError, match="not a multiple"):
        frame(index, granularity="1500ms")


def test_groups(index):
    rows = frame(index)
    groups = index.table("events", group_by=["cat", "func_name"]).to_pandas()
    wanted = rows.groupby(["cat", "func_name"], observed=True)["count"].sum()
    assert groups.set_index(["cat", "func_name"])["count"].to_dict() == wanted.to_dict()
    with pytest.raises(ValueError, match="cannot group by"):
        index.table("events", group_by="nothing").to_arrow()


def test_shards_are_disjoint_and_together_give_the_table(index):
    for name in ["events", "profiles", "system", "aggregation", "processes"]:
        whole = index.table(name).to_arrow()
        shards = [index.table(name, shard=(k, 5)).to_arrow() for k in range(5)]
        assert all(shard.schema == whole.schema for shard in shards)
        rows = [row for shard in shards for row in shard.to_pylist()]
        wanted = whole.to_pylist()
        if name in ("system", "aggregation"):
            rows, wanted = sorted(rows, key=repr), sorted(wanted, key=repr)
        assert rows == wanted
    with pytest.raises(ValueError, match="no shard 5 of 5"):
        index.table("events", shard=(5, 5)).to_arrow()


def test_invalid_views_are_errors(index):
    with pytest.raises(ValueError, match="there is no table 'event'"):
        index.table("event")
    with pytest.raises(ValueError, match="at byte 4"):
        frame(index, query="pid = 3")
    with pytest.raises(ValueError, match="not a glob"):
        frame(index, cat="[a")
    with pytest.raises(ValueError, match="not a duration"):
        frame(index, granularity="5 parsecs")
    with pytest.raises(OverflowError, match="does not fit in 64 bits"):
        frame(index, pid=1 << 64)
    with pytest.raises(TypeError):
        frame(index, colour="red")


@pytest.mark.parametrize("number", [1 << 63, 1 << 64, -1, 10**30, float("inf"), float("nan"), "99999999999999999h"])
def test_out_of_range_numbers_are_errors_and_do_not_wrap(index, number, tmp_path):
    out_of_range = (OverflowError, ValueError)
    for view in ({"time": (0, number)}, {"time": (number, number)}, {"granularity": number}):
        with pytest.raises(out_of_range):
            index.table("events", **view)
    with pytest.raises(out_of_range):
        _ = dft_utils.Config(interval=number).interval_us
    if isinstance(number, int):
        # Sizes are unsigned: 2^63 bytes fit.
        sizes = [] if number == 1 << 63 else [{"memory": number}]
        for wrong in [*sizes, {"threads": number}]:
            with pytest.raises(out_of_range):
                dft_utils.build(tmp_path, tmp_path / "index", **wrong)
        with pytest.raises(out_of_range):
            index.table("events", batch_rows=number)
        with pytest.raises(out_of_range):
            index.table("events", shard=(0, number))
        if sizes:
            with pytest.raises(out_of_range):
                dft_utils.plan(tmp_path, number)
        with pytest.raises(out_of_range):
            dft_utils.stage(tmp_path, tmp_path, tmp_path, part=(0, number))
    assert not (tmp_path / "index").exists()
