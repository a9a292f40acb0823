"""A build on four worker processes gives the same index as a local build."""

import dataclasses
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


def assert_reports_agree(distributed, local):
    names = [field.name for field in dataclasses.fields(dft_utils.BuildReport)]
    one, other = ({name: getattr(report, name) for name in names} for report in (distributed, local))
    # Rows of one key in several bundles are counted once for each bundle.
    for rows in ("rows", "telemetry_rows"):
        assert one.pop(rows) >= other.pop(rows)
    for report in (one, other):
        report["faults"] = sorted(report["faults"], key=lambda fault: (fault.path, fault.message))
    assert one == other


@pytest.mark.skipif(not SHARED_TRACES.is_dir(), reason="these traces are not here")
def test_builds_of_real_traces_are_equal(client, tmp_path):
    folders = Folders(tmp_path)
    report = folders.build(traces=SHARED_TRACES, client=client, task_size="200K")
    assert_reports_agree(report, folders.assert_equals_local_build(SHARED_TRACES))
    folders.assert_no_files_are_left()


@pytest.mark.parametrize("task_size", ["4K", "16K", None])
def test_builds_of_forty_files_are_equal(client, tmp_path, task_size):
    folders = Folders(tmp_path)
    write_traces(folders.traces)
    report = folders.build(client=client, task_size=task_size)
    assert report.files == 40
    assert_reports_agree(report, folders.assert_equals_local_build())
    folders.assert_no_files_are_left()


def test_builds_of_faulty_files_are_equal(client, tmp_path, tmp_path_factory):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 6)
    (folders.traces / "empty.pfw").write_bytes(b"")
    (folders.traces / "malformed.pfw").write_text("{\n}\nnonsense\n")
    # A separate trace: a local build skips a truncated copy of a trace that it also reads, but an ingest cannot.
    other = tmp_path_factory.mktemp("other")
    write_traces(other, 12)
    whole = max(other.glob("*.pfw.gz")).read_bytes()
    (folders.traces / "truncated.pfw.gz").write_bytes(whole[: len(whole) // 2])
    (folders.traces / "dangling.pfw").symlink_to("nowhere")
    report = folders.build(client=client)
    assert report.faulty_files == 4
    assert_reports_agree(report, folders.assert_equals_local_build())
    folders.assert_no_files_are_left()


def test_builds_with_a_configuration_globs_and_one_directory_are_equal(client, tmp_path, monkeypatch):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 12)
    config = dft_utils.Config("500ms", ("hhash",), ("level",), 0.01, group_by_file=False)
    monkeypatch.chdir(tmp_path)
    folders.local = folders.shared
    folders.index = "index"
    globs = ["traces/*1*.pfw.gz", os.path.join("traces", "rank0*")]
    folders.build(traces=globs, config=config)
    folders.index = tmp_path / "index"
    folders.assert_equals_local_build(globs, config)
    folders.assert_no_files_are_left()


def test_builds_stage_in_the_directory_of_the_worker_by_default(client, tmp_path):
    folders = Folders(tmp_path)
    write_traces(folders.traces, 5)
    folders.local = None
    folders.build(client=client)
    folders.assert_equals_local_build()
    folders.assert_no_files_are_left()
    left = client.run(lambda dask_worker: os.listdir(dask_worker.local_directory))
    assert not [name for names in left.values() for name in names if name.startswith("dft-")]
