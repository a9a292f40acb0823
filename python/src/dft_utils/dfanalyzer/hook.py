"""Replace the analyzer's reader with the reader of this package."""

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
"""The packages and versions that this module is written for."""

REMEDY = "pip install " + " ".join(f"{package}=={version}" for package, version in KNOWN.items())

READER = "dftracer.analyzer.dftracer"
"""The module of the analyzer that reads traces, through names in its own namespace."""


class Unsupported(RuntimeError):
    """This package does not support the installed analyzer."""


def install(
    index: Optional[PathLike] = None,
    staging: Optional[PathLike] = None,
    warn: Callable[[str], Any] = warnings.warn,
) -> None:
    """Make dfanalyzer, in this process, read through this engine.

    ``index``: the index of the traces, created if it does not exist; ``.dftagg`` next to them if ``None``.
    ``staging``: a directory that dfanalyzer's workers and this process share. If it is given, the workers read the
    traces, otherwise this process does. ``warn`` is called with each fault of the traces, and if the version of
    dfanalyzer is unknown.
    """
    for difference in other_versions():
        warn(difference)
    try:
        analyzer = importlib.import_module(READER)
    except ImportError as error:
        raise Unsupported(f"dfanalyzer cannot be imported ({error}): {REMEDY}") from error
    for name, replacement in replacements(index, staging, warn).items():
        if not hasattr(analyzer, name):
            raise Unsupported(f"{READER} has no {name}, which this package must replace: {REMEDY}")
        setattr(analyzer, name, replacement)


def replacements(
    index: Optional[PathLike], staging: Optional[PathLike], warn: Callable[[str], Any]
) -> dict[str, Callable[..., Any]]:
    return {
        "Indexer": functools.partial(Traces, index=index, staging=staging, warn=warn),
        "scan_to_ipc": read_share,
        "_assign_files_by_pid": deal,
        # Traces.ensure_indexed(), which is called next, builds the index.
        "ensure_index": nothing,
        # This would start unused threads in each worker.
        "register_auto_thread_plugin": nothing,
    }


def nothing(*_arguments: Any, **_options: Any) -> None:
    pass


def other_versions() -> Iterator[str]:
    """Return a message for each package whose version is not the one that is known to work."""
    for package, known in KNOWN.items():
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            raise Unsupported(f"{package} is not installed: {REMEDY}") from None
        if version != known:
            yield f"{package} is {version}, but only {known} is known to work: {REMEDY}"
