"""dftracer-utils 0.0.14: its indexer with only the aggregation tier, then the read of dfanalyzer."""

from common import Clock, arguments, say, size
from dftracer.utils import AggregationConfig, Indexer, Runtime, set_default_runtime
from dftracer.utils.dfanalyzer import view_typed_frames

given = arguments()
files = sorted(str(file) for file in given.traces.iterdir())
runtime = Runtime(threads=given.threads)
set_default_runtime(runtime)

clock = Clock()
indexer = Indexer(
    files=files,
    index_dir=str(given.out),
    require_bloom=False,
    build_bloom=False,
    require_aggregation=AggregationConfig(time_interval_ms=given.interval_ms),
    parallelism=given.threads,
    runtime=runtime,
)
index = indexer.ensure_indexed()
clock.lap("index")
frames = view_typed_frames(files, index.index_path, time_granularity=given.interval_ms / 1000)
clock.lap("tables")
events = frames["events"]
# Readings are in other frames, some of them in `profiles`.
frames = [frame for frame in frames.values() if len(frame)]

say(
    clock,
    calls=sum(frame["count"].sum() for frame in frames),
    time_us=round(events["time"].sum() * 1e6) if len(events) else 0,
    transferred=events["size"].sum() if len(events) else 0,
    rows=sum(len(frame) for frame in frames),
    index_bytes=size(given.out),
)
