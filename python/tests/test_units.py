"""Times and sizes are written the same way everywhere."""

import json
import pathlib

import pytest

from dft_utils import units

UNITS = json.loads((pathlib.Path(__file__).parents[2] / "tests/data/units.json").read_text("utf-8"))


@pytest.mark.parametrize("text, value", UNITS["durations"].items())
def test_durations_are_those_of_the_command_line(text, value):
    if value is not None:
        assert units.microseconds(text) == value
        return
    with pytest.raises((ValueError, OverflowError)):
        units.microseconds(text)


@pytest.mark.parametrize("text, value", UNITS["sizes"].items())
def test_sizes_are_those_of_the_command_line(text, value):
    if value is not None:
        assert units.byte_count(text) == value
        return
    with pytest.raises((ValueError, OverflowError)):
        units.byte_count(text)
