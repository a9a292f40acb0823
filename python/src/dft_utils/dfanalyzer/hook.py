"""Puts our reader where the analyzer looks for its own."""

import functools
import importlib
import importlib.metadata
import warnings
from collections.abc import Iterator
from typing import Any, Callable, Optional

from dft_utils import PathLike

from .reader import deal, read_share
from .traces import Traces

KNOWN = {"dftracer-analyzer": "0.0.9", "dftracer-utils": "0.0.12"}
"""The packages that are read for, in the versions that this is written for."""

REMEDY = "pip install " + " ".join(f"{package}=={version}" for package, version in KNOWN.items())

READER = "dftracer.analyzer.dftracer"
"""The module of the analyzer that reads traces, by what is in its own namespace."""


class Unsupported(RuntimeError):
    """What is installed is no analyzer that this can read for."""


def install(
    index: Optional[PathLike] = None,
    staging: Optional[PathLike] = None,
    warn: Callable[[str], Any] = warnings.warn,
) -> None:
    """Makes dfanalyzer, in this process, read through this engine.

    ``index``: where the index of the traces is, made if it is not there; ``.dftagg`` beside them if None.
    ``staging``: a directory that dfanalyzer's workers and this process share; if it is given, the workers read
    the traces, otherwise this process does. ``warn`` is called with each fault of the traces, and if dfanalyzer is
    of an unknown version.
    """
    for difference in other_versions():
        warn(difference)
    try:
        analyzer = importlib.import_module(READER)
    except ImportError as error:
        raise Unsupported(f"dfanalyzer cannot be imported ({error}): {REMEDY}") from error
    for name, replacement in replacements(index, staging, warn).items():
        if not hasattr(analyzer, name):
            raise Unsupported(f"{READER} has no {name}, by which traces are read: {REMEDY}")
        setattr(analyzer, name, replacement)


def replacements(
    index: Optional[PathLike], staging: Optional[PathLike], warn: Callable[[str], Any]
) -> dict[str, Callable[..., Any]]:
    return {
        "Indexer": functools.partial(Traces, index=index, staging=staging, warn=warn),
        "scan_to_ipc": read_share,
        "_assign_files_by_pid": deal,
        # Traces.ensure_indexed(), which is called next, does it.
        "ensure_index": nothing,
        # It would start threads in each worker that nothing uses.
        "register_auto_thread_plugin": nothing,
    }


def nothing(*_arguments: Any, **_options: Any) -> None:
    pass


def other_versions() -> Iterator[str]:
    """What is installed in another version than is known to work."""
    for package, known in KNOWN.items():
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            raise Unsupported(f"{package} is not installed: {REMEDY}") from None
        if version != known:
            yield f"{package} is {version}, and {known} is known to work: {REMEDY}"
