"""A staged build on the workers of a Dask cluster."""

import hashlib
import logging
import os
import queue
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Callable, Optional, Union

import distributed

from .. import _abi
from .._library import PathLike
from ..builds import BuildReport, Fault, OnProgress, Progress, build, ingest, plan, progress_function, resolve
from ..config import Config
from ..errors import ChangedError, ConfigError, DftError, MalformedError, NoIndexError, NothingFoundError
from ..index import File, Index
from ..units import Size, byte_count
from .folders import empty, make, remove
from .plan import LEAST, Task, task_bytes, tasks, whole
from .worker import Run, clean, stage_task, stop

log = logging.getLogger(__name__)

#: How often what an ingest refuses is staged again.
ROUNDS = 3

#: What is said of a file that looks like a trace, and is compressed by another program, say.
NOT_READ = "not read: it looks like a trace in another container; decompress, unpack or rename it"


def distributed_index(
    traces: Union[PathLike, Iterable[PathLike]],
    index_path: PathLike,
    local_staging: Optional[PathLike],
    shared_staging: PathLike,
    client: Optional["distributed.Client"] = None,
    config: Optional[Config] = None,
    *,
    task_size: Optional[Size] = None,
    memory: Optional[Size] = None,
    threads: int = 0,
    retries: int = 2,
    strict: bool = False,
    progress: Optional[OnProgress] = None,
) -> BuildReport:
    """Brings traces into an index, as :func:`dft_utils.build` does, on the workers of a Dask cluster.

    The client plans, the workers stage, and the client ingests, once: the tables are the same, to the byte of
    an export, as those of a build on one machine. Traces that are in are not read again. What they have grown
    by is read by the client, and is in before the rest is.

    ``traces``: files, directories or globs, which client and workers see by the same paths.
    ``index_path``: made if it is not there. ``local_staging``: a directory of each worker's machine, for the work;
    ``None`` for the worker's own. ``shared_staging``: a directory that client and workers share, where bundles
    wait; best on the file system of the index, for then they are linked. Both may be one.
    ``client``: the one in use where none is given; raises :class:`ValueError` where there is none.
    ``config``: that of the index, or the default.

    ``task_size``: about how much of the traces, as they are on disk, a task stages, such as ``"256M"``; by
    default so that each thread of the cluster has three, of 16 MiB to 1 GiB. ``memory``: what the tables of a
    task may take; by default 512 MiB, and at most half of what the worker may take, for all that run at once.
    ``threads``: of each task; by default the worker's, divided among the tasks that it has at once.
    ``retries``: how often a task is tried again that the system refused. (One whose worker dies is given to
    another as often as Dask's ``distributed.scheduler.allowed-failures`` says.) ``strict``: faults of the input
    are an error, and nothing is ingested. ``progress``: as of :func:`dft_utils.build`.

    Where it fails, or is stopped by Ctrl-C, the index is as it was, and what was staged stays in
    ``shared_staging``: the same call does the rest. All else, and when it is done that too, is removed.
    One build of an index at a time: of two, one may fail with nothing lost.
    """
    client = _client(client)
    listed = [traces] if isinstance(traces, (str, bytes, os.PathLike)) else list(traces)
    paths = [os.path.abspath(os.fsdecode(path)) for path in listed]
    index = os.path.abspath(os.fsdecode(index_path))
    shared = os.path.abspath(os.fsdecode(shared_staging))
    config = _config(config, index)
    name = _name(index, config, strict)

    new: list[str] = []
    unreadable: list[str] = []
    here: list[str] = []
    not_read: list[str] = []
    where = {_abi.DFT_TRACE_NEW: new, _abi.DFT_TRACE_UNREADABLE: unreadable, _abi.DFT_TRACE_NOT_READ: not_read}
    for path, state in resolve(paths, index):
        where.get(state, here).append(path)
    if not new:
        # Of a client that died when all was in.
        remove(shared, os.path.join(shared, name))
        return build(paths, index, config, memory=memory, threads=threads, strict=strict, progress=progress)
    if strict and not_read:
        raise MalformedError(f"{not_read[0]}: {NOT_READ}; nothing was stored, as asked by strict", path=not_read[0])
    # Raises what is to be raised of changed traces, and knows of faults of those that are in.
    report = build(here, index, config, memory=memory, threads=threads, strict=strict) if here else BuildReport()

    run = Run(
        id=uuid.uuid4().hex,
        name=name,
        local=None if local_staging is None else os.path.abspath(os.fsdecode(local_staging)),
        config=config,
        memory=None if memory is None else byte_count(memory, "memory"),
        threads=threads,
        strict=strict,
    )
    task_size = None if task_size is None else max(byte_count(task_size, "task_size"), 1)
    staging = _Build(client, run, index, shared, task_size, retries, progress)
    staging.run(new, unreadable)
    report.rows += staging.rows
    report.telemetry_rows += staging.telemetry_rows
    report.faults += [Fault(path, NOT_READ) for path in not_read]
    _describe(report, index, new, staging)
    return report


def _client(client: Any) -> Any:
    if client is None:
        try:
            client = distributed.default_client()
        except ValueError:
            raise ValueError(
                "there is no Dask client: give one, such as distributed.Client(distributed.LocalCluster()); on one "
                "machine without Dask, dft_utils.build does the same"
            ) from None
    if client.asynchronous:
        raise ValueError("the Dask client is asynchronous, and distributed_index waits: give it one that is not")
    return client


def _config(config: Optional[Config], index: str) -> Config:
    """The configuration of an index, before anything is staged with another one."""
    try:
        with Index(index) as opened:
            there = opened.config
    except NoIndexError:
        return config or Config()
    if config is not None and _comparable(config) != _comparable(there):
        raise ConfigError(f"{index} was made with {there}: give that, or none, or make another index", path=index)
    return there


def _comparable(config: Config) -> tuple[Any, ...]:
    metrics = config.custom_metrics
    names = metrics if isinstance(metrics, (bool, str)) else tuple(sorted(set(metrics)))
    return (
        config.interval_us,
        tuple(config.group_keys),
        names,
        config.percentiles or None,
        config.group_by_file,
        config.counter_period,
        config.time_unit,
    )


def _name(index: str, config: Config, strict: bool) -> str:
    """What the folders of a build are called: by what its bundles depend on, so that it goes on where it ended."""
    what = repr((os.path.realpath(index), _comparable(config), strict))
    return "dft-" + hashlib.sha256(os.fsencode(what)).hexdigest()[:16]


def _describe(report: BuildReport, index: str, new: list[str], staging: "_Build") -> None:
    """Says what is in of new traces, whichever worker, or earlier run, has staged them."""
    wanted = set(new)
    faults = dict.fromkeys(report.faults + staging.faults)
    home = os.path.dirname(os.path.realpath(index))
    with Index(index) as opened:
        for file in opened.files():
            path = os.path.join(home, file.path)
            if path not in wanted:
                continue
            report.files += 1
            report.records += file.events + file.profiles + file.systems + file.telemetry + file.metadata
            report.malformed_lines += file.malformed
            report.skipped_records += file.skipped
            report.text_bytes += file.text_bytes
            if path in staging.cut:
                # Whoever staged a piece knows that piece.
                faults.update(dict.fromkeys(_faults(path, file)))
    report.faults = list(faults)
    report.faulty_files = len({fault.path for fault in faults})


def _faults(path: str, file: File) -> Iterator[Fault]:
    if file.fault:
        yield Fault(path, file.fault)
    if file.malformed:
        yield Fault(path, f"{file.malformed} malformed lines")
    if file.skipped:
        yield Fault(path, f"{file.skipped} records of unknown phase skipped")


class _Build:
    """A staged build under way, and what became of it."""

    def __init__(
        self,
        client: Any,
        run: Run,
        index: str,
        shared: str,
        task_size: Optional[int],
        retries: int,
        progress: Optional[OnProgress],
    ) -> None:
        self._client = client
        self._run = run
        self._index = index
        self._shared = shared
        self._task_size = task_size
        self._retries = retries
        #: Where its bundles are.
        self._folder = os.path.join(shared, run.name)
        self._shown = _Shown(progress, run)
        self.rows = 0
        self.telemetry_rows = 0
        #: Of all traces but those that were cut.
        self.faults: list[Fault] = []
        #: The traces that were cut.
        self.cut: set[str] = set()

    def run(self, new: list[str], unreadable: list[str]) -> None:
        """Stages and ingests; raises the first failure of a task, and leaves what was staged."""
        try:
            self._client.subscribe_topic(self._run.name, self._shown.hear)
            try:
                self._stage(new, unreadable)
            except ChangedError:
                # Since it was planned, or since an earlier run staged it: what there is may be of no use.
                empty(self._folder)
                self._stage(new, unreadable)
            self._ingest(new)
        finally:
            self._end()
        remove(self._shared, self._folder)

    def _stage(self, new: list[str], unreadable: list[str]) -> None:
        make(self._shared, self._folder)
        threads = sum(self._client.nthreads().values())
        size = self._task_size or task_bytes(sum(whole(path).end for path in new), threads)
        pieces = plan(new, size)
        self.cut = {piece.path for piece in pieces if not piece.is_whole}
        self.faults = []
        self._do(tasks(pieces + [whole(path) for path in unreadable], size), self._folder)

    def _ingest(self, new: list[str]) -> None:
        folder = self._folder
        for again in range(ROUNDS):
            self._shown.show("writing")
            done = ingest(self._index, folder)
            if not (done.refused or done.waiting):
                return
            # Pieces that do not chain, or bundles that overlap, of two builds that went on from the same: those
            # traces alone, anew and whole.
            left = [path for path, state in resolve(new, self._index) if state == _abi.DFT_TRACE_NEW]
            if not left:
                return
            why = (done.unchained + done.faults + done.waiting)[0]
            log.info("%s traces are staged again and whole: %s: %s", len(left), why.path, why.message)
            self.cut.difference_update(left)
            self.faults = [fault for fault in self.faults if fault.path not in set(left)]
            folder = os.path.join(self._folder, f"again-{again}")
            self._do(tasks(map(whole, left), self._task_size or LEAST), folder)
        raise DftError(f"{why.path}: {why.message}; {len(left)} traces are not in", path=why.path)

    def _do(self, planned: list[Task], folder: str) -> None:
        """Has tasks done by the workers."""
        workers = len(self._client.nthreads())
        at_once = -(-len(planned) // max(workers, 1))
        self._shown.begin(planned)
        ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        futures = {}
        for number, task in enumerate(planned):
            key = f"dft-stage-{self._run.id}-{os.path.basename(folder)}-{number}"
            future = self._client.submit(
                stage_task, self._run, number, task, folder, at_once, key=key, pure=False, retries=self._retries
            )
            futures[key] = (future, number)
            future.add_done_callback(lambda future: ended.put(future.key))
        try:
            read = 0
            for _ in planned:
                report = self._await(futures, ended)
                read += report.files + report.known_files
                self.rows += report.rows
                self.telemetry_rows += report.telemetry_rows
                self.faults += [fault for fault in report.faults if fault.path not in self.cut]
        except BaseException:
            self._client.cancel([future for future, _number in futures.values()])
            raise
        if not read:
            first = self.faults[0]
            raise NothingFoundError(f"no worker can read the traces: {first.path}: {first.message}", path=first.path)

    def _await(self, futures: dict[str, tuple[Any, int]], ended: "queue.SimpleQueue[Any]") -> BuildReport:
        """The report of the next task that ends."""
        while True:
            try:
                key = ended.get(timeout=0.2)
                break
            except queue.Empty:
                self._shown.show("reading")
        future, number = futures.pop(key)
        report = future.result()
        if isinstance(report, DftError):
            raise report
        self._shown.end(number, report)
        return report

    def _end(self) -> None:
        """Stops what runs, and removes what is on the workers' machines."""
        try:
            self._client.unsubscribe_topic(self._run.name)
            # Each by itself: several workers may have one directory.
            self._client.run(stop, self._run, on_error="ignore")
            self._client.run(clean, self._run, on_error="ignore")
        except Exception as error:
            # The cluster is gone, and its tasks with it.
            log.warning("the workers cannot be asked to clean up: %s", error)


class _Shown:
    """How far the tasks are, as the workers say, for who wants to see it."""

    def __init__(self, progress: Optional[OnProgress], run: Run) -> None:
        self._see: Optional[Callable[[Progress], Any]] = progress_function(progress)
        self._run = run.id
        self._tasks: list[Task] = []
        #: Of each task: files, bytes and records that were read.
        self._read: dict[int, tuple[int, ...]] = {}

    def begin(self, planned: list[Task]) -> None:
        self._read = {}
        self._tasks = planned
        self.show("reading")

    def hear(self, event: Any) -> None:
        """Takes a worker's message, on a thread of the client."""
        _when, (run, number, *read) = event
        if run == self._run:
            # A task that is done again has been that far before.
            self._read[number] = tuple(map(max, read, self._read.get(number, (0, 0, 0))))

    def end(self, number: int, report: BuildReport) -> None:
        """A task is done."""
        task = self._tasks[number]
        self._read[number] = (len(task.pieces), task.bytes, report.records)
        self.show("reading")

    def show(self, stage: str) -> None:
        if self._see is None:
            return
        files, read, records = (sum(column) for column in zip((0, 0, 0), *list(self._read.values())))
        total_files = sum(len(task.pieces) for task in self._tasks)
        total = sum(task.bytes for task in self._tasks)
        self._see(Progress(stage, total_files, min(files, total_files), total, min(read, total), records))
