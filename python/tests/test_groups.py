"""Groups of rows have the names and numbers of ``dft query``, and equal what pandas makes of the events."""

import pytest

import dft_utils as dft


@pytest.fixture(scope="module")
def index():
    aggregator = dft.Aggregator(dft.Config(interval="1ms", group_keys=["epoch"], percentiles=0.01))
    for at in range(300):
        aggregator.add(
            "read" if at % 3 else "write",
            "POSIX",
            at * 100,
            at % 50,
            ret=4096 if at % 2 else 100,
            pid=at % 4,
            args={"epoch": at // 100, "loss": 0.5},
        )
    return aggregator.index()


def test_groups_equal_those_of_pandas(index):
    groups = index.group("func_name,pid", ["count", "dur_total", "size_total", "size_n"]).to_pandas()
    assert list(groups.columns) == ["func_name", "pid", "count", "dur_total", "size_total", "size_n"]
    events = index.table("events").to_pandas()
    wanted = events.groupby(["func_name", "pid"], observed=True).agg({"count": "sum", "time": "sum", "size": "sum"})
    assert len(groups) == len(wanted) == 8
    for row in groups.itertuples():
        want = wanted.loc[(row.func_name, row.pid)]
        assert (row.count, row.size_total) == (want["count"], want["size"])
        assert row.dur_total == round(want["time"] * 1e6)


def test_statistics_of_groups(index):
    stats = ["count", "dur_mean", "dur_min", "dur_max", "dur_p50", "dur_hist", "loss_total"]
    group = index.group(stats=stats).to_arrow().to_pylist()[0]
    assert list(group) == stats
    assert (group["count"], group["dur_min"], group["dur_max"], group["dur_mean"]) == (300, 0, 49, 24.5)
    assert group["loss_total"] == 150.0
    assert abs(group["dur_p50"] - 24) <= 0.25
    assert group["dur_hist"].startswith('{"0":6,"1":6,')


def test_groups_are_sorted_limited_and_filtered(index):
    groups = index.group(["epoch"], "count", sort="epoch:desc", limit=2).to_arrow().to_pydict()
    assert groups == {"epoch": ["2", "1"], "count": [100, 100]}
    filtered = index.group("func_name", "count", query='epoch == "1"', threads=2).to_arrow().to_pydict()
    assert filtered == {"func_name": ["read", "write"], "count": [67, 33]}
    assert index.group("func_name", kinds=["system"]).to_arrow().num_rows == 0
    usual = index.group()
    assert usual.schema.names == ["count", "dur_total", "dur_mean", "dur_max", "size_total"]
    assert sum(1 for _ in index.group("func_name", batch_rows=1).batches()) == 2


def test_what_cannot_be_grouped_is_an_error(index):
    for wrong, message in (
        ({"by": "nothing"}, "nothing"),
        ({"stats": "dur_nothing"}, "dur_nothing"),
        ({"sort": "count_of"}, "count_of"),
        ({"kinds": ["calls"]}, "calls"),
        ({"limit": 0}, "limit"),
        ({"by": "pid", "group_by": ["pid"]}, "group_by"),
    ):
        with pytest.raises(ValueError, match=message):
            index.group(**wrong).to_arrow()
    without = dft.Aggregator()
    without.add("read", "POSIX", 1, 2)
    with pytest.raises(ValueError, match="percentiles"):
        without.index().group(stats="dur_p50").to_arrow()
