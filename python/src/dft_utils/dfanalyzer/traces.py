"""The traces that dfanalyzer was given, in an index: what its coordinator asks about."""

import os
from collections import Counter
from dataclasses import dataclass

import dft_utils
from dft_utils.index import default_location

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

    def __init__(self, directory="", files=None, require_aggregation=None, *, index, warn, **_tiers):
        self._traces = [directory] if directory else list(files or [])
        self._index = os.path.abspath(index or default_location(self._traces))
        self._granularity_us = in_microseconds(require_aggregation.time_interval_ms / 1000)
        self._warn = warn

    def ensure_indexed(self):
        """Brings what is new of the traces into their index."""
        report = dft_utils.build(self._traces, self._index, config=self._config())
        for fault in report.faults:
            self._warn(f"{fault.path}: {fault.message}")
        with dft_utils.open(self._index) as index:
            files = [os.path.join(os.path.dirname(self._index), file.path) for file in index.files()]
        self._check_that_no_others_are_in(files)
        return Status(len(files), self._index)

    def query_file_info(self):
        """Units of work, those with the most to read first: ({number: name}, {number: pids})."""
        series = Counter()
        with dft_utils.open(self._index) as index:
            for process in index.processes():
                series[process.pid] += process.series
        pids = [pid for pid, _ in series.most_common()]
        names = [TELEMETRY, *map(str, pids)]
        return dict(enumerate(names)), {number: {pid} for number, pid in enumerate(pids, start=1)}

    def close(self):
        """Is there for dfanalyzer, which closes its Indexer before workers read."""

    def _config(self):
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

    def _check_that_no_others_are_in(self, files):
        asked = [os.path.realpath(trace) for trace in self._traces]
        others = [file for file in files if not any(within(os.path.realpath(file), trace) for trace in asked)]
        if others:
            raise OtherTraces(
                f"{self._index} has {len(others)} traces that were not asked for, such as {others[0]}, and a report "
                "would be of all: analyze these traces in an index of their own, with --index DIR"
            )


def within(path, trace):
    return path == trace or path.startswith(os.path.join(trace, ""))
