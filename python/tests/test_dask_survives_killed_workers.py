"""When workers are killed during a build, the index equals that of a local build, and no files are left."""

import pytest
from clusters import Folders, Once, Staging, cluster, dask, die, write_traces
from conftest import call, write_trace

import dft_utils.dask


class Killed:
    """Kills the first worker that calls it."""

    def __init__(self, once, reading=False):
        self.once, self.reading = once, reading

    def __call__(self, progress=None):
        if (not self.reading or progress.bytes_read) and self.once():
            die()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_before_or_after_staging(tmp_path, moment):
    """Before staging, another worker runs the task. After it, the bundle exists and is not duplicated."""
    folders = Folders(tmp_path)
    write_traces(folders.traces)
    killed = Once(tmp_path.parent / f"{tmp_path.name}-killed")
    with cluster() as client:
        client.register_plugin(Staging(**{moment: Killed(killed)}))
        report = folders.build(client=client)
    assert killed
    assert report.files == 40
    folders.assert_equals_local_build()
    folders.assert_no_files_are_left()


def test_a_worker_killed_while_reading(tmp_path):
    """The files of the killed worker are removed too."""
    folders = Folders(tmp_path)
    write_traces(folders.traces)
    # Large enough for a progress message while it is read, unless a machine reads it in 0.1 s.
    lines = [call(1_700_000_000_000_000 + at, pid=at % 100) for at in range(1000)]
    write_trace(folders.traces / "large.pfw", lines * 700)
    killed = Once(tmp_path.parent / f"{tmp_path.name}-killed")
    with cluster() as client:
        client.register_plugin(Staging(during=Killed(killed, reading=True)))
        folders.build(client=client, task_size="1G")
    assert killed
    folders.assert_equals_local_build()
    folders.assert_no_files_are_left()


def test_a_task_that_kills_every_worker(tmp_path):
    """If all workers of a task die, the build fails, no index exists, and another call continues the build."""
    from distributed import KilledWorker

    folders = Folders(tmp_path)
    write_traces(folders.traces, 8)
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), cluster(2) as client:
        client.register_plugin(Staging(before=Killed(Always())))
        with pytest.raises(KilledWorker):
            folders.build(client=client)
    with pytest.raises(dft_utils.NoIndexError):
        dft_utils.open(folders.index)
    with cluster(2) as client:
        assert folders.build(client=client).files == 8
    folders.assert_equals_local_build()
    folders.assert_no_files_are_left()


class Always:
    def __call__(self):
        return True
