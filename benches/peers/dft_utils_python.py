"""This project's Python package: the calls that dfanalyzer makes, with the names of dftracer-utils 0.0.12."""

import pyarrow
import pyarrow.compute
from common import Clock, arguments, say, size
from dft_utils.indexer import AggregationConfig, Indexer

given = arguments()

clock = Clock()
indexer = Indexer(
    files=sorted(str(file) for file in given.traces.iterdir()),
    index_dir=str(given.out),
    require_aggregation=AggregationConfig(time_interval_ms=given.interval_ms),
    parallelism=given.threads,
)
indexer.ensure_indexed()
clock.lap("index")
streams = indexer.iter_arrow_dfanalyzer_all(batch_size=65536, time_granularity=given.interval_ms / 1000)
batches = {name: [pyarrow.record_batch(batch) for batch in stream] for name, stream in streams.items()}
clock.lap("tables")

# Readings are in other tables than calls, some of them in `profiles`.
every = [batch for table in batches.values() for batch in table]


def total(name, batches):
    return sum(pyarrow.compute.sum(batch[name]).as_py() or 0 for batch in batches)


say(
    clock,
    calls=total("count", every),
    time_us=round(total("time", batches["events"]) * 1e6),
    transferred=total("size", batches["events"]),
    rows=sum(batch.num_rows for batch in every),
    index_bytes=size(given.out),
)
