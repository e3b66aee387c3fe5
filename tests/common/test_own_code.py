"""Importing the user's own code, and what is said where that fails."""

import sys

import pytest

from common.own_code import current_folder_first, import_callable
from tests.own_modules import write_module


def test_a_function_of_the_current_folder_is_found(tmp_path, monkeypatch):
    """And the path of imports is afterwards as it was."""
    before = list(sys.path)
    name = write_module(monkeypatch, tmp_path, "def answer():\n    return 42\n")

    assert import_callable(f"{name}:answer")() == 42
    assert sys.path == before


def test_what_is_installed_is_found():
    assert import_callable("json.decoder:JSONDecoder").__name__ == "JSONDecoder"


def test_a_module_may_import_its_neighbours(tmp_path, monkeypatch):
    """Also from inside a function, while the folder counts."""
    other = write_module(monkeypatch, tmp_path, "VALUE = 7\n")
    text = f"def answer():\n    import {other}\n    return {other}.VALUE\n"
    answer = import_callable(f"{write_module(monkeypatch, tmp_path, text)}:answer")

    with current_folder_first():
        assert answer() == 7


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def other(): pass\n", "has no 'build', only other"),
        ("", "has no 'build', only private names"),
        ("build = 3\n", "'build' is a int, no function"),
        ("1 / 0\n", r"failed \(ZeroDivisionError: division by zero\)"),
        ("import no_such_module_at_all\n", r"failed \(ModuleNotFoundError: No module"),
        ("raise SystemExit\n", r"failed \(SystemExit\)"),
        ("def (\n", r"failed \(SyntaxError: "),
    ],
)
def test_each_fault_says_what_it_is(tmp_path, monkeypatch, text, problem):
    """In one line, which a caller ends."""
    name = write_module(monkeypatch, tmp_path, text)

    with pytest.raises(ValueError, match=problem) as caught:
        import_callable(f"{name}:build")

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("module", ["no_such_module", "no_such.module", "json.nothing"])
def test_a_module_that_is_nowhere_is_told_with_where_it_was_looked_for(
    tmp_path, monkeypatch, module
):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ValueError, match="there is no module") as caught:
        import_callable(f"{module}:build")

    assert str(tmp_path) in str(caught.value)
