"""Fixtures and helpers of all tests: traces, and indexes of them."""

import gzip
import json
from pathlib import Path

import pytest

import dft_utils

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"


@pytest.fixture(scope="session")
def data():
    """Return the traces that come with the project."""
    return DATA


@pytest.fixture(scope="session")
def index_path(tmp_path_factory):
    """Build an index of the project's own traces, and of the only kind of record that they lack."""
    work = tmp_path_factory.mktemp("index")
    args = {"hhash": "h", "dft_cnt": 3, "dur_sum": 7, "dur_min": 1, "dur_max": 4}
    system = {"name": "cpu", "cat": "sys", "pid": 1, "tid": 1, "ts": 1795451257000000, "ph": 3, "args": args}
    (work / "system.pfw").write_text(json.dumps(system) + "\n")
    dft_utils.build([DATA, work / "system.pfw"], work / "index")
    return work / "index"


@pytest.fixture
def index(index_path):
    with dft_utils.open(index_path) as opened:
        yield opened


def call(ts, name="read", **more):
    """Return a complete call as a line of a trace."""
    record = {"name": name, "cat": "POSIX", "pid": 7, "tid": 7, "ts": ts, "dur": 3, "ph": "X", **more}
    return json.dumps(record)


def write_trace(path, lines, members=1):
    """Write a trace; if its name ends in ``.gz``, compress it in this many gzip members."""
    lines = list(lines)
    if path.suffix != ".gz":
        path.write_text("\n".join(lines) + "\n")
        return path
    size = -(-len(lines) // members)
    with path.open("wb") as file:
        for start in range(0, len(lines), size):
            file.write(gzip.compress(("\n".join(lines[start : start + size]) + "\n").encode()))
    return path
