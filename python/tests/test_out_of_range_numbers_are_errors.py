"""Numbers that do not fit in the library's fields are errors that name the argument; they never wrap."""

import datetime

import pytest
from conftest import call

import dft_utils as dft

TOO_LARGE = [2**63 * 10**6, 2**64, 2**100, f"{2**64}us", f"{2**90}h"]


@pytest.fixture
def small(tmp_path):
    (tmp_path / "a.pfw").write_text(call(5) + "\n")
    dft.build(tmp_path / "a.pfw", tmp_path / "index")
    return dft.open(tmp_path / "index")


@pytest.mark.parametrize("value", TOO_LARGE)
@pytest.mark.parametrize("name", ["time", "granularity"])
def test_times_of_more_than_64_bits(small, name, value):
    given = (0, value) if name == "time" else value
    with pytest.raises(OverflowError, match=name):
        small.table("events", **{name: given})


def test_a_time_of_64_bits_of_seconds_is_an_error_and_not_an_empty_table(small):
    with pytest.raises(OverflowError, match="time"):
        small.table("events", time=(0, 2**63))
    # The highest time that fits.
    assert small.table("events", time=(0, f"{2**64 - 1}us")).to_arrow().num_rows == 1


@pytest.mark.parametrize("value", [-1, "-1s", -0.5, float("nan"), float("inf"), datetime.timedelta(seconds=-1)])
@pytest.mark.parametrize("name", ["time", "granularity"])
def test_negative_and_non_finite_times(small, name, value):
    given = (value, 9) if name == "time" else value
    with pytest.raises(ValueError, match=name):
        small.table("events", **{name: given})


@pytest.mark.parametrize(("value", "kind"), [(2**64, OverflowError), ("99999999999T", OverflowError), (-1, ValueError)])
def test_sizes(tmp_path, value, kind):
    (tmp_path / "a.pfw").write_text(call(5) + "\n")
    with pytest.raises(kind, match="memory"):
        dft.build(tmp_path / "a.pfw", tmp_path / "index", memory=value)
    with pytest.raises(kind, match="memory"):
        dft.Aggregator(memory=value)
    with pytest.raises(kind, match="piece_size"):
        dft.plan(tmp_path / "a.pfw", value)
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("value", [-1, 2**32, 2**64])
def test_threads_parts_and_shards(small, tmp_path, value):
    trace = tmp_path / "a.pfw"
    with pytest.raises(ValueError, match="threads"):
        dft.build(trace, tmp_path / "other", threads=value)
    with pytest.raises(ValueError, match="threads"):
        small.export(tmp_path / "tables", threads=value)
    for part in [(value, 2), (0, value)]:
        with pytest.raises(ValueError, match="part"):
            dft.stage(trace, tmp_path / "s", tmp_path / "b", part)
        with pytest.raises(ValueError, match="shard"):
            small.table("events", shard=part)
    with pytest.raises(ValueError, match="batch_rows"):
        small.table("events", batch_rows=value)


@pytest.mark.parametrize(("value", "kind"), [(-1, ValueError), (2**64, OverflowError)])
@pytest.mark.parametrize("name", ["start", "end", "file_size"])
def test_pieces(tmp_path, name, value, kind):
    given = {"path": str(tmp_path / "a.pfw"), "start": 0, "end": 1, "file_size": 1, name: value}
    with pytest.raises(kind, match=name):
        dft.stage_pieces([dft.Piece(**given)], tmp_path / "s", tmp_path / "b")


@pytest.mark.parametrize(("value", "kind"), [(-1, ValueError), (2**64, OverflowError)])
def test_intervals(tmp_path, value, kind):
    with pytest.raises(kind, match="interval"):
        dft.Aggregator(dft.Config(interval=value))


@pytest.mark.parametrize("name", ["ts", "dur", "pid", "tid", "ret", "offset"])
@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_fields_of_records(name, value):
    with pytest.raises(OverflowError, match=name):
        dft.Aggregator().add("read", "POSIX", **{"ts": 1, "dur": 1, name: value})


@pytest.mark.parametrize("name", ["pid", "rank"])
def test_pids_and_ranks(small, name):
    with pytest.raises(OverflowError, match=name):
        small.table("events", **{name: 2**63})
