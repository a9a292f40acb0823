"""Tests of info, summary, files, processes, names and verify."""

import pickle
import shutil

import pytest

import dft_utils


def test_info_summary_files_processes_and_names(index, data):
    info = index.info()
    assert info.config == dft_utils.Config(interval="1000000us")
    assert info.event_rows == index.table("events").to_arrow().num_rows
    assert info.system_rows == 1
    lowest, highest = info.bounds_us
    assert 0 < lowest < highest
    files = index.files()
    assert len(files) == info.files == 12
    assert sum(file.events for file in files) == index.table("events").to_pandas()["count"].sum()
    assert all(str(data) in file.path for file in files if file.path != "system.pfw")
    pids = set(index.table("events").to_pandas()["pid"]) | set(index.table("profiles").to_pandas()["pid"]) | {1}
    assert {process.pid for process in index.processes()} == pids
    assert sum(process.series for process in index.processes()) == info.series
    names = index.names("file")
    hash_, name = next(iter(names.items()))
    assert index.name("file", hash_) == name
    assert index.name("file", "nothing") == ""
    summary = index.summary(top=3)
    assert len(summary["top_functions"]) == 3
    assert summary["calls"]["calls"] == index.table("events").to_pandas()["count"].sum() + sum(
        index.table("profiles").to_pandas()["count"]
    )
    only = index.summary(cat="posix")
    assert 0 < only["calls"]["calls"] < summary["calls"]["calls"]


def test_an_index_is_pickled_by_its_path(index):
    copy = pickle.loads(pickle.dumps(index))
    assert copy.info() == dft_utils.open(copy.path).info()
    assert copy.info().event_rows == index.info().event_rows


def test_verify_names_the_damaged_file(index_path, tmp_path):
    copy = tmp_path / "index"
    shutil.copytree(index_path, copy)
    dft_utils.open(copy).verify()
    largest = max(copy.rglob("*.sst"), key=lambda path: path.stat().st_size)
    bytes_ = bytearray(largest.read_bytes())
    bytes_[len(bytes_) // 3] ^= 0x40
    largest.write_bytes(bytes_)
    with pytest.raises(dft_utils.DamagedError) as error:
        dft_utils.open(copy).verify()
    assert largest.name in str(error.value)


def test_a_flipped_bit_is_damage_anywhere(index_path, data, tmp_path):
    copy = tmp_path / "index"
    shutil.copytree(index_path, copy)
    dft_utils.verify(copy)
    refused = 0
    for path in sorted(copy.rglob("*.sst")):
        sound = path.read_bytes()
        for at in range(0, len(sound), max(len(sound) // 20, 1)):
            flipped = bytearray(sound)
            flipped[at] ^= 0x20
            path.write_bytes(flipped)
            with pytest.raises(dft_utils.DamagedError) as error:
                dft_utils.verify(copy)
            assert path.name in str(error.value)
            try:
                with dft_utils.open(copy) as index:
                    index.info()
                    with pytest.raises(dft_utils.DamagedError):
                        index.verify()
            except dft_utils.DamagedError as error:
                assert error.path == str(path)
                refused += 1
        path.write_bytes(sound)
    assert refused > 10
    dft_utils.verify(copy)
    # If the index cannot be opened, the error names the function that lists all damage.
    manifest = next(copy.rglob("MANIFEST-*"))
    manifest.write_bytes(manifest.read_bytes()[:-1])
    with pytest.raises(dft_utils.DamagedError, match="dft_utils.verify.*lists all damage"):
        dft_utils.open(copy).verify()
    with pytest.raises(dft_utils.DamagedError, match=manifest.name):
        dft_utils.verify(copy)
    with pytest.raises(dft_utils.DamagedError):
        dft_utils.build(data, copy)


def test_errors_name_the_path_and_what_to_do_and_survive_pickling(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        dft_utils.open(tmp_path / "nothing")
    error = caught.value
    assert isinstance(error, dft_utils.DftError) and isinstance(error, dft_utils.NoIndexError)
    assert error.path == str(tmp_path / "nothing")
    assert "dft index" in str(error)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.path, copy.status) == (type(error), str(error), error.path, error.status)
