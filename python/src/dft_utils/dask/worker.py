"""The part of a staged build that runs on the workers."""

import asyncio
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

from distributed import get_worker

from ..builds import BuildReport, stage_pieces
from ..config import Config
from ..errors import CancelledError, DftError, SystemRefusedError
from ..progress import Progress
from .folders import make, remove
from .plan import Task

#: The memory budget of a task's tables, unless the worker has less.
MEMORY = 512 << 20
#: Seconds between two progress messages of a task.
PAUSE = 0.5

# The builds that have ended, and how many of their tasks still run in this process.
_ENDED: set[str] = set()
_RUNNING: "Counter[str]" = Counter()
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Run:
    """The parameters of a build that its tasks need."""

    #: Unique for every build.
    id: str
    #: The name of its folders: the same when the same build is run again.
    name: str
    #: A directory on each worker's machine; ``None`` for the worker's own directory.
    local: Optional[str]
    config: Config
    memory: Optional[int]
    threads: int
    strict: bool

    def staging(self, worker: Any) -> str:
        """Return the staging directory on a worker's machine."""
        return self.local or worker.local_directory

    def work(self, worker: Any) -> str:
        """Return the working directory of tasks, inside the staging directory."""
        # It needs another name than the bundles' folder, which may be in the same directory.
        return os.path.join(self.staging(worker), f"{self.name}-work")


@dataclass(frozen=True)
class Staged:
    """What a task staged."""

    report: BuildReport
    #: The address of the worker.
    worker: str
    #: The traces that it read, and the first pieces of traces.
    traces: int


def stage_task(run: Run, number: int, task: Task, shared: str, at_once: int) -> Union[Staged, DftError]:
    """Stage the pieces of a task, on a worker that runs about ``at_once`` tasks concurrently.

    A task may run twice, or on two workers concurrently: a bundle is named after its contents, so there is only one.
    Dask retries exceptions, so errors that a retry would repeat are returned.
    """
    worker = get_worker()
    with _LOCK:
        _RUNNING[run.id] += 1
    try:
        _check(run)
        make(run.staging(worker), run.work(worker))
        at_once = min(at_once, worker.state.nthreads)
        report = stage_pieces(
            task.pieces,
            run.work(worker),
            shared,
            run.config,
            memory=run.memory or _memory(worker, at_once),
            threads=run.threads or max(1, worker.state.nthreads // at_once),
            strict=run.strict,
            progress=_progress(run, number, worker),
        )
        first = sum(piece.start == 0 for piece in task.pieces)
        return Staged(report, worker.address, min(first, report.files))
    except SystemRefusedError:
        raise
    except DftError as error:
        return error
    finally:
        with _LOCK:
            _RUNNING[run.id] -= 1


def _memory(worker: Any, at_once: int) -> int:
    """Return the memory budget of a task: together, concurrent tasks use at most half of the worker's limit."""
    limit = worker.memory_manager.memory_limit
    return min(MEMORY, limit // (2 * at_once)) if limit else MEMORY


def _progress(run: Run, number: int, worker: Any) -> Callable[[Progress], None]:
    sent = 0.0

    def show(progress: Progress) -> None:
        nonlocal sent
        _check(run)
        now = time.monotonic()
        if now - sent >= PAUSE:
            sent = now
            worker.log_event(run.name, (run.id, number, progress.files_read, progress.bytes_read, progress.records))

    return show


def _check(run: Run) -> None:
    if run.id in _ENDED:
        raise CancelledError("the build has ended: another of its tasks failed, or it was stopped")


async def stop(run: Run) -> None:
    """Stop the tasks of a build that still run on a worker, and wait for them."""
    _ENDED.add(run.id)
    while _RUNNING[run.id]:
        await asyncio.sleep(0.05)


async def clean(run: Run, dask_worker: Any = None) -> None:
    """Remove the files of a build from a worker's machine, after all its tasks there have ended."""
    folders = (run.staging(dask_worker), run.work(dask_worker))
    await asyncio.get_running_loop().run_in_executor(None, remove, *folders)
