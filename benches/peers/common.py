"""What the peers share: their arguments, what they say, and which calls transfer data."""

import argparse
import json
import time
from pathlib import Path

# The calls of the categories posix and stdio that return the bytes they moved.
TRANSFERS = """
    read pread pread64 readv preadv preadv64 preadv2 fread
    write pwrite pwrite64 writev pwritev pwritev64 pwritev2 fwrite
    recv recvfrom recvmsg send sendto sendmsg splice sendfile copy_file_range
""".split()


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("traces", type=Path, help="directory of the trace files")
    parser.add_argument("out", type=Path, help="directory to write to, empty")
    parser.add_argument("--interval-ms", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    return parser.parse_args()


class Clock:
    """Seconds by name, of what is run in between."""

    def __init__(self):
        self.seconds = {}
        self.last = time.perf_counter()

    def lap(self, name):
        now = time.perf_counter()
        self.seconds[name] = now - self.last
        self.last = now


def size(path):
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def say(clock, *, calls, time_us, transferred, rows, index_bytes):
    """One line of JSON, the last of stdout."""
    totals = {"calls": int(calls), "time_us": int(time_us), "bytes": int(transferred)}
    print(json.dumps({"seconds": clock.seconds, "totals": totals, "rows": int(rows), "index_bytes": index_bytes}))
