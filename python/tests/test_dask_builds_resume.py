"""Failed builds leave the index as it was and can be resumed; builds add to an index."""

import shutil
import threading

import pytest
from clusters import Folders, Once, Staging, cluster, lines, write_traces
from conftest import write_trace

import dft_utils.dask


@pytest.fixture(scope="module")
def client():
    with cluster(2) as client:
        yield client


class Failing:
    """A callable that fails while a file exists."""

    def __init__(self, flag):
        self.flag = str(flag)

    def __call__(self, progress=None):
        import os

        if os.path.exists(self.flag):
            raise KeyError("failure on request")


def bundles(folders):
    return sorted(path.name for path in folders.shared.glob("dft-*/bundle-*"))


def test_a_failed_build_resumes(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 12)
    flag = tmp_path.parent / f"{tmp_path.name}-fails"
    flag.touch()
    client.register_plugin(Staging(after=Failing(flag)))
    try:
        with pytest.raises(KeyError, match="failure on request"):
            folders.build(client=client, retries=0)
        # The task failed after it had written its bundle.
        staged = bundles(folders)
        assert staged and not folders.index.exists() and not folders.local.exists()
        flag.unlink()
        report = folders.build(client=client)
    finally:
        client.unregister_worker_plugin("staging")
    assert report.files == 12
    alone = folders.assert_equals_local_build()
    assert report.records == alone.records
    folders.assert_no_files_are_left()


def test_traces_that_changed_after_staging_are_staged_again(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 6)
    flag = tmp_path.parent / f"{tmp_path.name}-fails"
    flag.touch()
    client.register_plugin(Staging(after=Failing(flag)))
    try:
        with pytest.raises(KeyError):
            folders.build(client=client, retries=0)
        assert bundles(folders)
        flag.unlink()
        for number in range(6):
            for trace in folders.traces.glob(f"rank{number:02}*"):
                write_trace(trace, lines(number, 200))
        folders.build(client=client)
    finally:
        client.unregister_worker_plugin("staging")
    folders.assert_equals_local_build()
    folders.assert_no_files_are_left()


def test_folders_of_a_client_that_died_after_the_ingest_are_removed(client, tmp_path, monkeypatch):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 3)
    with monkeypatch.context() as patch:
        patch.setattr("dft_utils.dask.index.remove", lambda *_folders: None)
        folders.build(client=client)
    assert list(folders.shared.glob("dft-*"))
    assert folders.build(client=client).known_files == 3
    folders.assert_equals_local_build()
    folders.assert_no_files_are_left()


def test_a_build_adds_only_new_and_grown_traces(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 10)
    folders.build(client=client)
    again = folders.build(client=client)
    assert (again.files, again.known_files, again.records) == (0, 10, 0)
    grown = folders.traces / "rank00.pfw"
    with grown.open("a") as file:
        file.write("\n".join(lines(50)) + "\n")
    write_trace(folders.traces / "another.pfw.gz", lines(51), 3)
    more = folders.build(client=client)
    assert (more.files, more.known_files) == (2, 9)
    folders.assert_equals_local_build()
    folders.assert_no_files_are_left()
    write_trace(grown, lines(52))
    write_trace(folders.traces / "last.pfw", lines(53))
    with pytest.raises(dft_utils.ChangedError) as error:
        folders.build(client=client)
    assert error.value.path == str(grown)
    folders.assert_no_files_are_left()


def test_overlapping_bundles_of_another_build_are_harmless(client, tmp_path):
    """Such bundles come from a worker that was considered dead, in a build with other tasks."""
    folders = Folders(tmp_path)
    write_traces(folders.traces, 8)
    traces = sorted(folders.traces.iterdir())
    overlapping = Once(tmp_path.parent / f"{tmp_path.name}-overlap")
    client.register_plugin(Staging(after=Overlap(overlapping, traces, folders)))
    try:
        folders.build(client=client, task_size="16K")
    finally:
        client.unregister_worker_plugin("staging")
    assert overlapping
    folders.assert_equals_local_build()
    folders.assert_no_files_are_left()


class Overlap:
    """Adds bundles of pairs of traces to those of a build."""

    def __init__(self, once, traces, folders):
        self.once, self.traces, self.folders = once, traces, folders

    def __call__(self):
        if not self.once():
            return
        (shared,) = self.folders.shared.glob("dft-*")
        for at in range(len(self.traces) - 1):
            elsewhere = self.folders.root / f"elsewhere{at}"
            dft_utils.stage(self.traces[at : at + 2], elsewhere, elsewhere)
            for bundle in elsewhere.glob("bundle-*"):
                # If the pair is also a task of the build, its bundle exists.
                if not (shared / bundle.name).exists():
                    bundle.rename(shared / bundle.name)
            shutil.rmtree(elsewhere)


def test_two_concurrent_builds_of_two_indexes_share_directories(client, tmp_path):
    """Two concurrent builds of different indexes both succeed."""
    folders, other = Folders(tmp_path), Folders(tmp_path / "traces")
    other.local, other.shared, other.traces = folders.local, folders.shared, folders.traces
    other.index = folders.root / "exported2"
    write_traces(folders.traces, 16)
    failures = run_concurrently(lambda: folders.build(client=client), lambda: other.build(client=client))
    assert not failures
    folders.assert_equals_local_build()
    other.root = folders.root
    other.assert_equals_local_build()


def test_two_concurrent_builds_of_one_index(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 16)
    failures = run_concurrently(*[lambda: folders.build(client=client)] * 2)
    assert all(isinstance(error, (dft_utils.DftError, OSError)) for error in failures), failures
    # Whatever the two builds did, another build completes the index.
    folders.build(client=client)
    folders.assert_equals_local_build()
    folders.assert_no_files_are_left()


def run_concurrently(*builds):
    failures = []

    def run(build):
        try:
            build()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(build,)) for build in builds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures
