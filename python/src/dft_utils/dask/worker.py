"""What the workers do of a staged build."""

import asyncio
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

from distributed import get_worker

from ..builds import BuildReport, Progress, stage_pieces
from ..config import Config
from ..errors import CancelledError, DftError, SystemRefusedError
from .folders import make, remove
from .plan import Task

#: What a task's tables take in memory, unless the worker has less.
MEMORY = 512 << 20
#: Seconds between two messages of a task on how far it is.
PAUSE = 0.5

# The builds that are over, and how many of their tasks still run in this process.
_ENDED: set[str] = set()
_RUNNING: "Counter[str]" = Counter()
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Run:
    """A build, as its tasks know it."""

    #: Another one for every build.
    id: str
    #: The name of its folders: the same one when the same build is run again.
    name: str
    #: A directory of each worker's machine; ``None`` for the worker's own.
    local: Optional[str]
    config: Config
    memory: Optional[int]
    threads: int
    strict: bool

    def staging(self, worker: Any) -> str:
        """The directory of a worker's machine."""
        return self.local or worker.local_directory

    def work(self, worker: Any) -> str:
        """Where in it tasks work."""
        # By another name than that of the bundles' folder, which may be in the same directory.
        return os.path.join(self.staging(worker), f"{self.name}-work")


def stage_task(run: Run, number: int, task: Task, shared: str, at_once: int) -> Union[BuildReport, DftError]:
    """Stages what a task is made of, on a worker that has about so many tasks ``at_once``.

    It may be done twice, or by two workers at once: a bundle is named by what it holds, so there is one. What
    would fail another time, too, is returned, for Dask tries again what raises.
    """
    worker = get_worker()
    with _LOCK:
        _RUNNING[run.id] += 1
    try:
        _check(run)
        make(run.staging(worker), run.work(worker))
        at_once = min(at_once, worker.state.nthreads)
        return stage_pieces(
            task.pieces,
            run.work(worker),
            shared,
            run.config,
            memory=run.memory or _memory(worker, at_once),
            threads=run.threads or max(1, worker.state.nthreads // at_once),
            strict=run.strict,
            progress=_progress(run, number, worker),
        )
    except SystemRefusedError:
        raise
    except DftError as error:
        return error
    finally:
        with _LOCK:
            _RUNNING[run.id] -= 1


def _memory(worker: Any, at_once: int) -> int:
    """What the tables of a task take, so that those of all take at most half of what the worker may."""
    limit = worker.memory_manager.memory_limit
    return min(MEMORY, limit // (2 * at_once)) if limit else MEMORY


def _progress(run: Run, number: int, worker: Any) -> Callable[[Progress], None]:
    said = 0.0

    def show(progress: Progress) -> None:
        nonlocal said
        _check(run)
        now = time.monotonic()
        if now - said >= PAUSE:
            said = now
            worker.log_event(run.name, (run.id, number, progress.files_read, progress.bytes_read, progress.records))

    return show


def _check(run: Run) -> None:
    if run.id in _ENDED:
        raise CancelledError("the build is over: another of its tasks failed, or it was stopped")


async def stop(run: Run) -> None:
    """Stops what a worker still does of a build."""
    _ENDED.add(run.id)
    while _RUNNING[run.id]:
        await asyncio.sleep(0.05)


async def clean(run: Run, dask_worker: Any = None) -> None:
    """Removes what a build has left on a worker's machine, when none there is at work on it any more."""
    folders = (run.staging(dask_worker), run.work(dask_worker))
    await asyncio.get_running_loop().run_in_executor(None, remove, *folders)
