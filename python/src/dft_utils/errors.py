"""What can go wrong, as exceptions: each has what is wrong, where, and what to do."""


from . import _abi


class DftError(RuntimeError):
    """A call of the library failed.

    ``str(error)`` is for people: what is wrong, where, and what to do. ``path`` is the file or directory,
    ``key`` the key or row that it is about, empty where it is about none; ``status`` is the code that the
    C library returned.
    """

    def __init__(self, message: str, *, status: int = 0, path: str = "", key: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.path = path
        self.key = key

    def __reduce__(self):
        return _error, (type(self), str(self), self.status, self.path, self.key)


def _error(kind: type[DftError], message: str, status: int, path: str, key: str) -> DftError:
    return kind(message, status=status, path=path, key=key)


class InvalidArgumentError(DftError, ValueError):
    """An argument is out of its range, or of no use."""


class NoIndexError(DftError, FileNotFoundError):
    """There is no index at the path."""

    # That of OSError would show its number.
    __str__ = RuntimeError.__str__


class LockedError(DftError):
    """Another process writes the index; try again later."""


class ConfigError(DftError, ValueError):
    """The configuration is another one than the index's, or cannot be used."""


class FormatError(DftError):
    """The format is one that this library does not read."""


class DamagedError(DftError):
    """An index, a bundle, a key or a value is damaged."""


class SystemRefusedError(DftError, OSError):
    """The system refused: no such file, no permission, a full disk."""

    __str__ = RuntimeError.__str__


class ChangedError(DftError):
    """A trace, or what comes from a source, is in already, with other contents."""


class NothingFoundError(DftError, FileNotFoundError):
    """There is no trace, or no bundle, where one was looked for."""

    __str__ = RuntimeError.__str__


class MalformedError(DftError, ValueError):
    """A record or a line is malformed."""


class TooLargeError(DftError, OverflowError):
    """A number is past what its place holds."""


class CancelledError(DftError):
    """It was stopped, as asked."""


class CommittedError(DftError):
    """What was to be added is in the index, but it may not survive a loss of power."""


class ForkedError(DftError):
    """It was opened before ``os.fork()``, by the parent of this process: open it again."""


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
