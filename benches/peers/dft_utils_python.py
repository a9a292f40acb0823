"""This project's Python package: the calls that dfanalyzer makes, with the names of dftracer-utils 0.0.12."""

import indexer_tables
from common import Clock, arguments
from dft_utils.indexer import AggregationConfig, Indexer

given = arguments()

clock = Clock()
indexer = Indexer(
    files=sorted(str(file) for file in given.traces.iterdir()),
    index_dir=str(given.out),
    require_aggregation=AggregationConfig(time_interval_ms=given.interval_ms),
    parallelism=given.threads,
)
indexer_tables.read(indexer, given, clock)
