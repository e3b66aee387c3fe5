"""What a run folder claims can be checked by somebody who believes none of it."""

import sqlite3
from collections import defaultdict

import numpy as np
import pytest
import torch
from opacus.accountants import PRVAccountant
from safetensors.torch import load_file

from common.data.examples import LabelledExamples
from common.data.parts import load_parts
from common.models.zoo import build_model
from simulations import federation
from simulations.simulate import simulate
from tests.simulations.tiny import SITES, read_lines, tiny_config

pytestmark = pytest.mark.e2e

MODELS = ("mlp", "cnn", "linear")
PRV_ERROR = 0.002  # Opacus returns an upper bound that is above epsilon by this much


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small run; (its summary, its folder, its config)."""
    folder = tmp_path_factory.mktemp("honesty") / "run"
    config = tiny_config(folder, distill__epochs=10)
    return simulate(config), folder, config


@pytest.mark.parametrize(("site", "model"), list(zip(SITES, MODELS, strict=True)))
def test_a_local_student_is_what_its_name_says(finished, site, model):
    """Its file loads into the named zoo model and reaches the reported accuracy."""
    summary, folder, config = finished
    parts = load_parts(config)
    student = build_model(
        model, input_shape=parts.input_shape, num_classes=parts.num_classes, seed=0
    )

    state = load_file(folder / "local_students" / f"{site}-{model}.safetensors")
    student.load_state_dict(state, strict=True)

    assert _accuracy(student, parts.test) == pytest.approx(
        summary.local_students.by_site[site]
    )


def test_local_students_have_three_architectures(finished):
    """No file fits another model: names and shapes of the weights differ."""
    _, folder, _ = finished
    files = sorted((folder / "local_students").iterdir())

    shapes = [
        tuple(
            (key, tuple(value.shape)) for key, value in sorted(load_file(file).items())
        )
        for file in files
    ]

    assert [file.name for file in files] == [
        f"{site}-{model}.safetensors" for site, model in zip(SITES, MODELS, strict=True)
    ]
    assert len(set(shapes)) == 3


def test_the_global_student_reaches_its_accuracy(finished):
    """The file, not the object that was measured while the run went on."""
    summary, folder, config = finished
    parts = load_parts(config)
    student = build_model(
        config.global_student_model,
        input_shape=parts.input_shape,
        num_classes=parts.num_classes,
        seed=0,
    )

    student.load_state_dict(load_file(folder / "global_student.safetensors"))

    assert _accuracy(student, parts.test) == pytest.approx(
        summary.global_student.test_accuracy
    )


def _accuracy(student, examples):
    with torch.no_grad():
        logits = student.eval()(torch.from_numpy(examples.inputs.copy()))
    return float((logits.argmax(1).numpy() == examples.labels).mean())


def _permuted(config, parts):
    """The same inputs at the same sites with the same labels, but not together."""
    generator = np.random.default_rng(0)
    return tuple(
        LabelledExamples(inputs=one.inputs, labels=generator.permutation(one.labels))
        for one in _dealt_out(config, parts)
    )


_dealt_out = federation.private_examples


@pytest.mark.parametrize(
    "changes",
    [
        {"privacy.mechanism": "none", "allow-non-private": True},
        {"privacy.epsilon": 8.0},
    ],
    ids=["without privacy", "epsilon 8"],
)
def test_permuted_private_labels_teach_nothing(changes, tmp_path, monkeypatch):
    """The global student learns from private labels and from nothing else."""
    config = tiny_config(
        rounds=3,
        data__per_site="200",
        data__partition="iid",
        transfer__size=300,
        transfer__per_round=300,
        train__batch_size=200,
        train__epochs=4,
        no_privacy__batch_size=32,
        no_privacy__epochs=3,
        distill__epochs=30,
        global_student__epochs=30,
    ).with_overrides(changes)

    intact = simulate(config, output=tmp_path / "intact")
    monkeypatch.setattr(federation, "private_examples", _permuted)
    permuted = simulate(config, output=tmp_path / "permuted")

    assert intact.global_student.test_accuracy > 0.6
    assert permuted.global_student.test_accuracy < 0.25
    assert permuted.local_students.mean_test_accuracy < 0.25


def _epsilons_by_opacus(path):
    """Epsilon of each dataset id by the rows of the ledger and Opacus alone."""
    query = (
        "SELECT r.dataset_id, p.content ->> 'delta', "
        "r.content ->> 'noise_multiplier', r.content ->> 'sampling_probability', "
        "r.content ->> 'steps' FROM ledger_entries r JOIN ledger_entries p "
        "ON r.dataset_id = p.dataset_id "
        "AND r.content ->> 'run_id' = p.content ->> 'run_id' "
        "WHERE r.kind = 'reservation' AND p.kind = 'plan'"
    )
    accountants, deltas = defaultdict(PRVAccountant), {}
    with sqlite3.connect(path) as connection:
        for name, delta, noise, probability, steps in connection.execute(query):
            deltas[name] = delta
            for _ in range(steps):
                accountants[name].step(noise_multiplier=noise, sample_rate=probability)
    return {
        name: one.get_epsilon(deltas[name], eps_error=PRV_ERROR)
        for name, one in accountants.items()
    }


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # Opacus, at q = 1
@pytest.mark.parametrize(
    "changes",
    [
        {"train.batch-size": 4, "train.epochs": 1.0},
        {"train.batch-size": 20},
        {"train.batch-size": 40},
        {"train.batch-size": 40, "privacy.epsilon": 1.0, "rounds": 4},
        {"train.batch-size": 20, "privacy.noise-multiplier": 3.0},
    ],
    ids=["q 0.1", "q 0.5", "q 1", "q 1, epsilon 1", "noise fixed"],
)
def test_epsilon_is_what_opacus_computes_from_the_ledger(changes, tmp_path):
    """Summary and metrics within 1% of another accountant, which sees rows alone."""
    folder = tmp_path / "run"
    config = tiny_config(folder).with_overrides(changes)

    summary = simulate(config)

    found = _epsilons_by_opacus(folder / "ledger.sqlite")
    privacy = summary.privacy
    assert tuple(sorted(found)) == SITES
    assert privacy.max_epsilon == pytest.approx(max(found.values()), rel=0.01)
    assert privacy.sum_epsilon == pytest.approx(sum(found.values()), rel=0.01)
    assert privacy.max_epsilon <= config.privacy.epsilon
    # What the server computes from public promises is what the ledgers say.
    forecast = read_lines(folder)[-1]["privacy"]
    assert forecast["delta"] == privacy.delta == config.privacy.delta
    assert forecast["epsilon"] == pytest.approx(privacy.max_epsilon, rel=0.01)


def test_epsilon_grows_from_round_to_round(finished):
    """Composed over rounds; the last line is the total."""
    _, folder, _ = finished

    epsilons = [line["privacy"]["epsilon"] for line in read_lines(folder)]

    assert epsilons == sorted(set(epsilons))


def test_private_steps_in_the_ledger_are_those_of_the_plan(finished):
    """Each site and round is charged once, with every step, and settled."""
    _, folder, config = finished

    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        charged = connection.execute(
            "SELECT r.dataset_id, r.content ->> 'round_number' AS number, "
            "r.content ->> 'steps' FROM ledger_entries r JOIN ledger_entries s "
            "ON r.dataset_id = s.dataset_id AND number = s.content ->> 'round_number' "
            "WHERE r.kind = 'reservation' AND s.kind = 'settlement' "
            "ORDER BY r.dataset_id, number"
        ).fetchall()

    assert config.steps_per_round == 4
    assert charged == [(site, number, 4) for site in SITES for number in (1, 2)]
