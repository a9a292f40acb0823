"""Analyses and comparisons are those of the command line, and their parts are DataFrames."""

import pytest
from conftest import call, write_trace

import dft_utils

pytest.importorskip("pandas")


def built(tmp_path, name, calls):
    """Build an index of calls: the category, the start and the duration of each, in µs."""
    lines = [call(ts, f"f{ts}", cat=cat, dur=dur, args={"ret": 4096}) for cat, ts, dur in calls]
    dft_utils.build(write_trace(tmp_path / f"{name}.pfw", lines), tmp_path / name)
    return tmp_path / name


@pytest.fixture
def run(tmp_path):
    """Two overlapping calls of each of two layers: each is busy for 150 µs, and both for 50."""
    calls = [("POSIX", 0, 100), ("POSIX", 50, 100), ("app", 100, 100), ("app", 150, 100)]
    with dft_utils.open(built(tmp_path, "a", calls)) as index:
        yield index


def test_layers_have_busy_times_and_overlaps(run):
    analysis = run.analyze(preset="generic")
    assert (analysis.preset["name"], analysis.job["time_us"], analysis.job["busy_us"]) == ("generic", 250, 250)
    busy = {layer["name"]: layer["busy"]["any_us"] for layer in analysis.layers}
    assert (busy["posix"], busy["app_cat"]) == (150, 150)
    [overlap] = [one for one in analysis["overlaps"] if {one["a"], one["b"]} == {"posix", "app_cat"}]
    assert overlap["same_process_us"] == 50
    frame = analysis.frame()
    assert frame.set_index("name").loc["posix", "busy.any_us"] == 150
    assert "Analysis generic" in repr(analysis) and "<table>" in analysis._repr_html_()


def test_groups_and_views(run):
    analysis = run.analyze(by="function", cat="posix")
    assert {group["name"] for group in analysis.groups} == {"posix f0", "posix f50"}
    assert analysis.job["calls"] == 2
    assert len(analysis.frame("groups")) == len(analysis.groups)


def test_findings_have_evidence_and_advice(index):
    for finding in index.analyze().findings:
        assert finding["title"] and finding["advice"] and finding["evidence"] and finding["source"]


def test_runs_are_compared_with_the_first(run, tmp_path):
    slower = built(tmp_path, "b", [("POSIX", 0, 300), ("app", 300, 100)])
    compared = dft_utils.compare(run, slower, preset="generic", conditions=["time > 1.2x where cat = posix"])
    assert compared.conditions == {"time > 1.2x where cat = posix": True}
    row = next(row for row in compared.rows if row["name"].lower().startswith("posix"))
    assert [numbers["busy_us"] for numbers in row["runs"]] == [150, 300]
    assert row["changes"][0]["time_us"] == 150
    frame = compared.frame().set_index("name")
    assert frame.loc[row["name"], "B.change.time_ratio"] == 2.0
    assert compared["runs"] == [run.path, str(slower)]
    assert repr(compared).startswith("<dft_utils.Comparison of ")


def test_what_is_wrong_is_an_error(run, tmp_path):
    assert run.analyze(preset="auto").data == run.analyze().data
    with pytest.raises(dft_utils.InvalidArgumentError, match="no preset"):
        run.analyze(preset="nothing")
    with pytest.raises(dft_utils.InvalidArgumentError, match="two runs"):
        dft_utils.compare(run)
    with pytest.raises(ValueError, match="1 names were given for 2 runs"):
        dft_utils.compare(run, run, names=["one"])
    with pytest.raises(dft_utils.InvalidArgumentError, match="not a condition"):
        dft_utils.compare(run, run, conditions=["slower"])
    with pytest.raises(ValueError, match="is no part"):
        run.analyze().frame("nothing")
