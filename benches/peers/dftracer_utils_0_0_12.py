"""dftracer-utils 0.0.12: its indexer with the aggregation tier, then the read of dfanalyzer."""

import indexer_tables
from common import Clock, arguments
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
indexer_tables.read(indexer, given, clock)
