"""What a federation is compared with, each played fairly."""

import json
import sqlite3

import pytest

from client.training.model_student import ModelStudent
from common.data.parts import load_parts
from common.models.zoo import build_model
from simulations import baselines
from simulations.baselines import alone, no_privacy, pooled, students_alone
from simulations.federation import run_federation
from simulations.sites import open_store, private_examples
from tests.simulations.tiny import SITES, read_files, read_lines, tiny_config

pytestmark = pytest.mark.e2e


@pytest.fixture
def config():
    """A federation of three sites, and no run folder."""
    return tiny_config()


@pytest.fixture
def parts(config):
    """Its data."""
    return load_parts(config)


def _charges(path):
    """What each site was charged, round by round; the run's name left out."""
    with sqlite3.connect(path) as connection:
        return connection.execute(
            "SELECT dataset_id, json_remove(content, '$.run_id', '$.weights_sha256') "
            "FROM ledger_entries WHERE kind = 'reservation' "
            "ORDER BY dataset_id, entry_number"
        ).fetchall()


def _forbid(monkeypatch, *names):
    """Makes whatever a baseline computes with fail."""

    def refuse(*arguments, **options):
        raise AssertionError("computed again")

    for name in names:
        monkeypatch.setattr(baselines, name, refuse)


@pytest.mark.parametrize(
    "changes",
    [{}, {"train.batch-size": 40}, {"privacy.noise-multiplier": 3.5}],
    ids=["q 0.5", "q 1", "budget ends"],
)
def test_alone_takes_the_private_steps_of_the_federation(changes, parts, tmp_path):
    """Same events in the ledger: as many steps, as much noise, the same sampling."""
    config = tiny_config(tmp_path / "run").with_overrides(changes)
    run_federation(config)

    alone(config, parts, tmp_path)

    ours = _charges(tmp_path / "run" / "ledger.sqlite")
    assert len(ours) >= len(SITES)
    assert _charges(tmp_path / "alone.sqlite") == ours


def test_alone_never_sees_a_consensus(config, parts, tmp_path, monkeypatch):
    """Nothing is digested; in the federation it is."""
    digested = []
    monkeypatch.setattr(
        ModelStudent,
        "digest",
        lambda student, *a, **o: digested.append(student._parts.policy.site_name),
    )

    alone(config, parts, tmp_path)

    assert digested == []
    run_federation(tiny_config(tmp_path / "run"))
    assert set(digested) == set(SITES)


def test_alone_has_hyper_parameters_of_its_own(config, parts, tmp_path):
    """``[alone]`` is what is used, in place of ``[train]``."""
    other_train = config.with_overrides({"train.learning-rate": 0.25})
    other_alone = config.with_overrides({"alone.learning-rate": 0.25})

    figures = [
        alone(one, parts, tmp_path / name)
        for one, name in ((config, "a"), (other_train, "b"), (other_alone, "c"))
    ]

    assert figures[0] == figures[1]
    assert figures[0] != figures[2]


def test_alone_uses_each_sites_own_data_and_model(config, parts, tmp_path):
    """A student a site, of the architecture that it has in the federation."""
    students = students_alone(config, parts, tmp_path / "alone.sqlite")

    expected = [
        build_model(
            model, input_shape=parts.input_shape, num_classes=parts.num_classes, seed=0
        )
        for model in config.site_models
    ]
    assert tuple(students) == SITES
    assert [_shapes(student) for student in students.values()] == [
        _shapes(student) for student in expected
    ]


def _shapes(student):
    return {name: tuple(value.shape) for name, value in student.state_dict().items()}


def test_alone_without_privacy_trains_as_the_federation_does(tmp_path, parts):
    """Where the mechanism is none there are neither steps nor noise to share."""
    config = tiny_config(privacy__mechanism="none", allow_non_private=True)
    other = config.with_overrides({"alone.learning-rate": 0.25})

    assert alone(config, parts, tmp_path / "a") == alone(other, parts, tmp_path / "b")


def test_alone_continues_where_it_was_killed(config, parts, tmp_path):
    """No figures yet, but a store: answers come from the outbox, nothing is charged."""
    figures = alone(config, parts, tmp_path)
    charges = _charges(tmp_path / "alone.sqlite")
    (tmp_path / "alone.json").unlink()

    assert alone(config, parts, tmp_path) == figures
    assert _charges(tmp_path / "alone.sqlite") == charges


class _Watch:
    """Remembers the examples that a model sees, while training and otherwise."""

    def __init__(self, monkeypatch):
        self.trained, self.evaluated = [], []
        monkeypatch.setattr(baselines, "build_model", self._build)

    def _build(self, *arguments, **options):
        student = build_model(*arguments, **options)
        student.register_forward_pre_hook(self._note)
        return student

    def _note(self, student, arguments):
        seen = self.trained if student.training else self.evaluated
        seen += [row.numpy().tobytes() for row in arguments[0]]


def test_pooled_uses_all_private_data_and_nothing_else(parts, tmp_path, monkeypatch):
    """Every private example once an epoch; the test part for its accuracy alone."""
    config = tiny_config(pooled__epochs=2)
    watch = _Watch(monkeypatch)
    private = [
        row.tobytes() for one in private_examples(config, parts) for row in one.inputs
    ]
    public = {
        row.tobytes()
        for part in (parts.transfer, parts.validation, parts.test)
        for row in part.inputs
    }

    figures = pooled(config, parts, tmp_path)

    assert sorted(watch.trained) == sorted(private * 2)
    assert public.isdisjoint(watch.trained)
    assert watch.evaluated == [row.tobytes() for row in parts.test.inputs]
    assert set(figures) == {"test_accuracy"}


def test_pooled_learns(tmp_path):
    """It is no straw man: enough epochs on all private data are far above chance."""
    config = tiny_config(pooled__epochs=30, data__per_site="200", data__partition="iid")

    assert pooled(config, load_parts(config), tmp_path)["test_accuracy"] > 0.8


def test_no_privacy_says_so_in_its_run_folder(config, tmp_path):
    """Mechanism none in its config, an infinite epsilon in its metrics."""
    no_privacy(config, tmp_path)

    folder = tmp_path / "no_privacy"
    text = (folder / "config.toml").read_text()
    assert 'mechanism = "none"' in text
    assert "allow-non-private = true" in text
    assert [line["privacy"]["epsilon"] for line in read_lines(folder)] == [None] * 2


def test_no_privacy_is_the_same_federation(config, tmp_path):
    """Same data, sites, models, rounds and seed; figures are those of its run."""
    figures = no_privacy(config, tmp_path)

    lines = read_lines(tmp_path / "no_privacy")
    assert [line["accepted"] for line in lines] == [3, 3]
    last = lines[-1]["global_student"]["test_accuracy"]
    assert figures["global_student_test_accuracy"] == last
    with sqlite3.connect(tmp_path / "no_privacy" / "ledger.sqlite") as connection:
        mechanisms = connection.execute(
            "SELECT DISTINCT content ->> 'mechanism', content ->> 'noise_multiplier' "
            "FROM ledger_entries WHERE kind = 'reservation'"
        ).fetchall()
    assert mechanisms == [("none", 0.0)]


def test_no_privacy_continues_where_it_was_killed(config, tmp_path):
    """A run folder without figures is resumed."""
    figures = no_privacy(config, tmp_path)
    before = read_files(tmp_path / "no_privacy")
    (tmp_path / "no_privacy.json").unlink()

    assert no_privacy(config, tmp_path) == figures
    assert read_files(tmp_path / "no_privacy") == before


def test_finished_baselines_are_not_computed_again(
    config, parts, tmp_path, monkeypatch
):
    """Their figures are read; so a resume costs nothing and changes nothing."""
    first = (
        alone(config, parts, tmp_path),
        pooled(config, parts, tmp_path),
        no_privacy(config, tmp_path),
    )
    _forbid(monkeypatch, "students_alone", "build_model", "run_federation")

    assert alone(config, parts, tmp_path) == first[0]
    assert pooled(config, parts, tmp_path) == first[1]
    assert no_privacy(config, tmp_path) == first[2]
    assert json.loads((tmp_path / "alone.json").read_text()) == first[0]


def test_a_site_that_was_not_always_asked_spends_no_more_alone(tmp_path):
    """With a share of the sites a round, alone and federation are charged alike."""
    config = tiny_config(
        tmp_path / "run",
        rounds=3,
        round__fraction=0.5,
    )
    federation = run_federation(config)
    charged = federation.private_rounds()

    alone(config, federation.parts, tmp_path, private_rounds=charged)

    store = open_store(tmp_path / "alone.sqlite")
    assert min(charged.values()) < config.rounds
    assert charged == {
        name: len(store.ledger(name).events()) for name in config.site_names
    }
