"""Builds: traces into an index, at once or staged by many machines."""

import atexit
import ctypes
import threading
import weakref
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, List, Optional, Tuple, Union

from . import _abi
from ._library import Collected, PathLike, call, path_text, paths, sized, string, text, uint32, uint64
from ._library import path as path_of
from .config import Config
from .errors import CancelledError
from .index import default_location
from .units import Size, byte_count

STAGES = ("listing", "reading", "writing")


@dataclass(frozen=True)
class Progress:
    """How far a build is."""

    #: ``listing`` the traces, ``reading`` them, or ``writing`` the index.
    stage: str
    #: Files to read, and those that were read.
    files: int
    files_read: int
    #: Bytes to read, as they are on disk, and those that were read.
    bytes: int
    bytes_read: int
    #: Records that were read.
    records: int


#: Sees how far a build is, some ten times a second: a function, or a bar of tqdm's kind (with ``total``,
#: ``update`` and ``refresh``), which counts bytes as they are on disk.
OnProgress = Union[Callable[[Progress], Any], Any]


@dataclass(frozen=True)
class Fault:
    """What was wrong with a trace, whose good records are in all the same."""

    path: str
    message: str


@dataclass
class BuildReport:
    """What was read and written."""

    #: Files that were read; files that were in already; files with faults.
    files: int = 0
    known_files: int = 0
    faulty_files: int = 0
    records: int = 0
    malformed_lines: int = 0
    rows: int = 0
    telemetry_rows: int = 0
    #: Bytes of text that were read, inflated.
    text_bytes: int = 0
    #: Records of unknown phase, which are in no row.
    skipped_records: int = 0
    #: Files that have the trace of another one, of which nothing is counted.
    duplicate_files: int = 0
    #: Each fault of the input: duplicates, malformed lines, records of unknown phase, truncated, damaged, empty and unreadable files.
    faults: List[Fault] = field(default_factory=list)


@dataclass
class IngestReport:
    """What an ingest did."""

    #: Bundles that were taken in, and those that were in already.
    taken: int = 0
    known: int = 0
    #: Bundles that were refused, and stay; each has a fault that says why, or is of an unchained trace.
    refused: int = 0
    not_removed: int = 0
    #: Bundles that are on their way, or whose worker died.
    unfinished: int = 0
    #: Files that have the trace of another one, of which nothing is counted.
    duplicate_files: int = 0
    faults: List[Fault] = field(default_factory=list)
    #: Traces of which some pieces are there, and what they wait for.
    waiting: List[Fault] = field(default_factory=list)
    #: Traces that are to be staged whole, for their pieces do not make them, and why.
    unchained: List[Fault] = field(default_factory=list)


@dataclass(frozen=True, order=True)
class Piece:
    """A piece of a trace: bytes of the file as it is on disk."""

    path: str
    #: The first byte, and the one behind the last.
    start: int
    end: int
    #: The size that the file had when it was cut.
    file_size: int

    @property
    def is_whole(self) -> bool:
        """Whether it is all of its file."""
        return (self.start, self.end) == (0, self.file_size)


def _bar(bar: Any) -> Callable[[Progress], None]:
    shown = 0

    def show(progress: Progress) -> None:
        nonlocal shown
        if bar.total != progress.bytes:
            bar.total = progress.bytes
            bar.refresh()
        bar.update(progress.bytes_read - shown)
        shown = progress.bytes_read

    return show


def progress_function(on_progress: Optional[OnProgress]) -> Optional[Callable[[Progress], Any]]:
    """What sees a progress, of a function or a bar."""
    return _bar(on_progress) if hasattr(on_progress, "update") else on_progress


def _collect(faults: List[Fault]) -> Any:
    """A callback that keeps what it is told."""
    return _abi.dft_on_text(lambda _context, path, message: faults.append(Fault(path_of(path), string(message))))


class _Running:
    """A build under way on a thread of its own, so that the main thread hears Ctrl-C and stops it.

    The interpreter does not end before it: a callback that meets it half gone would end the process.
    """

    _all: "weakref.WeakSet[_Running]" = weakref.WeakSet()

    def __init__(self, on_progress: Optional[OnProgress]) -> None:
        show = progress_function(on_progress)
        self.faults: List[Fault] = []
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
        outcome: List[BaseException] = []
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
                # Not joined before its end: where that is interrupted, Python may take the thread for ended. A signal
                # that comes just before a wait does not end it, so no wait is long.
                while not self._ended.wait(0.2):
                    pass
            except BaseException:
                # Ctrl-C, say: the build ends at once, and the index is as it was.
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
        """Lets the build end, however often that is interrupted. A thread whose start was interrupted may not be there,
        or not know itself yet: it is waited for some seconds.
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
                # It is about to end already.
                pass


@atexit.register
def _end_all() -> None:
    """Ends the builds of threads that Python does not wait for."""
    for running in list(_Running._all):
        running._end()


def resolve(traces: Union[PathLike, Iterable[PathLike]], index: PathLike) -> List[Tuple[str, int]]:
    """Each of some traces by its path, and how it stands to an index: one of ``DFT_TRACE_…``. Nothing is written."""
    seen = Collected(_abi.dft_visit_trace, lambda path, state: (path_of(path), state))
    call("dft_resolve", *paths(traces), path_text(index), seen.callback, None)
    return seen.result()


def _options(memory: Optional[Size], threads: int, strict: bool, rebuild: bool, source: Optional[str]) -> Any:
    return sized(
        _abi.dft_build_options,
        memory=0 if memory is None else byte_count(memory, "memory"),
        threads=uint32(threads, "threads"),
        strict=int(strict),
        rebuild=int(rebuild),
        source=text(source or ""),
    )


def _report(done: Any, faults: List[Fault], report: Any) -> Any:
    for name, _kind in done._fields_[1:]:
        if hasattr(report, name):
            setattr(report, name, getattr(done, name))
    report.faults = faults
    return report


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
    """Brings traces into an index: those that it does not have yet, and what others have grown by.

    ``traces``: files, directories (searched for ``*.pfw`` and ``*.pfw.gz``) or globs. ``index``: made if it
    is not there; ``.dftagg`` beside the traces where none is given. ``config``: that of the index, or the
    default. ``memory``: what the tables may take, such as ``"256M"``. ``threads``: 0 for as many as there
    are cores. ``strict``: faults of the input are an error, and nothing is stored. ``rebuild``: the index is
    made anew. ``source``: where the traces come from, such as the name of a node, so that another trace of the
    same path elsewhere is another trace. All comes in at once, or nothing: the index may be read meanwhile, Ctrl-C
    leaves it as it was.
    """
    if index is None:
        index = default_location(traces)
    running = _Running(progress)
    done = sized(_abi.dft_build_summary)
    listed, length = paths(traces)
    running.run(
        "dft_build",
        listed,
        length,
        path_text(index),
        None if config is None else ctypes.byref(config._struct()),
        ctypes.byref(_options(memory, threads, strict, rebuild, source)),
        running.on_progress,
        running.on_fault,
        None,
        ctypes.byref(done),
    )
    return _report(done, running.faults, BuildReport())


def stage(
    traces: Union[PathLike, Iterable[PathLike]],
    staging: PathLike,
    shared: PathLike,
    part: Tuple[int, int] = (0, 1),
    config: Optional[Config] = None,
    *,
    memory: Optional[Size] = None,
    threads: int = 0,
    strict: bool = False,
    progress: Optional[OnProgress] = None,
    source: Optional[str] = None,
) -> BuildReport:
    """Stages one machine's part of a build: traces to bundles in a directory that all machines share.

    ``staging``: a directory of this machine, for the work. ``shared``: where the bundles go, each whole or
    not at all. ``part``: ``(k, n)``, part k of n, counted from 0, about equal in bytes, and the same on every
    machine that sees the same files. ``source``: as for :func:`build`. What is in a bundle already is left out.
    """
    running = _Running(progress)
    done = sized(_abi.dft_build_summary)
    listed, length = paths(traces)
    running.run(
        "dft_stage",
        listed,
        length,
        path_text(staging),
        path_text(shared),
        *(uint32(number, "part") for number in part),
        None if config is None else ctypes.byref(config._struct()),
        ctypes.byref(_options(memory, threads, strict, False, source)),
        running.on_progress,
        running.on_fault,
        None,
        ctypes.byref(done),
    )
    return _report(done, running.faults, BuildReport())


def plan(traces: Union[PathLike, Iterable[PathLike]], piece_size: Size = 0) -> List[Piece]:
    """Cuts traces into pieces of about a size, 1 GiB where none is given, for several machines to stage.

    Cuts are between lines, or members of a gzip file. A file that is not much larger, or cannot be cut, is one
    piece. Hardly anything of the files is read.
    """

    def piece(given: Any) -> Piece:
        found = given.contents
        return Piece(path_of(found.path), getattr(found, "from"), found.to, found.file_size)

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
    """Stages pieces of traces, of :func:`plan`, as :func:`stage` does traces: whole ones together, others each alone.

    :func:`ingest` takes a trace when all of its pieces are there. Raises :class:`dft_utils.ChangedError` where a
    trace has not the size that it had when it was cut: plan again.
    """
    running = _Running(progress)
    done = sized(_abi.dft_build_summary)
    given = list(pieces)
    listed = (_abi.dft_piece * len(given))()
    for place, piece in zip(listed, given):
        place.size = ctypes.sizeof(_abi.dft_piece)
        place.path = path_text(piece.path)
        setattr(place, "from", uint64(piece.start, "start"))
        place.to, place.file_size = uint64(piece.end, "end"), uint64(piece.file_size, "file_size")
    running.run(
        "dft_stage_pieces",
        listed,
        len(given),
        path_text(staging),
        path_text(shared),
        None if config is None else ctypes.byref(config._struct()),
        ctypes.byref(_options(memory, threads, strict, False, source)),
        running.on_progress,
        running.on_fault,
        None,
        ctypes.byref(done),
    )
    return _report(done, running.faults, BuildReport())


def ingest(index: PathLike, shared: PathLike, *, keep: bool = False) -> IngestReport:
    """Brings the bundles of a shared directory into an index, in any order, each once.

    ``index``: made, with the bundles' configuration, if it is not there. Bundles that are in are removed
    unless ``keep``; those that are refused stay, and the report says why.
    """
    report = IngestReport()
    done = sized(_abi.dft_ingest_summary)
    call(
        "dft_ingest_pieces",
        path_text(index),
        path_text(shared),
        int(keep),
        *map(_collect, (report.faults, report.waiting, report.unchained)),
        None,
        ctypes.byref(done),
    )
    return _report(done, report.faults, report)
