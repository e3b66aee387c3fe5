"""The commands `simulate` and `report`."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from common.errors import RefusedBySitesError
from simulations import cli
from simulations.summary import Summary
from tests.simulations.run_folders import make_run_folder, make_summary


class _Calls(list):
    """What the stand-in for the simulation was called with."""

    outcome = None


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Puts a simulation in place that takes no time, in an empty folder."""
    made = _Calls()

    def simulate(config, **options):
        made.append((config, options))
        options["on_stage"]("federation")
        if made.outcome is not None:
            raise made.outcome
        return make_summary()

    # The real one, with torch and all, is imported when the command runs.
    fake = SimpleNamespace(simulate=simulate)
    monkeypatch.setitem(sys.modules, "simulations.simulate", fake)
    monkeypatch.chdir(tmp_path)
    return made


def _invoke(*arguments):
    return CliRunner().invoke(cli.app, list(arguments))


def test_runs_a_bundled_config(calls):
    """The config, its changes and the run folder arrive at the simulation."""
    result = _invoke(
        "simulate",
        "digits-demo",
        "--set",
        "rounds=2",
        "--set=privacy.epsilon=1",
        "--output",
        "runs/mine",
        "--resume",
    )

    config, options = calls[0]
    assert result.exit_code == 0, result.output
    assert (config.name, config.rounds, config.privacy.epsilon) == ("digits-demo", 2, 1)
    assert options["output"] == Path("runs/mine")
    assert options["resume"] is True


def test_prints_a_table_that_ends_with_what_to_do_next(calls):
    """Standard output carries the result, standard error the progress."""
    result = _invoke("simulate", "digits-demo")

    assert len(calls) == 1
    assert "85.8%" in result.stdout
    assert result.stdout.rstrip().splitlines()[-1] == (
        "Next: open runs/digits-demo/report.html in a browser."
    )
    assert "federation" in result.stderr
    assert "federation" not in result.stdout


def test_json_is_all_that_standard_output_carries(calls):
    """--format json gives what summary.json holds, and progress elsewhere."""
    result = _invoke("simulate", "digits-demo", "--format", "json")

    assert len(calls) == 1
    assert Summary.from_json(result.stdout) == make_summary()
    assert "federation" in result.stderr


def test_baselines_can_be_left_out(calls):
    """--no-baselines is a change of the config like any other."""
    _invoke("simulate", "digits-demo", "--no-baselines")

    assert calls[0][0].baselines.enabled is False


def test_an_interrupted_run_says_how_to_continue(calls):
    """The command repeats config, changes and folder, quoted, with --resume."""
    calls.outcome = KeyboardInterrupt()
    folder = Path("my runs/a")
    folder.mkdir(parents=True)
    (folder / "config.toml").touch()

    result = _invoke(
        "simulate", "digits-demo", "--set", "rounds=3", "--output", str(folder)
    )

    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == (
        "Interrupted. Every finished round is kept. Continue with: fedstill simulate "
        "digits-demo --set=rounds=3 '--output=my runs/a' --resume"
    )
    assert result.stdout == ""


def test_a_run_interrupted_before_it_began_has_nothing_to_continue(calls):
    """No run folder yet: nothing is promised."""
    calls.outcome = KeyboardInterrupt()

    result = _invoke("simulate", "digits-demo")

    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == (
        "Interrupted before the first round; nothing was kept."
    )


def test_a_faulty_config_is_told_before_anything_is_loaded(calls):
    """The simulation, which loads torch, is not reached."""
    result = _invoke("simulate", "digits-demo", "--set", "rounds=-1")

    assert calls == []
    assert "rounds = -1" in str(result.exception)


def test_a_refusal_passes_through(calls):
    """The front door turns errors into exit codes; commands let them pass."""
    calls.outcome = RefusedBySitesError("No site agreed.")

    result = _invoke("simulate", "digits-demo")

    assert result.exception is calls.outcome


@pytest.mark.parametrize("assignment", ["rounds", "=3", " =3", ""])
def test_an_assignment_needs_a_key_and_a_value(calls, assignment):
    """A usage error: exit code 2, and nothing is run."""
    result = _invoke("simulate", "digits-demo", "--set", assignment)

    assert result.exit_code == 2
    assert "is not KEY=VALUE" in result.stderr
    assert calls == []


def test_assignments_keep_equals_signs_in_values():
    """Only the first equals sign separates; of equal keys the last one counts."""
    parsed = cli.parse_assignments(["data.path=a=b", "rounds = 2", "rounds=3"])

    assert parsed == {"data.path": "a=b", "rounds": "3"}
    with pytest.raises(typer.BadParameter):
        cli.parse_assignments(["rounds"])


def test_says_what_to_install_where_the_extra_is_missing(calls, monkeypatch):
    """A site without the simulations extra gets a command, not a traceback."""
    monkeypatch.setattr(cli, "NEEDED", ("json", "no_such_module"))

    result = _invoke("simulate", "digits-demo")

    assert calls == []
    assert str(result.exception) == (
        "Simulations need no_such_module, not installed here. They come with the "
        "extra: pip install '.[simulations]'. Nothing was run."
    )


def test_report_writes_the_page_again(tmp_path):
    """The page, and a line that says where it is."""
    folder = make_run_folder(tmp_path)

    result = _invoke("report", str(tmp_path))

    assert result.exit_code == 0, result.output
    assert folder.report.exists()
    assert result.stdout == f"Next: open {folder.report} in a browser.\n"


def test_report_names_the_page_as_json(tmp_path):
    """--format json for programs."""
    folder = make_run_folder(tmp_path)

    result = _invoke("report", str(tmp_path), "--format", "json")

    assert json.loads(result.stdout) == {"report": str(folder.report)}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("simulate", ["Examples", "fedstill simulate digits-demo", "Exit codes"]),
        ("report", ["Example", "fedstill report runs/digits-demo"]),
    ],
)
def test_help_has_examples(command, words):
    """What a command is for is shown, not only told."""
    result = _invoke(command, "--help")

    assert result.exit_code == 0
    assert [word for word in words if word not in result.stdout] == []
