"""Whether models can be built, and trained privately."""

import pytest
from torch import nn

from common.data.parts import load_parts
from common.findings import Level
from simulations.check.of_models import build_for_check, model_findings
from tests.own_modules import write_module
from tests.simulations.check.tools import prepared, texts
from tests.simulations.tiny import tiny_config


@pytest.fixture(scope="module")
def parts():
    return load_parts(tiny_config())


def _findings(model, parts, *, is_private=True):
    return list(
        model_findings(
            "mine", model, users="1 site", is_private=is_private, parts=parts
        )
    )


def test_every_model_of_a_run_is_told_with_who_trains_it(parts):
    """The global student too, once."""
    built, found = build_for_check(tiny_config(), parts)

    assert list(built) == ["mlp", "cnn", "linear"]
    assert [text.partition(":")[0] for text in texts(found)] == [
        "mlp (1 site, global student)",
        "cnn (1 site)",
        "linear (1 site)",
    ]
    assert {one.level for one in found} == {Level.OK}
    assert [one.figures["parameters"] for one in found] == [2410, 6090, 650]


def test_batch_statistics_are_an_error_that_names_what_to_use(parts):
    """GroupNorm, and the network of the zoo that has it."""
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(72, 10)
    )

    found = _findings(model, parts)

    assert {one.level for one in found} == {Level.ERROR}
    assert "GroupNorm" in found[0].text
    assert "resnet8" in found[0].text


def test_a_model_that_trains_without_noise_may_be_any(parts):
    """A personal student never leaves its site."""
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 10))

    (only,) = _findings(model, parts, is_private=False)

    assert only.level is Level.OK


def test_a_model_of_images_on_a_table_is_an_error_that_names_others():
    """As a run would find out later."""
    config, parts, _ = prepared()
    flat = type(parts)(
        transfer=parts.transfer,
        validation=parts.validation,
        test=parts.test,
        num_classes=parts.num_classes,
        input_shape=(64,),
        private_pool=parts.private_pool,
    )

    built, found = build_for_check(config, flat)

    assert "cnn" not in built
    (error,) = texts(found, Level.ERROR)
    assert error.startswith("cnn (1 site):")
    assert "Use one of linear, mlp." in error


def test_under_dp_head_models_are_personal_students(parts):
    """And need no gradients of single examples; without them nobody trains any."""
    heads = {"privacy__mechanism": "dp-head", "data__per_site": "100"}

    without = build_for_check(tiny_config(**heads), parts)
    personal = build_for_check(
        tiny_config(**heads, personal_student__enabled=True), parts
    )

    assert without[0] == {}
    assert texts(without[1]) == [
        "head (global student): a linear head on the public features."
    ]
    assert list(personal[0]) == ["mlp", "cnn", "linear"]
    assert "personal students of 1 site" in personal[1][0].text


@pytest.mark.parametrize(
    ("factory", "problem"),
    [
        ("build", None),
        ("one_class_too_many", "must be float32 logits of shape (2, 10)."),
        ("nowhere", "has no 'nowhere'"),
    ],
)
def test_own_models_are_tried_out(tmp_path, monkeypatch, parts, factory, problem):
    """Built, and under DP-SGD tried for independence; what cannot be is one line."""
    name = f"{write_module(monkeypatch, tmp_path)}:{factory}"

    built, found = build_for_check(tiny_config(models=f"{name}:2,mlp:1"), parts)

    first = found[0]
    assert (name in built) == (problem is None)
    assert first.level is (Level.OK if problem is None else Level.ERROR)
    if problem is None:
        assert first.text.startswith(f"{name} (2 sites): 610 parameters, treats")
    else:
        assert first.text.startswith(f'models = "{name}": ')
        assert problem in first.text
        assert "Nothing was run" not in first.text
