"""The command `tradeoff`."""

import json

import pytest
from typer.testing import CliRunner

from simulations import tradeoff_cli
from simulations.tradeoff import running, tradeoff
from tests.simulations.tiny import tiny_config
from tests.simulations.tradeoff.stubs import instant


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A config file in an empty folder, and cells that take no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "find_method", lambda *_: instant)
    path = tmp_path / "tiny.toml"
    path.write_text(tiny_config().to_toml())
    return path


def _invoke(config, *arguments):
    return CliRunner().invoke(
        tradeoff_cli.app,
        [str(config), "--epsilon=1,inf", "--seeds=1", "--jobs=1", *arguments],
    )


def test_prints_a_table_and_what_to_do_next(config):
    """By default in runs/<name>-tradeoff."""
    result = _invoke(config)

    assert result.exit_code == 0, result.output
    assert "51.0" in result.stdout
    assert result.stdout.splitlines()[-1] == (
        "Next: open runs/tiny-tradeoff/report.html in a browser."
    )
    assert "cell 1/2" in result.stderr


def test_json_is_all_that_standard_output_carries(config):
    """Infinity is null."""
    result = _invoke(config, "--format=json", "--set=seed=4")

    figures = json.loads(result.stdout)
    assert figures["cells"] == 2
    assert [line["epsilon"] for line in figures["lines"]] == [1.0, None]
    assert figures["lines"][0]["mean_test_accuracy"] == 0.54
    assert figures["lines"][0]["standard_deviation"] is None


def test_a_failed_cell_has_exit_code_1(config, monkeypatch):
    """After the others; the error and how to try again are told."""

    def fail(config, folder):
        raise RuntimeError("boom")

    monkeypatch.setattr(running, "find_method", lambda *_: fail)

    result = _invoke(config)

    assert result.exit_code == 1
    assert result.stdout.count("failed: RuntimeError: boom") == 2
    assert "--resume runs the failed cells again" in result.stdout


def test_an_interrupt_says_how_to_go_on(config, monkeypatch):
    """The same command, quoted, with --resume."""

    def interrupt(config, folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "find_method", lambda *_: interrupt)

    result = _invoke(config, "--no-baselines", "--set=rounds=3", "--output=a b")

    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == (
        "Interrupted. Every finished cell is kept. Continue with: fedstill tradeoff "
        f"{config} --epsilon=1,inf --seeds=1 --jobs=1 --no-baselines --set=rounds=3 "
        "'--output=a b' --resume"
    )


def test_an_interrupt_before_the_first_cell_promises_nothing(config, monkeypatch):
    """There is no folder to go on in."""

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(tradeoff, "_require_data", interrupt)

    result = _invoke(config)

    assert result.exit_code == 130
    assert result.stderr == "Interrupted before the first cell; nothing was kept.\n"
