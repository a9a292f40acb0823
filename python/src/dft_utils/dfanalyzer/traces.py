"""The traces that dfanalyzer was given, in an index: what its coordinator asks about."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable, Optional

import dft_utils

from .reader import TELEMETRY, in_microseconds


@dataclass(frozen=True)
class Status:
    """What dfanalyzer reads of an index's status."""

    total_files: int
    index_path: str


class OtherTraces(ValueError):
    """An index has traces in it that are not those to be analyzed."""


class Traces:
    """Takes the place of the Indexer that dfanalyzer makes: the same calls, of those that it makes.

    What that one says of files, this one says of units of work, which :func:`.reader.deal` deals out: each
    process is one, and the hosts' telemetry is one. No two workers have rows in common then, and none is left
    out, whatever processes wrote to whichever files.
    """

    def __init__(
        self,
        directory: str = "",
        files: Optional[Sequence[str]] = None,
        require_aggregation: Optional[dft_utils.AggregationConfig] = None,
        *,
        index: Optional[dft_utils.PathLike],
        staging: Optional[dft_utils.PathLike],
        warn: Callable[[str], Any],
        **_tiers: Any,
    ) -> None:
        self._directory = directory
        self._files = list(files or [])
        self._granularity_us = in_microseconds(require_aggregation.time_interval_ms / 1000)
        self._staging = staging
        self._warn = warn
        # What is analyzed may be an index itself, whose traces may be elsewhere, or never have been.
        self._given = index is None and bool(directory) and is_index(directory)
        if self._given:
            index = directory
        self._index = os.path.abspath(index or dft_utils.default_location(self._traces()))

    def _traces(self) -> list[str]:
        return [self._directory] if self._directory else self._files

    def ensure_indexed(self) -> Status:
        """Brings what is new of the traces into their index."""
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
        """Units of work, those with the most to read first: ({number: name}, {number: pids})."""
        series: Counter = Counter()
        with dft_utils.open(self._index) as index:
            for process in index.processes():
                series[process.pid] += process.series
        pids = [pid for pid, _ in series.most_common()]
        names = [TELEMETRY, *map(str, pids)]
        return dict(enumerate(names)), {number: {pid} for number, pid in enumerate(pids, start=1)}

    def close(self) -> None:
        """Is there for dfanalyzer, which closes its Indexer before workers read."""

    def _config(self) -> dft_utils.Config:
        """That of the index, if it serves the granularity that is asked for; a new one is at that."""
        asked = f"{self._granularity_us}us"
        try:
            with dft_utils.open(self._index) as index:
                config = index.config
        except dft_utils.NoIndexError:
            return dft_utils.Config(interval=asked)
        if self._granularity_us % config.interval_us:
            raise dft_utils.ConfigError(
                f"{self._index} has an interval of {config.interval_us} µs, which analyzer.time_granularity, "
                f"{self._granularity_us} µs, is no multiple of: choose one that is, or have another index made "
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
                f"{self._index} has {len(others)} traces that were not asked for, such as {others[0]}, and a "
                "report would be of all: analyze these traces in an index of their own, with --index DIR"
            )


def is_index(path: str) -> bool:
    try:
        dft_utils.open(path).close()
    except dft_utils.NoIndexError:
        return False
    return True
