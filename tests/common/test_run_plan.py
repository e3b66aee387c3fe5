"""The run plan as a value, as flat scalars, and as a hash."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.head_recipe import HeadRecipe
from common.privacy.events import Mechanism, PrivacyUnit
from common.recipes import DistillationRecipe
from common.run_plan import RunPlan
from tests.strategies import run_plans


def make(**changes):
    values = {
        "run_id": "x-1",
        "rounds": 10,
        "steps_per_round": 2,
        "sampling_probability": 1.0,
        "clipping_norms": (1.0,),
        "mechanism": Mechanism.DP_SGD,
        "epsilon": 4.0,
        "delta": 1e-3,
        "noise_multiplier": 0.0,
        "unit": PrivacyUnit.EXAMPLE,
        "temperature": 1.0,
        "transfer_set_id": "abc",
        "transfer_size": 397,
        "num_classes": 10,
        "mean_nominal_examples": 100.0,
        "codec": "float32",
        "learning_rate": 2.0,
        "distillation": DistillationRecipe(epochs=1, learning_rate=0.1, batch_size=9),
        "seed": 1,
    }
    return RunPlan(**{**values, **changes})


HEAD = HeadRecipe(features="pixels", dimension=20, exponent=0.5, ridge=30.0, sites=10)


def make_with_head(**changes):
    """A plan whose sites train additive heads."""
    values = {
        "mechanism": Mechanism.DP_HEAD,
        "steps_per_round": 1,
        "sampling_probability": 1.0,
        "head": HEAD,
    }
    return make(**{**values, **changes})


@given(run_plans())
def test_round_trip_through_scalars_gives_the_same_plan(plan):
    """A plan that arrives equals the one that was sent, and so does its id."""
    fields = plan.to_fields()
    arrived = RunPlan.from_fields(fields)

    assert arrived == plan
    assert arrived.content_id == plan.content_id
    assert all(isinstance(value, bool | int | float | str) for value in fields.values())


def test_id_does_not_tell_a_whole_float_from_an_integer():
    """``epsilon=4`` and ``epsilon=4.0`` are one plan, for the server and the site."""
    plan = make(epsilon=4, learning_rate=2)

    assert plan.content_id == make().content_id
    assert RunPlan.from_fields(plan.to_fields()).content_id == plan.content_id


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(RunPlan)])
def test_id_depends_on_every_field(name):
    """No field can change behind an agreed id."""
    other = {
        "mechanism": Mechanism.NONE,
        "unit": PrivacyUnit.CLIENT,
        "distillation": DistillationRecipe(epochs=2, learning_rate=0.1, batch_size=9),
        "sampling_probability": 0.5,
        "delta": 1e-4,
        "noise_multiplier": 1.0,
        "clipping_norms": (2.0,),
        "head": dataclasses.replace(HEAD, dimension=9),
    }
    base = make_with_head() if name == "head" else make()
    old = getattr(base, name)
    new = other[name] if name in other else old + ("x" if old == str(old) else 1)
    changes = {name: new}
    if name == "mechanism":
        changes["epsilon"] = math.inf

    assert dataclasses.replace(base, **changes).content_id != base.content_id


@pytest.mark.parametrize(
    "name", [field.name for field in dataclasses.fields(HeadRecipe)]
)
def test_id_depends_on_every_field_of_a_head(name):
    """Features, dimension and damping are agreed to like everything else."""
    old = getattr(HEAD, name)
    special = {"exponent": 0.25, "features": "scattering"}
    changes = {name: special[name] if name in special else old + type(old)(1)}
    other = dataclasses.replace(HEAD, **changes)

    assert make_with_head(head=other).content_id != make_with_head().content_id


def test_a_plan_with_heads_survives_the_round_trip():
    """What a site agrees to is what the server meant."""
    plan = make_with_head(clipping_norms=(0.9, 0.5))

    assert RunPlan.from_fields(plan.to_fields()) == plan


def test_the_last_clipping_norm_holds_for_all_later_rounds():
    """The plan holds the clipping norm of every round."""
    plan = make(rounds=4, clipping_norms=(0.9, 0.5))

    assert [plan.clipping_norm(number) for number in (1, 2, 3, 4)] == [
        0.9,
        0.5,
        0.5,
        0.5,
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": None}, "Expected a head where the mechanism is dp-head."),
        ({"mechanism": Mechanism.DP_SGD}, "Expected additive heads to take one"),
        ({"steps_per_round": 2}, "Expected additive heads to take one"),
        ({"sampling_probability": 0.5}, "Expected additive heads to take one"),
    ],
)
def test_refuses_heads_that_are_not_one_full_batch_step(changes, message):
    """Its accounting is that of one Gaussian release a round."""
    with pytest.raises(ValueError, match="Expected") as caught:
        make_with_head(**changes)

    assert message in str(caught.value)


def test_planned_steps_are_rounds_times_steps():
    """What the noise is calibrated for."""
    assert make(rounds=10, steps_per_round=2).planned_steps == 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"run_id": ""}, "Expected run_id not to be empty."),
        ({"rounds": 0}, "Expected rounds=0 to be > 0."),
        ({"sampling_probability": 1.1}, "Expected sampling_probability=1.1 in [0, 1]"),
        ({"sampling_probability": 0.0}, "Expected sampling_probability=0.0 to be > 0."),
        ({"delta": 1.0}, "Expected delta=1.0 in (0, 1)."),
        ({"delta": math.nan}, "Expected delta=nan to be finite."),
        ({"epsilon": 0.0}, "Expected epsilon=0.0 to be > 0."),
        ({"epsilon": math.inf}, "Expected epsilon=inf to be finite."),
        ({"epsilon": math.nan}, "Expected epsilon=nan to be finite."),
        ({"mechanism": Mechanism.NONE}, "Expected epsilon=inf where the mechanism is"),
        ({"noise_multiplier": -1.0}, "Expected noise_multiplier=-1.0 to be >= 0."),
        ({"num_classes": 1}, "Expected num_classes=1 in [2, inf]."),
        ({"clipping_norms": ()}, "Expected a clipping norm a round, at least one."),
        ({"clipping_norms": (1.0,) * 99}, "Expected a clipping norm a round"),
        ({"clipping_norms": (0.0,)}, "Expected clipping_norm=0.0 to be > 0."),
        ({"seed": -1}, "Expected seed=-1 to be >= 0."),
    ],
)
def test_refuses_what_no_site_could_agree_to(changes, message):
    """A plan out of range cannot be built."""
    with pytest.raises(ValueError, match="Expected") as caught:
        make(**changes)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rounds": 2.0}, "Expected rounds=2.0 to be of int."),
        ({"rounds": True}, "Expected rounds=True to be of int."),
        ({"rounds": "2"}, "Expected rounds='2' to be of int."),
        ({"epsilon": "inf"}, "Expected epsilon='inf' to be of float."),
        ({"epsilon": True}, "Expected epsilon=True to be of float."),
        ({"epsilon": 10**400}, "Expected epsilon to be below 1e308."),
        ({"mechanism": "dp-magic"}, "'dp-magic' is not a valid Mechanism"),
        ({"unit": "galaxy"}, "'galaxy' is not a valid PrivacyUnit"),
        ({"examples": 100}, "differing: ['examples']"),
        ({"clipping_norms": "1,x"}, "could not convert"),
        ({"head_features": "pixels"}, "Expected dimension=0 in [1, 512]."),
        ({"distillation_epochs": -1}, "Expected epochs=-1 to be >= 0."),
    ],
)
def test_refuses_foreign_scalars(changes, message):
    """Unknown fields, other types and unknown mechanisms are refused, never guessed."""
    with pytest.raises(
        ValueError, match=r"Expected|is not a valid|could not"
    ) as caught:
        RunPlan.from_fields({**make().to_fields(), **changes})

    assert message in str(caught.value)


@given(st.sampled_from(sorted(make().to_fields())))
def test_refuses_a_missing_field(name):
    """A plan with a hole is no plan."""
    fields = make().to_fields()
    del fields[name]

    with pytest.raises(ValueError, match=f"differing: \\['{name}'\\]"):
        RunPlan.from_fields(fields)


def test_a_plan_cannot_be_changed():
    """Immutable, as promised."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().rounds = 11
