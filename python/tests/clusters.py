"""Helpers for tests of builds on a cluster: worker processes, traces, and checks of the results."""

import contextlib
import os
import signal
from pathlib import Path

import pytest
from conftest import call, write_trace

import dft_utils

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
WorkerPlugin = distributed.WorkerPlugin

# A machine that does much else at the same time may take long to start worker processes.
dask.config.set({"distributed.comm.timeouts.connect": "300s", "distributed.comm.timeouts.tcp": "300s"})


@contextlib.contextmanager
def cluster(workers=4):
    """Start a cluster of worker processes with one thread each, and yield a client."""
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
    ) as running:
        with distributed.Client(running) as client:
            yield client


class Folders:
    """The directories of a test: traces, and an index and staging directories that do not exist yet."""

    def __init__(self, root):
        self.root = Path(root)
        self.traces, self.index = self.root / "traces", self.root / "index"
        self.local, self.shared = self.root / "local", self.root / "shared"
        self.traces.mkdir()

    def build(self, **options):
        import dft_utils.dask

        options = {"task_size": "8K", **options}
        traces = options.pop("traces", self.traces)
        return dft_utils.dask.distributed_index(traces, self.index, self.local, self.shared, **options)

    def assert_no_files_are_left(self):
        """Check that a finished build left only the index."""
        left = {path.name for path in self.root.iterdir()}
        assert left <= {"traces", "index", "exported", "alone"}, left

    def assert_equals_local_build(self, traces=None, config=None):
        """Check that the index equals a local build, to the byte of the export, with the same files."""
        alone = self.root / "alone"
        report = dft_utils.build(traces or self.traces, alone, config)
        assert exported(self.index, self.root / "exported") == exported(alone, self.root / "exported")
        with dft_utils.open(self.index) as one, dft_utils.open(alone) as other:
            assert one.files() == other.files()
            one.verify()
        return report


def exported(index, into):
    """Return the bytes of each exported table of an index, including the largest."""
    tables = ("events", "profiles", "system", "preaggregated_system", "aggregation", "processes")
    with dft_utils.open(index) as opened:
        opened.export(into, tables)
    found = {path.name: path.read_bytes() for path in sorted(Path(into).iterdir())}
    assert found
    for path in Path(into).iterdir():
        path.unlink()
    return found


def write_traces(folder, files=40):
    """Write ``files`` traces, unless they exist, of several processes, threads and files.

    Some are plain, some are compressed in one gzip member and some in several.
    """
    for number in range(files):
        trace = Path(folder) / f"rank{number:02}{'.pfw' if number % 3 == 0 else '.pfw.gz'}"
        # Writing it again would change it, because gzip stores the time.
        if not trace.exists():
            write_trace(trace, lines(number), members=1 + number % 4)


def lines(number, calls=120):
    host = f"host{number % 3}"
    yield metadata("HH", host, f"node{number % 3}")
    for name in range(4):
        yield metadata("FH", f"file{name}", f"/data/shard{name}.npz")
    for at in range(calls):
        args = {"hhash": host, "fhash": f"file{at % 5}"}
        if at % 4:
            args.update(size_sum=at, ret=at * 100, offset=at * 4096, level=at / 8)
        more = {"pid": number // 2, "tid": at % 3, "dur": at % 17, "args": args}
        # Each process has calls in two traces, which share rows.
        yield call(1_700_000_000_000_000 + at * 90_000, ("read", "write", "open64")[at % 3], **more)


def metadata(kind, hash_, name):
    return call(0, kind, cat="dftracer", ph="M", args={"hhash": hash_, "name": name, "value": hash_})


class Once:
    """True once across all processes: for the process that creates a file."""

    def __init__(self, path):
        self.path = str(path)

    def __call__(self):
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def __bool__(self):
        return os.path.exists(self.path)


def die():
    """End the process without cleanup, as if the machine had failed."""
    os.kill(os.getpid(), signal.SIGKILL)


class Staging(WorkerPlugin):
    """Calls functions before, during or after the staging of a worker; ``during`` receives the progress."""

    name = "staging"

    def __init__(self, before=None, during=None, after=None):
        self.before, self.during, self.after = before, during, after

    def setup(self, worker):
        import dft_utils.dask.worker as module

        stage = module.stage_pieces

        def staging(*arguments, progress, **options):
            def show(state):
                if self.during:
                    self.during(state)
                progress(state)

            if self.before:
                self.before()
            report = stage(*arguments, progress=show, **options)
            if self.after:
                self.after()
            return report

        module.stage_pieces = staging
