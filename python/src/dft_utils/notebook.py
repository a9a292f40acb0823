"""Indexes and tables as notebooks show them. Names in traces are data: every text is escaped."""

import html
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .index import Index
    from .table import Table

#: The most rows and columns that are shown of a table, and the most characters of a value.
ROWS, COLUMNS, LENGTH = 10, 30, 120


def of_index(index: "Index") -> str:
    """Return an index as HTML: its configuration and its size."""
    title = f"<b>dft_utils.Index</b> {escaped(index.path or 'in memory')}"
    if index.closed:
        return f"<div>{title}, closed</div>"
    config, bounds = index.config, index.bounds_us
    span = "no rows" if bounds is None else f"{(bounds[1] - bounds[0] + config.interval_us) / 1e6:,.6g} s"
    facts = [
        ("interval", f"{config.interval_us / 1e6:,.6g} s"),
        ("time span", span),
        ("size on disk", f"{index.bytes:,} bytes"),
        ("group keys", ", ".join(config.group_keys) or "none"),
        ("percentiles", "none" if config.percentiles is None else f"within {config.percentiles:.2%}"),
        ("rows by file", "yes" if config.group_by_file else "no"),
    ]
    return f"<div>{title}{rows_as_html([], facts)}{_of_job(index)}</div>"


def _of_job(index: "Index") -> str:
    """Return the first section of a report: the size of the job, and its layers."""
    data = index.report_data()
    job = data["job"]
    if not job["calls"]:
        return ""
    counts = [f"{job[what]:,} {what}" for what in ("processes", "hosts", "threads", "calls", "files")]
    span = f"{(job['last_us'] - job['first_us']) / 1e6:,.6g} s from the first call to the last"
    names = ["layer", "calls", "time (s)", "bytes", "processes"]
    rows = []
    for layer in data["layers"][:COLUMNS]:
        totals = layer["totals"]
        moved = "" if totals["bytes"] is None else f"{totals['bytes']:,}"
        seconds = f"{totals['time_us'] / 1e6:,.6g}"
        rows.append([layer["category"], f"{totals['calls']:,}", seconds, moved, layer["processes"]])
    return f"<p>{escaped(', '.join([span, *counts]))}; report() shows more</p>{rows_as_html(names, rows)}"


def of_table(table: "Table") -> str:
    """Return a table as HTML: its columns and its first rows. Reads as little as possible."""
    title = f"<b>dft_utils.Table</b> {escaped(table.name)} of {escaped(table.path or 'an index in memory')}"
    if table.closed:
        return f"<div>{title}, closed</div>"
    columns = table.columns
    names, more = columns[:COLUMNS], len(columns) - COLUMNS
    try:
        import pyarrow
    except ImportError:
        return f"<div>{title}{rows_as_html(names, [])}<i>rows are shown if pyarrow is installed</i></div>"
    batches = table.narrowed(batch_rows=ROWS + 1).batches()
    first = next(batches, None)
    rows = [] if first is None else pyarrow.record_batch(first).to_pylist()
    shown = [[row[name] for name in names] for row in rows[:ROWS]]
    notes = ["no rows"] if not rows else [f"the first {ROWS} rows"] if len(rows) > ROWS else []
    notes += [f"{more} more columns"] if more > 0 else []
    return f"<div>{title}{rows_as_html(names, shown)}<i>{'; '.join(notes)}</i></div>"


def escaped(value: Any) -> str:
    """Return a value as text that HTML shows as it is, with invisible characters escaped."""
    text = "" if value is None else str(value)
    if len(text) > LENGTH:
        text = text[: LENGTH - 1] + "…"
    visible = (c if unicodedata.category(c)[0] != "C" else c.encode("unicode_escape").decode() for c in text)
    return html.escape("".join(visible))


def rows_as_html(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as an HTML table."""
    head = "".join(f"<th>{escaped(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{escaped(value)}</td>' for value in row)}</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"
