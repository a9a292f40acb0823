"""What each task of a staged build does."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from ..builds import Piece

#: A task is to be long beside what a bundle costs, and short beside what a worker that dies loses.
LEAST = 16 << 20
MOST = 1 << 30
#: Tasks for each thread, so that a slow one at the end is a small part of the whole.
TASKS_PER_THREAD = 3


@dataclass(frozen=True)
class Task:
    """What one task stages: whole traces, to one bundle, or a piece of a large one."""

    pieces: tuple[Piece, ...]

    @property
    def bytes(self) -> int:
        """How much it is, as it is on disk."""
        return sum(piece.end - piece.start for piece in self.pieces)


def task_bytes(total: int, threads: int) -> int:
    """Of how many bytes a task is made where nobody says."""
    return min(max(total // max(threads * TASKS_PER_THREAD, 1), LEAST), MOST)


def whole(path: str) -> Piece:
    """All of a trace. Of one that cannot be looked at, staging it tells why."""
    try:
        size = os.stat(path).st_size
    except OSError:
        size = 0
    return Piece(path, 0, size, size)


def tasks(pieces: Iterable[Piece], most: int) -> list[Task]:
    """Pieces in tasks, each of whole traces of at most so many bytes, or of one piece.

    Neighbours, which share names, stay together. The largest task comes first, so that what is left at the end
    is small.
    """
    made: list[Task] = []
    group: list[Piece] = []
    held = 0
    for piece in pieces:
        if not piece.is_whole:
            made.append(Task((piece,)))
            continue
        if group and held + piece.end > most:
            made.append(Task(tuple(group)))
            group, held = [], 0
        group.append(piece)
        held += piece.end
    if group:
        made.append(Task(tuple(group)))
    return sorted(made, key=lambda task: -task.bytes)
