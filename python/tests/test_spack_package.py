"""The Spack package can be loaded, agrees with the sources, and Spack (where it is installed) accepts it."""

import importlib.util
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = ROOT / "packaging/spack"


@pytest.fixture
def directives(monkeypatch):
    """The module `spack.package`, which only notes what a package says; and what it noted."""
    noted = {"version": [], "depends_on": [], "license": []}
    module = types.ModuleType("spack.package")
    for name, calls in noted.items():
        setattr(module, name, lambda *args, calls=calls, **options: calls.append((args, options)))
    module.Package = type("Package", (), {})
    module.run_after = lambda *args, **options: lambda function: function
    module.on_package_attributes = lambda **options: lambda function: function
    monkeypatch.setitem(sys.modules, "spack", types.ModuleType("spack"))
    monkeypatch.setitem(sys.modules, "spack.package", module)
    return noted


def load():
    path = REPOSITORY / "packages/dft-utils/package.py"
    spec = importlib.util.spec_from_file_location("package", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.DftUtils


def test_the_package_is_that_of_its_clone(directives):
    package = load()
    assert package.git == f"file://{ROOT}"
    assert (ROOT / "xtask").is_dir()
    assert (("main",), {"branch": "main"}) in directives["version"]


def test_the_package_needs_what_the_sources_need(directives):
    load()
    needs = dict(args[0].split("@") for args, _ in directives["depends_on"] if "@" in args[0])
    manifest = (ROOT / "Cargo.toml").read_text()
    assert needs["rust"] == re.search(r'^rust-version = "(.*)"', manifest, re.M)[1] + ":"
    project = (ROOT / "python/pyproject.toml").read_text()
    assert needs["python"] == re.search(r'^requires-python = ">=(.*)"', project, re.M)[1] + ":"
    assert directives["license"][0][0][0] == re.search(r'^license = "(.*)"', manifest, re.M)[1]
    assert all(options == {"type": "build"} for _, options in directives["depends_on"]), "nothing is needed to run it"


def test_spack_accepts_the_package():
    if not shutil.which("spack"):
        pytest.skip("Spack is not installed")
    spack = ["spack", "--config", f"repos:[{REPOSITORY}]"]
    info = subprocess.run([*spack, "info", "dft-utils"], capture_output=True, text=True)
    assert info.returncode == 0 and "rust" in info.stdout, info.stderr
    audit = subprocess.run([*spack, "audit", "packages", "dft-utils"], capture_output=True, text=True)
    assert audit.returncode == 0, audit.stdout + audit.stderr
