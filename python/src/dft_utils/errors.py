"""The exceptions of this package: each states what is wrong, where, and what to do."""

from typing import Any

from . import _abi


class DftError(RuntimeError):
    """A call of the library failed.

    ``str(error)`` is for people: what is wrong, where, and what to do. ``path`` is the file or directory that the
    error is about and ``key`` the key or row; each is empty if there is none. ``status`` is the code that the C
    library returned.
    """

    def __init__(self, message: str, *, status: int = 0, path: str = "", key: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.path = path
        self.key = key

    def __reduce__(self) -> Any:
        return _error, (type(self), str(self), self.status, self.path, self.key)


def _error(kind: type[DftError], message: str, status: int, path: str, key: str) -> DftError:
    return kind(message, status=status, path=path, key=key)


class InvalidArgumentError(DftError, ValueError):
    """An argument is out of range or invalid."""


class NoIndexError(DftError, FileNotFoundError):
    """There is no index at the path."""

    # OSError.__str__ would show the error number.
    __str__ = RuntimeError.__str__


class LockedError(DftError):
    """Another process is writing the index; try again later."""


class ConfigError(DftError, ValueError):
    """The configuration differs from that of the index, or is invalid."""


class FormatError(DftError):
    """This library does not read the format."""


class DamagedError(DftError):
    """An index, a bundle, a key or a value is damaged."""


class SystemRefusedError(DftError, OSError):
    """The system refused an operation: no such file, no permission, a full disk."""

    __str__ = RuntimeError.__str__


class ChangedError(DftError):
    """A trace or a source is already in the index, with other contents."""


class NothingFoundError(DftError, FileNotFoundError):
    """No trace or bundle was found."""

    __str__ = RuntimeError.__str__


class MalformedError(DftError, ValueError):
    """A record or a line is malformed."""


class TooLargeError(DftError, OverflowError):
    """A number does not fit in its field."""


class CancelledError(DftError):
    """The operation was stopped on request."""


class CommittedError(DftError):
    """The index holds what was added, but it may not survive a loss of power."""


class ForkedError(DftError):
    """The parent of this process opened the object before ``os.fork()``: open it again."""


KINDS: dict[int, type[DftError]] = {
    _abi.DFT_INVALID_ARGUMENT: InvalidArgumentError,
    _abi.DFT_NO_INDEX: NoIndexError,
    _abi.DFT_LOCKED: LockedError,
    _abi.DFT_CONFIG: ConfigError,
    _abi.DFT_FORMAT: FormatError,
    _abi.DFT_DAMAGED: DamagedError,
    _abi.DFT_SYSTEM: SystemRefusedError,
    _abi.DFT_CHANGED: ChangedError,
    _abi.DFT_NOTHING_FOUND: NothingFoundError,
    _abi.DFT_MALFORMED: MalformedError,
    _abi.DFT_TOO_LARGE: TooLargeError,
    _abi.DFT_CANCELLED: CancelledError,
    _abi.DFT_COMMITTED: CommittedError,
    _abi.DFT_FORKED: ForkedError,
}
