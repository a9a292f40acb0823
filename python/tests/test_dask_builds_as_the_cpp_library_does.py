"""``distributed_index`` as users of dftracer-utils 0.0.12 call it: with its arguments, and without a cluster."""

import contextlib
import os
from pathlib import Path

import pytest
from clusters import Folders, cluster, write_traces
from conftest import call, write_trace

import dft_utils
import dft_utils.dask
from dft_utils.dask import distributed_index
from dft_utils.dask.replace import replaced
from dft_utils.indexer import AggregationConfig, Indexer

CONFIG = AggregationConfig(time_interval_ms=5000)


@pytest.fixture(scope="module")
def client():
    with cluster(2) as client:
        yield client


@pytest.fixture(params=["this process", "a cluster"])
def where(request):
    """Return the client of a build; ``None`` builds in this process."""
    if request.param == "this process":
        return None
    return request.getfixturevalue("client")


@contextlib.contextmanager
def no_default_client():
    """Hide the client of other tests."""

    def none():
        raise ValueError("no clients found")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dft_utils.dask.index.distributed.default_client", none)
        yield


class Job:
    """The traces and the directories of a build."""

    def __init__(self, root, where):
        self.folders, self.where = Folders(root), where
        write_traces(self.folders.traces, 3)
        self.index = str(root / ".dftagg")

    @property
    def files(self):
        return sorted(map(str, self.folders.traces.iterdir()))

    def run(self, **options):
        options = {"files": self.files, "aggregation_config": CONFIG, "client": self.where, **options}
        staging = str(self.folders.local)
        if self.where is None:
            with no_default_client():
                return distributed_index(
                    index_path=self.index, local_staging=staging, shared_staging=staging, **options
                )
        return distributed_index(index_path=self.index, local_staging=staging, shared_staging=staging, **options)

    def calls(self):
        with dft_utils.open(self.index) as index:
            return sum(index.table().to_arrow()["count"].to_pylist())


@pytest.fixture
def job(tmp_path, where):
    return Job(tmp_path, where)


def test_the_report_is_the_dictionary_of_the_cpp_library(job):
    report = job.run()
    assert report["total_files"] == 3 and report["index_path"] == job.index
    assert report["artifact_batches"] > 0 and sum(report["per_worker"]) == 3
    assert set(report) == set(report.keys()) == {"total_files", "per_worker", "index_path", "artifact_batches"}
    assert dict(report) == dict(report.items()) and len(report) == 4
    assert report.get("total_files") == 3 and report.get("other", 7) == 7 and "other" not in report
    with pytest.raises(KeyError):
        report["other"]
    assert (report.files, report.total_files, report.faults) == (3, 3, [])
    assert sorted(os.listdir(job.folders.root)) == [".dftagg", "traces"]


def test_a_second_call_reads_nothing(job):
    job.run()
    warm = job.run()
    assert (warm["total_files"], warm["per_worker"], warm["artifact_batches"]) == (3, [], 0)


def test_only_new_files_are_read(job):
    job.run()
    write_traces(job.folders.traces, 4)
    part = job.run()
    assert part["total_files"] == 4 and sum(part["per_worker"]) == 1
    assert job.calls() == 480


def test_a_forced_rebuild_reads_all_files_and_replaces_the_index(job):
    job.run()
    os.unlink(job.files[0])
    forced = job.run(force_rebuild=True)
    assert sum(forced["per_worker"]) == 2 and forced["total_files"] == 2
    assert job.calls() == 240
    with pytest.raises(dft_utils.ConfigError, match="force_rebuild"):
        job.run(aggregation_config=AggregationConfig("1s"))
    job.run(aggregation_config=AggregationConfig("1s"), force_rebuild=True)
    with dft_utils.open(job.index) as index:
        assert index.interval_us == 1_000_000
        index.verify()
    assert job.run(aggregation_config=None)["per_worker"] == []
    assert sorted(os.listdir(job.folders.root)) == [".dftagg", "traces"]


@pytest.mark.parametrize("config", [CONFIG, None])
def test_a_forced_rebuild_replaces_a_damaged_index(job, config):
    job.run()
    (seal,) = Path(job.index).glob("gen-*/SEAL")
    seal.write_bytes(b"damage")
    with pytest.raises(dft_utils.DamagedError):
        job.run()
    assert sum(job.run(force_rebuild=True, aggregation_config=config)["per_worker"]) == 3
    assert job.calls() == 360


def test_a_forced_rebuild_that_fails_leaves_the_index(job):
    job.run()
    write_trace(job.folders.traces / "bad.pfw", [call(1), "nonsense"])
    with pytest.raises(dft_utils.MalformedError):
        job.run(force_rebuild=True, strict=True)
    assert job.calls() == 360
    assert {".dftagg", "traces"} <= set(os.listdir(job.folders.root)) <= {".dftagg", "traces", "local"}


def test_ensure_indexed_has_nothing_to_do_afterwards(job):
    job.run()
    with Indexer(files=job.files, index_dir=job.folders.root, require_aggregation=CONFIG) as indexer:
        status = indexer.ensure_indexed()
        assert (status.total_files, status.ready, status.needs_work) == (3, job.files, [])
        seen = []
        indexer._progress = seen.append
        indexer.ensure_indexed()
        assert seen == []


def test_tables_equal_those_of_an_indexer(job):
    job.run(files=None, directory=str(job.folders.traces))
    with Indexer(files=job.files, index_dir=job.folders.root / "alone", require_aggregation=CONFIG) as indexer:
        indexer.ensure_indexed()
        with dft_utils.open(job.index) as one, dft_utils.open(indexer.index_path) as other:
            for table in ("events", "profiles", "system", "aggregation"):
                assert one.table(table).to_arrow() == other.table(table).to_arrow()


def test_the_arguments_of_the_cpp_library_are_accepted(job):
    report = job.run(
        checkpoint_size=1 << 20,
        bloom_dimensions=["name"],
        build_manifest=True,
        partition="lpt",
        rebuild_root_summaries=True,
        parallelism_per_worker=1,
        flush_every_files=2,
    )
    assert report["total_files"] == 3


def test_a_build_in_this_process_needs_no_staging(tmp_path):
    job = Job(tmp_path, None)
    with no_default_client():
        report = distributed_index(job.files, job.index)
    assert report["per_worker"] == [3] and job.calls() == 360


def test_a_directory_that_is_no_index_is_not_replaced(tmp_path, client):
    job = Job(tmp_path, client)
    os.mkdir(job.index)
    mine = os.path.join(job.index, "mine")
    with open(mine, "w") as file:
        file.write("kept")
    with pytest.raises(dft_utils.NoIndexError):
        job.run(force_rebuild=True)
    assert os.listdir(job.index) == ["mine"]


@pytest.mark.parametrize("exchange", [True, False])
def test_an_index_is_replaced_when_the_new_one_is_complete(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr("dft_utils.dask.replace._exchange", lambda *_: False)
    trace = write_trace(tmp_path / "a.pfw", [call(1), call(2)])
    index = tmp_path / "index"
    dft_utils.build(trace, index)
    other = write_trace(tmp_path / "b.pfw", [call(3)])
    with pytest.raises(KeyError):
        with replaced(str(index), "test") as new:
            dft_utils.build(other, new)
            raise KeyError
    with dft_utils.open(index) as opened:
        assert sum(opened.table().to_arrow()["count"].to_pylist()) == 2
    with replaced(str(index), "test") as new:
        dft_utils.build(other, new)
    with dft_utils.open(index) as opened:
        assert sum(opened.table().to_arrow()["count"].to_pylist()) == 1
        assert [file.path for file in opened.files()] == ["b.pfw"]
    assert sorted(os.listdir(tmp_path)) == ["a.pfw", "b.pfw", "index"]
