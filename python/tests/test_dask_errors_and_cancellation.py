"""Errors of workers reach the caller with their type, path and advice; a stopped build stops its workers."""

import time

import pytest
from clusters import Folders, Once, Staging, cluster, write_traces
from conftest import call, write_trace

import dft_utils.dask


@pytest.fixture(scope="module")
def client():
    with cluster(2) as client:
        yield client


def test_arguments_that_do_not_fit_are_errors(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 1)
    config = dft_utils.Config("1s")
    with pytest.raises(ValueError, match="no traces"):
        dft_utils.dask.distributed_index(index_path=folders.index)
    with pytest.raises(ValueError, match="no index_path"):
        dft_utils.dask.distributed_index(folders.traces)
    with pytest.raises(ValueError, match="both config and aggregation_config"):
        dft_utils.dask.distributed_index(folders.traces, folders.index, config=config, aggregation_config=True)
    with pytest.raises(ValueError, match="no shared_staging"):
        dft_utils.dask.distributed_index(folders.traces, folders.index, client=client)
    assert not folders.index.exists()


def test_strict_is_an_error_with_the_file_and_nothing_is_stored(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 4)
    bad = write_trace(folders.traces / "bad.pfw", [call(1), "nonsense"])
    with pytest.raises(dft_utils.MalformedError, match="line 2") as error:
        folders.build(client=client, strict=True)
    assert error.value.path == str(bad)
    assert not folders.index.exists() and not folders.local.exists()
    bad.unlink()
    folders.build(client=client, strict=True)
    folders.assert_equals_local_build()
    folders.assert_no_files_are_left()


def test_another_configuration_is_refused_before_anything_is_staged(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 2)
    folders.build(client=client, config=dft_utils.Config("250ms", custom_metrics=("b", "a")))
    write_traces(folders.traces, 4)
    with pytest.raises(dft_utils.ConfigError):
        folders.build(client=client, config=dft_utils.Config("1s"))
    folders.build(client=client, config=dft_utils.Config("0.25s", custom_metrics=("a", "b", "a")))
    folders.build(client=client)
    folders.assert_equals_local_build(config=dft_utils.Config("250ms", custom_metrics=("a", "b")))


def test_an_invalid_configuration_is_refused_by_the_worker(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 2)
    with pytest.raises(dft_utils.ConfigError, match="interval"):
        folders.build(client=client, config=dft_utils.Config(0))


def test_no_traces_are_an_error(client, tmp_path):
    folders = Folders(tmp_path)
    with pytest.raises(dft_utils.NothingFoundError):
        folders.build(client=client)
    with pytest.raises(FileNotFoundError):
        folders.build(client=client, traces=tmp_path / "nowhere.pfw")


@pytest.mark.parametrize("which", ["local", "shared"])
def test_a_staging_path_that_is_a_file_is_an_error(client, tmp_path, which):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 2)
    getattr(folders, which).write_text("a file")
    with pytest.raises(OSError, match=str(getattr(folders, which))):
        folders.build(client=client, retries=1)
    assert not folders.index.exists()


def test_progress_is_reported_and_its_exception_stops_the_build(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 20)

    def stop(progress):
        if progress.files_read:
            raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        folders.build(client=client, progress=stop)
    assert not folders.index.exists() and not folders.local.exists()
    seen = []
    folders.build(client=client, progress=seen.append)
    sizes = sum(path.stat().st_size for path in folders.traces.iterdir())
    first, last = seen[0], seen[-1]
    assert (first.stage, first.bytes_read, first.bytes) == ("reading", 0, sizes)
    assert (last.stage, last.bytes_read, last.files_read) == ("writing", sizes, last.files)
    assert [progress.bytes_read for progress in seen] == sorted(progress.bytes_read for progress in seen)
    folders.assert_equals_local_build()
    folders.assert_no_files_are_left()


def test_a_running_worker_is_stopped_and_waited_for(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 1)
    running = Once(tmp_path / "traces" / "under way")

    def stop(progress):
        if running:
            raise KeyError("enough")

    client.register_plugin(Staging(during=UntilTheBuildEnds(running)))
    try:
        with pytest.raises(KeyError, match="enough"):
            folders.build(client=client, progress=stop)
    finally:
        client.unregister_worker_plugin("staging")
    assert not folders.index.exists() and not folders.local.exists()


class UntilTheBuildEnds:
    """Blocks a worker until it learns that the build has ended."""

    def __init__(self, running):
        self.running = running

    def __call__(self, progress):
        import dft_utils.dask.worker as module

        before = set(module._ENDED)
        if self.running():
            while module._ENDED == before:
                time.sleep(0.01)


def test_a_bar_shows_progress(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 6)

    class Bar:
        total, n = None, 0

        def update(self, bytes_):
            self.n += bytes_

        def refresh(self):
            pass

    bar = Bar()
    folders.build(client=client, progress=bar)
    assert bar.n == bar.total == sum(path.stat().st_size for path in folders.traces.iterdir())
