"""Reports, and a headless Chromium that opens them.

`cargo xtask page` runs these tests. It sets DFT to the program, GEN_TRACE to the one that makes traces, PAGE_SHOTS to a
directory for screenshots, and TRACE_SETS to a directory of more sets of traces, if there is one.
"""

import gzip
import json
import os
import subprocess
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

DATA = Path(__file__).parents[4] / "tests/data"
SHOTS = Path(os.environ["PAGE_SHOTS"])


def dft(*arguments):
    """Runs the program and returns its standard output. Faults of the input are no failure."""
    done = subprocess.run([os.environ["DFT"], *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stderr
    return done.stdout


class Page:
    """A report that the browser shows."""

    def __init__(self, browser, index, directory, *options):
        self.browser, self.index = browser, index
        self.path = directory / "report.html"
        dft("report", index, "--out", self.path, *options)
        self.data = json.loads(dft("report", index, "--json", *options))
        self.open()

    def open(self, width=1280, height=900):
        self.browser.set_window_size(width, height)
        self.browser.get_log("browser"), self.browser.get_log("performance")
        self.browser.get(self.path.as_uri())
        WebDriverWait(self.browser, 60).until(lambda _: self.run("return document.documentElement.dataset.drawn"))

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? null", selector)

    def option(self, chart):
        """Returns what a chart was told to draw."""
        return self.run("return JSON.parse(JSON.stringify(charts[arguments[0]].getOption()))", chart)

    def is_drawn(self, chart):
        """Returns whether a chart's canvas has pixels of more than one colour."""
        return self.run(
            """
            const canvas = document.getElementById(arguments[0]).querySelector("canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const pixels = new Uint32Array(data.buffer);
            return new Set(pixels).size > 2;
            """,
            chart,
        )

    def rows(self, table):
        """Returns the texts of the cells of a table's visible rows."""
        return self.run(
            """
            return [...document.querySelectorAll(`#${arguments[0]} tbody tr`)].map(
                (row) => [...row.cells].map((cell) => cell.textContent));
            """,
            table,
        )

    def complaints(self):
        """Returns what the browser's console says, and the requests for anything else than the page."""
        console = [entry["message"] for entry in self.browser.get_log("browser")]
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return console + [url for url in sent if url != self.path.as_uri() and not url.startswith("data:")]

    def shot(self, name, width):
        """Saves a picture of the whole page."""
        self.open(width)
        height = self.run("return document.documentElement.scrollHeight")
        self.browser.set_window_size(width, min(height + 200, 12_000))
        self.browser.save_screenshot(str(SHOTS / f"{name}-{width}.png"))


@pytest.fixture(scope="session")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = os.environ["CHROMIUM"]
    for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=os.environ["CHROMEDRIVER"])
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def job(browser, tmp_path_factory):
    """The report on a job with calls, aggregated calls and telemetry, and with sketches."""
    directory = tmp_path_factory.mktemp("job")
    index = directory / "job.dftagg"
    traces = [DATA / name for name in ["tracer-3-events", "tracer-3-aggregated", "tracer-3-telemetry"]]
    dft("index", *traces, "--index", index, "--percentiles")
    return Page(browser, index, directory)


@pytest.fixture
def report(browser, tmp_path):
    """Makes a report on records."""

    def make(records, *options):
        trace = tmp_path / "trace.pfw.gz"
        with gzip.open(trace, "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)
        dft("index", trace, "--index", tmp_path / "t.dftagg")
        return Page(browser, tmp_path / "t.dftagg", tmp_path, *options)

    return make
