"""Build an index from traces, on one machine or staged by many machines."""

import atexit
import ctypes
import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Optional, TypeVar, Union

from . import _abi
from ._library import Collected, PathLike, call, path_text, paths, sized, string, text, uint32, uint64
from ._library import path as path_of
from .config import Config
from .errors import CancelledError
from .index import default_location
from .progress import STAGES, OnProgress, Progress, Show, shown
from .units import Size, byte_count


@dataclass(frozen=True)
class Fault:
    """A fault of a trace. The good records of the trace are still indexed."""

    path: str
    message: str


@dataclass
class BuildReport:
    """What a build read and wrote."""

    #: Files that were read, files that were already indexed, and files with faults.
    files: int = 0
    known_files: int = 0
    faulty_files: int = 0
    records: int = 0
    malformed_lines: int = 0
    rows: int = 0
    telemetry_rows: int = 0
    #: Bytes of text that were read, after decompression.
    text_bytes: int = 0
    #: Records of unknown phase, which are in no row.
    skipped_records: int = 0
    #: Files with the same trace as another file. Nothing of them is counted.
    duplicate_files: int = 0
    #: All faults of the input: duplicates, malformed lines, records of unknown phase, and truncated, damaged, empty or
    #: unreadable files.
    faults: list[Fault] = field(default_factory=list)


@dataclass
class IngestReport:
    """What an ingest did."""

    #: Bundles that were ingested, and bundles that were already ingested.
    taken: int = 0
    known: int = 0
    #: Bundles that were refused and kept; each has a fault that states why, or belongs to an unchained trace.
    refused: int = 0
    not_removed: int = 0
    #: Bundles that are still being staged, or whose worker died.
    unfinished: int = 0
    #: Files with the same trace as another file. Nothing of them is counted.
    duplicate_files: int = 0
    faults: list[Fault] = field(default_factory=list)
    #: Traces with missing pieces, and the pieces that they wait for.
    waiting: list[Fault] = field(default_factory=list)
    #: Traces that must be staged whole because their pieces do not form the trace, and why.
    unchained: list[Fault] = field(default_factory=list)


_Report = TypeVar("_Report", BuildReport, IngestReport)


@dataclass(frozen=True, order=True)
class Piece:
    """A piece of a trace: a range of bytes of the file as it is on disk."""

    path: str
    #: The first byte, and the byte after the last.
    start: int
    end: int
    #: The size of the file when it was cut.
    file_size: int

    @property
    def is_whole(self) -> bool:
        """Return whether the piece is the whole file."""
        return (self.start, self.end) == (0, self.file_size)


def _collect(faults: list[Fault]) -> Any:
    """Return a callback that appends to a list of faults."""

    def collect(_context: Any, given: Any) -> int:
        note = given.contents
        faults.append(Fault(path_of(note.path), string(note.text)))
        return 0

    return _abi.dft_on_note(collect)


class _Running:
    """A build that runs on a separate thread, so that the main thread can receive Ctrl-C and stop the build.

    The interpreter does not exit before the build ends: a callback during shutdown would end the process.
    """

    _all: "weakref.WeakSet[_Running]" = weakref.WeakSet()

    def __init__(self, show: Optional[Show]) -> None:
        self.faults: list[Fault] = []
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._failure: Optional[BaseException] = None

        def see(_context: Any, given: Any) -> int:
            try:
                if show is not None:
                    found = given.contents
                    counts = (found.files, found.files_read, found.bytes, found.bytes_read, found.records)
                    show(Progress(STAGES[min(found.stage, 2)], *counts))
            except BaseException as error:  # a callback must not throw
                self._failure = error
                return 1
            return int(self._stop.is_set())

        self.on_progress = _abi.dft_on_progress(see)
        self.on_fault = _collect(self.faults)

    def run(self, name: str, *arguments: Any) -> None:
        outcome: list[BaseException] = []
        _Running._all.add(self)

        def work() -> None:
            try:
                call(name, *arguments)
            except BaseException as error:
                outcome.append(error)
            finally:
                self._ended.set()

        if threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=work, name=name)
            try:
                thread.start()
                # Wait for the end before joining: if join() is interrupted, Python may consider the thread ended.
                # Wait in short turns: a signal that arrives just before a wait does not interrupt it.
                while not self._ended.wait(0.2):
                    pass
            except BaseException:
                # For example Ctrl-C: the build stops at once, and the index stays as it was.
                self._end(thread)
                self._ended.set()
                raise
            thread.join()
        else:
            work()
        if self._failure is not None:
            raise self._failure
        if outcome:
            raise outcome[0]

    def _end(self, thread: Optional[threading.Thread] = None) -> None:
        """Stop the build and wait for its end, however often the wait is interrupted.

        If the start of ``thread`` was interrupted, it may not exist, or not have begun: wait some seconds for it.
        """
        tries = 0
        self._stop.set()
        while not self._ended.is_set():
            try:
                self._ended.wait(0.1)
                tries += 1
                if thread is not None and thread.ident is None and tries > 50:
                    return
            except KeyboardInterrupt:
                # The build is already stopping.
                pass


@atexit.register
def _end_all() -> None:
    """Stop the builds on threads that Python does not wait for."""
    for running in list(_Running._all):
        running._end()


def resolve(traces: Union[PathLike, Iterable[PathLike]], index: PathLike) -> list[tuple[str, int]]:
    """Return the path of each trace and its state in an index, one of ``DFT_TRACE_…``. Writes nothing."""
    seen = Collected(_abi.dft_visit_trace, lambda trace: (path_of(trace.path), trace.state))
    call("dft_resolve", *paths(traces), path_text(index), seen.callback, None)
    return seen.result()


def _report(done: Any, faults: list[Fault], report: _Report) -> _Report:
    for name, _kind in done._fields_[1:]:
        if hasattr(report, name):
            setattr(report, name, getattr(done, name))
    report.faults = faults
    return report


def _run(
    name: str,
    request: Any,
    config: Optional[Config],
    progress: Optional[OnProgress],
    *,
    memory: Optional[Size],
    threads: int,
    strict: bool,
    source: Optional[str],
) -> BuildReport:
    """Run a function of the library that reads traces: with ``request``, to which this adds what all such have."""
    done = sized(_abi.dft_build_summary)
    if config is not None:
        request.config = ctypes.pointer(config._struct())
    request.source = text(source or "")
    request.memory = 0 if memory is None else byte_count(memory, "memory")
    request.threads, request.strict = uint32(threads, "threads"), int(strict)
    with shown(progress) as show:
        running = _Running(show)
        request.on_progress, request.on_fault = running.on_progress, running.on_fault
        running.run(name, ctypes.byref(request), ctypes.byref(done))
    return _report(done, running.faults, BuildReport())


def build(
    traces: Union[PathLike, Iterable[PathLike]],
    index: Optional[PathLike] = None,
    config: Optional[Config] = None,
    *,
    memory: Optional[Size] = None,
    threads: int = 0,
    strict: bool = False,
    rebuild: bool = False,
    progress: Optional[OnProgress] = None,
    source: Optional[str] = None,
) -> BuildReport:
    """Add to an index the traces that it does not have yet, and resume traces that have grown.

    ``traces``: files, directories (searched for ``*.pfw`` and ``*.pfw.gz``) or globs. ``index``: created if it does
    not exist; the default is ``.dftagg`` next to the traces. ``config``: the default is the configuration of the
    index, or of :class:`Config` for a new index. ``memory``: the memory budget of the tables, such as ``"256M"``.
    ``threads``: 0 for one thread per core. ``strict``: faults of the input are an error, and nothing is stored.
    ``rebuild``: rebuild the index. ``source``: where the traces come from, such as the name of a node, so that
    traces with the same path from different sources are different traces. ``progress``: a function that receives
    :class:`Progress` about ten times a second, or a bar like tqdm's; by default, a bar in a notebook and on a terminal
    (that of tqdm if it is installed); ``False`` for none.

    The build is atomic: the index can be read while it runs, and Ctrl-C leaves the index as it was.
    """
    if index is None:
        index = default_location(traces)
    request = sized(_abi.dft_build_request, index=path_text(index), rebuild=int(rebuild))
    request.traces, request.traces_length = paths(traces)
    more: Any = {"memory": memory, "threads": threads, "strict": strict, "source": source}
    return _run("dft_build", request, config, progress, **more)


def stage(
    traces: Union[PathLike, Iterable[PathLike]],
    staging: PathLike,
    shared: PathLike,
    part: tuple[int, int] = (0, 1),
    config: Optional[Config] = None,
    *,
    memory: Optional[Size] = None,
    threads: int = 0,
    strict: bool = False,
    progress: Optional[OnProgress] = None,
    source: Optional[str] = None,
) -> BuildReport:
    """Stage one machine's part of a build: aggregate traces to bundles in a directory that all machines share.

    ``staging``: a working directory on this machine. ``shared``: where the bundles go; each appears atomically.
    ``part``: ``(k, n)``, part k of n, counted from 0. Parts are about equal in bytes, and the same on every machine
    that sees the same files. ``source``: as for :func:`build`. Traces that are already in a bundle are skipped.
    """
    number, parts = (uint32(number, "part") for number in part)
    if parts == 0:
        raise ValueError("part has 0 parts: give (k, n), part k of n, counted from 0")
    places = {"staging": path_text(staging), "shared": path_text(shared)}
    request = sized(_abi.dft_stage_request, part=number, parts=parts, **places)
    request.traces, request.traces_length = paths(traces)
    more: Any = {"memory": memory, "threads": threads, "strict": strict, "source": source}
    return _run("dft_stage", request, config, progress, **more)


def plan(traces: Union[PathLike, Iterable[PathLike]], piece_size: Size = 0) -> list[Piece]:
    """Cut traces into pieces of about ``piece_size``, 1 GiB by default, for several machines to stage.

    Cuts are between lines, or between the members of a gzip file. A file that is not much larger than a piece, or
    cannot be cut, is one piece. The function reads very little of the files.
    """

    def piece(found: Any) -> Piece:
        return Piece(path_of(found.path), found.start, found.end, found.file_size)

    pieces = Collected(_abi.dft_on_piece, piece)
    try:
        call("dft_plan", *paths(traces), byte_count(piece_size, "piece_size"), pieces.callback, None)
    except CancelledError:
        pieces.result()
        raise
    return pieces.result()


def stage_pieces(
    pieces: Iterable[Piece],
    staging: PathLike,
    shared: PathLike,
    config: Optional[Config] = None,
    *,
    memory: Optional[Size] = None,
    threads: int = 0,
    strict: bool = False,
    progress: Optional[OnProgress] = None,
    source: Optional[str] = None,
) -> BuildReport:
    """Stage pieces from :func:`plan` to bundles, as :func:`stage` does for traces.

    Pieces that are whole traces share a bundle; every other piece gets its own. :func:`ingest` ingests a trace when
    all of its pieces are staged. Raises :class:`dft_utils.ChangedError` if the size of a trace has changed since it
    was cut: plan again.
    """
    given = list(pieces)
    listed = (_abi.dft_piece * len(given))()
    for place, piece in zip(listed, given):
        place.size = ctypes.sizeof(_abi.dft_piece)
        place.path = path_text(piece.path)
        place.start = uint64(piece.start, "start")
        place.end, place.file_size = uint64(piece.end, "end"), uint64(piece.file_size, "file_size")
    if not given:
        return BuildReport()
    places = {"staging": path_text(staging), "shared": path_text(shared)}
    request = sized(_abi.dft_stage_request, pieces=listed, pieces_length=len(given), **places)
    more: Any = {"memory": memory, "threads": threads, "strict": strict, "source": source}
    return _run("dft_stage", request, config, progress, **more)


def ingest(index: PathLike, shared: PathLike, *, keep: bool = False) -> IngestReport:
    """Ingest the bundles of a shared directory into an index, each once, in any order.

    ``index``: created with the bundles' configuration if it does not exist. Ingested bundles are removed, unless
    ``keep`` is set. Refused bundles stay, and the report states why.
    """
    report = IngestReport()
    done = sized(_abi.dft_ingest_summary)
    request = sized(
        _abi.dft_ingest_request,
        index=path_text(index),
        shared=path_text(shared),
        keep=int(keep),
        on_refused=_collect(report.faults),
        on_waiting=_collect(report.waiting),
        on_unchained=_collect(report.unchained),
    )
    call("dft_ingest", ctypes.byref(request), ctypes.byref(done))
    return _report(done, report.faults, report)
