"""The interface of the C++ library's Python package, ``dftracer.utils``, on this engine.

Names and meanings are those of dftracer-utils 0.0.12, so its users only need to change an import::

    from dft_utils.indexer import AggregationConfig, Indexer

This package reports more errors: an unknown field in a query, a configuration or an interval that the index cannot
serve, and a changed trace are errors, not tables without rows. docs/porting.md lists every difference. New code is
shorter with :func:`dft_utils.build` and :func:`dft_utils.open`.
"""

import datetime
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Optional, Union

from . import _abi
from ._library import PathLike
from .arrow import Batch
from .builds import build, resolve
from .config import Config
from .errors import ConfigError, NoIndexError
from .index import File, Index, default_location
from .progress import OnProgress
from .units import Duration, Size, microseconds

#: The tables of :meth:`Indexer.iter_arrow_dfanalyzer`, by type. As in the C++ library, telemetry has one row for each
#: host, name and cell.
TABLES = {
    "events": "events",
    "profiles": "profiles",
    "system": "system_by_host",
    "preaggregated_system": "preaggregated_system",
}
#: The values of ``family`` in the table ``aggregation``, by the type of :meth:`Indexer.iter_aggregation`.
FAMILIES = {"events": "event", "profiles": "profile", "system": "system"}


@dataclass
class AggregationConfig:
    """How records are aggregated.

    ``time_interval_ms``: the length of a bucket, in ms or as a text such as ``"5s"``. ``group_keys``: args whose values
    keep rows apart. ``custom_metric_fields``: the numeric args to keep as metrics; ``None`` keeps all.
    ``compute_percentiles``: whether percentiles are kept, with an accuracy of 1 %. ``group_by_file``: whether rows are
    kept apart by file.
    """

    time_interval_ms: Union[float, str, datetime.timedelta] = 5000.0
    group_keys: Optional[list[str]] = None
    custom_metric_fields: Optional[list[str]] = None
    compute_percentiles: bool = False
    group_by_file: bool = True

    def config(self) -> Config:
        """Return the configuration in the form that :func:`dft_utils.build` takes."""
        asked = self.time_interval_ms
        interval: Duration = asked / 1000 if isinstance(asked, (int, float)) else asked
        return Config(
            interval=f"{microseconds(interval, 'time_interval_ms')}us",
            group_keys=tuple(self.group_keys or ()),
            custom_metrics=True if self.custom_metric_fields is None else tuple(self.custom_metric_fields),
            percentiles=0.01 if self.compute_percentiles else None,
            group_by_file=self.group_by_file,
        )


@dataclass
class IndexStatus:
    """Which traces an index has.

    ``ready``: traces that are indexed. ``needs_work``: traces that a build would read; all of them if the index has
    another configuration than the requested one. ``truncated``: those of ``ready`` that end within a record or within a
    gzip member; what came before is indexed. ``removed``: traces of the index whose files no longer exist; their
    records stay in the index until a rebuild.
    """

    total_files: int
    ready: list[str] = field(default_factory=list)
    needs_work: list[str] = field(default_factory=list)
    index_path: str = ""
    aggregation_interval_us: int = 0
    truncated: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


class Indexer:
    """Traces and their index: builds and updates the index, and reads its tables.

    ``directory``: searched for traces, at any depth. ``files``: additional traces. ``index_dir``: the parent
    directory of the index, ``.dftagg``; the default is ``directory``, or the directory of the first file.
    ``require_aggregation``: how to aggregate; ``None`` uses an index as it is. ``parallelism``: the number of threads,
    0 for one per core. ``force_rebuild``: the next build rebuilds the index. ``memory`` and ``progress`` are those of
    :func:`dft_utils.build`.

    The other arguments configure tiers that this engine does not have. They have no effect.
    """

    def __init__(
        self,
        directory: PathLike = "",
        files: Optional[Sequence[PathLike]] = None,
        index_dir: PathLike = "",
        require_checkpoint: bool = True,
        require_bloom: bool = True,
        require_manifest: bool = True,
        require_aggregation: Union[None, bool, AggregationConfig] = None,
        checkpoint_size: int = 32 * 1024 * 1024,
        parallelism: int = 0,
        force_rebuild: bool = False,
        runtime: Any = None,
        *,
        memory: Optional[Size] = None,
        progress: Optional[OnProgress] = None,
    ) -> None:
        if not directory and not files:
            raise ValueError("At least one of 'directory' or 'files' must be provided")
        self._traces: list[str] = [os.fsdecode(path) for path in ([directory] if directory else [])]
        self._traces += [os.fsdecode(path) for path in files or ()]
        parent = os.fsdecode(index_dir) or os.fsdecode(directory)
        self.index_path = os.path.join(parent, ".dftagg") if parent else default_location(self._traces[:1])
        if require_aggregation is True:
            require_aggregation = AggregationConfig()
        self.aggregation_config: Optional[AggregationConfig] = require_aggregation or None
        self._parallelism = parallelism
        self._force_rebuild = force_rebuild
        self._memory = memory
        self._progress = progress
        self._opened: Optional[Index] = None

    def resolve(self) -> IndexStatus:
        """Return which traces are indexed, and which a build would read. Writes nothing."""
        # An open index does not change: see what others have written meanwhile.
        self.close()
        ready: list[str] = []
        needs_work: list[str] = []
        removed: list[str] = []
        rebuilds = self._force_rebuild or self._differences() != []
        for path, state in resolve(self._traces, self.index_path):
            if state == _abi.DFT_TRACE_GONE:
                removed.append(path)
            elif state != _abi.DFT_TRACE_NOT_READ:
                known = state == _abi.DFT_TRACE_KNOWN and not rebuilds
                (ready if known else needs_work).append(path)
        status = IndexStatus(len(ready) + len(needs_work), ready, needs_work, self.index_path, removed=removed)
        if self._existing() is not None:
            status.aggregation_interval_us = self._index().interval_us if self.aggregation_config else 0
            cut = {self._path_of(file) for file in self._index().files() if file.fault_kind == "truncated"}
            status.truncated = [path for path in ready if cut.intersection(_names_of(path))] if cut else []
        return status

    def build(self) -> None:
        """Add to the index all traces that it does not have yet.

        Raises :class:`dft_utils.ConfigError` if the index has another configuration than the requested one.
        """
        config = self._config()
        self.close()
        build(
            self._traces,
            self.index_path,
            config,
            memory=self._memory,
            threads=self._parallelism,
            rebuild=self._force_rebuild,
            progress=self._progress,
        )
        self._force_rebuild = False

    def ensure_indexed(self) -> IndexStatus:
        """Build the index if needed, and return its status.

        An index whose interval divides the requested interval is sufficient, because tables can be read at any
        multiple. Raises :class:`dft_utils.ConfigError` if the index has another configuration than the requested one.
        """
        self._config()
        if self._force_rebuild or self.resolve().needs_work or not os.path.isdir(self.index_path):
            self.build()
        return self.resolve()

    def _existing(self) -> Optional[Config]:
        """Return the configuration of the index; ``None`` if there is no index."""
        try:
            return self._index().config
        except NoIndexError:
            return None

    def _differences(self) -> list[str]:
        """Return how the index differs from the requested configuration, for a message; empty if it is sufficient."""
        existing = self._existing()
        if self.aggregation_config is None or existing is None:
            return []
        asked = self.aggregation_config.config()
        # What the configuration leaves open: an accuracy of percentiles, and whether labels are metrics, too.
        any_metrics = asked.custom_metrics is True and existing.custom_metrics == "all"
        both: list[tuple[str, Any, Any]] = [
            ("group_keys", list(existing.group_keys), list(asked.group_keys)),
            ("custom_metric_fields", _fields(existing), _fields(existing if any_metrics else asked)),
            ("compute_percentiles", existing.percentiles is not None, asked.percentiles is not None),
            ("group_by_file", existing.group_by_file, asked.group_by_file),
        ]
        if asked.interval_us % existing.interval_us:
            both.insert(0, ("an interval in µs of", existing.interval_us, asked.interval_us))
        return [f"{name} {here!r}, not {wanted!r}" for name, here, wanted in both if here != wanted]

    def _config(self) -> Config:
        """Return the configuration to build with: that of the index if there is one and it is sufficient."""
        asked = Config() if self.aggregation_config is None else self.aggregation_config.config()
        existing = None if self._force_rebuild else self._existing()
        if existing is None:
            return asked
        differences = self._differences()
        if differences:
            raise ConfigError(
                f"{self.index_path} was built with another configuration than the requested one: it has "
                f"{'; '.join(differences)}. Rebuild it with force_rebuild=True, put another index elsewhere with "
                "index_dir, or use it as it is with require_aggregation=None",
                path=self.index_path,
            )
        return existing

    def _index(self) -> Index:
        if self._opened is None:
            self._opened = Index(self.index_path)
        return self._opened

    def _path_of(self, file: File) -> str:
        """Return the path of a trace of the index."""
        return os.path.join(os.path.dirname(os.path.realpath(self.index_path)), file.path)

    def get_hash_table(self, hash_type: str) -> dict[str, str]:
        """Return all hashes and their names: ``file``, ``host`` or ``string``. A trace has none for ``proc``."""
        if hash_type == "proc":
            return {}
        if hash_type not in ("file", "host", "string"):
            raise ValueError("type must be 'file', 'host', 'string', or 'proc'")
        return self._index().names(hash_type)

    def query_file_info(self) -> tuple[dict[int, str], dict[int, set[int]]]:
        """Return the paths and the processes of the index's traces, by number, counted from 1."""
        found = list(enumerate(self._index().files(), start=1))
        traces = {number: self._path_of(file) for number, file in found}
        return traces, {number: set(file.pids) for number, file in found}

    def query_all_file_pids(self) -> dict[int, set[int]]:
        """Return the processes of each trace."""
        return self.query_file_info()[1]

    def query_file_pids(self, file_id: int) -> set[int]:
        """Return the processes of a trace; empty if there is no trace with this number."""
        return self.query_all_file_pids().get(file_id, set())

    def iter_arrow_dfanalyzer(
        self,
        type: str = "events",
        batch_size: int = 10000,
        time_granularity: float = 1.0,
        time_resolution: float = 1e6,
        query: Optional[str] = None,
    ) -> Iterator[Batch]:
        """Return the rows of a table in dfanalyzer's columns.

        ``type``: ``events``, ``profiles``, ``system`` or ``preaggregated_system``. ``time_granularity``: the length of
        a cell, in seconds, a multiple of the index's interval, or a divisor of it: then cells have the length of the
        interval, and ``time_range`` counts in the shorter unit. ``query`` selects calls; it does not filter telemetry.
        """
        return self._batches(type, batch_size, time_granularity, time_resolution, query, None)

    def iter_arrow_dfanalyzer_all(
        self,
        batch_size: int = 10000,
        time_granularity: float = 1.0,
        time_resolution: float = 1e6,
        query: Optional[str] = None,
        group_by: Optional[Sequence[str]] = None,
    ) -> dict[str, list[Batch]]:
        """Return the rows of ``events``, ``profiles`` and ``system``; ``group_by`` groups the first two.

        If the index has host statistics that a tracer aggregated, they are ``preaggregated_system``: they have the
        columns of ``events``, and ``system`` has those of telemetry.
        """
        tables = {
            type: list(self._batches(type, batch_size, time_granularity, time_resolution, query, group_by))
            for type in TABLES
        }
        if not tables["preaggregated_system"]:
            del tables["preaggregated_system"]
        return tables

    def iter_aggregation(self, type: str = "events", batch_size: int = 10000) -> Iterator[Batch]:
        """Return rows with full statistics of every metric.

        ``type``: ``events``, ``profiles``, or ``system`` for host statistics that a tracer aggregated. Telemetry is
        ``iter_arrow_dfanalyzer("system")``.
        """
        if type not in FAMILIES:
            raise ValueError("type must be 'events', 'profiles', or 'system'")
        family = f'family == "{FAMILIES[type]}"'
        return self._index().table("aggregation", batch_rows=batch_size, query=family).batches()

    def _batches(
        self,
        type: str,
        batch_size: int,
        granularity: float,
        resolution: float,
        query: Optional[str],
        group_by: Optional[Sequence[str]],
    ) -> Iterator[Batch]:
        if type not in TABLES:
            raise ValueError("type must be 'events', 'profiles', 'system', or 'preaggregated_system'")
        if resolution != 1e6:
            raise ValueError(
                f"a time_resolution of {resolution:g} is not supported: times in an index are in µs, whatever the unit "
                "of the trace, and time columns are in seconds"
            )
        unit, interval = microseconds(float(granularity), "time_granularity"), self._index().interval_us
        view: dict[str, Any] = {"granularity": f"{unit}us", "batch_rows": batch_size, "query": query or ""}
        if 0 < unit < interval and interval % unit == 0:
            view.update(granularity=f"{interval}us", range_unit=f"{unit}us")
        if type in ("events", "profiles"):
            view["group_by"] = group_by or ()
        return self._index().table(TABLES[type], **view).batches()

    def close(self) -> None:
        """Close the index; it is opened again when needed."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def __enter__(self) -> "Indexer":
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


def _names_of(path: str) -> set[str]:
    """Return the paths under which an index may have a trace."""
    folder, name = os.path.split(os.path.abspath(path))
    return {os.path.join(folder, name), os.path.join(os.path.realpath(folder), name), os.path.realpath(path)}


def _fields(config: Config) -> Union[None, str, list[str]]:
    """Return the custom metrics of a configuration as ``custom_metric_fields`` states them."""
    metrics = config.custom_metrics
    if isinstance(metrics, str):
        return metrics
    if isinstance(metrics, bool):
        return None if metrics else []
    return sorted(set(metrics))
