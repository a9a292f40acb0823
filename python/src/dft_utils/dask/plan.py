"""What each task of a staged build does."""

import os
from dataclasses import dataclass
from typing import Iterable, List, Tuple

#: A task is to be long beside what a bundle costs, and short beside what a worker that dies loses.
LEAST = 16 << 20
MOST = 1 << 30
#: Tasks for each thread, so that a slow one at the end is a small part of the whole.
TASKS_PER_THREAD = 3


@dataclass(frozen=True)
class Task:
    """Traces that one task stages, to one bundle."""

    files: Tuple[str, ...]
    #: Bytes, as they are on disk.
    bytes: int


def task_bytes(total: int, threads: int) -> int:
    """Of how many bytes a task is made where nobody says."""
    return min(max(total // max(threads * TASKS_PER_THREAD, 1), LEAST), MOST)


def size(path: str) -> int:
    """A file's size; 0 where it cannot be looked at: staging it tells why."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def tasks(files: Iterable[str], most: int) -> List[Task]:
    """Files in tasks of at most so many bytes, or of one file; neighbours, which share names, stay together.

    The largest come first, so that what is left at the end is small.
    """
    made: List[Task] = []
    group: List[str] = []
    held = 0
    for path in files:
        found = size(path)
        if group and held + found > most:
            made.append(Task(tuple(group), held))
            group, held = [], 0
        group.append(path)
        held += found
    if group:
        made.append(Task(tuple(group), held))
    return sorted(made, key=lambda task: -task.bytes)
