"""Live aggregation: records that a program has in hand, without a trace."""

import ctypes
from collections.abc import Iterable, Mapping
from typing import Any, Optional, Union

from . import _abi
from ._library import PathLike, call, int64, path_text, sized, text, uint32
from .config import Config
from .errors import DftError
from .index import Index
from .table import Table
from .units import Size, byte_count

PHASES = {
    "complete": _abi.DFT_PHASE_COMPLETE,
    "counter": _abi.DFT_PHASE_COUNTER,
    "aggregated": _abi.DFT_PHASE_AGGREGATED,
    "metadata": _abi.DFT_PHASE_METADATA,
}
METADATA = {"file": "FH", "host": "HH", "string": "SH"}


class Aggregator:
    """Aggregates records that a program has in hand. For one thread at a time; several are merged.

    ``config``: how, or the default. ``memory``: what its table may take before it is written to a directory
    of its own beneath ``scratch``, which is removed with the aggregator.
    """

    def __init__(self, config: Optional[Config] = None, *, memory: Size = 0, scratch: PathLike = "") -> None:
        self._handle: Optional[ctypes.c_void_p] = None
        handle = ctypes.c_void_p()
        configured = None if config is None else ctypes.byref(config._struct())
        call("dft_aggregator_new", configured, byte_count(memory, "memory"), path_text(scratch), ctypes.byref(handle))
        self._handle = handle

    def _call(self, name: str, *arguments: Any) -> None:
        if self._handle is None:
            raise ValueError("the aggregator is closed: what it had is in a table, or was given up")
        call(name, self._handle, *arguments)

    def add(
        self,
        name: str,
        cat: str,
        ts: int,
        dur: Optional[int] = None,
        *,
        pid: int = 0,
        tid: int = 0,
        ret: Optional[int] = None,
        offset: Optional[int] = None,
        file_hash: str = "",
        host_hash: str = "",
        args: Optional[Mapping[str, Union[int, float, str]]] = None,
        phase: str = "complete",
    ) -> None:
        """Adds a record.

        ``ts`` and ``dur`` in µs. ``ret``: what the call returned; of a data transfer, bytes, or a negative
        number where it failed. ``args``: what else it has. ``phase``: ``complete``, ``counter``,
        ``aggregated`` or ``metadata``. Raises :class:`dft_utils.MalformedError` of a negative time; the
        record is counted as malformed then, and adding goes on.
        """
        record = sized(_abi.dft_record)
        try:
            record.phase = PHASES[phase]
        except KeyError:
            raise ValueError(f"there is no phase {phase!r}; there are {', '.join(PHASES)}") from None
        record.name, record.category = text(name), text(cat)
        record.pid, record.tid, record.ts_us = int64(pid, "pid"), int64(tid, "tid"), int64(ts, "ts")
        present = 0
        if dur is not None:
            record.dur_us = int64(dur, "dur")
            present |= _abi.DFT_HAS_DURATION
        if ret is not None:
            record.ret = int64(ret, "ret")
            present |= _abi.DFT_HAS_RET
        if offset is not None:
            record.offset = int64(offset, "offset")
            present |= _abi.DFT_HAS_OFFSET
        record.present = present
        if file_hash:
            record.file_hash = text(file_hash)
        if host_hash:
            record.host_hash = text(host_hash)
        if args:
            given = (_abi.dft_arg * len(args))()
            for place, (key, value) in zip(given, args.items()):
                place.name = text(key)
                if isinstance(value, str):
                    place.text, place.kind = text(value), _abi.DFT_ARG_TEXT
                elif isinstance(value, float):
                    place.real, place.kind = value, _abi.DFT_ARG_REAL
                elif -(1 << 63) <= value < 1 << 63:
                    place.integer, place.kind = value, _abi.DFT_ARG_INTEGER
                else:
                    # An integer past 64 bits is a float, as in a trace.
                    place.real, place.kind = float(value), _abi.DFT_ARG_REAL
            record.args, record.args_length = given, len(args)
        self._call("dft_aggregator_add", ctypes.byref(record))

    def add_name(self, kind: str, hash_: str, name: str) -> None:
        """Says what a hash stands for; ``kind`` is ``file``, ``host`` or ``string``."""
        if kind not in METADATA:
            raise ValueError(f"there is no hash table {kind!r}; there are {', '.join(METADATA)}")
        self.add(METADATA[kind], "dftracer", 0, args={"name": name, "value": hash_}, phase="metadata")

    def add_lines(self, lines: Union[str, bytes, Iterable[Union[str, bytes]]]) -> int:
        """Adds records as whole lines of JSON, as a trace has them; returns how many are records.

        Lines that are none are counted as malformed, and are no error.
        """
        if not isinstance(lines, (str, bytes)):
            lines = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
        added = sized(_abi.dft_lines_added)
        self._call("dft_aggregator_add_lines", text(lines), ctypes.byref(added))
        return added.records

    def merge(self, other: "Aggregator") -> None:
        """Moves all that another one holds to this one; the order does not matter to the result."""
        if other._handle is None:
            raise ValueError("the other aggregator is closed")
        self._call("dft_aggregator_merge", other._handle)

    def publish(self, index: PathLike, source: str, *, threads: int = 0) -> None:
        """Adds all that was aggregated to an index, at once or not at all; it is empty then.

        ``source``: a name for it, such as a host and a rank; the index takes each source once.
        """
        self._call("dft_aggregator_publish", path_text(index), text(source), uint32(threads, "threads"))

    def index(self, *, threads: int = 0) -> Index:
        """Makes an index of all that was aggregated, which is removed when it is closed. This ends it."""
        if self._handle is None:
            raise ValueError("the aggregator is closed")
        handle, self._handle = self._handle, None
        index = ctypes.c_void_p()
        # Its handle is freed by this, also where it fails.
        call("dft_aggregator_into_index", handle, uint32(threads, "threads"), ctypes.byref(index))
        return Index._of(index)

    def table(self, table: str = "events", /, **view: Any) -> Table:
        """A table of all that was aggregated, as :meth:`dft_utils.Index.table` gives it. This ends it."""
        return self.index().table(table, **view)

    def close(self) -> None:
        """Gives up all that it holds."""
        handle = self._handle
        if handle is not None:
            # Where that fails, as it is in use by another thread, it is still there.
            call("dft_aggregator_free", handle)
            self._handle = None

    def __enter__(self) -> "Aggregator":
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
