"""Reports: a page for the browser, the same in a notebook, and charts of its data."""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from ._library import PathLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .index import Index

#: The colours of kinds of I/O: those of the page.
COLORS = {
    "read": "#0072b2",
    "write": "#d55e00",
    "metadata": "#009e73",
    "sync": "#cc79a7",
    "process control": "#56b4e9",
    "ipc": "#e69f00",
    "other": "#8c8c8c",
}


class Report:
    """A page that shows where the time of a job went. A notebook shows it in an output cell."""

    def __init__(self, page: str, path: Optional[str]) -> None:
        #: The page, as HTML.
        self.page = page
        #: The file that it was written to; ``None`` if it was not.
        self.path = path

    def __repr__(self) -> str:
        return f"<dft_utils.Report {self.path or 'not written'}, {len(self.page.encode()):,} bytes>"

    def _repr_html_(self) -> str:
        # The frame has an origin of its own, so a page cannot touch the notebook.
        attributes = 'sandbox="allow-scripts" width="100%" height="800" style="border: 1px solid #ccc"'
        return f'<iframe {attributes} srcdoc="{html.escape(self.page)}"></iframe>'


def report(index: "Union[Index, PathLike]", out: Optional[PathLike] = None, **view: Any) -> Report:
    """Return a page that shows where the time of a job went, and write it to ``out`` unless that is ``None``.

    ``index``: an index, or its path. ``view`` selects a part of the index, as for :meth:`dft_utils.Index.table`. The
    page is one HTML file of at most 3 MB, which needs no network. A report at ``out`` is replaced, another file is not.
    """
    from .index import Index

    if isinstance(index, Index):
        return index.report(out, **view)
    with Index(index) as opened:
        return opened.report(out, **view)


class Plot:
    """Charts of a report's data, as Matplotlib axes. Needs matplotlib.

    ``index.plot.timeline()`` and the others take ``ax``, axes to draw in, and the arguments of a view, such as
    ``time=("10s", "1min")``.
    """

    def __init__(self, index: "Index") -> None:
        self._index = index

    def timeline(
        self, layer: Optional[str] = None, measure: str = "bandwidth", *, ax: "Optional[Axes]" = None, **view: Any
    ) -> "Axes":
        """Draw calls of a category over time, by kind of I/O.

        ``layer``: the category; by default, the lowest layer of I/O. ``measure``: ``bandwidth`` in bytes per second,
        ``calls`` per second, or ``in_flight``, the mean number of calls in progress. A call counts where its middle
        is.
        """
        measures = {"bandwidth": ("bytes", "MiB/s"), "calls": ("calls", "calls/s"), "in_flight": ("time_us", "calls")}
        field, unit = _one_of(measures, measure, "measure")
        data = self._index.report_data(**view)
        time = data["timeline"]
        category = _layer(data, layer)
        scale = time["bin_us"] / 1e6 * (1 << 20 if measure == "bandwidth" else 1e6 if measure == "in_flight" else 1)
        starts = [(time["start_us"] + at * time["bin_us"]) / 1e6 for at in range(time["bins"])]
        series = [one for one in time["series"] if one["category"] == category and any(one[field])]
        values = [[value / scale for value in one[field]] for one in series]
        ax = _axes(ax)
        if series:
            names = [one["kind"] for one in series]
            ax.stackplot(starts, values, labels=names, colors=[COLORS[name] for name in names], step="post")
            ax.legend()
        ax.set(title=f"{category}: {measure.replace('_', ' ')}", xlabel="time (s)", ylabel=unit)
        return ax

    def heatmap(
        self, layer: Optional[str] = None, measure: str = "time", *, ax: "Optional[Axes]" = None, **view: Any
    ) -> "Axes":
        """Draw processes by time. ``measure``: ``time`` in seconds, ``bytes`` or ``calls``."""
        measures = {"time": ("time_us", 1e6, "s"), "bytes": ("bytes", 1 << 20, "MiB"), "calls": ("calls", 1, "calls")}
        field, scale, unit = _one_of(measures, measure, "measure")
        data = self._index.report_data(**view)
        heat = data["heat_map"]
        category = layer or (heat["layers"][0]["category"] if heat["layers"] else "")
        shown = {one["category"]: one for one in heat["layers"]}
        if category not in shown:
            raise ValueError(f"there is no heat map of {category!r}, only of {', '.join(shown) or 'nothing'}")
        bins, rows = heat["bins"], heat["rows"]
        values = [value / scale for value in shown[category][field]]
        cells = [values[at * bins : (at + 1) * bins] for at in range(len(rows))]
        start = heat["start_us"] / 1e6
        extent = (start, start + bins * heat["bin_us"] / 1e6, len(rows) - 0.5, -0.5)
        ax = _axes(ax)
        image = ax.imshow(cells, aspect="auto", interpolation="nearest", cmap="Blues", extent=extent)
        ax.figure.colorbar(image, ax=ax, label=unit)
        step = max(1, len(rows) // 16)
        ax.set_yticks(range(0, len(rows), step), [row["name"] for row in rows[::step]])
        ax.set(title=f"{category}: {measure} of each process", xlabel="time (s)")
        return ax

    def sizes(
        self, layer: Optional[str] = None, of: str = "sizes", *, ax: "Optional[Axes]" = None, **view: Any
    ) -> "Axes":
        """Draw how many calls have which size or duration, by powers of two.

        ``of``: ``sizes`` in bytes or ``durations`` in µs. Calls that the index knows only as sums are left out; an
        index with percentiles knows all.
        """
        unit = _one_of({"sizes": "bytes", "durations": "µs"}, of, "of")
        data = self._index.report_data(**view)
        category = _layer(data, layer)
        kinds: Sequence[dict[str, Any]] = next(one["kinds"] for one in data["layers"] if one["category"] == category)
        ax = _axes(ax)
        powers = sorted({power for kind in kinds for power, _ in kind[of]["bins"]})
        below = dict.fromkeys(powers, 0)
        for kind in kinds:
            counts = dict(kind[of]["bins"])
            if counts:
                heights = [counts.get(power, 0) for power in powers]
                ax.bar(powers, heights, bottom=list(below.values()), label=kind["kind"], color=COLORS[kind["kind"]])
                below = {power: below[power] + counts.get(power, 0) for power in powers}
        ax.set_xticks(powers, ["0" if power < 0 else f"$2^{{{power}}}$" for power in powers])
        ax.set(title=f"{category}: {of} of calls", xlabel=f"at least ({unit})", ylabel="calls")
        if powers:
            ax.legend()
        return ax


def _axes(ax: "Optional[Axes]") -> "Axes":
    if ax is not None:
        return ax
    from matplotlib import pyplot

    axes: Axes = pyplot.subplots()[1]
    return axes


def _layer(data: dict[str, Any], layer: Optional[str]) -> str:
    """Return the category to show; raise :class:`ValueError` if there is no such category."""
    known = [one["category"] for one in data["layers"]]
    category = layer or data["io_layer"] or (known[0] if known else "")
    if category not in known:
        raise ValueError(f"there is no layer {category!r}, only {', '.join(known) or 'none'}")
    return str(category)


def _one_of(known: dict[str, Any], name: str, what: str) -> Any:
    if name not in known:
        raise ValueError(f"{name!r} is not a {what}: use {', '.join(known)}")
    return known[name]

