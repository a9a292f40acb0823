"""Read traces as rows, without an Arrow library. Runs in a clean environment that has only the wheel.

    python smoke.py TRACES
"""

import sys
import tempfile

import dft_utils

with tempfile.TemporaryDirectory() as work:
    report = dft_utils.build(sys.argv[1], f"{work}/index")
    assert report.records > 0 and not report.faults, report
    with dft_utils.open(f"{work}/index") as index:
        rows = sum(map(len, index.table("events").batches()))
        assert rows == index.info().event_rows > 0
        assert index.summary()["calls"]["calls"] > 0
        index.verify()
        index.export(f"{work}/tables")
    live = dft_utils.Aggregator()
    live.add("read", "POSIX", 5, 3, ret=4096)
    assert sum(map(len, live.table().batches())) == 1
print(f"python {sys.version.split()[0]}: 1 passed, 0 failed")
