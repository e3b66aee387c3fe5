"""Personal students of a simulation, and whom they are compared with.

*Alone*: the site's model trained without privacy on its own data, which is what the
site has today. *Global student*: what everybody gets. Both mixes are the public test
part: a site's own mix weights its classes by the site's shares, so that no private
example is held out. Only a simulation can know these shares.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import nn

from client.private_data import PrivateData
from client.training.personal_student import PersonalStudent
from client.training.personal_training import PersonalRecipe
from client.training.plain_training import train_plainly
from client.training.random_stream import RandomStream
from common.atomic_file import write_atomically
from common.code_names import as_file_name
from common.config import Config
from common.data.examples import LabelledExamples
from common.errors import DataError
from common.prediction import predict_logits
from common.run_folder import RunFolder
from common.seeds import derive_seed, numpy_generator
from common.weights import to_bytes
from server.checkpoint import checkpoint_path, load_checkpoint
from server.global_student import new_global_student
from server.planning import make_run_plan
from simulations.federation import Federation
from simulations.own_code import build_site_model
from simulations.personal_figures import (
    MixAccuracies,
    PersonalComparison,
    PersonalStudentFigures,
)
from simulations.sites import private_examples

# A personal student sees a transfer example beside each own one; alone there is none.
ALONE_EPOCHS = 2
LEAST_ALONE_STEPS = 600  # a small site is not done after a few passes


def run_personal_students(
    federation: Federation, folder: RunFolder
) -> PersonalStudentFigures | None:
    """Trains, saves and compares a finished run's personal students.

    Args:
        federation: the federation, finished.
        folder: its run folder; a simulation's is no release, so the personal students
            are kept there.

    Returns:
        The figures on the test part; None where the config wants none.

    Raises:
        DataError: the run folder has no checkpoint.
    """
    if not federation.config.personal_student.enabled:
        return None
    students = personal_students(federation)
    _save(federation.config, students, folder)
    return compare(federation, folder, students, federation.parts.test)


def personal_students(federation: Federation) -> dict[str, PersonalStudent]:
    """Returns the personal student of every site that took part, by site name."""
    config = federation.config
    recipe = personal_recipe(config)
    return {
        name: site.train_personal(config.run_id, recipe)
        for name, site in zip(config.site_names, federation.sites, strict=True)
    }


def personal_recipe(config: Config) -> PersonalRecipe:
    """Returns how the config wants personal students trained."""
    chosen = config.personal_student
    return PersonalRecipe(
        epochs=chosen.epochs,
        learning_rate=chosen.learning_rate,
        batch_size=chosen.batch_size,
        own_weight=chosen.own_weight,
    )


def compare(
    federation: Federation,
    folder: RunFolder,
    students: Mapping[str, PersonalStudent],
    public: LabelledExamples,
) -> PersonalStudentFigures:
    """Returns how alone, global and personal students do at each site.

    Args:
        federation: the federation, finished.
        folder: its run folder, for the global student.
        students: personal students by site name.
        public: labelled examples that both mixes are made of.

    Raises:
        DataError: the run folder has no checkpoint.
    """
    config, parts = federation.config, federation.parts
    everybody = predict_logits(_global_student(federation, folder), public.inputs)
    rows = {}
    for name, model, own in zip(
        config.site_names,
        config.site_models,
        private_examples(config, parts),
        strict=True,
    ):
        shares = np.bincount(own.labels, minlength=parts.num_classes) / len(own)
        alone = student_alone(config, name, model, own, num_classes=parts.num_classes)
        rows[name] = PersonalComparison(
            alone=_on_mixes(predict_logits(alone, public.inputs), public, shares),
            global_student=_on_mixes(everybody, public, shares),
            personal=_on_mixes(
                predict_logits(students[name].module, public.inputs), public, shares
            ),
        )
    return PersonalStudentFigures.of_sites(rows)


def student_alone(
    config: Config, name: str, model: str, own: LabelledExamples, *, num_classes: int
) -> nn.Module:
    """Returns what a site has today: its model on its own data, without privacy.

    Args:
        config: of the run; ``[personal-student]`` says how it is trained, for
            :data:`ALONE_EPOCHS` times as many epochs, and at least for
            :data:`LEAST_ALONE_STEPS` steps.
        name: of the site.
        model: a zoo name, or ``module:factory`` of the user's own.
        own: the site's examples.
        num_classes: number of classes.
    """
    recipe = config.personal_student
    a_pass = -(-len(own) // recipe.batch_size)
    student = build_site_model(
        model,
        input_shape=own.inputs.shape[1:],
        num_classes=num_classes,
        seed=derive_seed(config.seed, "alone-weights", site_name=name),
    )
    train_plainly(
        student,
        PrivateData(inputs=own.inputs, labels=own.labels, num_classes=num_classes),
        epochs=max(ALONE_EPOCHS * recipe.epochs, -(-LEAST_ALONE_STEPS // a_pass)),
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        stream=RandomStream(
            numpy_generator(config.seed, "alone-order", site_name=name).bytes(32)
        ),
    )
    return student


def own_mix_accuracy(
    is_right: NDArray[np.bool_], labels: NDArray[np.int64], shares: NDArray[np.float64]
) -> float:
    """Returns the accuracy where each class counts by a site's share of it.

    Args:
        is_right: bool [num_examples], whether each example was labelled correctly.
        labels: int64 [num_examples].
        shares: [num_classes], >= 0; classes that no example has are left out.

    Returns:
        In [0, 1].

    Raises:
        DataError: no example is of a class that the site has.
    """
    counts = np.bincount(labels, minlength=len(shares))
    weights = np.where(counts > 0, shares, 0.0)
    if weights.sum() == 0:
        raise DataError(
            "No test example is of a class that the site has, so its own mix cannot be "
            "measured. No summary was written."
        )
    right = np.bincount(labels, weights=is_right, minlength=len(shares))
    by_class = right / np.maximum(counts, 1)
    return float(np.clip((weights * by_class).sum() / weights.sum(), 0, 1))


def _on_mixes(
    logits: NDArray[np.float32], public: LabelledExamples, shares: NDArray[np.float64]
) -> MixAccuracies:
    is_right = logits.argmax(axis=1) == public.labels
    return MixAccuracies(
        own_mix=own_mix_accuracy(is_right, public.labels, shares),
        test_accuracy=float(is_right.mean()),
    )


def _global_student(federation: Federation, folder: RunFolder) -> nn.Module:
    """Returns the server's student; its features of public rows are remembered."""
    config, parts = federation.config, federation.parts
    state = load_checkpoint(checkpoint_path(folder))
    if state is None:
        raise DataError(f"{folder.root} has no checkpoint. No summary was written.")
    plan = make_run_plan(config, parts.transfer, num_classes=parts.num_classes)
    student = new_global_student(config, parts, plan)
    student.load(state.student)
    return student.whole()


def _save(
    config: Config, students: Mapping[str, PersonalStudent], folder: RunFolder
) -> None:
    folder.personal_students.mkdir(exist_ok=True)
    for name, model in zip(config.site_names, config.site_models, strict=True):
        file = f"{name}-{as_file_name(model)}.safetensors"
        path = folder.personal_students / file
        write_atomically(path, to_bytes(students[name].module))
