"""Parse times and sizes in the forms that people write."""

import datetime
import fractions
import math
import operator
import re
from typing import Union

Duration = Union[str, int, float, datetime.timedelta]
Size = Union[str, int]

_US = {"us": 1, "µs": 1, "μs": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000, "m": 60_000_000, "h": 3_600_000_000}
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def microseconds(duration: Duration, name: str = "duration") -> int:
    """Return a duration in µs, from a number of seconds, a ``timedelta``, or a text such as ``"5s"`` or ``"100ms"``.

    Raises :class:`ValueError` if it is not a duration, is negative, or is not a whole number of µs, and
    :class:`OverflowError` if it does not fit in 64 bits. ``name`` names the duration in the message.
    """
    if isinstance(duration, datetime.timedelta):
        return _whole(duration / datetime.timedelta(microseconds=1), duration, name)
    if isinstance(duration, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zµμ]+)\s*", duration, re.ASCII)
        if not found or found[2] not in _US:
            raise ValueError(f"{name}: {duration!r} is not a duration: write it like '100ms', '5s', '2min' or '1h'")
        return _whole(fractions.Fraction(found[1]) * _US[found[2]], duration, name)
    return _whole(duration * 1_000_000, duration, name)


def _whole(value: Union[int, float, fractions.Fraction], duration: Duration, name: str) -> int:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}: {duration!r} is not a whole, non-negative number of µs")
    rounded = round(value)
    if isinstance(value, fractions.Fraction):
        whole = value == rounded
    else:
        # A number of seconds need not be exact.
        whole = abs(value - rounded) <= 1e-6 * max(1, abs(value))
    if rounded < 0 or not whole:
        raise ValueError(f"{name}: {duration!r} is not a whole, non-negative number of µs")
    if rounded >= 1 << 64:
        raise OverflowError(f"{name}: {duration!r} does not fit in 64 bits of µs")
    return rounded


def byte_count(size: Size, name: str = "size") -> int:
    """Return a size in bytes, from a number or a text such as ``"256M"`` (1M is 1,048,576 bytes).

    Raises :class:`ValueError` if it is not a size, and :class:`OverflowError` if it does not fit in 64 bits. ``name``
    names the size in the message.
    """
    if not isinstance(size, str):
        return _uint64(operator.index(size), size, name)
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])i?)?b?\s*", size, re.ASCII | re.IGNORECASE)
    if not found:
        raise ValueError(f"{name}: {size!r} is not a size: write it like '256M' or '2G'")
    value = fractions.Fraction(found[1]) * _BYTES[(found[2] or "").lower()]
    if value.denominator != 1:
        raise ValueError(f"{name}: {size!r} is not a whole number of bytes")
    return _uint64(value.numerator, size, name)


def _uint64(value: int, size: Size, name: str) -> int:
    if value < 0:
        raise ValueError(f"{name}: {size!r} is not a size: it is negative")
    if value >= 1 << 64:
        raise OverflowError(f"{name}: {size!r} does not fit in 64 bits")
    return value
