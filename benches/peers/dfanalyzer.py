"""dfanalyzer 0.0.9: its analysis of traces by time, with its own reader, on one worker in this process.

The seconds are those of its analysis: they do not have Python's start, imports and the start of the Dask cluster.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from common import Clock
from dftracer.analyzer import init_with_hydra

parser = argparse.ArgumentParser()
parser.add_argument("traces", type=Path, help="directory of the trace files")
parser.add_argument("--preset", required=True)
parser.add_argument("--threads", type=int, required=True)
given = parser.parse_args()

with tempfile.TemporaryDirectory() as work:
    run = init_with_hydra(
        [
            f"trace_path={given.traces}",
            f"analyzer/preset={given.preset}",
            "analyzer.checkpoint=False",
            "cluster.n_workers=1",
            "cluster.processes=False",
            f"+cluster.threads_per_worker={given.threads}",
            f"cluster.local_directory={work}/dask",
            f"hydra.run.dir={work}",
            "view_types=[time_range]",
        ]
    )
    clock = Clock()
    result = run.analyze_trace()
    clock.lap("analyze")
    run.output.handle_result(result=result)
    clock.lap("print")
    run.shutdown()
    sys.stdout.flush()
    print(json.dumps({"seconds": clock.seconds, "calls": int(result.raw_stats.total_event_count)}))
