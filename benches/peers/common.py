"""What the peers share: their arguments, what they say, and what is known of functions and args.

Polars and DuckDB write one Parquet file, `events.parquet`: the columns of the `events` table of `dft export`,
and the statistics that its index holds beside them. Of each metric (`dur size offset`, and the numeric args)
those are how many samples, their sum, least, greatest, mean and sample standard deviation; what the table
says already (`time_min`, say) is not written twice. `same_table.py` compares every value.

Both are written for these traces, by someone who knows them: one pass over the files, with their schema given
rather than found out. They read hashes as text, calls (`X`) and metadata (`M`), and µs, which is what the traces
of the comparison have; no other generation of tracers, telemetry, unit of time or faulty line. Rows are not
sorted, sums are of 64 bits, nothing is kept that more files could be added to, and nothing is made durable.
"""

import argparse
import json
import time
from pathlib import Path

READ = "read pread pread64 readv preadv preadv64 preadv2 fread".split()
WRITE = "write pwrite pwrite64 writev pwritev pwritev64 pwritev2 fwrite".split()
NETWORK = "recv recvfrom recvmsg send sendto sendmsg splice sendfile copy_file_range".split()
METADATA = """
    __fxstat __fxstat64 __lxstat __lxstat64 __xstat __xstat64 access close closedir fclose fcntl fopen fopen64 fseek
    fseeko fseeko64 fstat fstat64 fstatat fstatat64 ftell ftello ftello64 ftruncate ftruncate64 link lseek lseek64
    mkdir open open64 opendir readdir readdir64 readlink remove rename rmdir seek stat stat64 unlink
""".split()
PCTL = "exec exit fork kill pipe wait".split()
IPC = "msgctl msgget msgrcv msgsnd semctl semget semop shmat shmctl shmdt shmget".split()
SYNC = "fsync fdatasync msync sync".split()

# The calls of the categories posix and stdio that return the bytes they moved.
TRANSFERS = READ + WRITE + NETWORK

# The number of each kind of I/O in the column io_cat; 6 is any other.
IO_CATEGORIES = {
    name: number
    for number, names in {1: READ, 2: WRITE, 3: METADATA, 4: PCTL, 5: IPC, 7: SYNC}.items()
    for name in names
}

# The numeric args of the traces, those aside that have columns of their own.
CUSTOM = "count epoch fd flags level mode p_idx step whence".split()


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
