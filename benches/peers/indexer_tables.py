"""Indexes and reads tables with an `Indexer`, as dfanalyzer does."""

import pyarrow
import pyarrow.compute
from common import say, size


def read(indexer, given, clock):
    """Index the traces, read every table, and print the totals."""
    indexer.ensure_indexed()
    clock.lap("index")
    streams = indexer.iter_arrow_dfanalyzer_all(batch_size=65536, time_granularity=given.interval_ms / 1000)
    batches = {name: [pyarrow.record_batch(batch) for batch in stream] for name, stream in streams.items()}
    clock.lap("tables")
    # Readings are in other tables than calls, some of them in `profiles`.
    every = [batch for table in batches.values() for batch in table]
    say(
        clock,
        calls=total("count", every),
        time_us=round(total("time", batches["events"]) * 1e6),
        transferred=total("size", batches["events"]),
        rows=sum(batch.num_rows for batch in every),
        index_bytes=size(given.out),
    )


def total(name, batches):
    return sum(pyarrow.compute.sum(batch[name]).as_py() or 0 for batch in batches)
