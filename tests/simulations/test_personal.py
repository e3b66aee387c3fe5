"""Personal students of a simulation, and what they are compared with."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from common.errors import DataError
from common.prediction import accuracy, predict_logits
from common.run_folder import RunFolder
from server.checkpoint import checkpoint_path
from simulations.federation import run_federation
from simulations.personal import (
    own_mix_accuracy,
    personal_recipe,
    personal_students,
    run_personal_students,
    student_alone,
)
from simulations.rounds import read_rounds
from simulations.sites import private_examples
from simulations.summarise import summarise
from tests.simulations.tiny import SITES, tiny_config

HEADS = {
    "privacy__mechanism": "dp-head",
    "head__features": "pixels",
    "head__dimension": 15,
}


@pytest.fixture(scope="module", params=["models", "heads"])
def finished(request, tmp_path_factory):
    """(federation, run folder) of a run with students of either kind."""
    root = tmp_path_factory.mktemp("personal") / "run"
    changes = HEADS if request.param == "heads" else {}
    config = tiny_config(root, personal_student__enabled=True, **changes)
    return run_federation(config), RunFolder(root)


@pytest.fixture(scope="module")
def figures(finished):
    return run_personal_students(*finished)


def test_each_site_has_one_of_its_own_architecture(finished, figures):
    """In the run folder, which is no release."""
    _, folder = finished

    names = [path.name for path in sorted(folder.personal_students.iterdir())]
    assert names == [
        "site-00-mlp.safetensors",
        "site-01-cnn.safetensors",
        "site-02-linear.safetensors",
    ]
    shapes = {
        name: sorted(key for key in load_file(folder.personal_students / name))
        for name in names
    }
    assert sum("own.1.weight" in keys for keys in shapes.values()) == 2
    assert tuple(figures.by_site) == SITES


def test_everybodys_mix_is_the_test_part(finished, figures):
    """The global student has the accuracy that the last round says."""
    federation, folder = finished
    last = read_rounds(folder.metrics)[-1].global_student.test_accuracy

    for one in figures.by_site.values():
        assert one.global_student.test_accuracy == pytest.approx(last)
    test = federation.parts.test
    students = personal_students(federation)
    for name, one in figures.by_site.items():
        measured = accuracy(students[name].module, test.inputs, test.labels)
        assert one.personal.test_accuracy == pytest.approx(measured)


def test_the_own_mix_has_the_sites_shares(finished, figures):
    """Recomputed example by example, each weighted by share over count."""
    federation, _ = finished
    test, own = (
        federation.parts.test,
        private_examples(federation.config, federation.parts),
    )
    module = personal_students(federation)["site-00"].module
    right = predict_logits(module, test.inputs).argmax(axis=1) == test.labels
    share = np.bincount(own[0].labels, minlength=10) / len(own[0])
    weights = (share / np.bincount(test.labels, minlength=10))[test.labels]

    assert figures.by_site["site-00"].personal.own_mix == pytest.approx(
        np.average(right, weights=weights)
    )


def test_the_summary_holds_them(finished, figures):
    federation, folder = finished

    summary = summarise(federation, folder, None, personal=figures)

    read = json.loads(summary.to_json())["personal_students"]
    assert read["mean_test_accuracy"] == figures.mean_test_accuracy
    assert set(read["by_site"]["site-01"]) == {"alone", "global_student", "personal"}


def test_the_config_says_how_they_are_trained():
    config = tiny_config(
        personal_student__epochs=3,
        personal_student__batch_size=7,
        personal_student__learning_rate=0.02,
        personal_student__own_weight=0.25,
    )

    assert dataclasses.asdict(personal_recipe(config)) == {
        "epochs": 3,
        "batch_size": 7,
        "learning_rate": 0.02,
        "own_weight": 0.25,
    }


def test_none_are_trained_where_none_are_wanted(tmp_path):
    folder = RunFolder(tmp_path)
    config = tiny_config(tmp_path, personal_student__enabled=False)

    assert run_personal_students(run_federation(config), folder) is None
    assert not folder.personal_students.exists()


def test_a_run_folder_without_a_checkpoint_has_no_global_student(tmp_path):
    config = tiny_config(tmp_path, personal_student__enabled=True)
    federation = run_federation(config)
    checkpoint_path(RunFolder(tmp_path)).unlink()

    with pytest.raises(DataError, match=r"has no checkpoint\. No summary was written"):
        run_personal_students(federation, RunFolder(tmp_path))


def test_alone_is_trained_until_it_knows_its_own_examples(finished):
    """The comparison is no straw man: few examples are seen many times."""
    federation, _ = finished
    config, parts = federation.config, federation.parts
    own = private_examples(config, parts)[0]

    student = student_alone(
        config, "site-00", "mlp", own, num_classes=parts.num_classes
    )

    assert accuracy(student, own.inputs, own.labels) > 0.95


@given(st.integers(0, 2**31), st.integers(2, 6))
def test_a_mix_like_the_test_part_weights_nothing(seed, num_classes):
    """Shares of the examples themselves give the plain accuracy."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, num_classes, 30)
    right = generator.random(30) < 0.6
    shares = np.bincount(labels, minlength=num_classes) / 30

    assert own_mix_accuracy(right, labels, shares) == pytest.approx(right.mean())


def test_classes_that_a_site_lacks_do_not_count():
    labels, right = np.array([0, 0, 1, 1]), np.array([True, False, True, True])

    assert own_mix_accuracy(right, labels, np.array([0.0, 1.0])) == 1
    assert own_mix_accuracy(right, labels, np.array([0.5, 0.5])) == 0.75


def test_a_site_whose_classes_nobody_tests_is_an_error():
    with pytest.raises(DataError, match="of a class that the site has"):
        own_mix_accuracy(np.array([True]), np.array([0]), np.array([0.0, 1.0]))
