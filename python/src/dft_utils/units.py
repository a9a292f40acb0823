"""Times and sizes, as people write them."""

import datetime
import re
from typing import Union

Duration = Union[str, int, float, datetime.timedelta]
Size = Union[str, int]

_US = {"us": 1, "µs": 1, "μs": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000, "m": 60_000_000, "h": 3_600_000_000}
_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def microseconds(duration: Duration) -> int:
    """A duration in µs: a number of seconds, a ``timedelta``, or a text such as ``"5s"`` or ``"100ms"``.

    Raises :class:`ValueError` where it is none, is negative, or is no whole number of µs.
    """
    if isinstance(duration, datetime.timedelta):
        return _whole(duration / datetime.timedelta(microseconds=1), duration)
    if isinstance(duration, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zµμ]+)\s*", duration)
        if not found or found[2] not in _US:
            raise ValueError(f"{duration!r} is no duration: write it like '100ms', '5s', '2min' or '1h'")
        return _whole(float(found[1]) * _US[found[2]], duration)
    return _whole(duration * 1_000_000, duration)


def _whole(value: float, duration: Duration) -> int:
    rounded = round(value)
    if rounded < 0 or abs(value - rounded) > 1e-6 * max(1.0, abs(value)):
        raise ValueError(f"{duration!r} is no whole number of µs from 0 on")
    return rounded


def byte_count(size: Size) -> int:
    """A size in bytes: a number, or a text such as ``"256M"`` (of 1,048,576 bytes each).

    Raises :class:`ValueError` where it is none.
    """
    if isinstance(size, int):
        if size < 0:
            raise ValueError(f"{size} is no size: it is negative")
        return size
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", size)
    if not found:
        raise ValueError(f"{size!r} is no size: write it like '256M' or '2G'")
    return int(float(found[1]) * _BYTES[found[2]])
