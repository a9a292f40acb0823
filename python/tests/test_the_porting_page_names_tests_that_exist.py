"""Every verdict of docs/porting.md on the Python package names a test of this directory."""

import re
from pathlib import Path

from conftest import ROOT

PAGE = (ROOT / "docs" / "porting.md").read_text()


def test_the_porting_page_names_tests_that_exist():
    section = PAGE[PAGE.index("## The Python package") :]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ") and "our test" not in line]
    rows = [row for row in rows if "---" not in row[0]]
    assert len(rows) > 70
    tests = {
        name
        for file in Path(__file__).parent.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), flags=re.M)
    }
    for behaviour, verdict, test in rows:
        assert re.match("holds|differs: ", verdict), behaviour
        assert re.findall(r"`(test_\w+)`", test)[0] in tests, behaviour
