"""The command on bad input: one line a problem, the right exit code, no traceback."""

import sys

import pytest

import fedstill
from simulations.simulate import simulate
from tests.bad_input import CASES, CONFIG, DATA_CASES
from tests.simulations.tiny import TINY, read_files, tiny_config

OUTPUT = "run"
# What progress says on standard error before the first file of data is read.
STAGES = ["starting", "federation"]
# `find_config` looks for a file or a bundled name before anything is opened.
NO_FILE = {"config missing", "config is a folder"}


def _run(monkeypatch, capsys, *arguments):
    """Runs the command in this process; returns exit code, output and error lines."""
    monkeypatch.setattr(sys, "argv", ["fedstill", *arguments])
    with pytest.raises(SystemExit) as caught:
        fedstill.main()
    printed = capsys.readouterr()
    return caught.value.code, printed.out, printed.err.splitlines()


def _assignments(overrides):
    return [f"--set={key}={_typed(value)}" for key, value in overrides.items()]


def _typed(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unquoted(text):
    """What is typed after --set at no known key stays text, and is quoted as such."""
    return text.replace('"', "")


@pytest.mark.parametrize(
    "case", [case for case in CASES if "" not in case.overrides], ids=lambda c: c.name
)
def test_bad_input_through_the_command(case, tmp_path, monkeypatch, capsys):
    """Exit code and words of the table; nothing on standard output, nothing written."""
    monkeypatch.chdir(tmp_path)
    case.prepare(tmp_path)
    before = read_files(tmp_path)

    code, out, lines = _run(
        monkeypatch,
        capsys,
        "simulate",
        CONFIG,
        f"--output={OUTPUT}",
        *_assignments(case.overrides),
    )

    has_started = lines[: len(STAGES)] == STAGES
    problems = lines[len(STAGES) :] if has_started else lines
    assert code == case.exit_code
    assert out == ""
    assert has_started or case not in DATA_CASES
    assert len(problems) == 1, lines
    assert problems[0].startswith("Error: ")
    assert problems[0].endswith("Nothing was run.")
    if case.name in NO_FILE:
        assert "'config.toml' is neither a file nor a bundled config" in problems[0]
    else:
        told = _unquoted(problems[0])
        missing = [part for part in case.expected if _unquoted(part) not in told]
        assert missing == [], told
    assert read_files(tmp_path) == before
    assert not (tmp_path / OUTPUT).exists()


def test_nearly_every_case_goes_through_the_command():
    """A key of no letters is a usage error there, as the command's own tests say."""
    left_out = [case.name for case in CASES if "" in case.overrides]

    assert left_out == ["override of nothing"]
    assert len(CASES) - len(left_out) >= 40


def test_every_problem_has_a_line(tmp_path, monkeypatch, capsys):
    """Three mistakes are three lines in one go, not three tries."""
    monkeypatch.chdir(tmp_path)

    code, out, lines = _run(
        monkeypatch,
        capsys,
        "simulate",
        "digits-demo",
        "--set=rounds=-1",
        "--set=train.epoch=3",
        "--set=privacy.epsilon=0",
    )

    assert (code, out) == (2, "")
    assert [line.removeprefix("Error: ") for line in lines] == [
        "rounds = -1: must be >= 0.",
        '[train] epoch = "3": unknown key, did you mean epochs?',
        "[privacy] epsilon = 0: must be > 0. Nothing was run.",
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.e2e
def test_an_output_that_exists_is_refused(tmp_path, monkeypatch, capsys):
    """Exit code 2 and what to do; the run in it stays as it is."""
    monkeypatch.chdir(tmp_path)
    simulate(tiny_config(), output=tmp_path / OUTPUT)
    before = read_files(tmp_path)

    code, out, lines = _run(
        monkeypatch,
        capsys,
        "simulate",
        "digits-demo",
        f"--output={OUTPUT}",
        *_assignments(TINY),
    )

    assert (code, out) == (2, "")
    assert len(lines) == len(STAGES) + 1
    assert lines[-1] == (
        f"Error: Run folder {tmp_path / OUTPUT} holds a run already. Continue it with "
        "--resume or choose another --output. Nothing was changed."
    )
    assert read_files(tmp_path) == before


@pytest.mark.parametrize(
    ("damage", "exit_code"),
    [("ledger.sqlite", 1), ("checkpoint/server.safetensors", 2)],
)
@pytest.mark.e2e
def test_a_damaged_run_folder_is_no_traceback(
    damage, exit_code, tmp_path, monkeypatch, capsys
):
    """A resume that cannot believe what it finds says which file it is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / CONFIG).write_text(tiny_config().to_toml())
    simulate(tmp_path / CONFIG, output=tmp_path / OUTPUT)
    (tmp_path / OUTPUT / damage).write_bytes(b"damaged " * 200)

    code, out, lines = _run(
        monkeypatch, capsys, "simulate", CONFIG, f"--output={OUTPUT}", "--resume"
    )

    assert (code, out) == (exit_code, "")
    assert len(lines[len(STAGES) :]) == 1
    assert lines[-1].startswith("Error: ")
    assert str(tmp_path / OUTPUT / damage) in lines[-1]


@pytest.mark.e2e
def test_a_whole_run_through_the_command(tmp_path, monkeypatch, capsys):
    """Progress on standard error, the table and the next step on standard output."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / CONFIG).write_text(tiny_config().to_toml())
    monkeypatch.setattr(sys, "argv", ["fedstill", "simulate", CONFIG])

    with pytest.raises(SystemExit) as caught:
        fedstill.main()

    printed = capsys.readouterr()
    assert caught.value.code == 0
    assert printed.err.splitlines()[: len(STAGES)] == STAGES
    assert "round 2/2" in printed.err
    assert printed.out.splitlines()[-1] == (
        "Next: open runs/tiny/report.html in a browser."
    )
