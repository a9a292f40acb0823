"""Records of traces, read line by line: what checks compare with."""

import gzip
import json

# How many units of a trace's times are a µs.
DIVISORS = {"NS": 1000, "US": 1}


def records(path):
    """Every record of a trace."""
    text = gzip.open(path, "rt", errors="replace") if path.suffix == ".gz" else path.open(errors="replace")
    with text:
        for line in text:
            line = line.strip().lstrip("[").rstrip("],").strip("\0")
            if line:
                try:
                    yield json.loads(line)
                except ValueError:
                    pass
