"""Divide a staged build into tasks."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from ..builds import Piece

#: The limits of a task's bytes: large compared with the cost of a bundle, but small enough to lose with a worker.
LEAST = 16 << 20
MOST = 1 << 30
#: Tasks for each thread, so that a slow task at the end is a small part of the build.
TASKS_PER_THREAD = 3


@dataclass(frozen=True)
class Task:
    """What one task stages: whole traces to one bundle, or a piece of a large trace."""

    pieces: tuple[Piece, ...]

    @property
    def bytes(self) -> int:
        """Return the size of the task, in bytes on disk."""
        return sum(piece.end - piece.start for piece in self.pieces)


def task_bytes(total: int, threads: int) -> int:
    """Return the default size of a task, in bytes."""
    return min(max(total // max(threads * TASKS_PER_THREAD, 1), LEAST), MOST)


def whole(path: str) -> Piece:
    """Return a whole trace as a piece. If its size cannot be read, staging it reports why."""
    try:
        size = os.stat(path).st_size
    except OSError:
        size = 0
    return Piece(path, 0, size, size)


def tasks(pieces: Iterable[Piece], most: int) -> list[Task]:
    """Group pieces into tasks, each of whole traces of at most ``most`` bytes, or of one piece.

    Neighbours, which share names, stay together. The largest tasks come first, so that the last ones are small.
    """
    made: list[Task] = []
    group: list[Piece] = []
    size = 0
    for piece in pieces:
        if not piece.is_whole:
            made.append(Task((piece,)))
            continue
        if group and size + piece.end > most:
            made.append(Task(tuple(group)))
            group, size = [], 0
        group.append(piece)
        size += piece.end
    if group:
        made.append(Task(tuple(group)))
    return sorted(made, key=lambda task: -task.bytes)
