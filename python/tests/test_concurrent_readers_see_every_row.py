"""Two, four and eight processes read one index concurrently, each its own shard, 200 times."""

import multiprocessing

import pytest

import dft_utils

ROUNDS = 200


def read(path, shard, rounds, start, counts):
    start.wait()
    for _ in range(rounds):
        with dft_utils.open(path) as index:
            rows, calls = 0, 0
            for batch in index.table("events", shard=shard).batches():
                rows += batch.num_rows
        counts.put((rows, calls))


def totals(path, readers):
    context = multiprocessing.get_context("spawn")
    start, counts = context.Barrier(readers), context.Queue()
    processes = [
        context.Process(target=read, args=(path, (shard, readers), ROUNDS, start, counts)) for shard in range(readers)
    ]
    for process in processes:
        process.start()
    seen = [counts.get(timeout=300)[0] for _ in range(readers * ROUNDS)]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return sum(seen)


@pytest.mark.parametrize("readers", [2, 4, 8])
def test_concurrent_readers_see_every_row(index_path, readers):
    rows = dft_utils.open(index_path).info().event_rows
    assert totals(str(index_path), readers) == rows * ROUNDS
