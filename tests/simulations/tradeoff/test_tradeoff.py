"""A sweep as a whole: the folder, its cells, failures, and going on after a kill."""

import math

import pytest

from common.errors import ConfigError, DataError, FedstillError, OutputExistsError
from simulations.tradeoff import running
from simulations.tradeoff.axes import read_axes
from simulations.tradeoff.folder import TradeoffFolder, held
from simulations.tradeoff.tradeoff import run_tradeoff
from tests.simulations.tiny import read_files, tiny_config
from tests.simulations.tradeoff.stubs import instant


class _Calls(list):
    """The configs that were run, and what happens to some of them."""

    def __init__(self):
        super().__init__()
        self.fault = {}

    def method(self, config, folder):
        assert list(folder.iterdir()) == []
        self.append(config)
        result = instant(config, folder)
        error = self.fault.get((config.privacy.epsilon, config.seed))
        if error is not None:
            raise error
        return result


@pytest.fixture
def calls(monkeypatch):
    """Puts cells in place that take no time."""
    made = _Calls()
    monkeypatch.setattr(running, "find_method", lambda *_: made.method)
    return made


def _run(folder, base=None, *, resume=False, jobs=1, **options):
    base = base or tiny_config()
    axes = read_axes(base, **{"epsilon": "1,4", "seeds": 2, **options})
    return run_tradeoff(base, axes, TradeoffFolder(folder), jobs=jobs, resume=resume)


def test_runs_every_cell_and_keeps_it(calls, tmp_path):
    """A file a cell, two tables, config and environment; nothing half done."""
    sweep = _run(tmp_path / "sweep")

    assert len(calls) == len(sweep.rows) == 4
    assert [row.result.test_accuracy for row in sweep.rows] == [0.51, 0.52] * 2
    assert all(row.result.seconds >= 0 for row in sweep.rows)
    names = {name.partition("/")[0] for name in read_files(tmp_path / "sweep")}
    assert names == {
        ".lock",
        "cells",
        "config.toml",
        "environment.json",
        "results.csv",
        "results.jsonl",
    }


def test_a_resume_repeats_no_finished_cell(calls, tmp_path):
    """An interrupt in the third cell: the third and fourth are left."""
    calls.fault[4.0, 1] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path)
    calls.fault.clear()
    before = {(config.privacy.epsilon, config.seed) for config in calls[:-1]}
    calls.clear()

    sweep = _run(tmp_path, resume=True)

    after = {(config.privacy.epsilon, config.seed) for config in calls}
    assert len(sweep.rows) == 4
    assert before & after == set()
    assert len(before) + len(after) == 4


def test_a_resume_may_add_epsilons(calls, tmp_path):
    """Finished cells count; new ones are run."""
    _run(tmp_path)
    calls.clear()

    sweep = _run(tmp_path, resume=True, epsilon="1,4,inf")

    assert [config.privacy.mechanism for config in calls] == ["none"] * 2
    assert len(sweep.rows) == 6


def test_a_failed_cell_spares_the_others_and_is_tried_again(calls, tmp_path):
    """Its row says why in a line; a bug leaves its traceback in a file."""
    calls.fault[1.0, 1] = FedstillError("Two sites\nfell asleep.")
    calls.fault[4.0, 2] = RuntimeError("boom")

    sweep = _run(tmp_path)

    errors = [row.error for row in sweep.failed]
    (trace,) = (tmp_path / "errors").iterdir()
    assert errors == ["Two sites fell asleep.", f"RuntimeError: boom (see {trace})"]
    assert "in method" in trace.read_text()
    assert len(sweep.rows) == 4
    calls.fault.clear()
    calls.clear()
    assert _run(tmp_path, resume=True).failed == ()
    assert len(calls) == 2


def test_a_taken_folder_is_refused(calls, tmp_path):
    """Without --resume even by the same sweep; nothing is changed."""
    _run(tmp_path)
    before = read_files(tmp_path)

    with pytest.raises(OutputExistsError, match="Continue it with --resume") as caught:
        _run(tmp_path)

    assert caught.value.exit_code == 2
    assert read_files(tmp_path) == before


def test_two_sweeps_do_not_run_in_one_folder(calls, tmp_path):
    """Each would remove what the other is working on."""
    _run(tmp_path)
    calls.clear()

    with (
        held(TradeoffFolder(tmp_path)),
        pytest.raises(OutputExistsError, match="in use by another sweep"),
    ):
        _run(tmp_path, resume=True)

    assert _run(tmp_path, resume=True).failed == ()


def test_another_config_does_not_resume_a_sweep(calls, tmp_path):
    """Its cells would stand beside those of this one."""
    _run(tmp_path)

    with pytest.raises(OutputExistsError, match="Only the same config can resume it"):
        _run(tmp_path, tiny_config(rounds=3), resume=True)


def test_a_run_of_simulate_is_not_taken_for_a_sweep(calls, tmp_path):
    """Although the config is the same."""
    _run(tmp_path)
    for file in (tmp_path / "cells").iterdir():
        file.unlink()
    (tmp_path / "cells").rmdir()
    (tmp_path / "metrics.jsonl").touch()

    with pytest.raises(OutputExistsError, match="holds no sweep but a run"):
        _run(tmp_path, resume=True)


def test_nothing_to_resume_is_told(calls, tmp_path):
    """A mistyped folder begins no sweep in its place."""
    with pytest.raises(ConfigError, match="nothing to resume"):
        _run(tmp_path / "mistyped", resume=True)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"jobs": 0}, ConfigError),
        ({"partition": "iid,nonsense"}, ConfigError),
        ({"base": tiny_config(data__per_site="500")}, DataError),
    ],
)
def test_what_cannot_run_leaves_nothing_behind(calls, tmp_path, options, error):
    """Config and data are looked at before the folder is made."""
    with pytest.raises(error):
        _run(tmp_path / "sweep", **options)

    assert list(tmp_path.iterdir()) == []
    assert calls == []


def test_a_damaged_cell_is_told_by_name(calls, tmp_path):
    """It is neither believed nor removed."""
    _run(tmp_path)
    damaged = next((tmp_path / "cells").iterdir())
    damaged.write_text("{}")

    with pytest.raises(DataError, match=f"{damaged.name} is not what a sweep writes"):
        _run(tmp_path, resume=True)


def test_the_display_is_told_of_what_is_done_and_of_what_ends(calls, tmp_path):
    """Through the one listener."""
    base = tiny_config()
    axes = read_axes(base, epsilon="1,inf", seeds=1)
    seen = []

    class _Display:
        def __init__(self, rows, total):
            seen.append((len(rows), total))

        def __enter__(self):
            return seen.append

        def __exit__(self, *_):
            return None

    run_tradeoff(base, axes, TradeoffFolder(tmp_path), display=_Display)

    assert seen[0] == (0, 2)
    assert [row.cell.epsilon for row in seen[1:]] == [1.0, math.inf]
