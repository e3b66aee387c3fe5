"""The commands `check` and `config`."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from common.config import Config
from common.errors import ConfigError
from simulations.check_cli import app
from tests.simulations.tiny import TINY

SETTINGS = [f"--set={key}={str(value).lower()}" for key, value in TINY.items()]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _invoke(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_a_bundled_config_passes():
    """Groups in order, a last line that can be typed, and nothing left behind."""
    result = _invoke("check", "digits-demo", *SETTINGS)

    lines = result.stdout.splitlines()
    assert result.exit_code == 0, result.output
    assert [line for line in lines if line[:1].isalpha()] == [
        "Config",
        "Data",
        "Models",
        "Privacy",
        "Head",
        "Cost",
    ]
    assert lines[-1].startswith("0 errors, ")
    assert "Next: fedstill simulate digits-demo --set=sites=3" in lines[-1]


def test_nothing_is_run(tmp_path):
    """No folder, no file."""
    _invoke("check", "digits-demo", *SETTINGS)

    assert list(tmp_path.iterdir()) == []


def test_json_has_every_finding_with_its_figures():
    """For a program that decides."""
    result = _invoke(
        "check",
        "digits-demo",
        *SETTINGS,
        "--set=privacy.mechanism=dp-sgd",
        "--format=json",
    )

    told = json.loads(result.stdout)
    figures = {k: v for one in told["findings"] for k, v in one["figures"].items()}
    assert told["ok"] is True
    assert figures["parameters"] == 650
    assert figures["epsilon"][-1] <= 4.0
    assert figures["bytes_up"] > 50 * 10 * 4


def test_infinite_figures_are_null_in_json():
    """JSON has no infinity; additive heads without privacy have such figures."""
    result = _invoke(
        "check",
        "digits-demo",
        "--format=json",
        *SETTINGS,
        "--set=privacy.mechanism=none",
        "--set=allow-non-private=true",
        "--set=no-privacy.students=heads",
        "--set=aggregation.rule=auto",
        "--set=head.features=pixels",
        "--set=head.dimension=12",
    )

    told = json.loads(result.stdout, parse_constant=pytest.fail)
    head = next(one for one in told["findings"] if one["group"] == "head")
    assert head["figures"]["effective_size"] is None


def test_each_problem_of_a_config_is_a_line():
    """Exit code 2, and no group that needs a config."""
    result = _invoke("check", "digits-demo", "--set=rounds=-1", "--set=seed=-1")

    assert result.exit_code == 2
    assert result.stdout.splitlines()[:3] == [
        "Config",
        "  error    rounds = -1: must be >= 0.",
        "  error    seed = -1: must be >= 0.",
    ]
    assert "Privacy" not in result.stdout


def test_missing_data_are_an_error_of_the_data(tmp_path):
    """What can be said without them is still said."""
    path = tmp_path / "nowhere"

    result = _invoke("check", "mnist", f"--set=data.path={path}", "--format=json")

    told = json.loads(result.stdout)
    assert result.exit_code == 2
    assert told["ok"] is False
    assert [(one["group"], one["level"]) for one in told["findings"]] == [
        ("config", "ok"),
        ("data", "error"),
    ]


def test_an_unknown_config_is_a_usage_error():
    """There is nothing to check."""
    result = _invoke("check", "digits-dem")

    assert isinstance(result.exception, ConfigError)
    assert "Did you mean digits-demo?" in str(result.exception)


def test_config_prints_every_key():
    """As JSON in full: default, what is allowed, unit and meaning."""
    told = json.loads(_invoke("config", "--format", "json").stdout)

    assert [one["name"] for one in told] == list(Config(name="any").to_run_config())
    assert all({"default", "allowed", "unit", "meaning"} <= one.keys() for one in told)


def test_config_prints_a_table_a_section():
    """Brackets of a section's name survive rich's markup."""
    result = _invoke("config")

    assert result.exit_code == 0
    assert "[privacy]" in result.stdout
    assert "deadline" in result.stdout
    assert "`" not in result.stdout


def test_config_explains_one_key():
    """In a few plain lines."""
    lines = _invoke("config", "privacy.delta").stdout.splitlines()

    assert lines[0] == "privacy.delta"
    assert lines[1].split(maxsplit=1)[1].startswith("target delta")
    assert lines[-1].endswith("--set privacy.delta=VALUE")


def test_config_names_the_nearest_key():
    """A typing error costs a look, not a search."""
    result = _invoke("config", "privacy.epsilno")

    assert isinstance(result.exception, ConfigError)
    assert result.exception.exit_code == 2
    assert "privacy.epsilon" in str(result.exception)


@pytest.mark.parametrize("arguments", [["config", "train"], ["check", "x", "--help"]])
def test_what_needs_no_torch_loads_none(arguments):
    """Explaining a key and help are instant."""
    script = (
        "import sys\nfrom simulations.check_cli import app\n"
        f"try: app({arguments})\nexcept SystemExit as done: assert not done.code\n"
        "print([name for name in ('torch', 'flwr', 'opacus') if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )

    assert done.stdout.splitlines()[-1] == "[]"
