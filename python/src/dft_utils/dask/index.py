"""A staged build on the workers of a Dask cluster."""

import contextlib
import hashlib
import logging
import os
import queue
import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Any, Optional, Union

import distributed

from .. import _abi
from .._library import PathLike
from ..builds import BuildReport, Fault, build, ingest, plan, resolve
from ..config import Config
from ..errors import ChangedError, ConfigError, DftError, MalformedError, NoIndexError, NothingFoundError
from ..index import Index
from ..indexer import AggregationConfig
from ..progress import OnProgress, Progress, Show, shown
from ..units import Size, byte_count
from .folders import empty, make, remove
from .plan import LEAST, Task, task_bytes, tasks, whole
from .replace import replaced
from .report import DistributedReport, describe
from .worker import Run, Staged, clean, stage_task, stop

log = logging.getLogger(__name__)

#: How often traces that an ingest refuses are staged again.
ROUNDS = 3

#: The fault of a file that looks like a trace in another container, for example compressed by another program.
NOT_READ = "not read: it looks like a trace in another container; decompress, unpack or rename it"


def distributed_index(
    traces: Union[None, PathLike, Iterable[PathLike]] = None,
    index_path: PathLike = "",
    local_staging: Optional[PathLike] = None,
    shared_staging: Optional[PathLike] = None,
    client: Optional["distributed.Client"] = None,
    config: Optional[Config] = None,
    *,
    directory: PathLike = "",
    files: Optional[Iterable[PathLike]] = None,
    aggregation_config: Union[None, bool, AggregationConfig] = None,
    force_rebuild: bool = False,
    task_size: Optional[Size] = None,
    memory: Optional[Size] = None,
    threads: int = 0,
    retries: int = 2,
    strict: bool = False,
    progress: Optional[OnProgress] = None,
    parallelism_per_worker: int = 0,
    checkpoint_size: Any = None,
    bloom_dimensions: Any = None,
    build_manifest: Any = None,
    partition: Any = None,
    rebuild_root_summaries: Any = None,
    flush_every_files: Any = None,
) -> DistributedReport:
    """Add traces to an index, as :func:`dft_utils.build` does, on the workers of a Dask cluster.

    The client plans, the workers stage, and the client ingests once: the tables are the same, to the byte of an
    export, as those of a build on one machine. Traces that are already indexed are not read again. If they have
    grown, the client resumes them before the workers stage the other traces.

    ``traces``: files, directories or globs, which client and workers see at the same paths; ``directory`` and
    ``files`` name more. ``index_path``: created if it does not exist. ``local_staging``: a working directory on each
    worker's machine; ``None`` for the worker's own directory. ``shared_staging``: a directory that client and workers
    share, for bundles that wait for the ingest; best on the file system of the index, where bundles can be linked. Both
    may be the same directory, and by default are. ``client``: the default is the current client. If there is none, this
    process builds, and needs no staging. ``config``: the default is the configuration of the index, or of
    :class:`dft_utils.Config` for a new index. ``aggregation_config`` is the same in the C++ library's form; ``True``
    for its defaults. ``force_rebuild``: replace the index when the new one is complete.

    ``task_size``: about how many bytes of the traces, as they are on disk, a task stages, such as ``"256M"``; by
    default each thread of the cluster gets three tasks, of 16 MiB to 1 GiB. ``memory``: the memory budget of a task's
    tables; by default 512 MiB, but at most half of the worker's memory limit for all tasks that it runs concurrently.
    ``threads``, or ``parallelism_per_worker``: the threads of each task; by default the worker's threads, divided among
    its concurrent tasks. ``retries``: how often a task is retried after the system refused something. (If a worker
    dies, Dask gives its task to another one, as often as ``distributed.scheduler.allowed-failures`` permits.)
    ``strict``: faults of the input are an error, and nothing is ingested. ``progress``: as for
    :func:`dft_utils.build`. The last six arguments are the C++ library's and have no effect.

    If the build fails, or Ctrl-C stops it, the index stays as it was and the staged bundles stay in
    ``shared_staging``: the same call continues the build. All other files are removed, and a successful build removes
    the bundles too. Run one build of an index at a time: of two concurrent builds, one may fail, but nothing is lost.
    """
    given = [] if traces is None else [traces] if isinstance(traces, (str, bytes, os.PathLike)) else list(traces)
    given += [directory] if directory else []
    paths = [os.path.abspath(os.fsdecode(path)) for path in given + list(files or ())]
    if not paths:
        raise ValueError("there are no traces: pass traces, a directory or files")
    if not index_path:
        raise ValueError("there is no index_path")
    if aggregation_config:
        if config is not None:
            raise ValueError("both config and aggregation_config are given: pass one of them")
        config = (AggregationConfig() if aggregation_config is True else aggregation_config).config()
    index = os.path.abspath(os.fsdecode(index_path))
    config = _config(config, index, force_rebuild)
    local = os.path.abspath(os.fsdecode(local_staging)) if local_staging else None
    shared = os.path.abspath(os.fsdecode(shared_staging)) if shared_staging else local
    name = _name(index, config, strict, force_rebuild)
    threads = threads or parallelism_per_worker

    new: list[str] = []
    unreadable: list[str] = []
    here: list[str] = []
    not_read: list[str] = []
    where = {_abi.DFT_TRACE_NEW: new, _abi.DFT_TRACE_UNREADABLE: unreadable, _abi.DFT_TRACE_NOT_READ: not_read}
    # To a rebuild, all traces are new: there is no index in a directory that does not exist.
    for path, state in resolve(paths, os.path.join(index, name) if force_rebuild else index):
        if state != _abi.DFT_TRACE_GONE:
            where.get(state, here).append(path)
    total = len(new) + len(unreadable) + len(here)
    client = _client(client)
    if client is None or not new:
        if shared is not None:
            # A client may have died after the ingest, before it removed its folder.
            remove(shared, os.path.join(shared, name))
        report = build(
            paths,
            index,
            config,
            memory=memory,
            threads=threads,
            strict=strict,
            rebuild=force_rebuild,
            progress=progress,
        )
        workers = [report.files] if report.files else []
        return DistributedReport.of(
            report, total_files=total, per_worker=workers, index_path=index, artifact_batches=len(workers)
        )
    if shared is None:
        raise ValueError("there is no shared_staging, a directory in which workers leave bundles for the client")
    if strict and not_read:
        raise MalformedError(f"{not_read[0]}: {NOT_READ}; nothing was stored, because of strict", path=not_read[0])
    # Raises the errors of changed traces, and reports the faults of indexed traces.
    report = BuildReport()
    if here:
        report = build(here, index, config, memory=memory, threads=threads, strict=strict, progress=False)

    run = Run(
        id=uuid.uuid4().hex,
        name=name,
        local=local,
        config=config,
        memory=None if memory is None else byte_count(memory, "memory"),
        threads=threads,
        strict=strict,
    )
    task_size = None if task_size is None else max(byte_count(task_size, "task_size"), 1)
    building = replaced(index, name) if force_rebuild else contextlib.nullcontext(index)
    with building as place, shown(progress) as show:
        staging = _Build(client, run, place, shared, task_size, retries, show)
        staging.run(new, unreadable)
    report.rows += staging.rows
    report.telemetry_rows += staging.telemetry_rows
    report.faults += [Fault(path, NOT_READ) for path in not_read]
    describe(report, index, new, staging.faults, staging.cut)
    return DistributedReport.of(
        report,
        total_files=total,
        per_worker=sorted(staging.traces.values(), reverse=True),
        index_path=index,
        artifact_batches=staging.bundles,
    )


def _client(client: Any) -> Any:
    """Return the client that was passed, or the current client; ``None`` if there is none."""
    if client is None:
        try:
            client = distributed.default_client()
        except ValueError:
            return None
    if client.asynchronous:
        raise ValueError("the Dask client is asynchronous, but distributed_index blocks: pass a synchronous client")
    return client


def _config(config: Optional[Config], index: str, rebuild: bool) -> Config:
    """Return the configuration of an index; raise :class:`ConfigError` before anything is staged with another one."""
    if rebuild and config is not None:
        return config
    try:
        with Index(index) as opened:
            existing = opened.config
    except DftError as error:
        # A rebuild replaces an index that cannot be read.
        if rebuild or isinstance(error, NoIndexError):
            return config or Config()
        raise
    if config is not None and _comparable(config) != _comparable(existing):
        raise ConfigError(
            f"{index} was built with {existing}: pass that configuration or none, build another index, or rebuild "
            "this one with force_rebuild=True",
            path=index,
        )
    return existing


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


def _name(index: str, config: Config, strict: bool, rebuild: bool) -> str:
    """Return the name of a build's folders. It depends only on what its bundles depend on, so a build can resume."""
    what = repr((os.path.realpath(index), _comparable(config), strict) + (("rebuild",) if rebuild else ()))
    return "dft-" + hashlib.sha256(os.fsencode(what)).hexdigest()[:16]


class _Build:
    """A running staged build, and its results."""

    def __init__(
        self,
        client: Any,
        run: Run,
        index: str,
        shared: str,
        task_size: Optional[int],
        retries: int,
        show: Optional[Show],
    ) -> None:
        self._client = client
        self._run = run
        self._index = index
        self._shared = shared
        self._task_size = task_size
        self._retries = retries
        #: The folder of its bundles.
        self._folder = os.path.join(shared, run.name)
        self._shown = _Shown(show, run)
        self.rows = 0
        self.telemetry_rows = 0
        #: The bundles that were ingested.
        self.bundles = 0
        #: How many traces each worker read, by its address; a trace that was cut counts where its first piece was read.
        self.traces: Counter[str] = Counter()
        #: The faults of all traces that were not cut.
        self.faults: list[Fault] = []
        #: The traces that were cut.
        self.cut: set[str] = set()

    def run(self, new: list[str], unreadable: list[str]) -> None:
        """Stage and ingest; raise the first failure of a task, and keep the staged bundles."""
        try:
            self._client.subscribe_topic(self._run.name, self._shown.hear)
            try:
                self._stage(new, unreadable)
            except ChangedError:
                # A trace changed since it was planned, or since an earlier run staged it: discard all bundles.
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
            self.bundles += done.taken
            if not (done.refused or done.waiting):
                return
            # Some pieces do not chain, or bundles of two builds overlap: stage only those traces again, each whole.
            left = [path for path, state in resolve(new, self._index) if state == _abi.DFT_TRACE_NEW]
            if not left:
                return
            why = (done.unchained + done.faults + done.waiting)[0]
            log.info("staging %s traces again, each whole: %s: %s", len(left), why.path, why.message)
            self.cut.difference_update(left)
            self.faults = [fault for fault in self.faults if fault.path not in set(left)]
            folder = os.path.join(self._folder, f"again-{again}")
            self._do(tasks(map(whole, left), self._task_size or LEAST), folder)
        raise DftError(f"{why.path}: {why.message}; {len(left)} traces are not in the index", path=why.path)

    def _do(self, planned: list[Task], folder: str) -> None:
        """Run tasks on the workers."""
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
                staged = self._await(futures, ended)
                report = staged.report
                self.traces.update({staged.worker: staged.traces} if staged.traces else {})
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

    def _await(self, futures: dict[str, tuple[Any, int]], ended: "queue.SimpleQueue[Any]") -> Staged:
        """Return the result of the next task that ends."""
        while True:
            try:
                key = ended.get(timeout=0.2)
                break
            except queue.Empty:
                self._shown.show("reading")
        future, number = futures.pop(key)
        staged: Union[Staged, DftError] = future.result()
        if isinstance(staged, DftError):
            raise staged
        self._shown.end(number, staged.report)
        return staged

    def _end(self) -> None:
        """Stop running tasks, and clean up the workers' machines."""
        try:
            self._client.unsubscribe_topic(self._run.name)
            # Stop all workers before the cleanup: several workers may share a directory.
            self._client.run(stop, self._run, on_error="ignore")
            self._client.run(clean, self._run, on_error="ignore")
        except Exception as error:
            # The cluster and its tasks no longer exist.
            log.warning("the workers cannot be asked to clean up: %s", error)


class _Shown:
    """The progress of the tasks, from the messages of the workers."""

    def __init__(self, show: Optional[Show], run: Run) -> None:
        self._see = show
        self._run = run.id
        self._tasks: list[Task] = []
        #: For each task, the files, bytes and records that were read.
        self._read: dict[int, tuple[int, ...]] = {}

    def begin(self, planned: list[Task]) -> None:
        self._read = {}
        self._tasks = planned
        self.show("reading")

    def hear(self, event: Any) -> None:
        """Handle a worker's message, on a thread of the client."""
        _when, (run, number, *read) = event
        if run == self._run:
            # Progress must not go backwards when a task is retried.
            self._read[number] = tuple(map(max, read, self._read.get(number, (0, 0, 0))))

    def end(self, number: int, report: BuildReport) -> None:
        """Record that a task is done."""
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
