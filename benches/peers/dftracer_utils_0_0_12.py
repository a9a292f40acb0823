"""dftracer-utils 0.0.12: its indexer with the aggregation tier, then the read of dfanalyzer."""

import pyarrow
import pyarrow.compute
from common import Clock, arguments, say, size
from dftracer.utils.indexer import AggregationConfig, Indexer
from dftracer.utils.runtime import Runtime

given = arguments()
runtime = Runtime(threads=given.threads)

clock = Clock()
indexer = Indexer(
    files=sorted(str(file) for file in given.traces.iterdir()),
    index_dir=str(given.out),
    require_bloom=False,
    require_manifest=False,
    require_aggregation=AggregationConfig(time_interval_ms=given.interval_ms),
    parallelism=given.threads,
    runtime=runtime,
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
