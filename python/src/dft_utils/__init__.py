"""DFTracer traces to aggregated tables.

::

    import dft_utils

    dft_utils.build("traces", "run.dftagg")
    index = dft_utils.open("run.dftagg")
    events = index.table("events", granularity="5s", cat="posix")
    frame = events.to_pandas()  # or pyarrow.table(events), polars.DataFrame(events), duckdb.sql("from events")

Traces are brought into an index by :func:`build`; :func:`open` gives an :class:`Index`, whose tables any Arrow
library reads without a copy. :class:`Aggregator` aggregates without a trace. :mod:`dft_utils.indexer` has the
names of the C++ library's package, :mod:`dft_utils.dask` builds and reads on a Dask cluster.

Failures are exceptions, all of them :class:`DftError`, with the path that they are about and what to do. The
library works without the GIL; Ctrl-C stops a build and leaves the index as it was. Times are in µs, sizes in
bytes, where nothing else is said.
"""

from ._library import VERSION, PathLike
from .aggregator import Aggregator
from .arrow import Batch
from .builds import BuildReport, Fault, IngestReport, Piece, Progress, build, ingest, plan, stage, stage_pieces
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
from .index import File, Index, IndexInfo, Process, default_location, verify
from .indexer import AggregationConfig, Indexer, IndexStatus
from .table import Table, View

__version__ = VERSION


def open(path: PathLike) -> Index:
    """Opens the index at a path for reading.

    Raises :class:`NoIndexError` where there is none, and :class:`DamagedError` where it is so damaged that nothing
    can be read; :func:`verify` then names all that is.
    """
    return Index(path)


__all__ = [
    "AggregationConfig",
    "Aggregator",
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
    "Piece",
    "Process",
    "Progress",
    "SystemRefusedError",
    "Table",
    "TooLargeError",
    "View",
    "build",
    "default_location",
    "ingest",
    "open",
    "plan",
    "stage",
    "stage_pieces",
    "verify",
]
