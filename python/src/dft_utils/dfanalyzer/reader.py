"""The functions that dfanalyzer's workers run: they read a share of an index as Arrow IPC.

dfanalyzer passes :func:`read_share` to its workers by name, so the workers only need to be able to import this
package.
"""

from collections.abc import Iterable
from typing import Any, Optional

import pyarrow as pa

import dft_utils

TELEMETRY = "telemetry"
"""The unit of work for the hosts' telemetry. Every other unit is a process, by its pid."""

MICROSECONDS = 1e6


def deal(units: Iterable[int], workers: int) -> dict[int, list[int]]:
    """Assign each unit of work to one worker: {worker: units}.

    The heaviest units come first, so rounds alternate between ascending and descending order of workers.
    """
    workers = max(workers, 1)
    hands: dict[int, list[int]] = {}
    for place, unit in enumerate(sorted(units)):
        turn, worker = divmod(place, workers)
        hands.setdefault(workers - 1 - worker if turn % 2 else worker, []).append(unit)
    return hands


def read_share(
    units: list[str],
    index_path: str,
    time_granularity: float,
    time_resolution: float,
    query: Optional[str] = None,
) -> dict[str, Optional[bytes]]:
    """Read units of work from an index: {table: Arrow IPC stream, or None if it has no rows}.

    ``query`` is ignored: dfanalyzer derives it from the pids of the units.
    """
    granularity = f"{in_microseconds(time_granularity, time_resolution)}us"
    pids = [int(unit) for unit in units if unit != TELEMETRY]
    share: dict[str, Optional[bytes]] = {"events": None, "profiles": None, "system": None}
    with dft_utils.open(index_path) as index:
        if pids:
            for table in ("events", "profiles"):
                share[table] = to_ipc(index.table(table, granularity=granularity, pid=pids))
        if TELEMETRY in units:
            share["system"] = to_ipc(index.table("system_by_host", granularity=granularity))
    return share


def in_microseconds(time_granularity: float, time_resolution: float = MICROSECONDS) -> int:
    """Return the length of a cell in µs, from dfanalyzer's settings."""
    if time_resolution != MICROSECONDS:
        raise ValueError(
            f"analyzer.time_resolution is {time_resolution:g}: an index is read in µs, so leave it at 1e6"
        )
    granularity_us = round(time_granularity * MICROSECONDS)
    if granularity_us < 1:
        raise ValueError(f"analyzer.time_granularity is {time_granularity:g} s: the minimum is 1 µs")
    return granularity_us


def to_ipc(table: Any) -> Optional[bytes]:
    """Return a table as the bytes of an Arrow IPC stream; None if it has no rows."""
    reader = pa.RecordBatchReader.from_stream(table)
    sink = pa.BufferOutputStream()
    rows = 0
    with pa.ipc.new_stream(sink, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return sink.getvalue().to_pybytes() if rows else None
