"""The command as a whole, on digits; and what it does before the first hour."""

import pytest

from common.errors import DataError
from simulations.frontier import __main__ as command
from simulations.frontier import sweeps
from simulations.frontier.page import FRONTIER
from simulations.frontier.sweeps import CNN_CHANGES, SWEEPS
from simulations.tradeoff import running
from tests.simulations.frontier.digits import digits_spec
from tests.simulations.tradeoff.stubs import instant

PAGE = f"kept\n<!-- {FRONTIER}:begin -->\n<!-- {FRONTIER}:end -->\n"
FEW = {"epsilons": "4", "baselines": "pooled,fedavg"}


@pytest.fixture
def page(tmp_path):
    """An empty page in a folder of its own."""
    path = tmp_path / "docs" / "frontier.md"
    path.parent.mkdir()
    path.write_text(PAGE)
    return path


def _run(tmp_path, page, *options):
    output = tmp_path / "runs"
    return command.main(
        [str(tmp_path), f"--output={output}", f"--page={page}", "--jobs=1", *options]
    )


@pytest.mark.e2e
def test_one_command_runs_the_sweeps_and_writes_the_page(tmp_path, page, monkeypatch):
    """Real federations; the second time no cell is run and the page stays."""
    few = (digits_spec(SWEEPS[0], **FEW), digits_spec(SWEEPS[2], epsilons="4"))
    monkeypatch.setattr(sweeps, "SWEEPS", few)

    assert _run(tmp_path, page, "--seeds=1") == 0

    text = page.read_text()
    assert text.startswith("kept\n")
    assert "| MNIST | Dirichlet 0.1 | **federation** |" in text
    assert "| Fashion-MNIST | Dirichlet 0.1 | federation, cnn |" in text
    assert (page.parent / "images" / "frontier.svg").exists()
    assert (tmp_path / "runs" / "mnist" / "report.html").exists()
    monkeypatch.setattr(running, "run_cell", None)
    assert _run(tmp_path, page, "--seeds=1") == 0
    assert page.read_text() == text


def test_a_failed_cell_makes_the_command_fail(tmp_path, page, monkeypatch):
    """The page is written all the same, and says so."""

    def method(config, folder):
        if config.seed == 2:
            raise DataError("the second seed is out of luck")
        return instant(config, folder)

    monkeypatch.setattr(running, "find_method", lambda *_: method)
    monkeypatch.setattr(sweeps, "SWEEPS", (digits_spec(SWEEPS[0], **FEW),))

    assert _run(tmp_path, page, "--seeds=2") == 1

    assert "9 cells failed" in page.read_text()
    assert "the second seed is out of luck" in page.read_text()


def test_no_more_seeds_than_a_sweep_asks_for(tmp_path, page, monkeypatch):
    """The cnn is slow: fewer of it, and one without privacy."""
    monkeypatch.setattr(running, "find_method", lambda *_: instant)
    few = [digits_spec(one, **FEW) for one in SWEEPS[:2]]
    few += [digits_spec(one) for one in SWEEPS[2:]]
    monkeypatch.setattr(sweeps, "SWEEPS", few)

    _run(tmp_path, page, "--seeds=5")

    counts = {
        one.name: len(list((tmp_path / "runs" / one.name / "cells").iterdir()))
        for one in SWEEPS
    }
    assert counts == {
        "mnist": 3 * 5 * 3,
        "fashion-mnist": 3 * 5 * 3,
        "fashion-mnist-cnn": 2 * 2 * 3,
        "fashion-mnist-cnn-no-privacy": 2,
    }


def test_a_missing_folder_runs_nothing(tmp_path, page):
    """It is told of before the sweeps of the other data set."""
    (tmp_path / "mnist").mkdir()

    with pytest.raises(DataError, match=r"must hold the folder fashion-mnist"):
        _run(tmp_path, page)

    assert not (tmp_path / "runs").exists()


def test_the_configs_of_the_real_sweeps_are_sound(tmp_path):
    """Ten sites with 5,000 examples, heads or a cnn everywhere."""
    for name in ("mnist", "fashion-mnist"):
        (tmp_path / name).mkdir()

    bases = [spec.base(tmp_path) for spec in SWEEPS]

    assert [base.has_heads for base in bases] == [True, True, False, False]
    for base in bases:
        assert base.nominal_examples == (5000,) * 10
        assert (base.transfer.size, base.privacy.delta) == (9000, 1e-5)
    cnn = bases[2]
    assert set(cnn.site_models) == {"cnn"}
    assert (cnn.global_student_model, cnn.fedavg.model) == ("cnn", "cnn")
    assert cnn.sampling_probability == 1.0
    assert cnn.to_run_config().items() >= CNN_CHANGES.items()
