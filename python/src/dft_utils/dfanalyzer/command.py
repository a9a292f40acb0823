"""The command line: dfanalyzer's own, once our reader is in place."""

import argparse
import getpass
import importlib.metadata
import os
import sys
from typing import Any, Callable, Optional

from .hook import Unsupported, install


def main(arguments: Optional[list[str]] = None) -> Any:
    parser = argparse.ArgumentParser(
        prog="python -m dft_utils.dfanalyzer",
        usage="%(prog)s [--index DIR] [--staging DIR] ARGUMENTS OF DFANALYZER",
        description="Runs dfanalyzer on an index that this engine makes of the traces.",
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--index",
        metavar="DIR",
        help="where the index is, made if it is not there [default: .dftagg beside the traces]",
    )
    parser.add_argument(
        "--staging",
        metavar="DIR",
        help="a directory that all workers share: they read the traces, and put there what they make of them for "
        "the index [default: the traces are read where the command runs]",
    )
    ours, theirs = parser.parse_known_args(arguments)
    if {"-h", "--help"} & set(theirs):
        parser.print_help()
        print("\nWhat follows is dfanalyzer's.\n", flush=True)
    try:
        install(ours.index, ours.staging, warn=lambda message: print(f"warning: {message}", file=sys.stderr))
        dfanalyzer = command()
    except Unsupported as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    # Its settings have the user's name in them, and it fails without.
    os.environ.setdefault("USER", getpass.getuser())
    sys.argv = ["dfanalyzer", *theirs]
    return dfanalyzer()


def command() -> Callable[[], Any]:
    """What the package dftracer-analyzer installs as `dfanalyzer`."""
    for entry in importlib.metadata.distribution("dftracer-analyzer").entry_points:
        if (entry.group, entry.name) == ("console_scripts", "dfanalyzer"):
            return entry.load()
    raise Unsupported("dftracer-analyzer has no command dfanalyzer")
