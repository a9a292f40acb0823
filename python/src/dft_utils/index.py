"""Indexes, opened for reading."""

import ctypes
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Optional, Union

from . import _abi
from ._library import Collected, PathLike, call, path_text, paths, sized, sized_buffer, string, text, uint32
from ._library import path as path_of
from .config import Config
from .errors import DamagedError, DftError
from .table import Table, View, table_number

FORMATS = {"parquet": _abi.DFT_FORMAT_PARQUET, "arrow": _abi.DFT_FORMAT_ARROW, "csv": _abi.DFT_FORMAT_CSV}
NAMES = {"file": _abi.DFT_NAMES_FILE, "host": _abi.DFT_NAMES_HOST, "string": _abi.DFT_NAMES_STRING}


@dataclass(frozen=True)
class IndexInfo:
    """What an index is, and how much is in it."""

    path: str
    config: Config
    config_hash: int
    #: The least and the greatest bucket over rows and telemetry, in µs; ``None`` where there is neither.
    bounds_us: Optional[tuple[int, int]]
    #: Bytes on disk.
    bytes: int
    event_rows: int
    profile_rows: int
    system_rows: int
    telemetry_rows: int
    series: int
    files: int


@dataclass(frozen=True)
class File:
    """A trace file in an index."""

    #: What it is called in the index: its path from the index's parent directory, or its whole path.
    path: str
    #: Its size, in bytes.
    bytes: int
    #: Bytes of text that were read of it, inflated.
    text_bytes: int
    events: int
    profiles: int
    systems: int
    telemetry: int
    metadata: int
    skipped: int
    malformed: int
    failed_transfers: int
    #: The processes whose records it has, in order.
    pids: tuple[int, ...]
    #: What was wrong with it, for people; empty if nothing.
    fault: str


@dataclass(frozen=True)
class Process:
    """A process in an index."""

    pid: int
    host_hash: str
    #: How many series it has: a measure of how much a reader has to do for it.
    series: int


class Index:
    """An index, opened for reading: a snapshot that no writer changes.

    Any number of threads and processes may read it at once. It is made by :func:`dft_utils.open`, or from
    memory by :meth:`dft_utils.Aggregator.index`. Pickled, it is opened again by its path, as it is then.
    """

    def __init__(self, path: PathLike) -> None:
        """Opens the index at a path; raises :class:`dft_utils.NoIndexError` where there is none."""
        self.path = os.fsdecode(path)
        self._handle: Optional[ctypes.c_void_p] = None
        handle = ctypes.c_void_p()
        try:
            call("dft_index_open", path_text(path), ctypes.byref(handle))
        except DamagedError as error:
            message = f"{error}\ndft_utils.verify({self.path!r}) names all that is damaged"
            raise DamagedError(message, status=error.status, path=error.path, key=error.key) from None
        self._handle = handle

    @classmethod
    def _of(cls, handle: ctypes.c_void_p) -> "Index":
        index = cls.__new__(cls)
        index.path, index._handle = "", handle
        return index

    def _call(self, name: str, *arguments: Any) -> None:
        if self._handle is None:
            raise ValueError("the index is closed")
        call(name, self._handle, *arguments)

    def close(self) -> None:
        """Closes it. Tables that are being read stay good."""
        handle = self._handle
        if handle is not None:
            # Where that fails, as it is in use by another thread, it is still there.
            call("dft_index_free", handle)
            self._handle = None

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            try:
                self.close()
            except DftError:
                # There is nobody to be told, and Python would print it.
                pass

    def __reduce__(self) -> Any:
        if not self.path:
            raise TypeError("an index in memory cannot be pickled: publish it, and open that")
        return type(self), (os.path.abspath(self.path),)

    def __repr__(self) -> str:
        return f"<dft_utils.Index {self.path or 'in memory'}{'' if self._handle is not None else ', closed'}>"

    def table(self, table: str = "events", /, **view: Any) -> Table:
        """A table: ``events``, ``profiles``, ``system``, ``preaggregated_system``, ``processes``,
        ``aggregation`` or ``system_by_host``.

        What of it is shown is said as for :class:`dft_utils.View`, such as
        ``index.table("events", granularity="5s", time=(0, "1min"), cat="posix")``.
        """
        return Table(self, table, View(**view))

    @property
    def config(self) -> Config:
        """The configuration that it was made with."""
        config = sized(_abi.dft_config)
        self._call("dft_index_config", ctypes.byref(config))
        return Config._of(config)

    def _described(self) -> Any:
        described = sized(_abi.dft_index_info)
        self._call("dft_index_describe", ctypes.byref(described))
        return described

    @property
    def interval_us(self) -> int:
        """The length of a time bucket, in µs."""
        return self._described().interval_us

    @property
    def bytes(self) -> int:
        """Bytes on disk."""
        return self._described().bytes

    def info(self) -> IndexInfo:
        """What it is, and how much is in it; takes as long as it has rows."""
        described = self._described()
        counts = sized(_abi.dft_index_counts)
        self._call("dft_index_count", ctypes.byref(counts))
        bounds = (described.min_bucket_us, described.max_bucket_us) if described.has_bounds else None
        return IndexInfo(
            path=self.path,
            config=self.config,
            config_hash=described.config_hash,
            bounds_us=bounds,
            bytes=described.bytes,
            event_rows=counts.event_rows,
            profile_rows=counts.profile_rows,
            system_rows=counts.system_rows,
            telemetry_rows=counts.telemetry_rows,
            series=counts.series,
            files=counts.files,
        )

    def summary(self, top: int = 5, **view: Any) -> dict[str, Any]:
        """What is in it on one screen: spans, totals, the ``top`` functions and files, telemetry.

        Times are in µs, sizes in bytes. A view may say what of it, as for :meth:`table`.
        """
        texts = Collected(_abi.dft_on_text, lambda _path, summary: string(summary))
        self._call("dft_summary", ctypes.byref(View(**view).struct), uint32(top, "top"), texts.callback, None)
        return json.loads(texts.result()[0])

    def verify(self) -> None:
        """Reads everything and checks that it is what was written and agrees with itself.

        Raises :class:`dft_utils.DamagedError` where it does not, which names every fault.
        """
        if not self.path:
            raise ValueError("an index in memory has nothing to verify")
        verify(self.path)

    def files(self) -> list[File]:
        """Its trace files, by path."""
        names = [field.name for field in fields(File) if field.name not in ("path", "pids", "fault")]

        def file(given: Any) -> File:
            found = given.contents
            counts = {name: getattr(found, name) for name in names}
            pids = tuple(found.pids[: found.pids_length])
            return File(path=path_of(found.path), pids=pids, fault=string(found.fault_text), **counts)

        files = Collected(_abi.dft_visit_file, file)
        self._call("dft_index_files", files.callback, None)
        return files.result()

    def processes(self) -> list[Process]:
        """Its processes, by host and number; takes as long as it has series."""

        def process(given: Any) -> Process:
            found = given.contents
            return Process(pid=found.pid, host_hash=string(found.host_hash), series=found.series)

        processes = Collected(_abi.dft_visit_process, process)
        self._call("dft_index_processes", processes.callback, None)
        return processes.result()

    def names(self, kind: str) -> dict[str, str]:
        """What hashes stand for; ``kind`` is ``file``, ``host`` or ``string``."""
        if kind not in NAMES:
            raise ValueError(f"there is no hash table {kind!r}; there are {', '.join(NAMES)}")
        names = Collected(_abi.dft_visit_name, lambda hash_, name: (string(hash_), string(name)))
        self._call("dft_index_names", NAMES[kind], names.callback, None)
        return dict(names.result())

    def name(self, kind: str, hash_: str) -> str:
        """What a hash stands for; empty where it resolves to nothing."""
        if kind not in NAMES:
            raise ValueError(f"there is no hash table {kind!r}; there are {', '.join(NAMES)}")
        if self._handle is None:
            raise ValueError("the index is closed")
        return sized_buffer("dft_index_name", self._handle, NAMES[kind], text(hash_)).decode("utf-8", "replace")

    def export(
        self,
        directory: PathLike,
        tables: Sequence[str] = (),
        *,
        format: str = "parquet",
        threads: int = 0,
        **view: Any,
    ) -> None:
        """Writes tables to files of a directory, one each, named after the table.

        Tables that earlier exports wrote there and that show something else, another state of the index or
        other rows of it, are removed; one that no export is known to have written is an error.

        ``tables``: all but ``aggregation`` where none is named. ``format``: ``parquet``, ``arrow`` or
        ``csv``. A view may say what of them, as for :meth:`table`.
        """
        if format not in FORMATS:
            raise ValueError(f"there is no format {format!r}; there are {', '.join(FORMATS)}")
        numbers = [table_number(name) for name in tables]
        wanted = (ctypes.c_uint32 * len(numbers))(*numbers)
        shown = ctypes.byref(View(**view).struct)
        workers = uint32(threads, "threads")
        self._call("dft_export", path_text(directory), wanted, len(numbers), shown, FORMATS[format], workers)


def verify(path: PathLike) -> None:
    """Reads everything in the index at a path and checks that it is what was written and agrees with itself.

    Raises :class:`dft_utils.DamagedError` where it does not, which names every fault. An index that is too
    damaged for :func:`dft_utils.open` is read as far as can be.
    """
    faults = Collected(_abi.dft_on_text, lambda _path, fault: string(fault))
    try:
        call("dft_verify", path_text(path), faults.callback, None)
    except DamagedError as error:
        message = "\n".join(faults.result() or [str(error)])
        raise DamagedError(message, status=error.status, path=error.path, key=error.key) from None


def default_location(traces: Union[PathLike, Iterable[PathLike]]) -> str:
    """Where the index of some traces is put if nothing else is asked for: in ``.dftagg`` beside them."""
    return os.fsdecode(sized_buffer("dft_index_location", *paths(traces)))
