"""The types of results, as a type checker sees them. mypy checks this file; nothing runs it."""

from collections.abc import Iterator
from typing import Any, Optional

from typing_extensions import assert_type

import dft_utils
from dft_utils import Batch, BuildReport, Config, File, Index, IndexInfo, IngestReport, Piece, Process, Progress, Table
from dft_utils.indexer import AggregationConfig, Indexer, IndexStatus


def show(progress: Progress) -> None:
    assert_type(progress.stage, str)
    assert_type(progress.bytes_read, int)


report = dft_utils.build("traces", "index", Config("1s", percentiles=0.01), memory="256M", progress=show)
assert_type(report, BuildReport)
assert_type([fault.message for fault in report.faults], list[str])
dft_utils.build(["a", b"b"], progress=False)
assert_type(dft_utils.plan("traces", "1G"), list[Piece])
assert_type(dft_utils.ingest("index", "shared"), IngestReport)

with dft_utils.open("index") as index:
    assert_type(index, Index)
    assert_type(index.info(), IndexInfo)
    assert_type(index.bounds_us, Optional[tuple[int, int]])
    assert_type(index.files(), list[File])
    assert_type(index.processes(), list[Process])
    assert_type(index.names("file"), dict[str, str])
    assert_type(index.summary(), dict[str, Any])
    table = index.table("events", granularity="5s", pid=[1, 2])
    assert_type(table, Table)
    assert_type(table.columns, list[str])
    assert_type(table.batches(), Iterator[Batch])

with Indexer("traces", require_aggregation=AggregationConfig("5s")) as indexer:
    assert_type(indexer.ensure_indexed(), IndexStatus)
    assert_type(indexer.resolve().removed, list[str])
    assert_type(indexer.iter_arrow_dfanalyzer_all(), dict[str, list[Batch]])
    assert_type(indexer.iter_aggregation(), Iterator[Batch])
    assert_type(indexer.query_file_info(), tuple[dict[int, str], dict[int, set[int]]])

aggregator = dft_utils.Aggregator(Config(interval="1s"))
assert_type(aggregator.add_lines(["{}"]), int)
assert_type(aggregator.table("profiles"), Table)
