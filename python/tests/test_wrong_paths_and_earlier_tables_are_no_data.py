"""What is no trace makes no index, what fails leaves nothing, and tables of two exports are never side by side."""

import os

import pytest
from conftest import call, write_trace

import dft_utils


def test_what_is_no_trace_makes_no_index(tmp_path):
    (tmp_path / "docs").mkdir()
    other = tmp_path / "docs" / "x.csv"
    other.write_text("a,b\n1,2\n")
    empty = tmp_path / "docs" / "empty.pfw"
    empty.write_bytes(b"")
    for given, message in ((other, "not a DFTracer trace nor an index"), (empty, "no record in")):
        for index in (None, tmp_path / "deep" / "index"):
            with pytest.raises(dft_utils.NothingFoundError, match=message):
                dft_utils.build(given, *([] if index is None else [index]))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["docs", "empty.pfw", "x.csv"]


def test_strict_leaves_nothing(tmp_path):
    trace = write_trace(tmp_path / "a.pfw", [call(5), "oops"])
    with pytest.raises(dft_utils.DftError, match="as --strict asks"):
        dft_utils.build(trace, tmp_path / "deep" / "index", strict=True)
    with pytest.raises(dft_utils.DftError, match="as --strict asks"):
        dft_utils.stage(trace, tmp_path / "local", tmp_path / "shared", strict=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pfw"]


def test_tables_of_an_earlier_export_are_not_left(tmp_path):
    for name, lines in (("a", [call(5), call(7, name="write")]), ("b", [call(9)])):
        dft_utils.build(write_trace(tmp_path / f"{name}.pfw", lines), tmp_path / name)
    out = tmp_path / "tables"
    first = dft_utils.open(tmp_path / "a")
    first.export(out)
    first.export(out, ["aggregation"])
    dft_utils.open(tmp_path / "b").export(out, ["events"], format="csv")
    assert sorted(path.name for path in out.iterdir()) == [".dft-tables", "events.csv"]
    (out / "system.parquet").write_text("mine")
    with pytest.raises(dft_utils.DftError, match="system.parquet: not known to be written by an export"):
        first.export(out, ["events"])
    assert (out / "system.parquet").read_text() == "mine"


def test_a_summary_names_the_row_that_no_int64_holds(tmp_path):
    most = 2**63 - 1
    trace = write_trace(tmp_path / "a.pfw", [call(5, args={"ret": most}), call(6, args={"ret": most})])
    dft_utils.build(trace, tmp_path / "index")
    with pytest.raises(dft_utils.DftError, match="row posix read of process 7, cell 0 µs: size is"):
        dft_utils.open(tmp_path / "index").summary()


def test_a_fifo_in_an_index_is_not_waited_for(tmp_path):
    dft_utils.build(write_trace(tmp_path / "a.pfw", [call(5)]), tmp_path / "index")
    seal = tmp_path / "index" / "gen-000001" / "SEAL"
    seal.unlink()
    os.mkfifo(seal)
    with pytest.raises(dft_utils.DftError, match="it is a FIFO, not a regular file"):
        dft_utils.open(tmp_path / "index")
