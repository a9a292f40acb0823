"""The interface of the C++ library's Python package, ``dftracer.utils``, on this engine.

Names and meanings are those of dftracer-utils 0.0.12, so that its users change an import::

    from dft_utils.indexer import AggregationConfig, Indexer

Where it differs, this says more: a query that names no field, an interval that the index cannot serve, and a
trace that changed are errors, not tables without rows. New code is shorter with :func:`dft_utils.build` and
:func:`dft_utils.open`.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional, Union

from . import _abi
from ._library import PathLike
from .arrow import Batch
from .builds import OnProgress, build, resolve
from .config import Config
from .errors import ConfigError, NoIndexError
from .index import Index, default_location
from .units import Size

TYPES = ("events", "profiles", "system")


@dataclass
class AggregationConfig:
    """How records are aggregated.

    ``time_interval_ms``: the length of a time bucket. ``group_keys``: args whose values keep rows apart.
    ``custom_metric_fields``: the numeric args to keep as metrics, or all of them where this is ``None``.
    ``compute_percentiles``: whether percentiles are kept, to 1 %.
    """

    time_interval_ms: float = 5000.0
    group_keys: Optional[list[str]] = None
    custom_metric_fields: Optional[list[str]] = None
    compute_percentiles: bool = False

    def config(self) -> Config:
        """The same, as :func:`dft_utils.build` takes it."""
        return Config(
            interval=self.time_interval_ms / 1000,
            group_keys=tuple(self.group_keys or ()),
            custom_metrics=True if self.custom_metric_fields is None else tuple(self.custom_metric_fields),
            percentiles=0.01 if self.compute_percentiles else None,
        )


@dataclass
class IndexStatus:
    """Which traces are in an index."""

    total_files: int
    ready: list[str]
    needs_work: list[str]
    index_path: str = ""
    aggregation_interval_us: int = 0


class Indexer:
    """Traces, and their index: makes it, keeps it fresh, and reads tables of it.

    ``directory``: searched for traces, at any depth. ``files``: traces, beside those. ``index_dir``: where
    the index, ``.dftagg``, is put; in ``directory``, or beside the first file, where none is given.
    ``require_aggregation``: how to aggregate; ``None`` takes an index as it is. ``parallelism``: threads, 0
    for as many as there are cores. ``force_rebuild``: the next build makes the index anew. ``memory`` and
    ``progress`` are those of :func:`dft_utils.build`.

    The other arguments are of tiers that this engine has no need of, and are taken without effect.
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
        beside = os.fsdecode(index_dir) or os.fsdecode(directory)
        self.index_path = os.path.join(beside, ".dftagg") if beside else default_location(self._traces[:1])
        if require_aggregation is True:
            require_aggregation = AggregationConfig()
        self.aggregation_config: Optional[AggregationConfig] = require_aggregation or None
        self._parallelism = parallelism
        self._force_rebuild = force_rebuild
        self._memory = memory
        self._progress = progress
        self._opened: Optional[Index] = None

    def resolve(self) -> IndexStatus:
        """Which traces are in the index, and which a build would read; nothing is written."""
        ready: list[str] = []
        needs_work: list[str] = []
        for path, state in resolve(self._traces, self.index_path):
            if state == _abi.DFT_TRACE_NOT_READ:
                continue
            known = state == _abi.DFT_TRACE_KNOWN and not self._force_rebuild
            (ready if known else needs_work).append(path)
        interval = 0
        if self.aggregation_config is not None and os.path.isdir(self.index_path):
            try:
                interval = self._index().interval_us
            except NoIndexError:
                pass
        return IndexStatus(len(ready) + len(needs_work), ready, needs_work, self.index_path, interval)

    def build(self) -> None:
        """Brings all traces into the index that are not in it yet."""
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
        """Builds what is needed, and says what is in the index.

        An index of a finer interval that divides the one that is asked for serves it: tables are read at any
        multiple. Raises :class:`dft_utils.ConfigError` where it does not.
        """
        self._config()
        if self._force_rebuild or self.resolve().needs_work or not os.path.isdir(self.index_path):
            self.build()
        return self.resolve()

    def _config(self) -> Config:
        """How to aggregate: as is asked for, at the interval of the index that is there."""
        asked = self.aggregation_config and self.aggregation_config.config()
        try:
            existing = None if self._force_rebuild else self._index().config
        except NoIndexError:
            existing = None
        if existing is None:
            return asked or Config()
        if asked is None:
            return existing
        if asked.interval_us % existing.interval_us:
            raise ConfigError(
                f"{self.index_path} has an interval of {existing.interval_us} µs, which does not divide the "
                f"{asked.interval_us} µs that are asked for: make it anew with force_rebuild=True, or put another "
                "one elsewhere with index_dir",
                path=self.index_path,
            )
        return replace(asked, interval=existing.interval)

    def _index(self) -> Index:
        if self._opened is None:
            self._opened = Index(self.index_path)
        return self._opened

    def get_hash_table(self, hash_type: str) -> dict[str, str]:
        """What hashes stand for: ``file``, ``host`` or ``string``; of ``proc`` a trace has none."""
        if hash_type == "proc":
            return {}
        if hash_type not in ("file", "host", "string"):
            raise ValueError("type must be 'file', 'host', 'string', or 'proc'")
        return self._index().names(hash_type)

    def query_file_info(self) -> tuple[dict[int, str], dict[int, set[int]]]:
        """The traces of the index by number, from 1: their paths, and the processes that are in each."""
        home = os.path.dirname(os.path.realpath(self.index_path))
        found = list(enumerate(self._index().files(), start=1))
        traces = {number: os.path.join(home, file.path) for number, file in found}
        return traces, {number: set(file.pids) for number, file in found}

    def query_all_file_pids(self) -> dict[int, set[int]]:
        """The processes that are in each trace."""
        return self.query_file_info()[1]

    def query_file_pids(self, file_id: int) -> set[int]:
        """The processes that are in a trace; none where there is no such number."""
        return self.query_all_file_pids().get(file_id, set())

    def iter_arrow_dfanalyzer(
        self,
        type: str = "events",
        batch_size: int = 10000,
        time_granularity: float = 1.0,
        time_resolution: float = 1e6,
        query: Optional[str] = None,
    ) -> Iterator[Batch]:
        """The rows of a table, in dfanalyzer's columns: ``events``, ``profiles`` or ``system``.

        ``time_granularity``: the length of a cell, in seconds, a multiple of the index's interval. A query
        asks for some calls; telemetry is not filtered by it.
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
        """The rows of the three tables: ``events`` and ``profiles``, grouped if it is asked for, and ``system``."""
        return {
            type: list(self._batches(type, batch_size, time_granularity, time_resolution, query, group_by))
            for type in TYPES
        }

    def iter_aggregation(self, type: str = "events", batch_size: int = 10000) -> Iterator[Batch]:
        """Rows with full statistics of every metric, of calls (``events``) or of ``profiles``; for ``system``,
        telemetry."""
        if type not in TYPES:
            raise ValueError("type must be 'events', 'profiles', or 'system'")
        if type == "system":
            return self._index().table("system_by_host", batch_rows=batch_size).batches()
        family = {"events": "event", "profiles": "profile"}[type]
        return self._index().table("aggregation", batch_rows=batch_size, query=f'family == "{family}"').batches()

    def _batches(
        self,
        type: str,
        batch_size: int,
        granularity: float,
        resolution: float,
        query: Optional[str],
        group_by: Optional[Sequence[str]],
    ) -> Iterator[Batch]:
        if type not in TYPES:
            raise ValueError("type must be 'events', 'profiles', or 'system'")
        if resolution != 1e6:
            raise ValueError(
                f"a time_resolution of {resolution:g} is of no use here: times of an index are in µs, whatever the "
                "trace's unit was, and columns of times in seconds"
            )
        view: dict[str, Any] = {"granularity": float(granularity), "batch_rows": batch_size, "query": query or ""}
        if type != "system":
            view["group_by"] = group_by or ()
        # As the C++ library's users know it: one row a host, name and cell.
        table = "system_by_host" if type == "system" else type
        return self._index().table(table, **view).batches()

    def close(self) -> None:
        """Closes the index; it is opened again where it is needed."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def __enter__(self) -> "Indexer":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
