"""Groups of the rows of an index, as ``dft query`` gives them."""

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Optional, Union

from . import _abi
from ._library import sized, text, uint32, uint64
from .arrow import Stream
from .table import Streamed, View

if TYPE_CHECKING:
    from .index import Index

#: The names of kinds of series, as the query language has them.
KINDS = {
    "event": _abi.DFT_SERIES_CALL,
    "profile": _abi.DFT_SERIES_AGGREGATED_CALL,
    "system": _abi.DFT_SERIES_HOST_STATISTIC,
}

Names = Union[str, Sequence[str]]


def _joined(names: Names) -> str:
    return names if isinstance(names, str) else ",".join(names)


class Groups(Streamed):
    """Groups of rows: what they are grouped by, then their statistics. Made by :meth:`dft_utils.Index.group`."""

    def __init__(
        self,
        index: "Index",
        by: Names,
        stats: Names,
        sort: Names,
        limit: Optional[int],
        kinds: Sequence[str],
        threads: int,
        view: View,
    ) -> None:
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise ValueError(f"there is no kind of series {unknown[0]!r}; the kinds are {', '.join(KINDS)}")
        if limit is not None and limit < 1:
            raise ValueError(f"limit is {limit}: it must be at least 1")
        self._index = index
        self._view = view
        self._request = sized(
            _abi.dft_group_request,
            by=text(_joined(by)),
            statistics=text(_joined(stats)),
            sort=text(_joined(sort)),
            limit=uint64(limit or 0, "limit"),
            kinds=(ctypes.c_uint32 * len(kinds))(*(KINDS[kind] for kind in kinds)),
            kinds_length=len(kinds),
            view=ctypes.pointer(view.struct),
            threads=uint32(threads, "threads"),
        )

    def _stream(self) -> Stream:
        stream = Stream()
        self._index._call("dft_group_stream", ctypes.byref(self._request), stream.address())
        return stream

    def __repr__(self) -> str:
        return f"<dft_utils.Groups of {self._index.path or 'an index in memory'}>"
