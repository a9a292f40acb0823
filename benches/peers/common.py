"""What the peers share: arguments, output, and knowledge of functions and args.

Polars and DuckDB write one Parquet file, `events.parquet`: the columns of the `events` table of `dft export`,
and the other statistics of its index. For each metric (`dur size offset`, and the numeric args) these are the
number of samples, and their sum, minimum, maximum, mean and sample standard deviation; a statistic that the table
already has (such as `time_min`) is not repeated. `same_table.py` compares every value.

Both scripts are specialized for the traces of the comparison: they read the files in one pass, with a given schema.
They support text hashes, calls (`X`), metadata (`M`), readings (`C`) and µs, which these traces have, but no other
generation of tracers, unit of time or faulty line. `polars_telemetry.py` and `duckdb_telemetry.py` write `system.parquet`
of the readings: the means of all args, with the columns of the table `system`. They sum in 64 bits, do not sort rows or sync files, and keep nothing
that more files could be added to.
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

# The numeric args of the traces that are quantities, except for those with separate columns.
CUSTOM = ["count"]

# The args of telemetry.
READINGS = """
    guest_nice_pct guest_pct idle_pct iowait_pct irq_pct nice_pct softirq_pct steal_pct system_pct user_pct
    bytes_read bytes_written ios_in_progress reads_completed writes_completed
    bytes_recv bytes_sent collisions packets_recv packets_sent rx_dropped rx_errors tx_dropped tx_errors
    Active Active(anon) Active(file) AnonHugePages AnonPages Balloon Bounce Buffers Cached CommitLimit Committed_AS
    DirectMap1G DirectMap2M DirectMap4k Dirty FileHugePages FilePmdMapped HugePages_Free HugePages_Rsvd HugePages_Surp
    HugePages_Total Hugepagesize Hugetlb Inactive Inactive(anon) Inactive(file) KReclaimable KernelStack Mapped
    MemAvailable MemFree MemTotal Mlocked NFS_Unstable PageTables Percpu SReclaimable SUnreclaim SecPageTables Shmem
    ShmemHugePages ShmemPmdMapped Slab SwapCached SwapFree SwapTotal Unevictable VmallocChunk VmallocTotal VmallocUsed
    Writeback WritebackTmp Zswap Zswapped
""".split()


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("traces", type=Path, help="directory of the trace files")
    parser.add_argument("out", type=Path, help="directory to write to, empty")
    parser.add_argument("--interval-ms", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    return parser.parse_args()


class Clock:
    """Measures seconds between laps, by name."""

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
    """Print the last line of stdout, in JSON."""
    totals = {"calls": int(calls), "time_us": int(time_us), "bytes": int(transferred)}
    print(json.dumps({"seconds": clock.seconds, "totals": totals, "rows": int(rows), "index_bytes": index_bytes}))
