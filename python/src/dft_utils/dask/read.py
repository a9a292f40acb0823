"""Tables of an index as Dask DataFrames."""

import os
from dataclasses import dataclass
from typing import Any, Optional, Union

import distributed

from .._library import PathLike
from ..errors import ChangedError
from ..index import Index
from ..table import Table

#: About so many bytes of an index make a partition where nobody says.
PARTITION = 32 << 20


def read(
    index: Union[PathLike, Index],
    table: str = "events",
    *,
    npartitions: Optional[int] = None,
    text: str = "string",
    **view: Any,
) -> Any:
    """A table of an index as a ``dask.dataframe.DataFrame``, a partition for each range of keys.

    Each partition is read where it is computed, read-only: any number of workers read at once, each what it is
    asked for, and all of them the index as it is now. If the index is written before they are done, they raise
    :class:`dft_utils.ChangedError`: read again. Without a cluster, threads of this process read.

    ``index``: where it is, which the workers see by the same path. ``table`` and ``view``: as of
    :meth:`dft_utils.Index.table`, but for ``shard`` and ``group_by``: rows are grouped by Dask. ``npartitions``: as
    many as the cluster, or this machine, has threads, or more for a large index, where nobody says.

    Whole numbers are ``int64``, and ``Int64`` where there may be none (``size``, say, or ``offset_min``); other
    numbers are ``float64``, with NaN for none. Texts are ``string[pyarrow]``, or, where ``text`` is
    ``"category"``, categories that are not known beforehand, which take less memory. So it is in every partition,
    those without rows too.
    """
    import dask.dataframe

    given = [name for name in ("shard", "group_by") if view.get(name)]
    if given:
        raise ValueError(f"{given[0]} is not for Dask: the rows are divided into partitions; group the DataFrame")
    if text not in ("string", "category"):
        raise ValueError(f"text is {text!r}: it is to be 'string' or 'category'")
    path = os.path.realpath(index.path if isinstance(index, Index) else os.fsdecode(index))
    generation = _generation(path)
    with Index(path) as opened:
        partitions = npartitions or _partitions(opened)
        meta = frame(schema(opened.table(table, **view)).empty_table(), text)
    read_partition = Partition(path, generation, table, view, partitions, text)
    return dask.dataframe.from_map(read_partition, range(partitions), meta=_unknown(meta), label=f"dft-{table}")


@dataclass(frozen=True)
class Partition:
    """Reads a partition of a table, on a worker."""

    path: str
    generation: bytes
    table: str
    view: dict[str, Any]
    partitions: int
    text: str

    def __call__(self, number: int, columns: Optional[list[str]] = None) -> Any:
        # An index that is open stays as it is.
        with Index(self.path) as index:
            if _generation(self.path) != self.generation:
                said = f"{self.path} was written since it was planned to be read: read again"
                raise ChangedError(said, path=self.path)
            rows = index.table(self.table, shard=(number, self.partitions), **self.view).to_arrow()
        return frame(rows if columns is None else rows.select(columns), self.text)


def frame(rows: Any, text: str) -> Any:
    """A ``pyarrow.Table`` as a DataFrame, whose types are those of its schema, whatever is in it."""
    import pandas
    import pyarrow

    def column(field: Any, values: Any) -> Any:
        if pyarrow.types.is_dictionary(field.type) and text == "string":
            return pandas.StringDtype("pyarrow").__from_arrow__(values.cast(field.type.value_type))
        if pyarrow.types.is_integer(field.type) and field.nullable:
            return pandas.Int64Dtype().__from_arrow__(values)
        return values.to_pandas()

    columns = {field.name: column(field, values) for field, values in zip(rows.schema, rows.columns)}
    return pandas.DataFrame(columns, index=pandas.RangeIndex(rows.num_rows))


def schema(table: Table) -> Any:
    """The schema of a table, of which no row is read."""
    import pyarrow

    with pyarrow.RecordBatchReader.from_stream(table) as reader:
        return reader.schema


def _unknown(meta: Any) -> Any:
    """What is known of a frame before it is read: of categories, nothing."""
    from dask.dataframe.utils import clear_known_categories

    return clear_known_categories(meta, dtype_backend=None)


def _generation(path: str) -> bytes:
    """Which generation of the index at a path is current: its seal, which has a hash of all that is in it."""
    try:
        generations = [name for name in os.listdir(path) if name.startswith("gen-")]
        latest = max(generations, key=lambda name: (len(name), name))
        with open(os.path.join(path, latest, "SEAL"), "rb") as seal:
            return seal.read()
    except (OSError, ValueError):
        # Opening the index says why.
        return b""


def _partitions(index: Index) -> int:
    try:
        threads = sum(distributed.default_client().nthreads().values())
    except ValueError:
        threads = os.cpu_count() or 1
    return max(threads, index.bytes // PARTITION, 1)
