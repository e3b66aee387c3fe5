"""The paths in a config."""

import pytest

from common.config import load_config
from common.config.paths import absolute, split_paths


def test_relative_paths_start_at_the_folder(tmp_path):
    """Several of them too, and a folder above."""
    text = absolute("a.csv, ../b.csv", folder=tmp_path)

    assert text == f"{tmp_path}/a.csv,{tmp_path.parent}/b.csv"


def test_an_absolute_path_stays(tmp_path):
    """Wherever the config lies."""
    assert absolute("/x/y", folder=tmp_path) == "/x/y"


def test_a_comma_may_be_part_of_a_name(tmp_path):
    """If there is such a file."""
    (tmp_path / "a,b").touch()

    assert split_paths("a,b", folder=tmp_path) == (tmp_path / "a,b",)
    assert len(split_paths("a,c", folder=tmp_path)) == 2


@pytest.mark.parametrize("text", ["", "~nobody-of-this-name/x", "a\0b"])
def test_what_can_be_no_path_stays_as_it_is(tmp_path, text):
    """It is told of when the data are read."""
    assert absolute(text, folder=tmp_path) == text


def test_a_name_on_the_hub_is_no_path(tmp_path):
    """Unless there is such a folder."""
    name = "owner/data"

    assert absolute(name, folder=tmp_path, may_be_a_name=True) == name
    (tmp_path / name).mkdir(parents=True)
    assert absolute(name, folder=tmp_path, may_be_a_name=True) == f"{tmp_path}/{name}"


def test_every_path_about_data_starts_at_the_config(tmp_path):
    """Data, test part, schema, transfer set and evaluation."""
    path = tmp_path / "c.toml"
    path.write_text(
        'name = "x"\n[data]\nname = "csv"\npath = "a.csv,b.csv"\ntest-path = "t.csv"\n'
        'schema = "s.toml"\n[transfer]\npath = "p.npz"\n'
        '[evaluation]\npath = "e.npz"\n'
    )

    config = load_config(path)

    assert config.data.path == f"{tmp_path}/a.csv,{tmp_path}/b.csv"
    assert config.data.test_path == f"{tmp_path}/t.csv"
    assert config.data.schema_path == f"{tmp_path}/s.toml"
    assert config.transfer.path == f"{tmp_path}/p.npz"
    assert config.evaluation.path == f"{tmp_path}/e.npz"


@pytest.mark.parametrize("overrides", [{}, {"data.path": "owner/data"}])
def test_a_config_may_name_a_data_set_on_the_hub(tmp_path, overrides):
    """In the file or in an override."""
    path = tmp_path / "c.toml"
    path.write_text('name = "x"\n[data]\nname = "hugging-face"\npath = "owner/data"\n')

    assert load_config(path, overrides).data.path == "owner/data"
