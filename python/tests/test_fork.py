"""After fork(), a child opens and builds for itself; using its parent's objects is refused and harmless."""

import multiprocessing
import os
from pathlib import Path

import pytest

import dft_utils as dft

# Seconds until a hanging child is killed.
PATIENCE = 120


def traces(directory: Path, calls: int) -> Path:
    directory.mkdir()
    lines = [
        f'{{"name":"read","cat":"POSIX","pid":{at % 7},"tid":1,"ts":{at * 999},"dur":5,"ph":"X","args":{{"ret":10}}}}'
        for at in range(calls)
    ]
    (directory / "a.pfw").write_text("[\n" + "\n".join(lines) + "\n")
    return directory


def rows(index: dft.Index):
    return index.table("events").to_arrow().to_pylist()


def work(start, folder: Path, sent) -> None:
    """Run in a child: read the parent's index, build, and publish."""
    read = rows(dft.open(folder / "index"))
    dft.build(folder / "traces", folder / f"built-{start}")
    built = rows(dft.open(folder / f"built-{start}"))
    live = dft.Aggregator()
    live.add("read", cat="POSIX", ts=1000, dur=5)
    live.publish(folder / f"live-{start}", start)
    sent.put((read, built, len(rows(dft.open(folder / f"live-{start}")))))


@pytest.mark.parametrize("start", ["fork", "forkserver", "spawn"])
def test_a_child_reads_builds_and_publishes_after_its_parent_did(start, tmp_path):
    traces(tmp_path / "traces", 5000)
    dft.build(tmp_path / "traces", tmp_path / "index")
    index = dft.open(tmp_path / "index")
    expected = rows(index)
    context = multiprocessing.get_context(start)
    sent = context.SimpleQueue()
    child = context.Process(target=work, args=(start, tmp_path, sent))
    child.start()
    child.join(PATIENCE)
    code = child.exitcode
    child.kill()
    assert code == 0
    assert sent.get() == (expected, expected, 1)
    # The parent still works too.
    assert rows(index) == expected
    dft.build(tmp_path / "traces", tmp_path / "again")
    assert rows(dft.open(tmp_path / "again")) == expected


def in_a_child(run) -> None:
    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    child.join(PATIENCE)
    code = child.exitcode
    child.kill()
    assert code == 0


def test_a_child_cannot_use_or_harm_what_its_parent_opened(tmp_path):
    traces(tmp_path / "traces", 5000)
    dft.build(tmp_path / "traces", tmp_path / "index")
    index = dft.open(tmp_path / "index")
    live = dft.Aggregator(scratch=tmp_path)
    live.add("read", cat="POSIX", ts=1000, dur=5)
    batches = dft.open(tmp_path / "index").table("events", batch_rows=2).batches()
    first = next(batches).num_rows
    before = sorted(os.listdir(tmp_path))

    def child() -> None:
        nonlocal index, live, batches
        message = r"was opened before fork\(\); open it again in this process"
        with pytest.raises(dft.ForkedError, match="dft_index " + message):
            index.table("events").to_arrow()
        with pytest.raises(dft.ForkedError, match="dft_aggregator " + message):
            live.add("read", cat="POSIX", ts=1000, dur=5)
        with pytest.raises(dft.DftError, match="before fork"):
            next(batches)
        # Freeing the objects must not hang or remove files.
        del index, live, batches

    in_a_child(child)
    assert sorted(os.listdir(tmp_path)) == before
    assert sum(batch.num_rows for batch in batches) == len(rows(index)) - first
    live.publish(tmp_path / "live", "parent")
    assert len(rows(dft.open(tmp_path / "live"))) == 1


def test_a_child_of_a_child_works(tmp_path):
    traces(tmp_path / "traces", 100)
    dft.build(tmp_path / "traces", tmp_path / "index")

    def grandchild() -> None:
        dft.build(tmp_path / "traces", tmp_path / "deep")

    def child() -> None:
        dft.build(tmp_path / "traces", tmp_path / "child")
        in_a_child(grandchild)

    in_a_child(child)
    assert rows(dft.open(tmp_path / "deep")) == rows(dft.open(tmp_path / "index"))


def test_a_child_forked_during_a_build_ends_and_harms_neither_the_build_nor_its_lock(tmp_path):
    traces(tmp_path / "traces", 20000)
    children = []

    def child() -> None:
        # If the child was forked while the build had a database open, the build fails with this error.
        try:
            dft.build(tmp_path / "traces", tmp_path / f"child-{os.getpid()}")
        except dft.ForkedError as error:
            assert "forked while another thread" in str(error)

    def on_progress(progress) -> None:
        if len(children) < 5:
            process = multiprocessing.get_context("fork").Process(target=child)
            process.start()
            children.append(process)

    dft.build(tmp_path / "traces", tmp_path / "index", progress=on_progress)
    for process in children:
        process.join(PATIENCE)
        code = process.exitcode
        process.kill()
        assert code == 0
    assert children
    # No child still holds the lock.
    dft.build(traces(tmp_path / "more", 30), tmp_path / "index")
    dft.open(tmp_path / "index").verify()
