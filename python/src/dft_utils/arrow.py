"""Tables in the Arrow C data interface, which every Arrow library reads without a copy.

Layout and rules: https://arrow.apache.org/docs/format/CDataInterface.html, its C stream interface, and its
PyCapsule interface.
"""

import ctypes
from collections.abc import Iterator
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from typing import Any, Optional

from .errors import DftError


class _Schema(Structure):
    _fields_ = [
        ("format", c_char_p),
        ("name", c_char_p),
        ("metadata", c_void_p),
        ("flags", c_int64),
        ("n_children", c_int64),
        ("children", c_void_p),
        ("dictionary", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    ]


class _Array(Structure):
    _fields_ = [
        ("length", c_int64),
        ("null_count", c_int64),
        ("offset", c_int64),
        ("n_buffers", c_int64),
        ("n_children", c_int64),
        ("buffers", c_void_p),
        ("children", c_void_p),
        ("dictionary", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    ]


class _Stream(Structure):
    _fields_ = [
        ("get_schema", CFUNCTYPE(c_int, c_void_p, POINTER(_Schema))),
        ("get_next", CFUNCTYPE(c_int, c_void_p, POINTER(_Array))),
        ("get_last_error", CFUNCTYPE(c_char_p, c_void_p)),
        ("release", c_void_p),
        ("private_data", c_void_p),
    ]


_RELEASE = CFUNCTYPE(None, c_void_p)


def _release(struct: Any) -> None:
    if struct.release:
        _RELEASE(struct.release)(ctypes.addressof(struct))


# The names of capsules, which must stay at their addresses.
_NAMES = {_Schema: b"arrow_schema", _Array: b"arrow_array", _Stream: b"arrow_array_stream"}

# The structs that capsules point to, by address, until the capsules are destroyed.
_IN_CAPSULES: dict[int, Any] = {}

_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [c_void_p, c_char_p, c_void_p]
_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = c_void_p
# A plain pointer, so that no reference is taken to a capsule that is being destroyed.
_capsule_pointer.argtypes = [c_void_p, c_char_p]
_capsule_name = ctypes.pythonapi.PyCapsule_GetName
_capsule_name.restype = c_char_p
_capsule_name.argtypes = [c_void_p]


def _destroy_struct(capsule: int) -> None:
    struct = _IN_CAPSULES.pop(_capsule_pointer(capsule, _capsule_name(capsule)), None)
    if struct is not None:
        # A consumer that took ownership has set `release` to NULL.
        _release(struct)


_destroy = ctypes.PYFUNCTYPE(None, c_void_p)(_destroy_struct)

# Capsules may outlive this module when the interpreter ends.
ctypes.pythonapi.Py_IncRef(ctypes.py_object(_destroy))


def capsule(struct: Any) -> Any:
    """Return a capsule that owns a struct of the Arrow C data interface."""
    address = ctypes.addressof(struct)
    _IN_CAPSULES[address] = struct
    return _new_capsule(address, _NAMES[type(struct)], ctypes.cast(_destroy, c_void_p))


class Batch:
    """Some rows of a table, which ``pyarrow.record_batch`` and other libraries can consume once."""

    def __init__(self, schema: _Schema, array: _Array) -> None:
        self._structs: Optional[tuple[_Schema, _Array]] = (schema, array)
        self.num_rows: int = array.length
        self.num_columns: int = array.n_children

    def __len__(self) -> int:
        return self.num_rows

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        if self._structs is None:
            raise RuntimeError("the batch was already consumed: keep the result of `pyarrow.record_batch(batch)`")
        schema, array = self._structs
        self._structs = None
        return capsule(schema), capsule(array)

    def __del__(self) -> None:
        for struct in self._structs or ():
            _release(struct)

    def __repr__(self) -> str:
        return f"<Batch of {self.num_rows} rows, {self.num_columns} columns>"


class Stream:
    """A stream of a table's batches, which can be read once."""

    def __init__(self) -> None:
        self._struct: Any = _Stream()

    def address(self) -> int:
        """Return the address at which the library creates the stream."""
        return ctypes.addressof(self._struct)

    def into_capsule(self) -> Any:
        """Return a capsule that takes ownership of the stream."""
        struct, self._struct = self._struct, None
        return capsule(struct)

    def schema_capsule(self) -> Any:
        """Return a capsule with the schema of the batches."""
        schema = _Schema()
        self._check(self._struct.get_schema(self.address(), ctypes.byref(schema)))
        return capsule(schema)

    def batches(self) -> Iterator[Batch]:
        """Iterate over the batches, without an Arrow library."""
        stream = self._struct
        while True:
            array, schema = _Array(), _Schema()
            self._check(stream.get_next(self.address(), ctypes.byref(array)))
            if not array.release:
                return
            self._check(stream.get_schema(self.address(), ctypes.byref(schema)))
            yield Batch(schema, array)

    def _check(self, code: int) -> None:
        if code:
            message = self._struct.get_last_error(self.address())
            raise DftError((message or b"the table cannot be read").decode("utf-8", "replace"), status=code)

    def __del__(self) -> None:
        if self._struct is not None:
            _release(self._struct)
