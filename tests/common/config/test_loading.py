"""From a file and overrides to a config; what goes wrong is in test_bad_input."""

import pytest

from common.config import load_config
from common.errors import ConfigError


@pytest.fixture
def write(tmp_path):
    """Returns a function that writes a config file and gives its path."""

    def written(text='name = "x"\n'):
        path = tmp_path / "config.toml"
        path.write_text(text)
        return path

    return written


def test_keys_are_kebab_case_and_sections_are_tables(write):
    """The file's words are the design's words."""
    path = write(
        'name = "x"\nallow-non-private = true\n'
        '[global-student]\nmodel = "cnn"\n[round]\nquorum = 1\n'
        "[transfer]\nper-round = 10\n[privacy]\nnoise-multiplier = 2\n"
    )

    config = load_config(path)

    assert config.allow_non_private
    assert config.global_student.model == "cnn"
    assert config.round.quorum == 1.0
    assert config.transfer.per_round == 10
    assert config.privacy.noise_multiplier == 2.0


def test_an_override_wins_over_the_file_and_leaves_the_rest(write):
    """Only the named key changes."""
    path = write('name = "x"\n[train]\nbatch-size = 50\nepochs = 3.0\n')

    config = load_config(path, {"train.epochs": 4})

    assert (config.train.epochs, config.train.batch_size) == (4.0, 50)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ({"rounds": "3"}, ("rounds", 3)),
        ({"rounds": "1_000"}, ("rounds", 1000)),
        ({"allow-non-private": "true"}, ("allow_non_private", True)),
        ({"name": "123"}, ("name", "123")),
        ({"name": "true"}, ("name", "true")),
        ({"name": '"quoted"'}, ("name", "quoted")),
        ({"output": "/a b/c=d"}, ("output", "/a b/c=d")),
        ({"models": "linear:10"}, ("models", "linear:10")),
    ],
)
def test_typed_in_overrides_are_read_like_toml(write, text, value):
    """Numbers and truths are read from their text, text stays text."""
    name, expected = value

    result = getattr(load_config(write(), text), name)

    assert result == expected
    assert type(result) is type(expected)


def test_a_typed_in_number_of_a_section_is_read(write):
    """Dotted keys are looked up in their section."""
    config = load_config(write(), {"privacy.delta": "1e-6", "data.per-site": "100"})

    assert config.privacy.delta == 1e-6
    assert config.data.per_site == "100"


def test_an_override_cannot_smuggle_in_another_key(write):
    """A line break inside a value does not begin another TOML line."""
    with pytest.raises(ConfigError, match=r"^rounds = .*: must be a whole number"):
        load_config(write(), {"rounds": "3\nallow-non-private = true"})


def test_a_relative_path_starts_at_the_config(write, tmp_path, monkeypatch):
    """A config can be run from anywhere."""
    path = write('name = "x"\n[data]\nname = "idx"\npath = "../mnist"\n')
    monkeypatch.chdir("/")

    assert load_config(path).data.path == str(tmp_path.parent / "mnist")


def test_a_relative_path_in_an_override_starts_where_it_was_typed(
    write, tmp_path, monkeypatch
):
    """``--set data.path=...`` means what the shell means."""
    path = write('name = "x"\n[data]\nname = "idx"\n')
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    config = load_config(path, {"data.path": "mnist"})

    assert config.data.path == str(tmp_path / "here" / "mnist")


def test_all_problems_are_told_at_once(write):
    """One line each, in one error."""
    path = write('name = "x"\nseed = -1\nsites = "ten"\n[train]\nepoch = 3\n')

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    assert str(caught.value) == (
        "seed = -1: must be >= 0.\n"
        'sites = "ten": must be a whole number.\n'
        "[train] epoch = 3: unknown key, did you mean epochs? Nothing was run."
    )


def test_contradictions_are_told_at_once_too(write):
    """Checks across keys report every contradiction."""
    path = write('name = "x"\nmodels = "mlp:3"\n[transfer]\nper-round = 398\n')

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    assert str(caught.value) == (
        'models = "mlp:3": names 3 sites, must be 10 (sites).\n'
        "[transfer] per-round = 398: must be <= 397 (transfer.size). Nothing was run."
    )
