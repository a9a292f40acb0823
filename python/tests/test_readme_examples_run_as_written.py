"""Run every Python example of the READMEs as written, in a directory with traces."""

import re
import shutil
import subprocess
import sys

import pytest
from conftest import DATA, ROOT

import dft_utils

EXAMPLE = re.compile(r"^```python\n(.*?)^```", flags=re.S | re.M)
EXAMPLES = [
    (document, number, code)
    for document in ("README.md", "python/README.md")
    for number, code in enumerate(EXAMPLE.findall((ROOT / document).read_text()))
]


@pytest.mark.parametrize("document, number, code", EXAMPLES, ids=lambda value: str(value)[:20])
def test_example(tmp_path, document, number, code):
    shutil.copytree(DATA, tmp_path / "traces")
    # The index and tables that the preceding commands of the README create.
    dft_utils.build(tmp_path / "traces", tmp_path / "example.dftagg")
    dft_utils.open(tmp_path / "example.dftagg").export(tmp_path / "tables")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_there_are_examples():
    assert len(EXAMPLES) >= 2
