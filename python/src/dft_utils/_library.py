"""Find and load the library, and call it so that a failure raises an exception."""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Union

from . import _abi
from .errors import KINDS, DftError

PathLike = Union[str, bytes, "os.PathLike[Any]"]


def _load() -> ctypes.CDLL:
    # For users who build the library themselves.
    given = os.environ.get("DFT_UTILS_LIBRARY")
    path = Path(given) if given else Path(__file__).parent / "lib" / "libdft_utils.so"
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(
            f"{path}: {error}. Install the wheel, or set DFT_UTILS_LIBRARY to the libdft_utils.so that you built"
        ) from error
    missing = [name for name in _abi.FUNCTIONS if not hasattr(loaded, name)]
    if missing:
        raise ImportError(f"{path} is from another release: it does not export {missing[0]}")
    for name, (returned, arguments) in _abi.FUNCTIONS.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = returned, arguments
    return loaded


_LOADED = _load()


def call(name: str, *arguments: Any) -> None:
    """Call a function of the library without the GIL, and raise its error if it fails."""
    status = getattr(_LOADED, name)(*arguments)
    if status != _abi.DFT_OK:
        raise last_error(status)


def last_error(status: int) -> DftError:
    """Return the error of this thread's last failed call."""
    error = sized(_abi.dft_error)
    _LOADED.dft_last_error(ctypes.byref(error))
    kind = KINDS.get(status, DftError)
    return kind(string(error.message), status=status, path=path(error.path), key=string(error.key))


def function(name: str) -> Any:
    """Return a function of the library, for callers that check its status themselves."""
    return getattr(_LOADED, name)


def sized(struct: Any, **fields: Any) -> Any:
    """Return a struct whose ``size`` is set."""
    return struct(size=ctypes.sizeof(struct), **fields)


def int64(value: int, name: str) -> int:
    """Return a signed 64-bit number for the library; ctypes would truncate it silently."""
    if not -(1 << 63) <= value < 1 << 63:
        raise OverflowError(f"{name} is {value}, which does not fit in 64 bits")
    return value


def uint64(value: int, name: str) -> int:
    """Return an unsigned 64-bit number for the library."""
    if value < 0:
        raise ValueError(f"{name} is {value}, which is negative")
    if value >= 1 << 64:
        raise OverflowError(f"{name} is {value}, which does not fit in 64 bits")
    return value


def uint32(value: int, name: str) -> int:
    """Return an unsigned 32-bit number for the library."""
    if not 0 <= value < 1 << 32:
        raise ValueError(f"{name} is {value}: it must be from 0 to {(1 << 32) - 1}")
    return value


def text(value: Union[str, bytes]) -> Any:
    """Return a text for the library. It is valid as long as the returned object lives."""
    data = value.encode() if isinstance(value, str) else value
    return _abi.dft_text(data, len(data))


def path_text(value: PathLike) -> Any:
    """Return a path for the library, in the encoding of the file system."""
    return text(os.fsencode(value))


def texts(values: Iterable[Any]) -> tuple[Any, int]:
    """Return an array of texts for the library, and its length."""
    kept = list(values)
    return (_abi.dft_text * len(kept))(*kept), len(kept)


def paths(values: Union[PathLike, Iterable[PathLike]]) -> tuple[Any, int]:
    """Return an array of one or more paths for the library, and its length."""
    several = [values] if isinstance(values, (str, bytes, os.PathLike)) else values
    return texts(path_text(value) for value in several)


def data(value: Any) -> bytes:
    """Return the bytes of a text of the library."""
    # `value.data` would end at the first zero.
    address = ctypes.c_void_p.from_buffer(value).value
    return ctypes.string_at(address, value.length) if address else b""


def string(value: Any) -> str:
    """Return a text of the library as a string."""
    return data(value).decode("utf-8", "replace")


def path(value: Any) -> str:
    """Return a text of the library as a path."""
    return os.fsdecode(data(value))


def sized_buffer(name: str, *arguments: Any) -> bytes:
    """Return what a function writes to a buffer of its caller, whatever its length."""
    capacity = 4096
    while True:
        place = ctypes.create_string_buffer(capacity)
        buffer = _abi.dft_buffer(ctypes.cast(place, type(_abi.dft_buffer().data)), capacity, 0)
        status = function(name)(*arguments, ctypes.byref(buffer))
        if status == _abi.DFT_OK:
            return place.raw[: buffer.length]
        if status != _abi.DFT_TOO_LARGE or buffer.length <= capacity:
            raise last_error(status)
        capacity = buffer.length


class Collected:
    """A callback for a visiting function of the library, which collects ``make(item)`` of each visit.

    An exception in ``make`` ends the visits, and :meth:`result` raises it.
    """

    def __init__(self, kind: Any, make: Any) -> None:
        self.items: list[Any] = []
        self.failure: Any = None

        def visit(_context: Any, item: Any) -> int:
            try:
                self.items.append(make(item.contents))
                return 0
            except BaseException as error:  # a callback must not throw
                self.failure = error
                return 1

        self.callback = kind(visit)

    def result(self) -> list[Any]:
        if self.failure is not None:
            raise self.failure
        return self.items


def version() -> Any:
    """Return the version of the library; raise :class:`ImportError` if it has another ABI."""
    found = sized(_abi.dft_version)
    call("dft_library_version", ctypes.byref(found))
    if found.abi != _abi.DFT_ABI_VERSION:
        raise ImportError(f"the library has ABI {found.abi}, but this package needs ABI {_abi.DFT_ABI_VERSION}")
    return found


VERSION = string(version().release)
