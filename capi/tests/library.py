"""Test the library from a program that loads it at run time.

    library.py streams LIBRARY TRACES WORK    every table as an Arrow C stream equals its Parquet export
    library.py panics LIBRARY                 a panic in any entry point becomes a status
    library.py reload LIBRARY INDEX           the library can be loaded and unloaded repeatedly
"""
import _ctypes
import ctypes
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

TABLES = ["events", "profiles", "system", "preaggregated_system", "aggregation", "processes"]
PANIC = 99


class Text(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("length", ctypes.c_uint64)]


def text(value) -> Text:
    value = os.fsencode(value)
    return Text(value, len(value))


class BuildRequest(ctypes.Structure):
    """The start of the struct: the rest has its defaults."""

    _fields_ = [
        ("size", ctypes.c_uint64),
        ("traces", ctypes.POINTER(Text)),
        ("traces_length", ctypes.c_uint64),
        ("index", Text),
    ]


class ExportRequest(ctypes.Structure):
    """The start of the struct: the rest has its defaults."""

    _fields_ = [
        ("size", ctypes.c_uint64),
        ("directory", Text),
        ("tables", ctypes.POINTER(ctypes.c_uint32)),
        ("tables_length", ctypes.c_uint64),
    ]


class Error(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint64), ("status", ctypes.c_int32), ("message", Text), ("path", Text), ("key", Text)]


def check(library, status: int) -> None:
    if status:
        error = Error(size=ctypes.sizeof(Error))
        library.dft_last_error(ctypes.byref(error))
        raise SystemExit(f"status {status}: {ctypes.string_at(error.message.data, error.message.length).decode()}")


def streams(library, traces: str, work: str) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # The only kind of record that the project's own traces lack.
    system = Path(work) / "system.pfw"
    args = '{"hhash":"h","dft_cnt":3,"dur_sum":7,"dur_min":1,"dur_max":4}'
    system.write_text(f'{{"name":"cpu","cat":"sys","pid":1,"tid":1,"ts":1795451257000000,"ph":3,"args":{args}}}\n')
    index = ctypes.c_void_p()
    all_traces = (Text * 2)(text(traces), text(system))
    build = BuildRequest(ctypes.sizeof(BuildRequest), all_traces, 2, text(f"{work}/index"))
    check(library, library.dft_build(ctypes.byref(build), None))
    check(library, library.dft_index_open(text(f"{work}/index"), ctypes.byref(index)))
    numbers = (ctypes.c_uint32 * len(TABLES))(*range(len(TABLES)))
    tables = f"{work}/tables"
    export = ExportRequest(ctypes.sizeof(ExportRequest), text(tables), numbers, len(TABLES))
    check(library, library.dft_export(index, ctypes.byref(export)))
    passed = 0
    for number, name in enumerate(TABLES):
        place = (ctypes.c_uint64 * 5)()  # an ArrowArrayStream: five pointers
        check(library, library.dft_table_stream(index, number, None, ctypes.byref(place)))
        stream = pa.RecordBatchReader._import_from_c(ctypes.addressof(place))
        got, wanted = stream.read_all(), pq.read_table(f"{tables}/{name}.parquet")
        assert got.schema.names == wanted.schema.names, name
        assert got.to_pylist() == wanted.to_pylist(), f"{name}: the stream differs from the Parquet export"
        assert got.num_rows > 0, f"{name}: there are no rows to compare"
        passed += 1
    check(library, library.dft_index_free(index))
    return passed


def exports(path: str) -> list[str]:
    listed = subprocess.run(["nm", "-D", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    names = [line.split()[-1] for line in listed.splitlines()]
    foreign = [name for name in names if not name.startswith("dft_")]
    assert names and not foreign, f"exports without the prefix dft_: {foreign}"
    return names


def panics(library, path: str) -> int:
    names = [name for name in exports(path) if name != "dft_last_error"]
    for name in names:
        os.environ["DFT_PANIC_IN"] = name
        # It panics before it reads its arguments, so any arguments will do.
        status = library[name](*[ctypes.c_uint64(0)] * 12)
        assert status == PANIC, f"{name} returns {status}"
        error = Error(size=ctypes.sizeof(Error))
        assert library.dft_last_error(ctypes.byref(error)) == 0
        message = ctypes.string_at(error.message.data, error.message.length).decode()
        assert name in message and "panicked" in message, message
    return len(names)


def reload(path: str, stored: str) -> int:
    def use(library, end: bool) -> None:
        index = ctypes.c_void_p()
        assert library.dft_index_open(text("/nowhere"), ctypes.byref(index)) == 4
        check(library, library.dft_index_open(text(stored), ctypes.byref(index)))
        check(library, library.dft_index_free(index))
        if end:
            check(library, library.dft_library_end_threads())

    for end in [True] * 3 + [False] * 3:
        library = ctypes.CDLL(path)
        # Thread-local data of the library keeps it loaded until the thread ends.
        thread = threading.Thread(target=use, args=[library, end])
        thread.start()
        thread.join()
        # join() returns slightly before the system ends the thread, which is when the thread releases the library.
        while os.path.exists(f"/proc/self/task/{thread.native_id}"):
            time.sleep(0.001)
        _ctypes.dlclose(library._handle)
        assert os.path.realpath(path) not in Path("/proc/self/maps").read_text(), "the library is still loaded"
        names = [Path(f"/proc/self/task/{task}/comm").read_text() for task in os.listdir("/proc/self/task")]
        assert not any(name.startswith("rocksdb:") for name in names), "threads of the unloaded library still run"
    return 6


def main() -> None:
    command, path, *rest = sys.argv[1:]
    if command == "reload":
        passed = reload(path, *rest)
    else:
        library = ctypes.CDLL(str(Path(path)))
        passed = streams(library, *rest) if command == "streams" else panics(library, path)
    print(f"library.py {command}: {passed} passed, 0 failed")


main()
