"""What a distributed build did."""

import os
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

from ..builds import BuildReport, Fault
from ..index import File, Index

#: The keys of the dictionary that the C++ library's ``distributed_index`` returns.
KEYS = ("total_files", "per_worker", "index_path", "artifact_batches")


@dataclass
class DistributedReport(BuildReport):
    """What a distributed build did.

    It can also be read as the dictionary that the C++ library returns: ``report["total_files"]``.
    """

    #: The traces that were found, whether they were read or already indexed.
    total_files: int = 0
    #: How many traces each process read that read any, without those that had grown.
    per_worker: list[int] = field(default_factory=list)
    index_path: str = ""
    #: The bundles that were ingested; 1 for a build in this process that read traces.
    artifact_batches: int = 0

    def __getitem__(self, key: str) -> Union[int, str, list[int]]:
        if key not in KEYS:
            raise KeyError(key)
        value: Union[int, str, list[int]] = getattr(self, key)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or ``default``."""
        return getattr(self, key) if key in KEYS else default

    def as_dict(self) -> Mapping[str, Any]:
        """Return the dictionary of the C++ library."""
        return {key: getattr(self, key) for key in KEYS}

    def keys(self) -> KeysView[str]:
        """Return the keys of the dictionary."""
        return self.as_dict().keys()

    def items(self) -> ItemsView[str, Any]:
        """Return the keys of the dictionary and their values."""
        return self.as_dict().items()

    def __contains__(self, key: object) -> bool:
        return key in KEYS

    def __iter__(self) -> Iterator[str]:
        return iter(KEYS)

    def __len__(self) -> int:
        return len(KEYS)

    @classmethod
    def of(cls, report: BuildReport, **more: Any) -> "DistributedReport":
        """Return the report of a build with what it lacks."""
        return cls(**vars(report), **more)


def describe(report: BuildReport, index: str, new: Iterable[str], faults: list[Fault], cut: set[str]) -> None:
    """Add to a report what the index has of the new traces, whichever worker or earlier run staged them.

    ``faults``: those that workers reported. ``cut``: the traces that were cut into pieces.
    """
    wanted = set(new)
    found = dict.fromkeys(report.faults + faults)
    home = os.path.dirname(os.path.realpath(index))
    with Index(index) as opened:
        for file in opened.files():
            path = os.path.join(home, file.path)
            if path not in wanted:
                continue
            report.files += 1
            report.records += file.events + file.profiles + file.systems + file.telemetry + file.metadata
            report.malformed_lines += file.malformed
            report.skipped_records += file.skipped
            report.text_bytes += file.text_bytes
            if path in cut:
                # A worker that staged a piece reports only the faults of that piece.
                found.update(dict.fromkeys(_faults(path, file)))
    report.faults = list(found)
    report.faulty_files = len({fault.path for fault in found})


def _faults(path: str, file: File) -> Iterator[Fault]:
    if file.fault:
        yield Fault(path, file.fault)
    if file.malformed:
        yield Fault(path, f"{file.malformed} malformed lines")
    if file.skipped:
        yield Fault(path, f"{file.skipped} records of unknown phase skipped")
