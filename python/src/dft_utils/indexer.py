"""The interface of the C++ library's Python package, ``dftracer.utils``, on this engine.

Names and meanings are those of dftracer-utils 0.0.12, so its users only need to change an import::

    from dft_utils.indexer import AggregationConfig, Indexer

This package reports more errors: an unknown field in a query, an interval that the index cannot serve, and a changed
trace are errors, not tables without rows. New code is shorter with :func:`dft_utils.build` and :func:`dft_utils.open`.
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

    ``time_interval_ms``: the length of a bucket. ``group_keys``: args whose values keep rows apart.
    ``custom_metric_fields``: the numeric args to keep as metrics; ``None`` keeps all.
    ``compute_percentiles``: whether percentiles are kept, with an accuracy of 1 %.
    """

    time_interval_ms: float = 5000.0
    group_keys: Optional[list[str]] = None
    custom_metric_fields: Optional[list[str]] = None
    compute_percentiles: bool = False

    def config(self) -> Config:
        """Return the configuration in the form that :func:`dft_utils.build` takes."""
        return Config(
            interval=self.time_interval_ms / 1000,
            group_keys=tuple(self.group_keys or ()),
            custom_metrics=True if self.custom_metric_fields is None else tuple(self.custom_metric_fields),
            percentiles=0.01 if self.compute_percentiles else None,
        )


@dataclass
class IndexStatus:
    """Which traces an index has."""

    total_files: int
    ready: list[str]
    needs_work: list[str]
    index_path: str = ""
    aggregation_interval_us: int = 0


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
        """Add to the index all traces that it does not have yet."""
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
        multiple. Raises :class:`dft_utils.ConfigError` if its interval does not divide the requested one.
        """
        self._config()
        if self._force_rebuild or self.resolve().needs_work or not os.path.isdir(self.index_path):
            self.build()
        return self.resolve()

    def _config(self) -> Config:
        """Return the requested configuration, with the interval of the index if there is one."""
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
                f"requested {asked.interval_us} µs: rebuild it with force_rebuild=True, or put another index "
                "elsewhere with index_dir",
                path=self.index_path,
            )
        return replace(asked, interval=existing.interval)

    def _index(self) -> Index:
        if self._opened is None:
            self._opened = Index(self.index_path)
        return self._opened

    def get_hash_table(self, hash_type: str) -> dict[str, str]:
        """Return all hashes and their names: ``file``, ``host`` or ``string``. A trace has none for ``proc``."""
        if hash_type == "proc":
            return {}
        if hash_type not in ("file", "host", "string"):
            raise ValueError("type must be 'file', 'host', 'string', or 'proc'")
        return self._index().names(hash_type)

    def query_file_info(self) -> tuple[dict[int, str], dict[int, set[int]]]:
        """Return the paths and the processes of the index's traces, by number, counted from 1."""
        home = os.path.dirname(os.path.realpath(self.index_path))
        found = list(enumerate(self._index().files(), start=1))
        traces = {number: os.path.join(home, file.path) for number, file in found}
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
        """Return the rows of a table, ``events``, ``profiles`` or ``system``, in dfanalyzer's columns.

        ``time_granularity``: the length of a cell, in seconds, a multiple of the index's interval. ``query`` selects
        calls; it does not filter telemetry.
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
        """Return the rows of ``events``, ``profiles`` and ``system``; ``group_by`` groups the first two."""
        return {
            type: list(self._batches(type, batch_size, time_granularity, time_resolution, query, group_by))
            for type in TYPES
        }

    def iter_aggregation(self, type: str = "events", batch_size: int = 10000) -> Iterator[Batch]:
        """Return rows with full statistics of every metric of ``events`` or ``profiles``; telemetry for ``system``."""
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
                f"a time_resolution of {resolution:g} is not supported: times in an index are in µs, whatever the unit "
                "of the trace, and time columns are in seconds"
            )
        view: dict[str, Any] = {"granularity": float(granularity), "batch_rows": batch_size, "query": query or ""}
        if type != "system":
            view["group_by"] = group_by or ()
        # As in the C++ library: one row for each host, name and cell.
        table = "system_by_host" if type == "system" else type
        return self._index().table(table, **view).batches()

    def close(self) -> None:
        """Close the index; it is opened again when needed."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def __enter__(self) -> "Indexer":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
