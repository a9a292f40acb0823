"""Tests of builds: reports, progress and cancellation."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
from conftest import call, write_trace

import dft_utils


def test_a_build_reports_its_faults_and_reads_only_what_is_new(tmp_path):
    traces = tmp_path / "traces"
    traces.mkdir()
    write_trace(traces / "a.pfw.gz", [call(1), "nonsense", call(2)])
    (traces / "empty.pfw").write_bytes(b"")
    report = dft_utils.build(traces)
    assert (report.files, report.records, report.malformed_lines, report.faulty_files) == (2, 2, 1, 2)
    messages = {os.path.basename(fault.path): fault.message for fault in report.faults}
    assert "line 2" in messages["a.pfw.gz"] and "empty" in messages["empty.pfw"]
    assert dft_utils.default_location(traces) == str(traces / ".dftagg")
    again = dft_utils.build(traces)
    assert (again.files, again.known_files, again.records) == (0, 2, 0)
    write_trace(traces / "b.pfw", [call(9)])
    assert dft_utils.build(str(traces)).records == 1
    assert dft_utils.open(traces / ".dftagg").table().to_pandas()["count"].sum() == 3


def test_skipped_records_unread_files_and_implausible_units_are_reported(tmp_path):
    traces = tmp_path / "traces"
    traces.mkdir()
    late = 1795452209467004000
    write_trace(traces / "a.pfw", [call(late), call(late, ph="Z")])
    (traces / "b.pfw.zst").write_bytes(b"not looked at")
    os.mkfifo(traces / "c.pfw")
    report = dft_utils.build(traces, tmp_path / "index")
    assert (report.files, report.records, report.skipped_records, report.faulty_files) == (1, 2, 1, 3)
    messages = [(os.path.basename(fault.path), fault.message) for fault in report.faults]
    assert ("b.pfw.zst", "not read: compressed by zstd: decompress it (zstd -d)") in messages
    assert ("c.pfw", "cannot be read, left out: it is a FIFO, not a regular file") in messages
    assert ("a.pfw", '1 record of unknown phase skipped; the first: line 2: unknown phase "Z"') in messages
    (unit,) = [message for path, message in messages if path == "a.pfw" and "year 58865" in message]
    with dft_utils.open(tmp_path / "index") as index:
        assert [file.fault for file in index.files()] == [unit]
    given = dft_utils.Config(time_unit="ns")
    report = dft_utils.build(traces / "a.pfw", tmp_path / "given", given)
    assert [fault.message for fault in report.faults] == [dict(messages[-1:]).get("a.pfw")]
    with dft_utils.open(tmp_path / "given") as index:
        assert index.config == dft_utils.Config("1000000us", time_unit="ns")
        assert index.table("aggregation").to_pandas()["time_bucket"].tolist() == [late // 10**9 * 10**6]
    with pytest.raises(ValueError, match="time_unit is 'fortnight'"):
        dft_utils.build(traces, tmp_path / "other", dft_utils.Config(time_unit="fortnight"))


def test_strict_faults_changed_traces_and_other_configurations_are_errors(tmp_path):
    trace = write_trace(tmp_path / "a.pfw", [call(1), "nonsense"])
    with pytest.raises(dft_utils.MalformedError, match="line 2"):
        dft_utils.build(trace, tmp_path / "index", strict=True)
    dft_utils.build(trace, tmp_path / "index")
    with pytest.raises(dft_utils.ConfigError):
        dft_utils.build(trace, tmp_path / "index", dft_utils.Config(interval="5s"))
    write_trace(trace, [call(7)])
    with pytest.raises(dft_utils.ChangedError) as error:
        dft_utils.build(trace, tmp_path / "index")
    assert error.value.path == str(trace)
    dft_utils.build(trace, tmp_path / "index", dft_utils.Config(interval="5s"), rebuild=True)
    assert dft_utils.open(tmp_path / "index").interval_us == 5_000_000
    with pytest.raises(FileNotFoundError):
        dft_utils.build(tmp_path / "nowhere.pfw", tmp_path / "index")
    with pytest.raises(ValueError, match="not a size"):
        dft_utils.build(trace, tmp_path / "index", memory="much")


def test_an_index_returns_the_configuration_of_its_build(tmp_path):
    trace = write_trace(tmp_path / "a.pfw", [call(1, args={"epoch": 2, "level": 4})])
    config = dft_utils.Config("100ms", ("epoch",), ("level",), 0.02, group_by_file=False)
    dft_utils.build(trace, tmp_path / "index", config)
    index = dft_utils.open(tmp_path / "index")
    assert index.config == dft_utils.Config("100000us", ("epoch",), ("level",), 0.02, group_by_file=False)
    assert {"epoch", "level_mean", "dur_p50"} <= set(index.table("aggregation").columns)


def test_functions_and_bars_receive_progress(tmp_path, data):
    seen = []
    dft_utils.build(data, tmp_path / "a", progress=seen.append)
    first, last = seen[0], seen[-1]
    assert (first.files_read, last.files_read) == (0, last.files) and last.files == 11
    assert last.bytes_read == last.bytes > 0
    assert all(progress.stage in ("listing", "reading", "writing") for progress in seen)

    class Bar:
        total, n = None, 0

        def update(self, bytes_):
            self.n += bytes_

        def refresh(self):
            pass

    bar = Bar()
    dft_utils.build(data, tmp_path / "b", progress=bar)
    assert bar.n == bar.total > 0


def test_an_exception_in_a_callback_stops_the_build_and_is_raised(tmp_path, data):
    def fail(_progress):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        dft_utils.build(data, tmp_path / "index", progress=fail)
    with pytest.raises(dft_utils.NoIndexError):
        dft_utils.open(tmp_path / "index")


def test_builds_run_on_any_thread(tmp_path, data):
    records = []
    work = threading.Thread(target=lambda: records.append(dft_utils.build(data, tmp_path / "index").records))
    work.start()
    work.join()
    assert records[0] > 0


def test_ctrl_c_stops_a_build_and_leaves_the_index_as_it_was(tmp_path):
    """The build's first progress callback sends the signal, so that it arrives during the build."""
    traces = tmp_path / "traces"
    traces.mkdir()
    write_trace(traces / "a.pfw", [call(1)])
    dft_utils.build(traces, tmp_path / "index")
    write_trace(traces / "b.pfw", (call(ts) for ts in range(20_000)))
    program = textwrap.dedent(
        """
        import os, signal, sys
        import dft_utils
        from dft_utils import builds

        runs = []

        class Run(builds._Running):
            def __init__(self, on_progress):
                super().__init__(on_progress)
                runs.append(self)

        builds._Running = Run
        # A shell may have set the signal to be ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)

        def progress(_progress):
            # Keep the build running until the main thread has received the signal.
            if not runs[0]._stop.is_set():
                os.kill(os.getpid(), signal.SIGINT)
            runs[0]._stop.wait()

        try:
            dft_utils.build(sys.argv[1], sys.argv[2], progress=progress)
        except KeyboardInterrupt:
            print(dft_utils.open(sys.argv[2]).table().to_arrow().num_rows)
            sys.exit(42)
        """
    )
    run = [sys.executable, "-c", program, str(traces), str(tmp_path / "index")]
    done = subprocess.run(run, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout.strip()) == (42, "1"), done.stderr
    assert dft_utils.build(traces, tmp_path / "index").records == 20_000


def test_a_build_has_ended_when_ctrl_c_is_raised(tmp_path):
    """Ctrl-C must not be raised before the build has ended.

    Python considers a thread ended when its join is interrupted. If Ctrl-C is raised from a build that still runs, a
    program that exits then hangs.
    """
    traces = tmp_path / "traces"
    traces.mkdir()
    write_trace(traces / "a.pfw", [call(1)])
    program = textwrap.dedent(
        """
        import os, signal, sys, threading
        import dft_utils
        from dft_utils import builds

        signal.signal(signal.SIGINT, signal.default_int_handler)
        heard, at_work = threading.Event(), threading.Event()

        class Run(builds._Running):
            def __init__(self, on_progress):
                super().__init__(on_progress)
                # The first wait is interrupted; then the build continues until the main thread stops it.
                stop = self._stop.set
                self._stop.set = lambda: (stop(), heard.set())

        builds._Running = Run
        call = builds.call

        def work(*arguments):
            at_work.set()
            os.kill(os.getpid(), signal.SIGINT)
            heard.wait()
            try:
                call(*arguments)
            finally:
                at_work.clear()

        builds.call = work
        try:
            dft_utils.build(sys.argv[1], sys.argv[2])
        except KeyboardInterrupt:
            sys.exit(1 if at_work.is_set() else 42)
        """
    )
    run = [sys.executable, "-c", program, str(traces), str(tmp_path / "index")]
    done = subprocess.run(run, capture_output=True, text=True, timeout=100)
    assert done.returncode == 42, done.stderr


def test_a_build_releases_the_gil(tmp_path, data):
    """The library calls progress on its own thread while the caller is inside the build.

    If the caller held the GIL, the callback could not run, and the build would wait forever.
    """
    names = set()
    dft_utils.build(data, tmp_path / "index", progress=lambda _: names.add(threading.current_thread().name))
    assert names and threading.main_thread().name not in names


def test_staged_parts_give_the_index_of_one_build(tmp_path, data):
    for part in range(3):
        dft_utils.stage(data, tmp_path / "staging", tmp_path / "shared", (part, 3))
    report = dft_utils.ingest(tmp_path / "index", tmp_path / "shared")
    assert report.taken > 0 and report.refused == 0 and not report.faults
    dft_utils.build(data, tmp_path / "whole")
    for name in ("staged", "built"):
        source = tmp_path / ("index" if name == "staged" else "whole")
        dft_utils.open(source).export(tmp_path / name)
    for table in (tmp_path / "built").iterdir():
        assert table.read_bytes() == (tmp_path / "staged" / table.name).read_bytes()


@pytest.mark.parametrize("how", ["repeated ctrl-c", "a daemon thread"])
def test_the_interpreter_exits_cleanly_during_a_build(how, tmp_path):
    traces = tmp_path / "traces"
    traces.mkdir()
    write_trace(traces / "a.pfw", [call(at) for at in range(100_000)])
    program = textwrap.dedent(
        """
        import os, signal, sys, threading, time
        import dft_utils

        signal.signal(signal.SIGINT, signal.default_int_handler)
        begun, interrupts = threading.Event(), []

        def progress(_progress):
            begun.set()
            # The build calls progress while it stops; each call sends another Ctrl-C.
            if sys.argv[3] == "repeated ctrl-c" and len(interrupts) < 20:
                interrupts.append(os.kill(os.getpid(), signal.SIGINT))
                time.sleep(0.01)

        def build():
            dft_utils.build(sys.argv[1], sys.argv[2], progress=progress)

        if sys.argv[3] == "a daemon thread":
            threading.Thread(target=build, daemon=True).start()
            begun.wait()
        else:
            build()
        """
    )
    run = [sys.executable, "-c", program, str(traces), str(tmp_path / "index"), how]
    done = subprocess.run(run, capture_output=True, text=True, timeout=100)
    if how == "a daemon thread":
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode in (-signal.SIGINT, 130) and "KeyboardInterrupt" in done.stderr, done.stderr
    assert "Fatal" not in done.stderr and "panicked" not in done.stderr
    assert dft_utils.build(traces, tmp_path / "index").records in (0, 100_000)
