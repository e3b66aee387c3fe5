"""Models of the user's own in a simulation, from the config to the student files."""

import sys

import pytest
import torch
from torch import nn

import fedstill
from common.data.parts import load_parts
from common.errors import ConfigError, DataError
from common.run_folder import RunFolder
from common.student_file import load_student, open_student
from common.weights import to_bytes
from simulations.own_code import (
    build_checked,
    build_site_model,
    load_factory,
    require_own_models,
    site_model,
)
from simulations.personal import run_personal_students
from simulations.simulate import simulate
from simulations.sites import build_sites, open_store, private_examples, site_policy
from tests.own_modules import write_module
from tests.simulations.tiny import tiny_config

HEADS = {
    "privacy__mechanism": "dp-head",
    "head__features": "pixels",
    "head__dimension": 15,
}
SHAPE = {"input_shape": (1, 8, 8), "num_classes": 10}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The name of a module of models in the current folder."""
    return write_module(monkeypatch, tmp_path)


def test_a_factory_builds_for_the_examples(own):
    model = load_factory(f"{own}:build")((1, 8, 8), 10)

    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_a_policy_holds_a_builder_or_a_name_of_the_zoo(own):
    """So that a site never imports what a config names."""
    policies = [
        site_policy(tiny_config(models=f"{own}:build:2,mlp:1"), number, num_classes=10)
        for number in (0, 2)
    ]

    assert isinstance(policies[0].model((1, 8, 8), 10), nn.Module)
    assert policies[1].model == site_model("mlp") == "mlp"


def test_initial_weights_depend_on_the_seed_alone(own):
    """And building leaves everybody's random numbers alone."""
    before = torch.get_rng_state()

    first, again, other = (
        to_bytes(build_site_model(f"{own}:build", **SHAPE, seed=seed))
        for seed in (1, 1, 2)
    )

    assert first == again != other
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("factory", "problem"),
    [
        ("nowhere", "has no 'nowhere', only Narrow, "),
        ("a_number", "'a_number' is a int, no function"),
        ("fails", "examples of shape (1, 8, 8) and 10 classes (RuntimeError: no idea)"),
        ("no_module", "it gave a str, must give a torch.nn.Module"),
        ("without_parameters", "it has no parameters to train"),
        ("one_class_too_many", "float32 of shape (2, 11), must be float32 logits of"),
        (
            "for_tables",
            "it fails on examples of shape (2, 1, 8, 8) (RuntimeError: mat1",
        ),
        ("with_batch_norm", "use GroupNorm or LayerNorm in place of batch statistics"),
        ("with_tied_weights", "it cannot be trained, or kept in a file (RuntimeError"),
    ],
)
def test_a_model_that_is_none_is_a_plain_error(own, factory, problem):
    """One line: the key, the value, the fault, and that nothing was run."""
    with pytest.raises(ConfigError) as caught:
        build_checked(f"{own}:{factory}", **SHAPE, seed=1)

    message = str(caught.value)
    assert message.startswith(f'models = "{own}:{factory}": ')
    assert problem in message
    assert message.endswith(". Nothing was run.")
    assert "\n" not in message


def test_a_module_that_is_nowhere_is_a_plain_error(own):
    with pytest.raises(ConfigError, match="there is no module 'no_such_module'"):
        site_model("no_such_module:build")


def _sites(config, folder):
    parts = load_parts(config)
    examples = private_examples(config, parts)
    return build_sites(config, parts, examples, store=open_store(folder / "x.sqlite"))


def test_a_model_that_mixes_examples_is_refused_under_noise(tmp_path, monkeypatch):
    """Without noise it may do so: a personal student never leaves its site."""
    text = """
        from torch import nn

        class Mean(nn.Module):
            def __init__(self):
                super().__init__()
                self.last = nn.Linear(64, 10)

            def forward(self, inputs):
                flat = inputs.flatten(1)
                return self.last(flat - flat.mean(0))

        def build(input_shape, num_classes):
            return Mean()
    """
    models = f"{write_module(monkeypatch, tmp_path, text)}:build:3"

    with pytest.raises(ConfigError) as caught:
        _sites(tiny_config(models=models), tmp_path)

    assert "The model mixes examples: changing one row changes others. Use" in str(
        caught.value
    )
    require_own_models(tiny_config(models=models, **HEADS), **SHAPE)


@pytest.mark.e2e
@pytest.mark.parametrize("changes", [{}, HEADS], ids=["dp-sgd", "dp-head"])
def test_sites_with_own_models_run_and_leave_students(tmp_path, own, changes):
    """Under DP-SGD the sites' students; under dp-head their personal students."""
    config = tiny_config(
        tmp_path / "run",
        models=f"{own}:build:1,{own}:with_group_norm:1,linear:1",
        personal_student__enabled=True,
        **changes,
    )

    summary = simulate(config)

    folder = RunFolder(tmp_path / "run")
    assert summary.global_student.test_accuracy > 0
    assert len(summary.personal_students.by_site) == 3
    personal = [path.name for path in sorted(folder.personal_students.iterdir())]
    assert personal[0] == f"site-00-{own}.build.safetensors"
    students = sorted(folder.local_students.iterdir())
    assert len(students) == 3
    if changes:
        assert all(path.name.endswith("-head.safetensors") for path in students)
        return
    with pytest.raises(DataError, match="say allow_code=True or --allow-code"):
        load_student(students[0])
    student, description = open_student(students[0], allow_code=True)
    assert description.architecture == f"{own}:build"
    assert student(torch.zeros(1, 1, 8, 8)).shape == (1, 10)


@pytest.mark.e2e
def test_own_models_give_the_same_students_again(tmp_path, own):
    """Initial weights, training and noise follow from the seed."""
    runs = []
    for name in ("a", "b"):
        simulate(tiny_config(tmp_path / name, models=f"{own}:build:3"))
        runs.append(RunFolder(tmp_path / name).global_student.read_bytes())

    assert runs[0] == runs[1]


def test_personal_students_are_off_where_the_config_says_so(tmp_path, own):
    """Then an own model under dp-head is never built."""
    config = tiny_config(models=f"{own}:build:3", **HEADS)

    assert run_personal_students(_Finished(config), RunFolder(tmp_path)) is None


class _Finished:
    def __init__(self, config):
        self.config = config


@pytest.mark.e2e
def test_the_command_tells_a_missing_module_in_one_line(tmp_path, monkeypatch, capsys):
    """Exit code 2, as for any mistake in a config."""
    monkeypatch.chdir(tmp_path)
    arguments = ["simulate", "digits-demo", "--set", "models=no_such_module:build:10"]
    monkeypatch.setattr(sys, "argv", ["fedstill", *arguments])

    with pytest.raises(SystemExit) as stop:
        fedstill.main()

    told = capsys.readouterr().err
    assert stop.value.code == 2
    assert 'models = "no_such_module:build": there is no module' in told
    assert "Traceback" not in told
