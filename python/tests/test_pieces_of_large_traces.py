"""Tests of large traces in pieces: planned, staged in any order, and ingested when all pieces are staged."""

import dataclasses
import gzip
import random

import pytest
from clusters import Folders, cluster, lines
from conftest import call, write_trace

import dft_utils


def text(number, calls=150):
    return "".join(line + "\n" for line in lines(number, calls))


def stored_with_members_in_it():
    """Return a gzip file with a member of uncompressed data that contains other members."""
    decoy = gzip.compress(text(9).encode())
    inner = b"".join(decoy + b"\n" + text(number, 400).encode() for number in range(8))
    members = [gzip.compress(text(3, 400).encode()), gzip.compress(inner, 0), gzip.compress(text(4, 400).encode())]
    return b"".join(members)


def test_pieces_in_any_order_give_the_index_of_the_trace(tmp_path):
    folders = Folders(tmp_path)
    write_trace(folders.traces / "cut.pfw.gz", lines(1, 4000), members=20)
    write_trace(folders.traces / "cut.pfw", lines(2, 2000))
    write_trace(folders.traces / "small.pfw", lines(3, 3))
    pieces = dft_utils.plan(folders.traces, "16K")
    assert pieces == sorted(pieces) and len({piece.path for piece in pieces}) == 3
    assert [piece.is_whole for piece in pieces].count(True) == 1 and len(pieces) > 6
    random.Random(1).shuffle(pieces)
    reports = [dft_utils.stage_pieces([piece], folders.local, folders.shared) for piece in pieces[:-1]]
    waits = dft_utils.ingest(folders.index, folders.shared)
    assert [fault.path for fault in waits.waiting] == [pieces[-1].path] and not waits.unchained
    assert f"{pieces[-1].start} to {pieces[-1].end}" in waits.waiting[0].message
    reports.append(dft_utils.stage_pieces(pieces[-1:], folders.local, folders.shared))
    done = dft_utils.ingest(folders.index, folders.shared)
    assert done.taken > 0 and not done.waiting and not done.refused
    folders.assert_equals_local_build()
    assert sum(report.records for report in reports) == sum(
        file.events + file.metadata for file in dft_utils.open(folders.index).files()
    )


def test_a_trace_that_has_grown_since_it_was_cut_is_an_error(tmp_path):
    folders = Folders(tmp_path)
    trace = write_trace(folders.traces / "a.pfw", lines(1, 500))
    pieces = dft_utils.plan(trace, "8K")
    with trace.open("a") as file:
        file.write(call(1) + "\n")
    with pytest.raises(dft_utils.ChangedError) as error:
        dft_utils.stage_pieces(pieces, folders.local, folders.shared)
    assert error.value.path == str(trace)
    with pytest.raises(ValueError):
        dft_utils.stage_pieces([dataclasses.replace(pieces[0], end=pieces[0].start)], folders.local, folders.shared)
    with pytest.raises(dft_utils.NothingFoundError):
        dft_utils.plan(tmp_path / "nowhere")


def test_a_wrongly_cut_trace_is_reported_and_can_be_staged_whole(tmp_path):
    folders = Folders(tmp_path)
    trace = folders.traces / "fools.pfw.gz"
    trace.write_bytes(stored_with_members_in_it())
    pieces = dft_utils.plan(trace, "32K")
    assert len(pieces) > 1, "the plan must mistake the data for members"
    dft_utils.stage_pieces(pieces, folders.local, folders.shared)
    done = dft_utils.ingest(folders.index, folders.shared)
    assert [fault.path for fault in done.unchained] == [str(trace)] and done.refused == len(pieces)
    dft_utils.stage(trace, folders.local, folders.shared)
    assert dft_utils.ingest(folders.index, folders.shared).taken == 1
    folders.assert_equals_local_build()


def test_a_cluster_build_stages_a_wrongly_cut_trace_whole(tmp_path):
    folders = Folders(tmp_path)
    (folders.traces / "fools.pfw.gz").write_bytes(stored_with_members_in_it())
    write_trace(folders.traces / "cut.pfw.gz", [*lines(1, 4000), "nonsense", *lines(2, 50), "nonsense"], members=20)
    with cluster(2) as client:
        report = folders.build(client=client, task_size="32K")
    alone = folders.assert_equals_local_build()
    assert (report.files, report.records, report.malformed_lines) == (2, alone.records, alone.malformed_lines)
    assert {fault.path for fault in report.faults} == {fault.path for fault in alone.faults}
    assert report.faulty_files == alone.faulty_files
    folders.assert_no_files_are_left()
