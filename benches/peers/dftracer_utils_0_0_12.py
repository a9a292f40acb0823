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
batches = indexer.iter_arrow_dfanalyzer_all(batch_size=65536, time_granularity=given.interval_ms / 1000)["events"]
events = pyarrow.Table.from_batches([pyarrow.record_batch(batch) for batch in batches])
clock.lap("tables")

total = {name: pyarrow.compute.sum(events[name]).as_py() for name in ["count", "time", "size"]}
say(
    clock,
    calls=total["count"],
    time_us=round(total["time"] * 1e6),
    transferred=total["size"],
    rows=events.num_rows,
    index_bytes=size(given.out),
)
