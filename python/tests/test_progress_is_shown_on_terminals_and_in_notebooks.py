"""A build shows its progress on a terminal and in a notebook, and nowhere else."""

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import textwrap
import types

import pytest
from conftest import call, write_trace

import dft_utils
from dft_utils import progress
from dft_utils.progress import Line, Progress

READING = Progress("reading", 3, 1, 3_000_000, 1_500_000, 10)


@pytest.fixture
def traces(tmp_path):
    folder = tmp_path / "traces"
    folder.mkdir()
    write_trace(folder / "a.pfw", [call(1), call(2)])
    return folder


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0)
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def no_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)


def build(traces, **options):
    return dft_utils.build(traces, traces.parent / "index", rebuild=True, **options)


def test_a_terminal_without_tqdm_gets_a_line_that_is_removed(traces, monkeypatch, at_once, no_tqdm):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    build(traces)
    shown = stream.getvalue()
    assert "writing: 1 of 1 files" in shown and "\n" not in shown
    *_, removed, last = shown.split("\r")
    assert last == "" and removed.strip() == "" and removed


def test_a_terminal_with_tqdm_gets_its_bar(traces, monkeypatch, at_once):
    pytest.importorskip("tqdm")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    build(traces)
    assert re.search(r"writing: +\d+%\|", stream.getvalue())


def test_a_notebook_gets_a_bar(traces, monkeypatch, at_once, no_tqdm):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    build(traces)
    assert "writing: " in stream.getvalue()
    shell.kernel = None
    stream.truncate(0)
    build(traces)
    assert stream.getvalue() == ""


def test_other_streams_get_nothing(traces, monkeypatch, at_once, no_tqdm):
    closed = Terminal()
    closed.close()
    for stream in (io.StringIO(), None, closed, object()):
        monkeypatch.setattr(sys, "stderr", stream)
        build(traces)
        if isinstance(stream, io.StringIO) and not stream.closed:
            assert stream.getvalue() == ""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    build(traces, progress=False)
    monkeypatch.setenv("TERM", "dumb")
    build(traces)
    assert terminal.getvalue() == ""
    build(traces, progress=True)
    assert "writing: " in terminal.getvalue()


def test_short_builds_and_functions_show_nothing(traces, monkeypatch, no_tqdm):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "DELAY", 3600)
    build(traces)
    monkeypatch.setattr(progress, "DELAY", 0)
    seen = []
    build(traces, progress=seen.append)
    assert seen and terminal.getvalue() == ""


def test_a_stream_that_breaks_does_not_stop_a_build(traces, monkeypatch, at_once, no_tqdm):
    class Broken(Terminal):
        def write(self, text):
            raise OSError("no space left on device")

    monkeypatch.setattr(sys, "stderr", Broken())
    assert build(traces).records == 2


def test_a_line_covers_what_was_written_before(at_once):
    stream = Terminal()
    line = Line(stream)
    line.show(READING)
    line.show(Progress("writing", 3, 3, 0, 0, 10))
    line.close()
    first, second, blank, last = stream.getvalue().split("\r")[1:]
    assert first == "reading: 1 of 3 files, 1.5 MB of 3 MB"
    assert second.rstrip() == "writing: 3 of 3 files, 0 B of 0 B" and len(second) == len(first)
    assert (blank.strip(), last) == ("", "")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_program_shows_progress_only_if_its_standard_error_is_a_terminal(traces, terminal):
    program = textwrap.dedent(
        """
        import sys
        import dft_utils
        from dft_utils import progress

        progress.DELAY = 0
        dft_utils.build(sys.argv[1], sys.argv[2])
        """
    )
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    run = [sys.executable, "-c", program, str(traces), str(traces.parent / "index")]
    with open(traces.parent / "log", "wb") as log:
        done = subprocess.run(run, stderr=slave if terminal else log, env={**os.environ, "TERM": "xterm"}, timeout=100)
    os.set_blocking(master, False)
    shown = b""
    with contextlib.suppress(BlockingIOError):
        while read := os.read(master, 4096):
            shown += read
    os.close(slave)
    os.close(master)
    assert done.returncode == 0
    assert (b"writing" in shown) == terminal
    assert (traces.parent / "log").read_bytes() == b""


def test_a_line_is_no_longer_than_the_terminal(at_once, monkeypatch):
    monkeypatch.setenv("COLUMNS", "12")
    stream = Terminal()
    Line(stream).show(READING)
    assert stream.getvalue() == "\rreading: 1 "
