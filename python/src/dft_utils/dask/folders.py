"""The folders of a build, in directories that the build may also create."""

import os
import shutil

#: A marker file in the folder of a build that created the parent directory.
MADE = "made"


def make(directory: str, folder: str) -> None:
    """Create the folder of a build in a directory, which is created if it does not exist."""
    made = not os.path.isdir(directory)
    os.makedirs(folder, exist_ok=True)
    if made:
        open(os.path.join(folder, MADE), "w").close()


def empty(folder: str) -> None:
    """Remove what a build has staged in its folder."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)


def remove(directory: str, folder: str) -> None:
    """Remove the folder of a build, and the directory if the build created it and it is empty."""
    made = os.path.exists(os.path.join(folder, MADE))
    shutil.rmtree(folder, ignore_errors=True)
    if made:
        try:
            os.rmdir(directory)
        except OSError:  # it is not empty, or does not exist
            pass
