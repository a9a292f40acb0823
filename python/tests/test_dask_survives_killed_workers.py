"""Workers that are killed in the middle of a build: the index is that of one machine, and nothing is left."""

import pytest
from clusters import Folders, Once, Staging, cluster, dask, die, write_traces
from conftest import call, write_trace

import dft_utils.dask


class Killed:
    """The first worker that comes here is killed."""

    def __init__(self, once, reading=False):
        self.once, self.reading = once, reading

    def __call__(self, progress=None):
        if (not self.reading or progress.bytes_read) and self.once():
            die()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_beside_its_staging(tmp_path, moment):
    """Before it: the task is as good as new. After it: its bundle is there, and is not made twice."""
    folders = Folders(tmp_path)
    write_traces(folders.traces)
    killed = Once(tmp_path.parent / f"{tmp_path.name}-killed")
    with cluster() as client:
        client.register_plugin(Staging(**{moment: Killed(killed)}))
        report = folders.build(client=client)
    assert killed
    assert report.files == 40
    folders.assert_is_that_of_one_machine()
    folders.assert_nothing_is_left()


def test_while_it_reads(tmp_path):
    """What it had on its machine is removed, too."""
    folders = Folders(tmp_path)
    write_traces(folders.traces)
    # So large that its reading is seen to be under way, unless on a machine that does it in 0.1 s.
    lines = [call(1_700_000_000_000_000 + at, pid=at % 100) for at in range(1000)]
    write_trace(folders.traces / "large.pfw", lines * 700)
    killed = Once(tmp_path.parent / f"{tmp_path.name}-killed")
    with cluster() as client:
        client.register_plugin(Staging(during=Killed(killed, reading=True)))
        folders.build(client=client, task_size="1G")
    assert killed
    folders.assert_is_that_of_one_machine()
    folders.assert_nothing_is_left()


def test_every_time(tmp_path):
    """A task whose workers all die is an error, the index is not there, and another call does the rest."""
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
    folders.assert_is_that_of_one_machine()
    folders.assert_nothing_is_left()


class Always:
    def __call__(self):
        return True
