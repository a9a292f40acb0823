"""The tables of an index, for any Arrow library."""

import ctypes
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _abi, notebook, sql
from ._library import Collected, int64, sized, string, text, texts, uint32
from .arrow import Batch, Stream
from .units import Duration, microseconds

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow

    from .index import Index

TABLES = {
    "events": _abi.DFT_TABLE_EVENTS,
    "profiles": _abi.DFT_TABLE_PROFILES,
    "system": _abi.DFT_TABLE_SYSTEM,
    "preaggregated_system": _abi.DFT_TABLE_PREAGGREGATED_SYSTEM,
    "aggregation": _abi.DFT_TABLE_AGGREGATION,
    "system_by_host": _abi.DFT_TABLE_SYSTEM_BY_HOST,
    "processes": _abi.DFT_TABLE_PROCESSES,
}


def table_number(name: str) -> int:
    """Return the number of a table; raise :class:`ValueError` if there is no such table."""
    try:
        return TABLES[name]
    except KeyError:
        raise ValueError(f"there is no table {name!r}; the tables are {', '.join(TABLES)}") from None


class View:
    """What a table shows of an index. Without arguments, it shows everything.

    ``granularity``: the length of a cell, a multiple of the index's interval. ``time``: a start and an end, counted
    from the origin of the trace; the view shows the cells that overlap with this range. ``cat``, ``name``, ``host``,
    ``file``: globs (``*``, ``?``, ``[ab]``, ``{one,other}``) over categories, over functions and counters, over hosts
    by name or hash, and over files by name or hash. ``pid``: one or more processes; an empty list shows none.
    ``rank``: the same for processes by the rank that their traces state. ``query``: an expression such as
    ``'cat == "posix" and not pid in [1, 2]'``. ``group_by``: columns to group rows by. ``shard``: ``(k, n)``, shard
    k of n disjoint shards for parallel readers, counted from 0. ``batch_rows``: the maximum number of rows in a
    batch. ``range_unit``: the unit of the column ``time_range``, which divides the granularity; by default
    ``time_range`` counts cells.
    """

    def __init__(
        self,
        *,
        granularity: Optional[Duration] = None,
        time: Optional[tuple[Duration, Duration]] = None,
        cat: str = "",
        name: str = "",
        host: str = "",
        file: str = "",
        pid: Union[None, int, Iterable[int]] = None,
        rank: Union[None, int, Iterable[int]] = None,
        query: str = "",
        group_by: Sequence[str] = (),
        shard: Optional[tuple[int, int]] = None,
        batch_rows: int = 0,
        range_unit: Optional[Duration] = None,
    ) -> None:
        pid, rank = (list(asked) if isinstance(asked, Iterable) else asked for asked in (pid, rank))
        group_by = (group_by,) if isinstance(group_by, str) else tuple(group_by)
        #: The arguments.
        self.asked: dict[str, Any] = {
            "granularity": granularity,
            "time": time,
            "cat": cat,
            "name": name,
            "host": host,
            "file": file,
            "pid": pid,
            "rank": rank,
            "query": query,
            "group_by": group_by,
            "shard": shard,
            "batch_rows": batch_rows,
            "range_unit": range_unit,
        }
        struct = sized(_abi.dft_view)
        if granularity is not None:
            struct.granularity_us = microseconds(granularity, "granularity")
            if struct.granularity_us == 0:
                raise ValueError("the granularity is 0; leave it out for the index's interval")
        if time is not None:
            struct.start_us, struct.end_us = (microseconds(end, "time") for end in time)
            struct.has_time = 1
        # An index stores categories in lower case.
        struct.category, struct.name = text(cat.lower()), text(name)
        struct.host, struct.file = text(host), text(file)
        for field, asked in (("pid", pid), ("rank", rank)):
            if asked is None:
                continue
            numbers = sorted(set(asked)) if isinstance(asked, list) else [operator.index(asked)]
            if not numbers:
                query = f"({query}) and {field} in []" if query else f"{field} in []"
            setattr(struct, f"{field}s", (ctypes.c_int64 * len(numbers))(*(int64(number, field) for number in numbers)))
            setattr(struct, f"{field}s_length", len(numbers))
        struct.query = text(query)
        struct.group_by, struct.group_by_length = texts(map(text, group_by))
        if shard is not None:
            struct.shard, struct.shards = (uint32(number, "shard") for number in shard)
        struct.batch_rows = uint32(batch_rows, "batch_rows")
        if range_unit is not None:
            struct.range_unit_us = microseconds(range_unit, "range_unit")
            if struct.range_unit_us == 0:
                raise ValueError("the range_unit is 0; leave it out to count cells")
        self.struct = struct

    def narrowed(self, *, query: str = "", time_us: Optional[tuple[int, int]] = None, batch_rows: int = 0) -> "View":
        """Return a view that also applies a query and a time range, or has batches of another size."""
        asked = dict(self.asked)
        if query:
            asked["query"] = f"({asked['query']}) and ({query})" if asked["query"] else query
        if time_us is not None:
            start, end = time_us
            if self.struct.has_time:
                start, end = max(start, self.struct.start_us), min(end, self.struct.end_us)
            if start >= end:
                return View(**{**asked, "pid": []})
            asked["time"] = (f"{start}us", f"{end}us")
        return View(**{**asked, "batch_rows": batch_rows or asked["batch_rows"]})


class Streamed:
    """What any Arrow library reads as a stream of record batches, directly and without a copy.

    Every use reads it again.
    """

    def _stream(self) -> Stream:
        raise NotImplementedError

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._stream().into_capsule()

    def __arrow_c_schema__(self) -> Any:
        return self._stream().schema_capsule()

    def batches(self) -> Iterator[Batch]:
        """Iterate over the batches, each with ``__arrow_c_array__``; needs no Arrow library."""
        return self._stream().batches()

    @property
    def schema(self) -> "pyarrow.Schema":
        """Return the schema, without reading rows; needs pyarrow."""
        import pyarrow

        return pyarrow.schema(self)

    def to_arrow(self) -> "pyarrow.Table":
        """Return everything as a ``pyarrow.Table``; needs pyarrow."""
        import pyarrow

        with pyarrow.RecordBatchReader.from_stream(self) as reader:
            return reader.read_all()

    def to_pandas(self) -> "pandas.DataFrame":
        """Return everything as a ``pandas.DataFrame``; needs pyarrow and pandas."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> "polars.DataFrame":
        """Return everything as a ``polars.DataFrame``; needs polars."""
        import polars

        return polars.DataFrame(self)

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> Any:
        """Return everything in the interchange protocol of DataFrames; needs pyarrow."""
        return self.to_arrow().__dataframe__(nan_as_null, allow_copy)


class Table(Streamed):
    """A table of an index, at a granularity, through a filter.

    Every use reads the table again. ``pyarrow.table(t)``, ``pandas.DataFrame.from_arrow``, ``polars.DataFrame(t)`` and
    ``duckdb.sql("from t")`` read it directly, without a copy, through ``__arrow_c_stream__``; libraries with the older
    interchange protocol read it through ``__dataframe__``. A notebook shows its first rows.
    """

    def __init__(self, index: "Index", name: str, view: View) -> None:
        self._index = index
        self._number = table_number(name)
        self._view = view
        self.name = name

    def _stream(self) -> Stream:
        stream = Stream()
        self._index._call("dft_table_stream", self._number, ctypes.byref(self._view.struct), stream.address())
        return stream

    @property
    def path(self) -> str:
        """Return the path of the index; empty for an index in memory."""
        return self._index.path

    @property
    def closed(self) -> bool:
        """Return whether the index is closed."""
        return self._index.closed

    @property
    def range_unit_us(self) -> int:
        """Return the unit of the column ``time_range``, in µs."""
        shown = self._view.struct
        return int(shown.range_unit_us or shown.granularity_us or self._index.interval_us)

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns, in order."""
        names = Collected(_abi.dft_visit_column, lambda column: string(column.name))
        view = ctypes.byref(self._view.struct)
        self._index._call("dft_table_columns", self._number, view, names.callback, None)
        return names.result()

    def narrowed(self, **more: Any) -> "Table":
        """Return the table through a narrower view: with the arguments of :meth:`View.narrowed`."""
        return Table(self._index, self.name, self._view.narrowed(**more))

    def sql(self, statement: str, /, params: Any = None) -> "duckdb.DuckDBPyRelation":
        """Return the result of an SQL statement of DuckDB, in which the table has its own name, such as ``events``.

        ``params``: the values of the statement's parameters. Only the rows of the view are read. Of the conditions of
        the statement, those that compare columns such as ``cat``, ``func_name``, ``pid`` or ``time_range`` with
        constants are passed to the index, so that other rows are not read. Needs duckdb; needs pyarrow to pass
        conditions.
        """
        return sql.run({self.name: self}, statement, params)

    def _repr_html_(self) -> str:
        return notebook.of_table(self)

    def __repr__(self) -> str:
        return f"<dft_utils.Table {self.name} of {self.path}>"
