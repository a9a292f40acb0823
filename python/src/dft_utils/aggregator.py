"""Live aggregation: aggregate the records of a program without a trace."""

import ctypes
from collections.abc import Iterable, Mapping
from typing import Any, Optional, Union

from . import _abi
from ._handle import Owner
from ._library import PathLike, call, int64, path_text, sized, text, uint32
from .config import Config
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


class Aggregator(Owner):
    """Aggregates records that a program creates itself.

    Use an aggregator from one thread at a time; merge the aggregators of several threads.

    ``config``: how to aggregate, or the default. ``memory``: the size that its table may reach before it is spilled
    to a new directory in ``scratch``, which is removed with the aggregator.
    """

    _free = "dft_aggregator_free"

    def __init__(self, config: Optional[Config] = None, *, memory: Size = 0, scratch: PathLike = "") -> None:
        self._handle: Optional[ctypes.c_void_p] = None
        handle = ctypes.c_void_p()
        configured = None if config is None else ctypes.byref(config._struct())
        call("dft_aggregator_new", configured, byte_count(memory, "memory"), path_text(scratch), ctypes.byref(handle))
        self._handle = handle

    def _call(self, name: str, *arguments: Any) -> None:
        if self._handle is None:
            raise ValueError("the aggregator is closed: its rows were moved to an index, or discarded")
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
        """Add a record.

        ``ts`` and ``dur`` are in µs. ``ret``: what the call returned; for a data transfer, the bytes, or a negative
        number if it failed. ``args``: all other args. ``phase``: ``complete``, ``counter``, ``aggregated`` or
        ``metadata``. Raises :class:`dft_utils.MalformedError` if a time is negative; the record is then counted as
        malformed, and more records can be added.
        """
        record = sized(_abi.dft_record)
        try:
            record.phase = PHASES[phase]
        except KeyError:
            raise ValueError(f"there is no phase {phase!r}; the phases are {', '.join(PHASES)}") from None
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
                    # An integer of more than 64 bits becomes a float, as in a trace.
                    place.real, place.kind = float(value), _abi.DFT_ARG_REAL
            record.args, record.args_length = given, len(args)
        self._call("dft_aggregator_add", ctypes.byref(record))

    def add_name(self, kind: str, hash_: str, name: str) -> None:
        """Add the name of a hash; ``kind`` is ``file``, ``host`` or ``string``."""
        if kind not in METADATA:
            raise ValueError(f"there is no hash table {kind!r}; the hash tables are {', '.join(METADATA)}")
        self.add(METADATA[kind], "dftracer", 0, args={"name": name, "value": hash_}, phase="metadata")

    def add_lines(self, lines: Union[str, bytes, Iterable[Union[str, bytes]]]) -> int:
        """Add records as whole lines of JSON, in the format of a trace; return how many lines are records.

        All other lines are counted as malformed; they are not an error.
        """
        if not isinstance(lines, (str, bytes)):
            lines = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines)
        added = sized(_abi.dft_lines_added)
        self._call("dft_aggregator_add_lines", text(lines), ctypes.byref(added))
        return int(added.records)

    def merge(self, other: "Aggregator") -> None:
        """Move all rows of another aggregator into this one. The order of merges does not affect the result."""
        if other._handle is None:
            raise ValueError("the other aggregator is closed")
        self._call("dft_aggregator_merge", other._handle)

    def publish(self, index: PathLike, source: str, *, threads: int = 0) -> None:
        """Add all rows to an index, atomically, and empty the aggregator.

        ``source``: a name for the rows, such as a host and a rank; an index accepts each source once.
        """
        self._call("dft_aggregator_publish", path_text(index), text(source), uint32(threads, "threads"))

    def index(self, *, threads: int = 0) -> Index:
        """Return a temporary index of all rows, which is removed when it is closed. This closes the aggregator."""
        if self._handle is None:
            raise ValueError("the aggregator is closed")
        handle, self._handle = self._handle, None
        index = ctypes.c_void_p()
        # This frees the handle, even if it fails.
        call("dft_aggregator_into_index", handle, uint32(threads, "threads"), ctypes.byref(index))
        return Index._of(index)

    def table(self, table: str = "events", /, **view: Any) -> Table:
        """Return a table of all rows, like :meth:`dft_utils.Index.table`. This closes the aggregator."""
        return self.index().table(table, **view)

    def close(self) -> None:
        """Discard all rows."""
        super().close()
