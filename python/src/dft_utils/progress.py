"""The progress of a build, and how it is shown: by a function, a bar, or automatically."""

import contextlib
import os
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable, Optional, Protocol, TextIO, Union

STAGES = ("listing", "reading", "writing")

#: Seconds before progress is shown automatically: short builds show nothing.
DELAY = 0.5


@dataclass(frozen=True)
class Progress:
    """The progress of a build."""

    #: ``listing`` the traces, ``reading`` them, or ``writing`` the index.
    stage: str
    #: Files to read, and files read so far.
    files: int
    files_read: int
    #: Bytes on disk to read, and bytes read so far.
    bytes: int
    bytes_read: int
    #: Records read so far.
    records: int


class Bar(Protocol):
    """A progress bar like tqdm's."""

    total: Any

    def update(self, n: Any = 1) -> Any:
        """Advance the bar."""

    def refresh(self) -> Any:
        """Draw the bar again."""


Show = Callable[[Progress], Any]

#: Who receives the progress of a build, about ten times a second: a function, or a progress bar like tqdm's, which
#: counts bytes on disk. ``None`` shows a bar in a notebook and on a terminal, ``True`` always, ``False`` never.
OnProgress = Union[bool, Show, Bar]


@contextlib.contextmanager
def shown(asked: Optional[OnProgress]) -> Iterator[Optional[Show]]:
    """Yield the function that receives progress, and remove a bar that was shown automatically."""
    if asked is not None and not isinstance(asked, bool):
        yield _of_bar(asked) if hasattr(asked, "update") else asked
        return
    stream = sys.stderr
    notebook = in_notebook()
    if asked is False or stream is None or not (asked or notebook or is_terminal(stream)):
        yield None
        return
    display = _bar(stream, notebook) or Line(stream)
    try:
        yield display.show
    finally:
        display.close()


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that can write a line again."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):
        return False


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook, whose standard error is no terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _of_bar(bar: Any) -> Show:
    shown = 0

    def show(progress: Progress) -> None:
        nonlocal shown
        if bar.total != progress.bytes:
            bar.total = progress.bytes
            bar.refresh()
        bar.update(progress.bytes_read - shown)
        shown = progress.bytes_read

    return show


def _bar(stream: TextIO, notebook: bool) -> Optional["TqdmBar"]:
    """Return a bar of tqdm; ``None`` if tqdm is not installed."""
    try:
        with warnings.catch_warnings():
            # Without the widgets of notebooks, tqdm warns and draws text.
            warnings.simplefilter("ignore")
            if notebook:
                from tqdm.auto import tqdm
            else:
                from tqdm import tqdm
            return TqdmBar(tqdm(total=0, unit="B", unit_scale=True, delay=DELAY, leave=False, file=stream))
    except ImportError:
        return None


class TqdmBar:
    """Shows progress as a bar of tqdm."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._advance = _of_bar(bar)

    def show(self, progress: Progress) -> None:
        """Draw the bar."""
        try:
            self._bar.set_description(progress.stage, refresh=False)
            self._advance(progress)
        except (OSError, ValueError):
            # The stream was closed: a build does not fail for that.
            pass

    def close(self) -> None:
        """Remove the bar."""
        with contextlib.suppress(OSError, ValueError):
            self._bar.close()


class Line:
    """Shows progress as one line of text, which it writes again and again, and removes at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = time.monotonic()
        self._length = 0

    def show(self, progress: Progress) -> None:
        """Write the line."""
        if time.monotonic() - self._begun >= DELAY:
            read, total = (_bytes(count) for count in (progress.bytes_read, progress.bytes))
            self._write(f"{progress.stage}: {progress.files_read} of {progress.files} files, {read} of {total}")

    def close(self) -> None:
        """Remove the line."""
        if self._length:
            self._write("")
            self._write("")

    def _write(self, text: str) -> None:
        # A longer line would wrap, and stay.
        text = text[: shutil.get_terminal_size().columns - 1]
        with contextlib.suppress(OSError, ValueError):
            self._stream.write("\r" + text.ljust(self._length))
            self._stream.flush()
        self._length = len(text)


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
