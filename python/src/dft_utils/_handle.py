"""An object that owns a handle of the library."""

import ctypes
from typing import Any, ClassVar, Optional, TypeVar

from ._library import call
from .errors import DftError

_T = TypeVar("_T", bound="Owner")


class Owner:
    """The owner of a handle, closed by ``close``, by ``with``, or when it is collected."""

    #: The function that frees the handle.
    _free: ClassVar[str]
    _handle: Optional[ctypes.c_void_p] = None

    def close(self) -> None:
        """Free what it owns. Closing twice does nothing."""
        handle = self._handle
        if handle is not None:
            # If this fails because another thread uses the handle, the handle stays valid.
            call(self._free, handle)
            self._handle = None

    def __enter__(self: _T) -> _T:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        try:
            self.close()
        except DftError:
            # No caller can handle the error, and Python would print it.
            pass
