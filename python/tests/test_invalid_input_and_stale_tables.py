"""Invalid input creates no index, failures leave no files, and an export removes stale tables."""

import os

import pytest
from conftest import call, write_trace

import dft_utils


def test_input_without_a_trace_creates_no_index(tmp_path):
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


def test_a_failed_strict_build_leaves_no_files(tmp_path):
    trace = write_trace(tmp_path / "a.pfw", [call(5), "oops"])
    with pytest.raises(dft_utils.DftError, match="as --strict asks"):
        dft_utils.build(trace, tmp_path / "deep" / "index", strict=True)
    with pytest.raises(dft_utils.DftError, match="as --strict asks"):
        dft_utils.stage(trace, tmp_path / "local", tmp_path / "shared", strict=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pfw"]


def test_an_export_removes_stale_tables(tmp_path):
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


def test_a_summary_names_the_row_that_does_not_fit_in_int64(tmp_path):
    maximum = 2**63 - 1
    trace = write_trace(tmp_path / "a.pfw", [call(5, args={"ret": maximum}), call(6, args={"ret": maximum})])
    dft_utils.build(trace, tmp_path / "index")
    with pytest.raises(dft_utils.DftError, match="row posix read of process 7, cell 0 µs: size is"):
        dft_utils.open(tmp_path / "index").summary()


def test_a_fifo_in_an_index_is_an_error(tmp_path):
    dft_utils.build(write_trace(tmp_path / "a.pfw", [call(5)]), tmp_path / "index")
    seal = tmp_path / "index" / "gen-000001" / "SEAL"
    seal.unlink()
    os.mkfifo(seal)
    with pytest.raises(dft_utils.DftError, match="it is a FIFO, not a regular file"):
        dft_utils.open(tmp_path / "index")
