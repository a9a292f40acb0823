"""Reports: the page, its data, and charts of the data."""

import json
import os

import pytest
from conftest import call, write_trace

import dft_utils


def test_a_report_is_the_page_of_the_index(index, index_path, tmp_path):
    out = tmp_path / "report.html"
    written = index.report(out)
    assert written.path == str(out) and out.read_text(encoding="utf-8") == written.page
    assert written.page.startswith("<!doctype html>") and len(written.page) < 3_000_000
    assert dft_utils.report(index_path).page == index.report().page == written.page
    data = json.loads(written.page.split('id="data">')[1].split("</script>")[0])
    assert data == index.report_data()
    summary = index.summary()
    assert data["job"]["calls"] == summary["calls"]["calls"]
    assert {one["category"]: one["totals"]["bytes"] for one in data["layers"]} == {
        one["category"]: one["bytes"] for one in summary["layers"]
    }


def test_a_view_narrows_a_report(index):
    posix = index.report_data(cat="posix", query="io_cat == 1")
    assert posix["filter"] == "category posix; query io_cat == 1"
    [layer] = posix["layers"]
    assert layer["category"] == "posix" and [kind["kind"] for kind in layer["kinds"]] == ["read"]


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(index):
    frame = index.report()._repr_html_()
    assert frame.startswith('<iframe sandbox="allow-scripts"') and frame.count("<") == 2


def test_a_report_that_cannot_be_written_is_an_error(index, tmp_path):
    with pytest.raises(dft_utils.DftError, match="missing"):
        index.report(tmp_path / "missing" / "report.html")
    assert os.listdir(tmp_path) == []


@pytest.fixture
def plots(tmp_path):
    """Build an index of two reads in the first second and a write in the third."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    lines = [
        call(0, args={"ret": 1 << 20}),
        call(1000, args={"ret": 1 << 20}, pid=9),
        call(2_000_000, "write", args={"ret": 100}),
    ]
    dft_utils.build(write_trace(tmp_path / "a.pfw", lines), tmp_path / "index")
    with dft_utils.open(tmp_path / "index") as index:
        yield index.plot


def test_a_timeline_has_the_rates_of_each_kind(plots):
    axes = plots.timeline()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["read", "write"]
    assert axes.get_title() == "posix: bandwidth" and axes.get_ylabel() == "MiB/s"
    highest = max(vertex[1] for path in axes.collections[0].get_paths() for vertex in path.vertices)
    assert highest == 2.0
    assert plots.timeline(measure="in_flight").get_ylabel() == "calls"


def test_a_heat_map_has_a_row_for_each_process(plots):
    axes = plots.heatmap(measure="bytes")
    cells = axes.images[0].get_array().tolist()
    assert cells == [[1.0, 0.0, 100 / (1 << 20)], [1.0, 0.0, 0.0]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["unknown 7", "unknown 9"]


def test_sizes_are_counted_by_power_of_two(plots):
    axes = plots.sizes()
    heights = {(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in axes.patches if bar.get_height()}
    assert heights == {(6, 1), (20, 2)}
    assert plots.sizes(of="durations").get_xlabel() == "at least (µs)"


def test_what_cannot_be_drawn_is_an_error(plots):
    with pytest.raises(ValueError, match="no layer 'stdio', only posix"):
        plots.timeline("stdio")
    with pytest.raises(ValueError, match="not a measure: use bandwidth, calls, in_flight"):
        plots.timeline(measure="speed")
    with pytest.raises(ValueError, match="no heat map of 'stdio', only of posix"):
        plots.heatmap("stdio")
