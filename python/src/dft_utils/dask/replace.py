"""Replace an index by another one that was built beside it."""

import contextlib
import ctypes
import errno
import os
import shutil
from collections.abc import Iterator

from ..errors import DftError, NoIndexError
from ..index import Index

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextlib.contextmanager
def replaced(index: str, name: str) -> Iterator[str]:
    """Yield the path of a new index, which replaces ``index`` if the block succeeds, and is removed if it fails.

    The two have the same parent directory, because an index names its traces relative to it. ``name``: distinguishes
    the new index from those of other builds. Raises :class:`NoIndexError` if ``index`` is a directory that is no index.
    """
    index = os.path.realpath(index)
    if os.path.isdir(index) and os.listdir(index):
        try:
            Index(index).close()
        except NoIndexError:
            raise
        except DftError:
            # It is an index that cannot be read, which a rebuild repairs.
            pass
    new = os.path.join(os.path.dirname(index), f".{os.path.basename(index)}.{name}")
    # What a process left that died.
    shutil.rmtree(new, ignore_errors=True)
    try:
        yield new
        _swap(new, index)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _swap(new: str, index: str) -> None:
    """Put ``new`` in the place of ``index``, and what was there in the place of ``new``."""
    if not os.path.isdir(index):
        os.rename(new, index)
    elif not _exchange(new, index):
        # The file system cannot exchange directories: for a moment, there is no index.
        old = f"{new}-old"
        shutil.rmtree(old, ignore_errors=True)
        os.rename(index, old)
        try:
            os.rename(new, index)
        except BaseException:
            os.rename(old, index)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: str, other: str) -> bool:
    """Exchange two directories in one step; return whether the system can do that."""
    try:
        exchange = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    if exchange(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), one, None, other)
