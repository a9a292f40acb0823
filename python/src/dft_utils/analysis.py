"""Where the time of a job went, and two or more runs side by side."""

import ctypes
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _abi
from ._handle import Owner
from ._library import Collected, PathLike, call, sized, string, text, texts
from .notebook import rows_as_html
from .table import View

if TYPE_CHECKING:
    import pandas

    from .index import Index


class Analysis:
    """Where the time of a job went, as ``dft analyze --json`` prints it.

    Times are in µs and sizes in bytes; ``None`` is not known. ``analysis["layers"]`` and the attributes are plain lists
    and dicts; :meth:`frame` makes DataFrames of them.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        #: Everything, as it was decoded from JSON.
        self.data = data

    def __getitem__(self, name: str) -> Any:
        return self.data[name]

    @property
    def preset(self) -> dict[str, Any]:
        """The preset: its name, its title, and why it was chosen."""
        return dict(self.data["preset"])

    @property
    def job(self) -> dict[str, Any]:
        """The job as a whole."""
        return dict(self.data["job"])

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The layers that have calls: totals, busy times, what is hidden behind compute."""
        return list(self.data["layers"])

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What stands out: each with its numbers, its place, and what people do about it."""
        return list(self.data["findings"]["found"])

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The groups that were asked for with ``by``; empty without it."""
        return list((self.data["groups"] or {"groups": []})["groups"])

    def frame(self, name: str = "layers") -> "pandas.DataFrame":
        """Return ``layers``, ``overlaps``, ``processes``, ``epochs``, ``groups`` or ``findings`` as a DataFrame.

        Fields of fields have names such as ``busy.any_us``. Needs pandas.
        """
        import pandas

        parts = {"groups": self.groups, "findings": self.findings}
        if name not in parts and not isinstance(self.data.get(name), list):
            raise ValueError(f"{name!r} is no part: use layers, overlaps, processes, epochs, groups or findings")
        frame: pandas.DataFrame = pandas.json_normalize(parts.get(name, self.data.get(name)))
        return frame

    def __repr__(self) -> str:
        job = self.data["job"]
        what = f"{job['calls']:,} calls, {len(self.findings)} findings"
        return f"<dft_utils.Analysis {self.data['preset']['name']}, {what}>"

    def _repr_html_(self) -> str:
        names = ["layer", "busy (s)", "of the job", "calls", "bytes"]
        rows = []
        for layer in self.layers:
            busy = layer["busy"] or {}
            seconds = "" if not busy else f"{busy['any_us'] / 1e6:,.6g}"
            of_job = "" if not busy else f"{busy['share_of_job']:.1%}"
            moved = "" if layer["bytes"] is None else f"{layer['bytes']:,}"
            rows.append([layer["title"], seconds, of_job, f"{layer['calls']:,}", moved])
        found = [[finding["title"], f"{finding['text']}; {finding['advice']}"] for finding in self.findings]
        return rows_as_html(names, rows) + rows_as_html(["what stands out", ""], found)


class Comparison:
    """Runs side by side, as ``dft compare --json`` prints it.

    Times are in µs and sizes in bytes; ``None`` is not known.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        #: Everything, as it was decoded from JSON.
        self.data = data

    def __getitem__(self, name: str) -> Any:
        return self.data[name]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The layers or groups, those with the greatest change of the job's time first."""
        return list(self.data["rows"])

    @property
    def conditions(self) -> dict[str, bool]:
        """Whether each condition holds."""
        return {one["condition"]: one["holds"] for one in self.data["conditions"]}

    def frame(self) -> "pandas.DataFrame":
        """Return the rows as a DataFrame, with columns such as ``A.busy_us``, ``B.calls`` and ``B.change.time_us``."""
        import pandas

        rows = []
        for row in self.rows:
            cells: dict[str, Any] = {"name": row["name"]}
            for at, run in enumerate(row["runs"]):
                cells[chr(ord("A") + at)] = run or {}
            for at, change in enumerate(row["changes"], 1):
                cells[chr(ord("A") + at)]["change"] = change
            rows.append(cells)
        frame: pandas.DataFrame = pandas.json_normalize(rows)
        return frame

    def __repr__(self) -> str:
        return f"<dft_utils.Comparison of {', '.join(self.data['runs'])}>"


def analyze(index: "Index", preset: str, by: str, view: dict[str, Any]) -> Analysis:
    """Return the analysis of an index."""
    kept = View(**view)
    request = _request(kept, preset, by, ())
    results = Collected(_abi.dft_on_note, lambda note: string(note.text))
    index._call("dft_analyze", ctypes.byref(request), results.callback, None)
    return Analysis(json.loads(results.result()[0]))


def compare(
    *runs: "Union[Index, PathLike]",
    preset: str = "",
    by: str = "",
    conditions: Sequence[str] = (),
    names: Optional[Sequence[str]] = None,
    **view: Any,
) -> Comparison:
    """Compare runs with the first of them.

    ``runs``: two or more indexes, or their paths. ``preset`` and ``by``: as for :meth:`dft_utils.Index.analyze`.
    ``conditions``: such as ``"time > 1.2x where cat = posix"``; :attr:`Comparison.conditions` tells which hold.
    ``names``: what the runs are called in the result; by default, their paths. ``view`` selects a part of each index.
    """
    from .index import Index

    opened: list[Index] = []
    try:
        indexes = []
        for run in runs:
            if not isinstance(run, Index):
                run = Index(run)
                opened.append(run)
            indexes.append(run)
        labels = list(names) if names is not None else [os.fsdecode(index.path) or "in memory" for index in indexes]
        if len(labels) != len(indexes):
            raise ValueError(f"{len(labels)} names were given for {len(indexes)} runs")
        if any(index.closed for index in indexes):
            raise ValueError("an index is closed")
        handles = (ctypes.c_void_p * len(indexes))(*(_value(index) for index in indexes))
        labels_array, length = texts([text(label) for label in labels])
        kept = View(**view)
        request = _request(kept, preset, by, conditions)
        results = Collected(_abi.dft_on_note, lambda note: string(note.text))
        call("dft_compare", handles, labels_array, length, ctypes.byref(request), results.callback, None)
        return Comparison(json.loads(results.result()[0]))
    finally:
        for index in opened:
            index.close()


def _value(owner: Owner) -> Optional[int]:
    handle = owner._handle
    return handle.value if isinstance(handle, ctypes.c_void_p) else handle


def _request(view: View, preset: str, by: str, conditions: Sequence[str]) -> Any:
    request = sized(_abi.dft_analyze_request)
    request.view = ctypes.pointer(view.struct)
    request.preset, request.by = text(preset), text(by)
    request.conditions, request.conditions_length = texts([text(one) for one in conditions])
    return request
