"""What notebooks and other DataFrame libraries read of indexes and tables."""

import html.parser
import sys

import pyarrow
import pytest
from conftest import call, write_trace

import dft_utils
from dft_utils import notebook

HOSTILE = "<script>alert('x')</script>&\"\u202e\x07"


class Text(html.parser.HTMLParser):
    """Collects the tags and the cells of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.cells = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data):
        if self.cells and self.tags[-1] in ("td", "th"):
            self.cells[-1] += data


@pytest.fixture
def hostile(tmp_path):
    """Build an index of a trace whose names are HTML."""
    lines = [call(at, HOSTILE, args={"hhash": HOSTILE, HOSTILE: at}) for at in range(12)]
    where = tmp_path / "<b>bold<b>"
    dft_utils.build(write_trace(tmp_path / "a.pfw", lines), where, dft_utils.Config("1us", group_keys=["<i>"]))
    with dft_utils.open(where) as index:
        yield index


@pytest.mark.parametrize("table", ["events", "aggregation"])
def test_names_of_a_trace_are_shown_as_text(hostile, table):
    shown = hostile.table(table)
    page = Text(shown._repr_html_())
    assert set(page.tags) == {"div", "b", "table", "thead", "tr", "th", "tbody", "td", "i"}
    assert "<script>alert('x')</script>&\"\\u202e\\x07" in page.cells
    assert page.tags.count("tr") == 1 + notebook.ROWS
    assert "the first 10 rows" in shown._repr_html_()
    for page in (shown._repr_html_(), hostile._repr_html_()):
        assert "<script" not in page and "&lt;b&gt;bold" in page and "\u202e" not in page


def test_a_table_shows_its_columns_and_first_rows(index):
    for name in ("events", "profiles", "system", "preaggregated_system", "aggregation", "system_by_host", "processes"):
        table = index.table(name)
        page = Text(table._repr_html_())
        columns = table.columns[: notebook.COLUMNS]
        assert page.cells[: len(columns)] == columns
        rows = table.to_arrow().slice(0, notebook.ROWS).to_pylist()
        assert page.tags.count("tr") == 1 + len(rows)
        assert page.cells[len(columns)] == ("" if rows[0][columns[0]] is None else str(rows[0][columns[0]]))
    assert "no rows" in index.table("events", pid=[])._repr_html_()
    assert "more columns" in index.table("aggregation")._repr_html_()


def test_a_table_without_pyarrow_shows_its_columns(index, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    page = index.table("events")._repr_html_()
    assert "<th>func_name</th>" in page and "if pyarrow is installed" in page


def test_an_index_shows_its_configuration_also_when_closed(index_path):
    index = dft_utils.open(index_path)
    page = Text(index._repr_html_())
    facts = dict(zip(page.cells[::2], page.cells[1::2]))
    assert (facts["interval"], facts["rows by file"]) == ("1 s", "yes")
    assert facts["size on disk"] == f"{index.bytes:,} bytes"
    # And the first section of a report.
    posix = page.cells.index("posix")
    totals = next(layer["totals"] for layer in index.report_data()["layers"] if layer["category"] == "posix")
    assert page.cells[posix + 1] == f"{totals['calls']:,}"
    table = index.table()
    index.close()
    assert "closed" in index._repr_html_() and "closed" in table._repr_html_()
    with dft_utils.Aggregator() as aggregator:
        assert "no rows" in aggregator.index()._repr_html_()


def test_an_index_is_read_as_its_events(index):
    polars, pandas = pytest.importorskip("polars"), pytest.importorskip("pandas")
    events = index.table().to_arrow()
    assert pyarrow.table(index) == events == pyarrow.table(index.table())
    assert polars.DataFrame(index).shape == events.shape
    for source in (index, index.table()):
        frame = pandas.api.interchange.from_dataframe(source)
        assert frame["count"].tolist() == events["count"].to_pylist()
        assert frame["func_name"].tolist() == events["func_name"].to_pylist()


def test_a_schema_is_read_without_rows(index):
    table = index.table("aggregation")
    assert table.schema == pyarrow.schema(table) == table.to_arrow().schema
    assert pyarrow.schema(index) == index.table().schema
    assert table.schema.names == table.columns
