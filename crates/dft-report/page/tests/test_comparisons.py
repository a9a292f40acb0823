"""The page of several runs has the numbers of `dft compare`."""

import json

import pytest
from conftest import DATA, Page, dft


@pytest.fixture(scope="module")
def runs(browser, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs")
    indexes = []
    for name in ["tracer-2-events", "tracer-3-events"]:
        indexes.append(directory / f"{name}.dftagg")
        dft("index", DATA / name, "--index", indexes[-1])
    page = Page.__new__(Page)
    page.browser, page.path = browser, directory / "differences.html"
    dft("compare", *indexes, "--report", page.path)
    page.indexes = indexes
    page.open()
    return page


def test_rows_are_those_of_dft_compare(runs):
    compared = json.loads(dft("compare", *runs.indexes, "--json"))
    rows = runs.rows("layer-changes")
    assert [cells[0] for cells in rows] == ["job"] + [row["name"] for row in compared["rows"]]
    for cells, row in zip(rows[1:], compared["rows"]):
        assert cells[7:9] == [f"{numbers['calls']:,}" for numbers in row["runs"]]
        welch = row["changes"][0]["welch"]
        assert cells[6].startswith("yes" if welch["p"] < 0.01 and abs(welch["effect_size"]) >= 0.2 else "no")
    functions = json.loads(dft("compare", *runs.indexes, "--by", "function", "--json"))["rows"]
    assert [cells[0] for cells in runs.rows("function-changes")] == [row["name"] for row in functions]


def test_charts_have_a_series_for_each_run(runs):
    compared = json.loads(dft("compare", *runs.indexes, "--json"))
    drawn = runs.option("layers-chart")
    assert drawn["yAxis"][0]["data"] == [row["name"] for row in compared["rows"]]
    for run, series in enumerate(drawn["series"]):
        assert series["data"] == [row["runs"][run]["busy_us"] for row in compared["rows"]]
    charts = runs.run("return Object.keys(charts)")
    assert charts == ["layers-chart", "times-chart", "size-chart", "duration-chart"]
    for chart in charts:
        assert runs.is_drawn(chart) and len(runs.option(chart)["series"]) == 2
    assert runs.complaints() == []


def test_the_page_of_a_comparison_fits_a_phone(runs):
    for width in [400, 1280]:
        runs.shot("differences", width)
        assert runs.run("return document.documentElement.scrollWidth") <= width
