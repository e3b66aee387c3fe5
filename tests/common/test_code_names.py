"""The form of names of the user's own code."""

import pytest

from common.code_names import as_file_name, is_code_name


@pytest.mark.parametrize("name", ["a:b", "my_models:build", "pkg.part:Net", "_a:_b1"])
def test_a_module_and_an_attribute_are_a_name(name):
    assert is_code_name(name)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a:", ":b", "a:1", "1a:b", "a:b:c", "./a:b", "a..b:c", "a.:b"),
        *("a b:c", "a:b.c", "a:b()", "\u00e4:b", "a:b\n", "a" * 300 + ":b"),
    ],
)
def test_anything_else_is_none(text):
    """No path, no call, no number of sites in place of the attribute."""
    assert not is_code_name(text)


def test_a_name_of_a_file_has_no_colon():
    """Which not every system takes in one."""
    assert as_file_name("pkg.models:build") == "pkg.models.build"
    assert as_file_name("mlp") == "mlp"
