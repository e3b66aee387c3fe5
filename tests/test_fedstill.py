"""The front door: the command `fedstill` and `import fedstill`."""

import json
import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest

import fedstill
from common.errors import ConfigError, LedgerCorruptedError, RefusedBySitesError
from common.finding import fault, ok, warning
from tests.simulations.run_folders import make_run_folder, make_summary

HEAVY = ("torch", "matplotlib", "flwr", "opacus", "dp_accounting", "jinja2", "pydantic")


def _loaded_by(code):
    """Which of the heavy modules a fresh interpreter has loaded after ``code``."""
    script = f"{code}\nimport sys; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def _run(monkeypatch, capsys, *arguments):
    """Runs the command in this process; returns exit code, output and errors."""
    monkeypatch.setattr(sys, "argv", ["fedstill", *arguments])
    with pytest.raises(SystemExit) as caught:
        fedstill.main()
    printed = capsys.readouterr()
    return caught.value.code, printed.out, printed.err


@pytest.fixture
def calls(monkeypatch):
    """Puts a simulation in place that takes no time."""
    made = []

    def simulate(config, **options):
        made.append((config, options))
        return make_summary()

    fake = SimpleNamespace(simulate=simulate)
    monkeypatch.setitem(sys.modules, "simulations.simulate", fake)
    return made


@pytest.mark.parametrize(
    "arguments", [["--help"], ["simulate", "--help"], ["predict", "--help"]]
)
def test_help_loads_nothing_heavy(arguments):
    """Help is instant: no torch, no Flower, no matplotlib, not even pydantic."""
    code = (
        "import sys, fedstill\n"
        f"sys.argv = {['fedstill', *arguments]}\n"
        "try: fedstill.main()\n"
        "except SystemExit as done: assert done.code == 0"
    )

    assert _loaded_by(code) == "[]"


def test_importing_it_loads_nothing_heavy():
    """`import fedstill` costs what typer costs."""
    assert _loaded_by("import fedstill") == "[]"


def test_importing_it_makes_the_environment_quiet():
    """Telemetry is off before Flower can be imported."""
    code = "import fedstill, os; print(os.environ['FLWR_TELEMETRY_ENABLED'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": ""},
    )

    assert done.stdout == "0\n"


def test_runs_as_a_module():
    """`python -m fedstill` is the command."""
    done = subprocess.run(
        [sys.executable, "-m", "fedstill", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"fedstill {metadata.version('fedstill')}\n"


def test_help_lists_every_command(monkeypatch, capsys):
    """And where to start."""
    code, out, _ = _run(monkeypatch, capsys, "--help")

    assert code == 0
    assert all(command in out for command in fedstill.COMMANDS)
    assert "fedstill simulate digits-demo" in out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LedgerCorruptedError("The ledger contradicts itself."), 1),
        (ConfigError("rounds = 0: must be >= 1. Nothing was run."), 2),
        (RefusedBySitesError("No site agreed."), 3),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(monkeypatch, capsys, error, code):
    """No traceback, nothing on standard output, and a code that means something."""

    def simulate(config, **options):
        raise error

    fake = SimpleNamespace(simulate=simulate)
    monkeypatch.setitem(sys.modules, "simulations.simulate", fake)

    got, out, err = _run(monkeypatch, capsys, "simulate", "digits-demo")

    assert got == code
    assert out == ""
    assert err.splitlines()[-1] == f"Error: {error}"
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulte", "digits-demo"],
        ["simulate"],
        ["simulate", "digits-demo", "--no-such-option"],
        ["simulate", "digits-demo", "--format", "xml"],
        ["simulate", "digits-demo", "--set", "rounds"],
        ["simulate", "no-such-config"],
        ["simulate", "digits-demo", "--set", "rouns=3"],
        ["report", "no-such-folder"],
    ],
)
def test_a_users_mistake_has_exit_code_2(monkeypatch, capsys, calls, arguments):
    """Usage, config and folder: code 2, a message, no traceback, nothing run."""
    code, out, err = _run(monkeypatch, capsys, *arguments)

    assert code == 2
    assert out == ""
    assert err
    assert "Traceback" not in err
    assert calls == []


def test_a_folder_that_cannot_be_written_is_no_traceback(tmp_path, monkeypatch, capsys):
    """A fault of the file system names the file, exit code 1."""
    folder = make_run_folder(tmp_path)
    folder.report.mkdir()

    code, _, err = _run(monkeypatch, capsys, "report", str(tmp_path))

    assert code == 1
    assert err.startswith("Error: ")
    assert "Is a directory." in err
    assert len(err.splitlines()) == 1


def test_keywords_become_keys_of_the_config(calls):
    """Two underscores are a dot, one is a dash; dotted names pass as they are."""
    summary = fedstill.simulate(
        "digits-demo",
        output="runs/mine",
        rounds=2,
        train__learning_rate=0.1,
        allow_non_private=True,
        **{"privacy.epsilon": 1},
    )

    config, options = calls[0]
    assert summary == make_summary()
    assert config == "digits-demo"
    assert str(options["output"]) == "runs/mine"
    assert options["resume"] is False
    assert options["overrides"] == {
        "rounds": 2,
        "train.learning-rate": 0.1,
        "allow-non-private": True,
        "privacy.epsilon": 1,
    }


def test_writes_a_report_again(tmp_path):
    """`fedstill.report` takes a run folder and returns the page."""
    make_run_folder(tmp_path)

    page = fedstill.report(str(tmp_path))

    assert page == tmp_path / "report.html"
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("bundle.toml", "client.node.doctor.site_findings"),
        ("federation.toml", "server.deployment.doctor.server_findings"),
    ],
)
def test_doctor_asks_the_side_whose_folder_it_is(
    tmp_path, monkeypatch, capsys, file, module
):
    """Text and JSON; an error gives exit code 2, a warning none."""
    (tmp_path / file).touch()
    found = [warning("clock", "It is late.", "Set it."), ok("disk", "It is there.")]
    monkeypatch.setattr(module, lambda *_: iter(found))

    code, out, _ = _run(monkeypatch, capsys, "doctor", str(tmp_path))

    assert code in (0, None)
    assert "do:" in out
    assert out.splitlines()[-1] == "0 errors, 1 warning."
    found.append(fault("key", "It is gone.", "Make one."))
    code, out, _ = _run(monkeypatch, capsys, "doctor", str(tmp_path), "--format=json")
    assert code == 2
    told = json.loads(out)
    assert told["ok"] is False
    assert [one["level"] for one in told["findings"]] == ["warning", "ok", "error"]


def test_doctor_of_another_folder_names_both(tmp_path, monkeypatch, capsys):
    """One line, exit code 2."""
    code, _, err = _run(monkeypatch, capsys, "doctor", str(tmp_path))

    assert code == 2
    assert "bundle.toml" in err
    assert "federation.toml" in err
