"""A build on four worker processes makes the index that one machine makes."""

import os

import pytest
from clusters import Folders, cluster, write_traces
from conftest import ROOT

import dft_utils

SHARED_TRACES = ROOT.parent / "shared" / "traces"


@pytest.fixture(scope="module")
def client():
    with cluster() as client:
        yield client


def assert_reports_agree(one, other):
    # Rows of one key in several bundles are counted in each.
    assert one.rows >= other.rows and one.telemetry_rows >= other.telemetry_rows
    for report in (one, other):
        report.rows = report.telemetry_rows = 0
        report.faults.sort(key=lambda fault: (fault.path, fault.message))
    assert one == other


@pytest.mark.skipif(not SHARED_TRACES.is_dir(), reason="these traces are not here")
def test_of_real_traces(client, tmp_path):
    folders = Folders(tmp_path)
    report = folders.build(traces=SHARED_TRACES, client=client, task_size="200K")
    assert_reports_agree(report, folders.assert_is_that_of_one_machine(SHARED_TRACES))
    folders.assert_nothing_is_left()


@pytest.mark.parametrize("task_size", ["4K", "16K", None])
def test_of_forty_files(client, tmp_path, task_size):
    folders = Folders(tmp_path)
    write_traces(folders.traces)
    report = folders.build(client=client, task_size=task_size)
    assert report.files == 40
    assert_reports_agree(report, folders.assert_is_that_of_one_machine())
    folders.assert_nothing_is_left()


def test_of_faulty_files(client, tmp_path, tmp_path_factory):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 6)
    (folders.traces / "empty.pfw").write_bytes(b"")
    (folders.traces / "malformed.pfw").write_text("{\n}\nnonsense\n")
    # Of a trace of its own: a build that sees both files leaves out a truncated copy, which no ingest can tell.
    other = tmp_path_factory.mktemp("other")
    write_traces(other, 12)
    whole = max(other.glob("*.pfw.gz")).read_bytes()
    (folders.traces / "truncated.pfw.gz").write_bytes(whole[: len(whole) // 2])
    (folders.traces / "dangling.pfw").symlink_to("nowhere")
    report = folders.build(client=client)
    assert report.faulty_files == 4
    assert_reports_agree(report, folders.assert_is_that_of_one_machine())
    folders.assert_nothing_is_left()


def test_with_a_configuration_and_globs_and_one_directory_for_all(client, tmp_path, monkeypatch):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 12)
    config = dft_utils.Config("500ms", ("hhash",), ("level",), 0.01, group_by_file=False)
    monkeypatch.chdir(tmp_path)
    folders.local = folders.shared
    folders.index = "index"
    globs = ["traces/*1*.pfw.gz", os.path.join("traces", "rank0*")]
    folders.build(traces=globs, config=config)
    folders.index = tmp_path / "index"
    folders.assert_is_that_of_one_machine(globs, config)
    folders.assert_nothing_is_left()


def test_in_the_directory_of_the_worker_where_none_is_given(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 5)
    folders.local = None
    folders.build(client=client)
    folders.assert_is_that_of_one_machine()
    folders.assert_nothing_is_left()
    left = client.run(lambda dask_worker: os.listdir(dask_worker.local_directory))
    assert not [name for names in left.values() for name in names if name.startswith("dft-")]
