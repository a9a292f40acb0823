"""The index of the traces that dfanalyzer analyzes, for dfanalyzer's coordinator."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable, Optional, Protocol

import dft_utils

from .reader import TELEMETRY, in_microseconds


class Aggregation(Protocol):
    """The part of dfanalyzer's aggregation configuration that is read."""

    time_interval_ms: float


@dataclass(frozen=True)
class Status:
    """The fields of an index's status that dfanalyzer reads."""

    total_files: int
    index_path: str


class OtherTraces(ValueError):
    """An index has traces that are not to be analyzed."""


class Traces:
    """A replacement for dfanalyzer's Indexer, with the methods that dfanalyzer calls.

    Where the Indexer reports files, this class reports units of work, which :func:`.reader.deal` assigns to workers:
    each process is a unit, and the hosts' telemetry is a unit. So workers have no rows in common and no row is left
    out, whichever processes wrote to whichever files.
    """

    def __init__(
        self,
        directory: str = "",
        files: Optional[Sequence[str]] = None,
        require_aggregation: Optional[Aggregation] = None,
        *,
        index: Optional[dft_utils.PathLike],
        staging: Optional[dft_utils.PathLike],
        warn: Callable[[str], Any],
        **_tiers: Any,
    ) -> None:
        self._directory = directory
        self._files = list(files or [])
        if require_aggregation is None:
            raise ValueError("there is no require_aggregation, which has the granularity")
        self._granularity_us = in_microseconds(require_aggregation.time_interval_ms / 1000)
        self._staging = staging
        self._warn = warn
        # The directory may be an index itself, whose traces may be elsewhere, or may never have existed.
        self._given = index is None and bool(directory) and is_index(directory)
        if self._given:
            index = directory
        self._index = os.path.abspath(os.fsdecode(index or dft_utils.default_location(self._traces())))

    def _traces(self) -> list[str]:
        return [self._directory] if self._directory else self._files

    def ensure_indexed(self) -> Status:
        """Add what is new in the traces to their index."""
        config = self._config()
        if not self._given:
            for fault in self._build(config).faults:
                self._warn(f"{fault.path}: {fault.message}")
        with dft_utils.open(self._index) as index:
            files = [os.path.join(os.path.dirname(self._index), file.path) for file in index.files()]
        if not self._given:
            self._check_that_no_others_are_in(files)
        return Status(len(files), self._index)

    def _build(self, config: dft_utils.Config) -> dft_utils.BuildReport:
        if self._staging is None:
            return dft_utils.build(self._traces(), self._index, config)
        from dft_utils.dask import distributed_index

        return distributed_index(self._traces(), self._index, None, self._staging, config=config)

    def query_file_info(self) -> tuple[dict[int, str], dict[int, set[int]]]:
        """Return the units of work, heaviest first: ({number: name}, {number: pids})."""
        series: Counter[int] = Counter()
        with dft_utils.open(self._index) as index:
            for process in index.processes():
                series[process.pid] += process.series
        pids = [pid for pid, _ in series.most_common()]
        names = [TELEMETRY, *map(str, pids)]
        return dict(enumerate(names)), {number: {pid} for number, pid in enumerate(pids, start=1)}

    def close(self) -> None:
        """Do nothing. dfanalyzer closes its Indexer before workers read."""

    def _config(self) -> dft_utils.Config:
        """Return the configuration of the index, or, for a new index, one with the requested granularity."""
        asked = f"{self._granularity_us}us"
        try:
            with dft_utils.open(self._index) as index:
                config = index.config
        except dft_utils.NoIndexError:
            return dft_utils.Config(interval=asked)
        if self._granularity_us % config.interval_us:
            raise dft_utils.ConfigError(
                f"{self._index} has an interval of {config.interval_us} µs, and analyzer.time_granularity, "
                f"{self._granularity_us} µs, is not a multiple of it: choose a multiple, or build another index "
                "with --index DIR",
                path=self._index,
            )
        return config

    def _check_that_no_others_are_in(self, files: list[str]) -> None:
        asked = {os.path.realpath(file) for file in self._files}
        within = os.path.join(os.path.realpath(self._directory), "") if self._directory else None
        found = map(os.path.realpath, files)
        others = [file for file in found if not (file.startswith(within) if within else file in asked)]
        if others:
            raise OtherTraces(
                f"{self._index} has {len(others)} traces that were not requested, such as {others[0]}, and the "
                "report would include them: analyze the requested traces in a separate index, with --index DIR"
            )


def is_index(path: str) -> bool:
    try:
        dft_utils.open(path).close()
    except dft_utils.NoIndexError:
        return False
    return True
