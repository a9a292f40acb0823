"""Folders of a build in directories that may be its own, too."""

import os
import shutil

#: Is in the folder of a build that made the directory.
MADE = "made"


def make(directory: str, folder: str) -> None:
    """Makes the folder of a build in a directory, which is made if it is not there."""
    made = not os.path.isdir(directory)
    os.makedirs(folder, exist_ok=True)
    if made:
        open(os.path.join(folder, MADE), "w").close()


def empty(folder: str) -> None:
    """Removes what a build has put in its folder."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)


def remove(directory: str, folder: str) -> None:
    """Removes the folder of a build, and the directory if it was made for one and nothing is in it."""
    made = os.path.exists(os.path.join(folder, MADE))
    shutil.rmtree(folder, ignore_errors=True)
    if made:
        try:
            os.rmdir(directory)
        except OSError:  # something else is in it, or it is gone
            pass
