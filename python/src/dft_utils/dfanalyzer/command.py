"""The command line: dfanalyzer's own, after installing the reader of this package."""

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
        description="Runs dfanalyzer on an index that this engine builds from the traces.",
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--index",
        metavar="DIR",
        help="the index, created if it does not exist [default: .dftagg next to the traces]",
    )
    parser.add_argument(
        "--staging",
        metavar="DIR",
        help="a directory that all workers share: the workers read the traces and stage them there for the index "
        "[default: the machine that runs the command reads the traces]",
    )
    ours, theirs = parser.parse_known_args(arguments)
    if {"-h", "--help"} & set(theirs):
        parser.print_help()
        print("\nThe help of dfanalyzer follows.\n", flush=True)
    try:
        install(ours.index, ours.staging, warn=lambda message: print(f"warning: {message}", file=sys.stderr))
        dfanalyzer = command()
    except Unsupported as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    # dfanalyzer's settings contain the user's name, and it fails without one.
    os.environ.setdefault("USER", getpass.getuser())
    sys.argv = ["dfanalyzer", *theirs]
    return dfanalyzer()


def command() -> Callable[[], Any]:
    """Return the entry point that the package dftracer-analyzer installs as ``dfanalyzer``."""
    for entry in importlib.metadata.distribution("dftracer-analyzer").entry_points:
        if (entry.group, entry.name) == ("console_scripts", "dfanalyzer"):
            found: Callable[[], Any] = entry.load()
            return found
    raise Unsupported("dftracer-analyzer has no command dfanalyzer")
