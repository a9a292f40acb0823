"""The page works alone, with a mouse and with a keyboard, and names are data."""

import base64
import os
import subprocess
from pathlib import Path

import pytest
from conftest import SHOTS, Page, dft
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

CHARTS = ["timeline-chart", "heat-chart", "size-chart", "duration-chart", "file-chart"]


def test_the_page_asks_for_nothing_and_complains_of_nothing(job):
    job.open()
    assert job.run("return Object.keys(charts)") == CHARTS
    for chart in CHARTS:
        assert job.is_drawn(chart), chart
    assert job.complaints() == []


def test_sections_are_reached_by_keyboard(job):
    job.open()
    body = job.browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    assert job.run("return document.activeElement.textContent") == "Skip to the report"
    names = job.run("return [...document.querySelectorAll('nav a')].map((link) => link.textContent)")
    titles = job.run("return [...document.querySelectorAll('h2')].map((title) => title.textContent)")
    assert names == titles and len(names) == 9
    # Every control and chart has a name for a screen reader.
    unnamed = job.run(
        """
        const named = (one) => one.getAttribute("aria-label") || one.labels?.length || one.textContent.trim();
        return [...document.querySelectorAll("button, select, input, [role=img]")].filter((one) => !named(one)).length;
        """
    )
    assert unnamed == 0


def zoom(page):
    [first, *_] = page.option("timeline-chart")["dataZoom"]
    return first["start"], first["end"]


def test_the_timeline_zooms_by_button_and_key(job):
    job.open()
    assert zoom(job) == (0, 100)
    job.browser.find_element(By.CSS_SELECTOR, "[data-move='Zoom in']").click()
    assert zoom(job) == (25, 75)
    chart = job.browser.find_element(By.ID, "timeline-chart")
    chart.send_keys(Keys.ARROW_LEFT)
    assert zoom(job) == (12.5, 62.5)
    # All panels have one axis.
    ranges = {(one["start"], one["end"]) for one in job.option("timeline-chart")["dataZoom"]}
    assert ranges == {(12.5, 62.5)}
    chart.send_keys("0")
    assert zoom(job) == (0, 100)


def test_tables_sort_and_filter(job):
    job.open()
    header = "#function-table thead th"
    heads = job.run(f"return [...document.querySelectorAll('{header}')].map((head) => head.textContent)")
    calls = heads.index("Calls")
    button = job.browser.find_elements(By.CSS_SELECTOR, f"{header} button")[calls]
    job.run("arguments[0].scrollIntoView({block: 'center'})", button)
    button.send_keys(Keys.ENTER)
    column = [int(cells[calls].replace(",", "")) for cells in job.rows("function-table")]
    assert column == sorted(column, reverse=True) and len(set(column)) > 1
    button.send_keys(Keys.ENTER)
    column = [int(cells[calls].replace(",", "")) for cells in job.rows("function-table")]
    assert column == sorted(column)
    box = job.browser.find_element(By.CSS_SELECTOR, "#file-table input")
    box.send_keys("SHARD_1")
    rows = job.rows("file-table")
    assert rows and all("shard_1" in cells[0] for cells in rows)


def test_choices_change_what_is_drawn(job):
    job.open()
    Select(job.browser.find_element(By.ID, "time-layer")).select_by_visible_text("ai_framework")
    titles = [title["text"] for title in job.option("timeline-chart")["title"]]
    assert titles[0] == "ai_framework: calls per second"
    Select(job.browser.find_element(By.ID, "file-measure")).select_by_visible_text("calls")
    top = job.option("file-chart")["series"][0]["data"]
    assert sum(one["value"] for one in top) == job.data["files"]["tree"]["totals"]["calls"]
    Select(job.browser.find_element(By.ID, "clock")).select_by_value("absolute")
    assert job.option("timeline-chart")["xAxis"][0]["data"][0].count(":") == 2
    job.browser.find_element(By.ID, "theme").click()
    theme = job.run("return document.documentElement.dataset.theme")
    assert theme == "dark" and job.is_drawn("heat-chart")
    assert job.complaints() == []


def test_the_page_fits_a_phone_and_a_sheet_of_paper(job):
    for width in [400, 1280]:
        job.shot("job", width)
        assert job.run("return document.documentElement.scrollWidth") <= width
    pdf = base64.b64decode(job.browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    assert pdf.startswith(b"%PDF") and len(pdf) > 50_000
    (SHOTS / "job.pdf").write_bytes(pdf)
    job.open()


HOSTILE = [
    "</script><script>window.broken = 1</script>",
    "<img src=x onerror='window.broken = 1'>",
    "{a|b}\u202egnp.exe\u0007\x1b[2J",
    "'\"--><svg onload=window.broken=1>",
    "=HYPERLINK(\"http://example.com\")",
    "x" * 10_000,
]


def test_hostile_names_stay_data(report):
    records = [{"name": "HH", "ph": "M", "pid": 1, "tid": 1, "args": {"name": HOSTILE[1], "value": "h"}}]
    for number, name in enumerate(HOSTILE):
        file = {"name": name + "/" + name, "value": f"f{number}"}
        records.append({"name": "FH", "ph": "M", "pid": 1, "tid": 1, "args": file})
        for function, category in [("read", "POSIX"), (name, name)]:
            call = {"name": function, "cat": category, "pid": 1, "tid": 1, "ts": number, "dur": 1, "ph": "X"}
            records.append(call | {"args": {"hhash": "h", "fhash": f"f{number}", "ret": 10}})
    page = report(records)
    assert page.complaints() == []
    assert page.run("return window.broken ?? null") is None
    assert page.run("return document.querySelectorAll('img, svg, script:not([type]):not(:last-of-type)').length") == 0
    assert page.run("return document.querySelectorAll('script').length") == 2
    assert HOSTILE[0] in "".join(cells[0] for cells in page.rows("file-table"))
    assert page.path.stat().st_size < 3_000_000


def test_an_index_without_calls_says_so(report):
    page = report([{"name": "HH", "ph": "M", "pid": 1, "tid": 1, "args": {"name": "node", "value": "h"}}])
    assert "The index has no calls" in page.text("#job")
    assert page.complaints() == []


def test_faults_of_the_traces_are_at_the_top(browser, tmp_path):
    trace = tmp_path / "cut.pfw"
    trace.write_text('{"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":5,"dur":1,"ph":"X","args":{"ret":1}}\nnonsense\n')
    dft("index", trace, "--index", tmp_path / "t.dftagg")
    page = Page(browser, tmp_path / "t.dftagg", tmp_path)
    assert "1 malformed line" in page.text("#faults")
    assert page.run("return document.querySelector('main > div, main > section').id") == "faults"


def test_five_million_rows_are_one_page(browser, tmp_path):
    subprocess.run(
        [os.environ["GEN_TRACE"], "gen-trace", "--out", tmp_path / "traces", "--shape", "high-cardinality"]
        + ["--records", "8000000", "--files", "300", "--records-per-row", "1"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    dft("index", tmp_path / "traces", "--index", tmp_path / "t.dftagg")
    page = Page(browser, tmp_path / "t.dftagg", tmp_path)
    assert page.path.stat().st_size < 3_000_000
    assert page.data["job"]["calls"] == 8_000_000
    # Three hundred processes are rows of three neighbours.
    assert [row["processes"] for row in page.data["heat_map"]["rows"]] == [3] * 100
    assert all(page.is_drawn(chart) for chart in page.run("return Object.keys(charts)"))
    assert page.complaints() == []
    page.shot("five-million-rows", 1280)


SETS = sorted(Path(os.environ["TRACE_SETS"]).iterdir()) if "TRACE_SETS" in os.environ else []


@pytest.mark.parametrize("traces", SETS, ids=lambda path: path.name)
def test_every_set_of_traces_has_a_page(browser, tmp_path, traces):
    dft("index", traces, "--index", tmp_path / "t.dftagg")
    page = Page(browser, tmp_path / "t.dftagg", tmp_path)
    drawn = page.run("return Object.keys(charts)")
    assert drawn and all(page.is_drawn(chart) for chart in drawn)
    assert page.complaints() == []
    page.shot(traces.name, 1280)
