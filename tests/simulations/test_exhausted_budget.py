"""Noise that is fixed ends the budget before the rounds end: the run goes on."""

import re

import pytest

from client.private_data import PrivateData
from common.privacy.accountant import spent
from common.privacy.calibration import calibrate_noise_multiplier
from common.privacy.events import Mechanism, PrivacyEvent
from simulations.simulate import simulate
from tests.simulations.tiny import SITES, read_lines, tiny_config

pytestmark = pytest.mark.e2e

ROUNDS = 10
AFFORDABLE = 3  # so that the budget has ended by round 4 of 10


def _config(folder, **changes):
    """A config whose noise affords exactly the first rounds, by the accountant."""
    config = tiny_config(folder, rounds=ROUNDS, distill__epochs=1, **changes)
    noise_multiplier = calibrate_noise_multiplier(
        epsilon=config.privacy.epsilon,
        delta=config.privacy.delta,
        sampling_probability=config.sampling_probability,
        steps=AFFORDABLE * config.steps_per_round,
    )
    costs = [
        _epsilon(config, noise_multiplier, rounds)
        for rounds in (AFFORDABLE, AFFORDABLE + 1)
    ]
    assert costs[0] <= config.privacy.epsilon < costs[1]
    return config.with_overrides({"privacy.noise-multiplier": noise_multiplier})


def _epsilon(config, noise_multiplier, rounds):
    event = PrivacyEvent(
        mechanism=Mechanism.DP_SGD,
        noise_multiplier=noise_multiplier,
        sampling_probability=config.sampling_probability,
        steps=rounds * config.steps_per_round,
    )
    return spent([event], delta=config.privacy.delta).epsilon


class _Spy:
    """Notes in which round private rows are read."""

    def __init__(self):
        self.round = 1
        self.reads = []
        self._rows = PrivateData.rows

    def install(self, monkeypatch):
        spy = self

        def rows(data, indices):
            spy.reads.append((spy.round, len(indices)))
            return spy._rows(data, indices)

        monkeypatch.setattr(PrivateData, "rows", rows)

    def finished(self, result):
        self.round = result.round_number + 1


@pytest.fixture(scope="module", params=[20, 40], ids=["q 0.5", "q 1"])
def exhausted(request, tmp_path_factory):
    """A run that ends its budget; (summary, folder, spy)."""
    folder = tmp_path_factory.mktemp("exhausted") / "run"
    config = _config(folder, train__batch_size=request.param)
    spy = _Spy()
    with pytest.MonkeyPatch.context() as monkeypatch:
        spy.install(monkeypatch)
        summary = simulate(config, listener=spy.finished)
    return summary, folder, spy


def test_no_private_row_is_read_once_the_budget_has_ended(exhausted):
    """Rounds 1 to 3 read; from round 4 on, finish included, nothing is read."""
    _, _, spy = exhausted

    assert {number for number, rows in spy.reads if rows} == {1, 2, 3}
    assert {number for number, _ in spy.reads} == {1, 2, 3}


def test_the_run_finishes_with_every_site(exhausted):
    """Sites without a budget digest and answer; nobody is lost."""
    summary, folder, _ = exhausted

    lines = read_lines(folder)
    assert summary.rounds == len(lines) == ROUNDS
    assert [line["accepted"] for line in lines] == [len(SITES)] * ROUNDS
    assert [line["rejected"] + line["silent"] for line in lines] == [0] * ROUNDS


def test_the_metrics_say_who_went_without(exhausted):
    """Nobody up to round 3, everybody after that; epsilon stands still."""
    _, folder, _ = exhausted

    lines = read_lines(folder)
    assert [line["exhausted"] for line in lines] == [0] * 3 + [3] * 7
    epsilons = [line["privacy"]["epsilon"] for line in lines]
    assert epsilons[0] < epsilons[1] < epsilons[2]
    assert set(epsilons[2:]) == {epsilons[2]}


def test_students_still_learn_from_one_another(exhausted):
    """The consensus goes on changing the global student after the budget's end."""
    _, folder, _ = exhausted

    accuracies = [
        line["global_student"]["validation_accuracy"] for line in read_lines(folder)
    ]
    assert len(set(accuracies[AFFORDABLE:])) > 1


def test_the_summary_names_the_round(exhausted):
    """The first round that a site took part in without private training."""
    summary, _, _ = exhausted

    assert summary.privacy.budget_exhausted_at_round == AFFORDABLE + 1
    assert summary.privacy.max_epsilon <= 4.0


def test_report_and_card_name_the_round(exhausted):
    """In words, and with what it means."""
    _, folder, _ = exhausted
    said = "ended by round 4"

    page = " ".join(
        re.sub(r"<[^>]+>", " ", (folder / "report.html").read_text()).split()
    )

    assert f"The privacy budget of 3 sites had {said}: from then on" in page
    assert said in (folder / "model_card.md").read_text()


def test_a_budget_that_lasts_names_no_round(tmp_path):
    """Calibrated noise lasts for all rounds."""
    folder = tmp_path / "run"

    summary = simulate(tiny_config(folder))

    assert summary.privacy.budget_exhausted_at_round is None
    assert "ended by round" not in (folder / "report.html").read_text()


def test_a_budget_that_affords_nothing_reads_nothing(tmp_path, monkeypatch):
    """Not one private step: the run finishes, epsilon is 0, and the report says so."""
    folder = tmp_path / "run"
    spy = _Spy()
    spy.install(monkeypatch)

    summary = simulate(tiny_config(folder, privacy__noise_multiplier=0.2))

    assert spy.reads == []
    assert summary.privacy.max_epsilon == 0
    assert summary.privacy.budget_exhausted_at_round == 1
    assert "not one private step was affordable" in (folder / "report.html").read_text()
