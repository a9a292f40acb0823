"""Read tables of an index as Dask DataFrames."""

import os
from dataclasses import dataclass
from typing import Any, Optional, Union

import distributed

from .._library import PathLike
from ..errors import ChangedError
from ..index import Index
from ..table import Table

#: About how many bytes of an index make a partition by default.
PARTITION = 32 << 20


def read(
    index: Union[PathLike, Index],
    table: str = "events",
    *,
    npartitions: Optional[int] = None,
    text: str = "string",
    **view: Any,
) -> Any:
    """Return a table of an index as a ``dask.dataframe.DataFrame``, with a partition for each range of keys.

    Each partition is read where it is computed. Reads are read-only: any number of workers read concurrently, each its
    partitions, and all of them the current generation of the index. If the index is written before they finish, they
    raise :class:`dft_utils.ChangedError`: read again. Without a cluster, threads of this process read.

    ``index``: the index, which the workers see at the same path. ``table`` and ``view``: as for
    :meth:`dft_utils.Index.table`, without ``shard`` and ``group_by``: group the DataFrame with Dask. ``npartitions``:
    the default is the number of threads of the cluster, or of this machine; more for a large index.

    Integers are ``int64``, or ``Int64`` if values may be missing (such as ``size`` and ``offset_min``); other numbers
    are ``float64``, with NaN for missing values. Texts are ``string[pyarrow]``; if ``text`` is ``"category"``, they are
    categories, which take less memory and whose values are not known in advance. All partitions have these types, even
    those without rows.
    """
    import dask.dataframe

    given = [name for name in ("shard", "group_by") if view.get(name)]
    if given:
        raise ValueError(f"{given[0]} is not supported with Dask: rows are split into partitions; group the DataFrame")
    if text not in ("string", "category"):
        raise ValueError(f"text is {text!r}: it must be 'string' or 'category'")
    path = os.path.realpath(index.path if isinstance(index, Index) else os.fsdecode(index))
    generation = _generation(path)
    with Index(path) as opened:
        partitions = npartitions or _partitions(opened)
        meta = frame(schema(opened.table(table, **view)).empty_table(), text)
    read_partition = Partition(path, generation, table, view, partitions, text)
    return dask.dataframe.from_map(read_partition, range(partitions), meta=_unknown(meta), label=f"dft-{table}")


@dataclass(frozen=True)
class Partition:
    """A function that reads a partition of a table, on a worker."""

    path: str
    generation: bytes
    table: str
    view: dict[str, Any]
    partitions: int
    text: str

    def __call__(self, number: int, columns: Optional[list[str]] = None) -> Any:
        # An open index does not change.
        with Index(self.path) as index:
            if _generation(self.path) != self.generation:
                raise ChangedError(f"{self.path} was written after the read was planned: read again", path=self.path)
            rows = index.table(self.table, shard=(number, self.partitions), **self.view).to_arrow()
        return frame(rows if columns is None else rows.select(columns), self.text)


def frame(rows: Any, text: str) -> Any:
    """Return a ``pyarrow.Table`` as a DataFrame, with types that depend only on the schema, not on the values."""
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
    """Return the schema of a table, without reading rows."""
    import pyarrow

    with pyarrow.RecordBatchReader.from_stream(table) as reader:
        return reader.schema


def _unknown(meta: Any) -> Any:
    """Return the metadata of a frame before it is read: with unknown categories."""
    from dask.dataframe.utils import clear_known_categories

    return clear_known_categories(meta, dtype_backend=None)


def _generation(path: str) -> bytes:
    """Return the seal of the current generation of an index. The seal has the hashes of all its files."""
    try:
        generations = [name for name in os.listdir(path) if name.startswith("gen-")]
        latest = max(generations, key=lambda name: (len(name), name))
        with open(os.path.join(path, latest, "SEAL"), "rb") as seal:
            return seal.read()
    except (OSError, ValueError):
        # Opening the index reports why.
        return b""


def _partitions(index: Index) -> int:
    try:
        threads: int = sum(distributed.default_client().nthreads().values())
    except ValueError:
        threads = os.cpu_count() or 1
    return max(threads, index.bytes // PARTITION, 1)
