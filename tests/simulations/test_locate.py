"""Where configs and run folders are."""

from pathlib import Path

import pytest

from common.config import load_config
from common.errors import ConfigError
from simulations.locate import bundled_configs, choose_run_folder, find_config
from tests.simulations.run_folders import make_config


def test_finds_a_bundled_config_by_its_bare_name(tmp_path, monkeypatch):
    """`fedstill simulate digits-demo` works in any folder."""
    monkeypatch.chdir(tmp_path)

    found = find_config("digits-demo")

    assert load_config(found).name == "digits-demo"


def test_a_file_of_the_user_wins(tmp_path, monkeypatch):
    """A file called like a bundled config is meant by its name."""
    monkeypatch.chdir(tmp_path)
    Path("digits-demo").write_text('name = "mine"')

    assert find_config("digits-demo") == Path("digits-demo")


def test_a_folder_of_that_name_is_no_config(tmp_path, monkeypatch):
    """A folder of earlier runs does not hide the bundled config."""
    monkeypatch.chdir(tmp_path)
    Path("digits-demo").mkdir()

    assert find_config("digits-demo") == bundled_configs()["digits-demo"]


def test_names_the_nearest_bundled_config():
    """A typing mistake is answered with what was probably meant."""
    known = ", ".join(bundled_configs())

    with pytest.raises(ConfigError) as caught:
        find_config("digit-demo")

    assert str(caught.value) == (
        f"Config 'digit-demo' is neither a file nor a bundled config ({known}). "
        "Nothing was run. Did you mean digits-demo?"
    )


@pytest.mark.parametrize(
    ("asked", "configured", "expected"),
    [
        (Path("here"), "there", "here"),
        (None, "there", "there"),
        (None, "", "runs/digits-demo"),
    ],
)
def test_the_command_line_decides_on_the_run_folder(asked, configured, expected):
    """--output wins over the config's output, which wins over runs/<name>."""
    config = make_config().with_overrides({"output": configured})

    assert choose_run_folder(config, asked).root == Path(expected)
