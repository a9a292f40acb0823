"""Every verdict of docs/porting.md names a test that exists, and every name of the C++ layer there is compiled."""

import re
from pathlib import Path

from conftest import ROOT

PAGE = (ROOT / "docs" / "porting.md").read_text()
CPP_TABLE, CPP_TESTS = PAGE[: PAGE.index("## The Python package")].split("### What its tests pin")
PYTHON, COMPARING = PAGE[PAGE.index("## The Python package") :].split("## Comparing runs")
CPP = (ROOT / "capi" / "tests" / "porting.cpp").read_text()


def rows(section):
    """Return the cells of the lines of a section's tables, without heads."""
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [row for row in cells if "---" not in row[0] and row[-1] not in ("our test", "what differs")]


def check(section, tests, number):
    found = rows(section)
    assert len(found) >= number
    for behaviour, verdict, test in found:
        assert re.match("holds|differs: ", verdict), behaviour
        assert re.findall(r"`(\w+)`", test)[0] in tests, behaviour


def test_every_verdict_on_the_python_package_names_a_test():
    tests = {
        name
        for file in Path(__file__).parent.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), flags=re.M)
    }
    check(PYTHON, tests, 70)


def test_every_verdict_on_comparing_runs_names_a_scenario():
    scenarios = (file.read_text() for file in (ROOT / "tests" / "tests" / "system").glob("*.rs"))
    check(COMPARING, {name for text in scenarios for name in re.findall(r"#\[test\]\nfn (\w+)", text)}, 9)


def test_every_verdict_on_the_aggregator_names_a_function_that_runs():
    main = CPP[CPP.index("int main(") :]
    tests = {name for name in re.findall(r"^void (\w+)\(\) {", CPP, flags=re.M) if f"    {name}();" in main}
    check(CPP_TESTS, tests, 70)


def test_every_name_of_the_cpp_table_is_compiled():
    start = CPP.index("void every_name_of_the_table_is_here() {")
    code = CPP[start : CPP.index("\n}\n", start)]
    table = rows(CPP_TABLE)
    assert len(table) > 10
    for _theirs, ours, _difference in table:
        # The last part of each name: `EventAggregator::scan(visit, kind)` is `scan`.
        names = [re.split(r"[(<]", name)[0].split("::")[-1] for name in re.findall(r"`([^`]+)`", ours)]
        assert names
        for name in names:
            assert re.search(rf"\b{name}\b", code), f"{name} is not in porting.cpp"


def test_the_ported_program_is_the_one_that_is_compiled():
    shown = re.findall(r"```cpp\n(.*?)\n```", PAGE, flags=re.S)[-1]
    assert (ROOT / "capi" / "examples" / "ported.cpp").read_text().rstrip().endswith("\n" + shown)
    assert len(shown.splitlines()) <= 50
