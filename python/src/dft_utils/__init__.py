"""Aggregate DFTracer traces to tables.

::

    import dft_utils

    dft_utils.build("traces", "run.dftagg")
    index = dft_utils.open("run.dftagg")
    events = index.table("events", granularity="5s", cat="posix")
    frame = events.to_pandas()  # or pyarrow.table(events), polars.DataFrame(events), duckdb.sql("from events")

:func:`build` aggregates traces into an index; :func:`open` returns an :class:`Index`, whose tables any Arrow
library reads without a copy. :class:`Aggregator` aggregates without a trace. :mod:`dft_utils.indexer` has the
interface of the C++ library's package, and :mod:`dft_utils.dask` builds and reads on a Dask cluster.

Every failure of the library raises a :class:`DftError`, with the path that it is about and what to do. The library
runs without the GIL. Ctrl-C stops a build and leaves the index as it was. Times are in µs and sizes in bytes, unless
stated otherwise.
"""

from ._library import VERSION, PathLike
from .aggregator import Aggregator
from .analysis import Analysis, Comparison, compare
from .arrow import Batch
from .builds import BuildReport, Fault, IngestReport, Piece, build, ingest, plan, stage, stage_pieces
from .config import Config
from .errors import (
    CancelledError,
    ChangedError,
    CommittedError,
    ConfigError,
    DamagedError,
    DftError,
    ForkedError,
    FormatError,
    InvalidArgumentError,
    LockedError,
    MalformedError,
    NoIndexError,
    NothingFoundError,
    SystemRefusedError,
    TooLargeError,
)
from .groups import Groups
from .index import File, Index, IndexInfo, Process, default_location, verify
from .indexer import AggregationConfig, Indexer, IndexStatus
from .progress import Progress
from .report import Report, report
from .table import Table, View

__version__ = VERSION


def open(path: PathLike) -> Index:
    """Open the index at a path for reading.

    Raises :class:`NoIndexError` if there is no index, and :class:`DamagedError` if the index is too damaged to open;
    :func:`verify` then lists all damage.
    """
    return Index(path)


__all__ = [
    "AggregationConfig",
    "Aggregator",
    "Analysis",
    "Batch",
    "BuildReport",
    "CancelledError",
    "ChangedError",
    "Config",
    "ConfigError",
    "DamagedError",
    "DftError",
    "Fault",
    "File",
    "ForkedError",
    "FormatError",
    "CommittedError",
    "Comparison",
    "Groups",
    "Index",
    "IndexInfo",
    "IndexStatus",
    "Indexer",
    "IngestReport",
    "InvalidArgumentError",
    "LockedError",
    "MalformedError",
    "NoIndexError",
    "NothingFoundError",
    "PathLike",
    "Piece",
    "Process",
    "Progress",
    "Report",
    "SystemRefusedError",
    "Table",
    "TooLargeError",
    "View",
    "build",
    "compare",
    "default_location",
    "ingest",
    "open",
    "plan",
    "report",
    "stage",
    "stage_pieces",
    "verify",
]
