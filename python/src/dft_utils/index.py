"""Read indexes."""

import ctypes
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _abi, notebook, sql
from ._handle import Owner
from ._library import Collected, PathLike, call, path_text, paths, sized, sized_buffer, string, text, uint32
from ._library import path as path_of
from .analysis import Analysis, analyze
from .config import Config
from .errors import DamagedError
from .groups import Groups, Names
from .report import Plot, Report
from .table import TABLES, Table, View, table_number

if TYPE_CHECKING:
    import duckdb

FORMATS = {"parquet": _abi.DFT_FORMAT_PARQUET, "arrow": _abi.DFT_FORMAT_ARROW, "csv": _abi.DFT_FORMAT_CSV}
FAULTS = {
    _abi.DFT_FAULT_NONE: "",
    _abi.DFT_FAULT_EMPTY: "empty",
    _abi.DFT_FAULT_TRUNCATED: "truncated",
    _abi.DFT_FAULT_DAMAGED: "damaged",
    _abi.DFT_FAULT_LOST: "lost",
    _abi.DFT_FAULT_TIME_UNIT: "time_unit",
}
NAMES = {"file": _abi.DFT_NAMES_FILE, "host": _abi.DFT_NAMES_HOST, "string": _abi.DFT_NAMES_STRING}


@dataclass(frozen=True)
class IndexInfo:
    """The configuration and the size of an index."""

    path: str
    config: Config
    config_hash: int
    #: The lowest and the highest bucket of rows and telemetry, in µs; ``None`` if the index has neither.
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

    #: Its name in the index: its path relative to the index's parent directory, or its full path.
    path: str
    #: Its size, in bytes.
    bytes: int
    #: Bytes of text that were read from it, after decompression.
    text_bytes: int
    events: int
    profiles: int
    systems: int
    telemetry: int
    metadata: int
    skipped: int
    malformed: int
    failed_transfers: int
    #: The processes whose records it has, in ascending order.
    pids: tuple[int, ...]
    #: Its fault, for people; empty if it has none.
    fault: str
    #: The kind of its fault: ``empty``, ``truncated``, ``damaged``, ``lost`` (records), ``time_unit``; empty for none.
    fault_kind: str


@dataclass(frozen=True)
class Process:
    """A process in an index."""

    pid: int
    host_hash: str
    #: The number of its series, a measure of the work that a reader has with it.
    series: int


class Index(Owner):
    """An index that is open for reading: a snapshot that no writer changes.

    Any number of threads and processes may read an index concurrently. :func:`dft_utils.open` opens one, and
    :meth:`dft_utils.Aggregator.index` makes one from memory. Unpickling opens the index at the same path, in its
    state at that time. Libraries that take Arrow data or DataFrames, such as ``polars.DataFrame(index)``, read the
    table ``events``, and a notebook shows what the index has.
    """

    _free = "dft_index_free"

    def __init__(self, path: PathLike) -> None:
        """Open the index at a path; raise :class:`dft_utils.NoIndexError` if there is none."""
        self.path = os.fsdecode(path)
        self._handle: Optional[ctypes.c_void_p] = None
        handle = ctypes.c_void_p()
        try:
            call("dft_index_open", path_text(path), ctypes.byref(handle))
        except DamagedError as error:
            message = f"{error}\ndft_utils.verify({self.path!r}) lists all damage"
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
        """Close the index. Tables that are being read stay valid."""
        super().close()

    def __reduce__(self) -> Any:
        if not self.path:
            raise TypeError("an index in memory cannot be pickled: publish to an index on disk, and open that")
        return type(self), (os.path.abspath(self.path),)

    def __repr__(self) -> str:
        return f"<dft_utils.Index {self.path or 'in memory'}{', closed' if self.closed else ''}>"

    def table(self, table: str = "events", /, **view: Any) -> Table:
        """Return a table of the index.

        ``table``: ``events``, ``profiles``, ``system``, ``preaggregated_system``, ``processes``, ``aggregation`` or
        ``system_by_host``. ``view``: the arguments of :class:`dft_utils.View`, such as
        ``index.table("events", granularity="5s", time=(0, "1min"), cat="posix")``.
        """
        return Table(self, table, View(**view))

    def group(
        self,
        by: Names = (),
        stats: Names = (),
        *,
        sort: Names = (),
        limit: Optional[int] = None,
        kinds: Sequence[str] = (),
        threads: int = 0,
        **view: Any,
    ) -> Groups:
        """Return groups of rows, with the columns and statistics of ``dft query``, for any Arrow library.

        ``by``: columns such as ``func_name``, ``file_dir``, ``size_bin`` or a group key; one group of all rows by
        default. ``stats``: statistics such as ``count``, ``dur_mean``, ``size_p99`` or ``dur_hist``. Both are lists, or
        texts with commas. ``sort``: columns, such as ``dur_total:desc``. ``limit``: the most groups to return.
        ``kinds``: ``event``, ``profile`` and ``system``; calls and aggregated calls by default. ``threads``: 0 for one
        thread per core. ``view`` selects a part of the index, as for :meth:`table`.
        """
        return Groups(self, by, stats, sort, limit, kinds, threads, View(**view))

    def sql(self, statement: str, /, params: Any = None, **view: Any) -> "duckdb.DuckDBPyRelation":
        """Return the result of an SQL statement of DuckDB, in which tables have their names, such as ``events``.

        ``params``: the values of the statement's parameters. ``view`` selects a part of the index, as for
        :meth:`table`. What is read is described at :meth:`dft_utils.Table.sql`. Needs duckdb.
        """
        return sql.run({name: self.table(name, **view) for name in TABLES}, statement, params)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table().__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> Any:
        return self.table().__arrow_c_schema__()

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> Any:
        """Return the table ``events`` in the interchange protocol of DataFrames; needs pyarrow."""
        return self.table().__dataframe__(nan_as_null, allow_copy)

    def _repr_html_(self) -> str:
        return notebook.of_index(self)

    @property
    def config(self) -> Config:
        """Return the configuration of the index."""
        config = sized(_abi.dft_config)
        self._call("dft_index_config", ctypes.byref(config))
        return Config._of(config)

    def _described(self) -> Any:
        described = sized(_abi.dft_index_info)
        self._call("dft_index_describe", ctypes.byref(described))
        return described

    @property
    def interval_us(self) -> int:
        """Return the length of a bucket, in µs."""
        return int(self._described().interval_us)

    @property
    def closed(self) -> bool:
        """Return whether the index is closed."""
        return self._handle is None

    @property
    def bounds_us(self) -> Optional[tuple[int, int]]:
        """Return the lowest and the highest bucket of rows and telemetry, in µs; ``None`` if there is neither."""
        described = self._described()
        return (described.min_bucket_us, described.max_bucket_us) if described.has_bounds else None

    @property
    def bytes(self) -> int:
        """Return the size on disk, in bytes."""
        return int(self._described().bytes)

    def info(self) -> IndexInfo:
        """Return the configuration and the size of the index. Takes time proportional to its rows."""
        described = self._described()
        counts = sized(_abi.dft_index_counts)
        self._call("dft_index_count", ctypes.byref(counts))
        return IndexInfo(
            path=self.path,
            config=self.config,
            config_hash=described.config_hash,
            bounds_us=self.bounds_us,
            bytes=described.bytes,
            event_rows=counts.event_rows,
            profile_rows=counts.profile_rows,
            system_rows=counts.system_rows,
            telemetry_rows=counts.telemetry_rows,
            series=counts.series,
            files=counts.files,
        )

    def summary(self, top: int = 5, **view: Any) -> dict[str, Any]:
        """Return a one-screen summary: spans, totals, the ``top`` functions and files, telemetry.

        Times are in µs, sizes in bytes. ``view`` selects a part of the index, as for :meth:`table`.
        """
        texts = Collected(_abi.dft_on_note, lambda note: string(note.text))
        self._call("dft_summary", ctypes.byref(View(**view).struct), uint32(top, "top"), texts.callback, None)
        summary: dict[str, Any] = json.loads(texts.result()[0])
        return summary

    def analyze(self, preset: str = "", by: str = "", **view: Any) -> Analysis:
        """Return where the time of the job went: layers with exact busy times and overlaps, groups, findings.

        ``preset``: which calls belong to which layer: ``posix``, ``dlio``, ``dlio-prev``, ``generic``, the path of a
        TOML file, or empty to choose by what the trace has. ``by``: what to group by: ``time``, ``process``, ``host``,
        ``rank``, ``file``, ``directory``, ``pattern``, ``function``, ``epoch`` or a group key. ``view`` selects a
        part of the index, as for :meth:`table`.
        """
        return analyze(self, preset, by, view)

    def report(self, out: Optional[PathLike] = None, **view: Any) -> Report:
        """Return a page that shows where the time of the job went, and write it to ``out`` unless that is ``None``.

        ``view`` selects a part of the index, as for :meth:`table`. A notebook shows the page in an output cell.
        """
        if out is None:
            return Report(self._report_text(1, view), None)
        self._call("dft_report", ctypes.byref(View(**view).struct), path_text(out))
        with open(out, encoding="utf-8") as page:
            return Report(page.read(), os.fsdecode(out))

    def report_data(self, **view: Any) -> dict[str, Any]:
        """Return what :meth:`report` shows, as ``dft report --json`` prints it. Times are in µs, sizes in bytes."""
        data: dict[str, Any] = json.loads(self._report_text(0, view))
        return data

    def _report_text(self, as_page: int, view: dict[str, Any]) -> str:
        texts = Collected(_abi.dft_on_note, lambda note: string(note.text))
        self._call("dft_report_text", ctypes.byref(View(**view).struct), as_page, texts.callback, None)
        return str(texts.result()[0])

    @property
    def plot(self) -> Plot:
        """Return charts of the report's data: ``timeline``, ``heatmap`` and ``sizes``. Needs matplotlib."""
        return Plot(self)

    def verify(self) -> None:
        """Read the whole index and check that it is what was written and is consistent.

        Raises :class:`dft_utils.DamagedError`, which lists all damage.
        """
        if not self.path:
            raise ValueError("an index in memory has no files to verify")
        verify(self.path)

    def files(self) -> list[File]:
        """Return the trace files of the index, by path."""
        others = ("path", "pids", "fault", "fault_kind")
        names = [field.name for field in fields(File) if field.name not in others]

        def file(found: Any) -> File:
            counts = {name: getattr(found, name) for name in names}
            pids = tuple(found.pids[: found.pids_length])
            fault, kind = string(found.fault_text), FAULTS.get(found.fault, "")
            return File(path=path_of(found.path), pids=pids, fault=fault, fault_kind=kind, **counts)

        files = Collected(_abi.dft_visit_file, file)
        self._call("dft_index_files", files.callback, None)
        return files.result()

    def processes(self) -> list[Process]:
        """Return the processes of the index, by host and pid. Takes time proportional to its series."""

        def process(found: Any) -> Process:
            return Process(pid=found.pid, host_hash=string(found.host_hash), series=found.series)

        processes = Collected(_abi.dft_visit_process, process)
        self._call("dft_index_processes", processes.callback, None)
        return processes.result()

    def names(self, kind: str) -> dict[str, str]:
        """Return all hashes and their names; ``kind`` is ``file``, ``host`` or ``string``."""
        if kind not in NAMES:
            raise ValueError(f"there is no hash table {kind!r}; the hash tables are {', '.join(NAMES)}")
        names = Collected(_abi.dft_visit_name, lambda found: (string(found.hash), string(found.name)))
        self._call("dft_index_names", NAMES[kind], names.callback, None)
        return dict(names.result())

    def name(self, kind: str, hash_: str) -> str:
        """Return the name of a hash; empty if the hash is unknown."""
        if kind not in NAMES:
            raise ValueError(f"there is no hash table {kind!r}; the hash tables are {', '.join(NAMES)}")
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
        """Write tables to a directory, each to one file that is named after the table.

        The export removes tables of earlier exports that show another state of the index, or other rows of it. A
        table that is not known to come from an export is an error.

        ``tables``: the default is all but ``aggregation``. ``format``: ``parquet``, ``arrow`` or ``csv``. ``view``
        selects a part of the index, as for :meth:`table`.
        """
        if format not in FORMATS:
            raise ValueError(f"there is no format {format!r}; the formats are {', '.join(FORMATS)}")
        numbers = [table_number(name) for name in tables]
        request = sized(
            _abi.dft_export_request,
            directory=path_text(directory),
            tables=(ctypes.c_uint32 * len(numbers))(*numbers),
            tables_length=len(numbers),
            view=ctypes.pointer(View(**view).struct),
            format=FORMATS[format],
            threads=uint32(threads, "threads"),
        )
        self._call("dft_export", ctypes.byref(request))


def verify(path: PathLike) -> None:
    """Read the whole index at a path and check that it is what was written and is consistent.

    Raises :class:`dft_utils.DamagedError`, which lists all damage. If an index is too damaged for
    :func:`dft_utils.open`, as much of it as possible is read.
    """
    faults = Collected(_abi.dft_on_note, lambda note: string(note.text))
    try:
        call("dft_verify", path_text(path), faults.callback, None)
    except DamagedError as error:
        message = "\n".join(faults.result() or [str(error)])
        raise DamagedError(message, status=error.status, path=error.path, key=error.key) from None


def default_location(traces: Union[PathLike, Iterable[PathLike]]) -> str:
    """Return the default location of the index of some traces: ``.dftagg`` next to them."""
    return os.fsdecode(sized_buffer("dft_index_location", *paths(traces)))
