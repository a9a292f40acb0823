"""The numbers on the page are those of the tables."""

import csv
import io
import json

from conftest import DATA, Page, dft
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select


def query(page, group_by, stats, *options):
    text = dft("query", page.index, "--group-by", group_by, "--stats", stats, "--format", "csv", *options)
    return list(csv.DictReader(io.StringIO(text)))


def number(text):
    return int(text) if text else None


KINDS = {"1": "read", "2": "write", "3": "metadata", "4": "process control", "5": "ipc", "6": "other", "7": "sync"}


def test_layers_and_kinds_have_the_totals_of_the_tables(job):
    shown = {
        (layer["category"], kind["kind"]): kind["totals"] for layer in job.data["layers"] for kind in layer["kinds"]
    }
    wanted = {
        (row["cat"], KINDS[row["io_cat"]]): {
            "calls": int(row["count"]),
            "time_us": int(row["dur_total"] or 0),
            "bytes": number(row["size_total"]),
        }
        for row in query(job, "cat,io_cat", "count,dur_total,size_total")
    }
    assert len(wanted) > 4
    assert shown == wanted
    # The table on the page has a row for each, or one for a layer with one kind.
    texts = [cells[:2] for cells in job.rows("categories")]
    for (category, kind), totals in wanted.items():
        calls = f"{totals['calls']:,}"
        assert [category, calls] in texts or [kind, calls] in texts


def test_the_analysis_is_that_of_dft_analyze(job):
    analysis = json.loads(dft("analyze", job.index, "--json"))
    shown = job.data["analysis"]
    assert shown["layers"] == analysis["layers"] and len(shown["layers"]) > 1
    assert shown["findings"] == analysis["findings"]
    assert shown["job"] == analysis["job"]
    rows = job.rows("layer-table")
    assert sorted(cells[0] for cells in rows) == sorted(layer["title"] for layer in analysis["layers"])
    calls = {cells[0]: cells[8] for cells in rows}
    assert calls == {layer["title"]: f"{layer['calls']:,}" for layer in analysis["layers"]}
    found = [finding["title"] for finding in analysis["findings"]["found"]]
    assert job.run("return [...document.querySelectorAll('#found h3')].map((title) => title.textContent)") == found
    assert found
    fine = job.text("#fine")
    assert all(finding["title"] in fine for finding in analysis["findings"]["fine"])


def test_the_timeline_draws_the_cells_of_the_table(job):
    chart = job.option("timeline-chart")
    bin_us, start = job.data["timeline"]["bin_us"], job.data["timeline"]["start_us"]
    interval = job.data["job"]["interval_us"]
    assert bin_us % interval == 0
    wanted = {}
    for row in query(job, "io_cat,time_range", "count,size_total", "--query", 'cat == "posix"'):
        bin = (int(row["time_range"]) * interval - start) // bin_us
        calls, size = wanted.get((KINDS[row["io_cat"]], bin), (0, 0))
        wanted[KINDS[row["io_cat"]], bin] = (calls + int(row["count"]), size + int(row["size_total"] or 0))
    titles = [title["text"] for title in chart["title"]]
    assert titles[:2] == ["posix: bandwidth", "posix: calls per second"]
    for panel, value in [(1, 0), (0, 1)]:
        drawn = {
            (series["name"], bin): rate
            for series in chart["series"]
            if series["xAxisIndex"] == panel
            for bin, rate in enumerate(series["data"])
            if rate
        }
        expected = {key: sums[value] / (bin_us / 1e6) for key, sums in wanted.items() if sums[value]}
        assert drawn.keys() == expected.keys()
        for key, rate in expected.items():
            assert abs(drawn[key] - rate) <= 1e-9 * rate


def test_the_heat_map_draws_the_processes_of_the_table(job):
    heat = job.data["heat_map"]
    interval = job.data["job"]["interval_us"]
    names = [row["name"] for row in heat["rows"]]
    Select(job.browser.find_element(By.ID, "heat-layer")).select_by_visible_text("posix")
    Select(job.browser.find_element(By.ID, "heat-measure")).select_by_value("calls")
    chart = job.option("heat-chart")
    drawn = {}
    for bin, row, value in (cell["value"] if isinstance(cell, dict) else cell for cell in chart["series"][0]["data"]):
        drawn[chart["yAxis"][0]["data"][row], bin] = value
    wanted = {}
    for row in query(job, "host_name,pid,time_range", "count", "--query", 'cat == "posix"'):
        name = f"{row['host_name']} {row['pid']}"
        assert name in names
        bin = (int(row["time_range"]) * interval - heat["start_us"]) // heat["bin_us"]
        wanted[name, bin] = wanted.get((name, bin), 0) + int(row["count"])
    assert drawn == wanted


def test_files_have_the_totals_of_the_tables(job):
    # Calls of the layer of I/O that name a file.
    named = 'cat == "posix" and file_name != ""'
    rows = query(job, "file_name", "count,dur_total,size_total,process_nunique", "--query", named)
    wanted = {row["file_name"]: row for row in rows}
    files = job.data["files"]
    assert files["count"] == len(wanted) > 10
    for file in files["top"]:
        row = wanted[file["name"]]
        assert file["totals"]["calls"] == int(row["count"])
        assert file["totals"]["time_us"] == int(row["dur_total"] or 0)
        assert file["totals"]["bytes"] == number(row["size_total"])
        assert file["processes"] == int(row["process_nunique"])
    assert files["tree"]["totals"]["calls"] == sum(int(row["count"]) for row in rows)
    assert sum(row["totals"]["bytes"] or 0 for row in files["extensions"]) == files["tree"]["totals"]["bytes"]


def test_functions_have_the_statistics_of_the_tables(job):
    wanted = {
        (row["cat"], row["func_name"]): row
        for row in query(job, "cat,func_name", "count,dur_total,dur_mean,dur_std,dur_max,dur_p99,process_nunique")
    }
    shown = {(row["category"], row["function"]): row for row in job.data["functions"]}
    assert shown.keys() == wanted.keys()
    for key, row in wanted.items():
        assert shown[key]["totals"]["calls"] == int(row["count"])
        assert shown[key]["mean_us"] == (float(row["dur_mean"]) if row["dur_mean"] else None)
        assert shown[key]["std_us"] == (float(row["dur_std"]) if row["dur_std"] else None)
        assert shown[key]["max_us"] == number(row["dur_max"])
        assert shown[key]["processes"] == int(row["process_nunique"])
        quantiles = dict(shown[key]["quantiles"])
        assert quantiles.get(0.99) == (float(row["dur_p99"]) if row["dur_p99"] else None)


def test_histograms_count_every_call_once(job):
    for layer in job.data["layers"]:
        for kind in layer["kinds"]:
            for of in ["sizes", "durations"]:
                values = kind[of]
                assert sum(calls for _, calls in values["bins"]) + values["unknown"] == values["samples"]
    drawn = job.option("size-chart")["series"]
    posix = next(layer for layer in job.data["layers"] if layer["category"] == "posix")
    for series in drawn:
        kind = next(kind for kind in posix["kinds"] if kind["kind"] == series["name"])
        assert sum(series["data"]) == sum(calls for _, calls in kind["sizes"]["bins"])


def test_telemetry_has_the_readings_of_the_summary(browser, tmp_path):
    dft("index", DATA / "tracer-3-telemetry", "--index", tmp_path / "t.dftagg")
    page = Page(browser, tmp_path / "t.dftagg", tmp_path)
    summary = json.loads(dft("summary", page.index, "--json"))["telemetry"]
    wanted = {(one["counter"], one["metric"]): (one["min"], one["max"]) for one in summary if one["category"] == "sys"}
    shown = {
        (one["counter"], one["metric"]): (
            min(value for value in one["min"] if value is not None),
            max(value for value in one["max"] if value is not None),
        )
        for one in page.data["telemetry"]
    }
    assert ("cpu", "user_pct") in shown
    for key, extremes in shown.items():
        assert extremes == wanted[key]
    drawn = [series["name"] for series in page.option("timeline-chart")["series"]]
    assert "user_pct" in drawn


def test_a_filter_is_stated_and_applied(browser, job, tmp_path):
    page = Page(browser, job.index, tmp_path, "--name", "read", "--query", "io_cat == 1")
    assert page.data["filter"] == "function read; query io_cat == 1"
    assert "function read; query io_cat == 1" in page.text("#facts")
    [row] = query(job, "func_name", "count", "--query", 'func_name == "read"')
    assert page.data["job"]["calls"] == int(row["count"])
