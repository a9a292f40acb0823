"""Tests of live aggregation, from records in memory to a table and an index."""

import json

import pytest
from conftest import call

import dft_utils


def add_some(aggregator, start=0):
    aggregator.add_name("host", "h1", "node1")
    aggregator.add_name("file", "f1", "/data/a.h5")
    for ts in range(start, start + 10):
        args = {"epoch": ts % 2, "loss": 0.5}
        hashes = {"file_hash": "f1", "host_hash": "h1"}
        aggregator.add("read", "POSIX", ts, 3, pid=7, tid=8, ret=100, offset=ts, args=args, **hashes)


def test_live_records_give_the_same_table_as_their_trace(tmp_path):
    live = dft_utils.Aggregator()
    add_some(live)
    records = [
        {"name": "HH", "cat": "dftracer", "ph": "M", "args": {"name": "node1", "value": "h1"}},
        {"name": "FH", "cat": "dftracer", "ph": "M", "args": {"name": "/data/a.h5", "value": "f1"}},
    ]
    for ts in range(10):
        args = {"ret": 100, "offset": ts, "fhash": "f1", "hhash": "h1", "epoch": ts % 2, "loss": 0.5}
        records.append(json.loads(call(ts, tid=8, args=args)))
    lines = [json.dumps(record) for record in records]
    (tmp_path / "a.pfw").write_text("\n".join(lines) + "\n")
    dft_utils.build(tmp_path / "a.pfw", tmp_path / "index")
    built = dft_utils.open(tmp_path / "index")
    parsed = dft_utils.Aggregator()
    assert parsed.add_lines(lines) == 12
    for table in ("events", "aggregation"):
        wanted = built.table(table).to_arrow().to_pylist()
        assert len(wanted) == 1
        one = dft_utils.Aggregator()
        add_some(one)
        assert one.table(table).to_arrow().to_pylist() == wanted
    assert parsed.table().to_arrow().to_pylist() == built.table().to_arrow().to_pylist()
    assert live.table().to_pandas()["file_name"].tolist() == ["/data/a.h5"]


def test_aggregators_are_merged_and_published_once(tmp_path):
    one, other = dft_utils.Aggregator(memory="64M"), dft_utils.Aggregator(memory="64M")
    add_some(one)
    add_some(other, start=10)
    one.merge(other)
    one.publish(tmp_path / "index", "rank 0")
    assert dft_utils.open(tmp_path / "index").table().to_pandas()["count"].tolist() == [20]
    add_some(one)
    with pytest.raises(dft_utils.ChangedError, match="rank 0"):
        one.publish(tmp_path / "index", "rank 0")
    one.publish(tmp_path / "index", "rank 0, again")
    assert dft_utils.open(tmp_path / "index").table().to_pandas()["count"].tolist() == [30]


def test_out_of_range_numbers_are_errors_and_are_not_truncated():
    with dft_utils.Aggregator() as live:
        with pytest.raises(dft_utils.MalformedError):
            live.add("read", "posix", -1)
        with pytest.raises(OverflowError, match="pid is"):
            live.add("read", "posix", 1, pid=1 << 64)
        with pytest.raises(ValueError, match="no phase"):
            live.add("read", "posix", 1, phase="begin")
        live.add("read", "posix", 1, 2, args={"big": 1 << 70})
        row = live.table("aggregation").to_pandas().iloc[0]
        assert (row["count"], row["big_mean"]) == (1, float(1 << 70))
    with pytest.raises(ValueError, match="closed"):
        live.add("read", "posix", 1)
