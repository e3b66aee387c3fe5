"""From axes to cells and their configs."""

import itertools
import math
from collections import Counter

import pytest

from common.errors import ConfigError
from simulations.tradeoff import catalogue
from simulations.tradeoff.axes import read_axes
from simulations.tradeoff.grid import make_tasks
from tests.simulations.tiny import tiny_config

EVERYTHING = {
    (method, students): "nowhere:nothing"
    for method in catalogue.VARIES_WITH
    for students in ("models", "heads")
}


def _tasks(base=None, *, fixed=(), **options):
    base = base or tiny_config()
    axes = read_axes(base, **{"epsilon": "1,4", "seeds": 2, **options})
    return make_tasks(base, axes, fixed=fixed)


@pytest.fixture
def everything(monkeypatch):
    """Every baseline is there for either kind of students."""
    monkeypatch.setattr(catalogue, "METHODS", EVERYTHING)


def test_each_method_varies_with_its_own_axes(everything):
    """A baseline without an epsilon is run once a partition and seed."""
    tasks = _tasks(
        mechanism="dp-sgd,dp-head",
        rule="mean,era",
        partition="iid,shards",
        baselines="alone,alone-without-privacy,pooled,fedavg,no-privacy",
    )

    count = Counter(task.cell.method for task in tasks)
    groups = 2 * 2  # partitions x seeds
    # dp-sgd with two rules, dp-head with the one that it has.
    assert count["federation"] == groups * 2 * 3
    assert count["no-privacy"] == groups * 3
    assert count["alone"] == groups * 2 * 2
    assert count["pooled"] == groups * 2 * 2
    assert count["fedavg"] == groups * 2
    assert count["alone-without-privacy"] == groups * 2
    assert len({task.key for task in tasks}) == len(tasks)


def test_no_privacy_is_the_last_column_where_there_is_one(everything):
    """It is not trained twice."""
    tasks = _tasks(epsilon="1,inf", baselines="no-privacy")

    assert {task.cell.method for task in tasks} == {"federation"}


def test_cells_of_a_seed_follow_one_another():
    """A worker reads data and features once for them."""
    groups = [task.group for task in _tasks(partition="iid,shards")]

    changes = sum(a != b for a, b in itertools.pairwise(groups))
    assert changes == len(set(groups)) - 1 == 1


def test_a_private_cell_has_its_epsilon_and_partition():
    """And all else as in the config."""
    base = tiny_config()
    (task,) = _tasks(base, epsilon="2", seeds=1, partition="dirichlet:0.1")

    assert task.config == base.with_overrides(
        {
            "privacy.epsilon": 2.0,
            "data.alpha": 0.1,
            "aggregation.rule": "enhanced-era",
        }
    )


@pytest.mark.parametrize("mechanism", ["dp-sgd", "dp-head"])
def test_infinity_is_no_privacy_with_the_same_students(mechanism):
    """Heads stay heads."""
    (task,) = _tasks(epsilon="inf", seeds=1, mechanism=mechanism)

    assert task.cell.mechanism == mechanism
    assert math.isinf(task.cell.epsilon)
    assert task.config.privacy.mechanism == "none"
    assert task.config.allow_non_private
    assert task.config.has_heads == (mechanism == "dp-head")


def test_other_students_take_their_own_rounds_rule_and_codec():
    """What was chosen for ordinary students would be wrong for heads."""
    base = tiny_config(aggregation__rule="mean", codec__name="float16")

    (task,) = _tasks(base, epsilon="1", seeds=1, mechanism="dp-head")

    assert task.config.rounds == 0
    assert task.config.aggregation_rule == "log-opinion-pool"
    assert task.config.codec_name == "logit-8"


def test_what_the_user_typed_holds_for_every_mechanism():
    """--set is not passed over."""
    (task,) = _tasks(
        tiny_config(rounds=3),
        epsilon="1",
        seeds=1,
        mechanism="dp-head",
        fixed=["rounds"],
    )

    assert task.config.rounds == 3


def test_a_rule_for_heads_alone_is_refused():
    """Not replaced in silence."""
    with pytest.raises(ConfigError, match="must be log-opinion-pool or auto"):
        _tasks(mechanism="dp-head", rule="mean")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"privacy__noise_multiplier": 1.5}, r"noise-multiplier = 1\.5: must be 0"),
        ({"engine": "flower"}, "engine = 'flower'"),
    ],
)
def test_what_a_sweep_cannot_do_is_told(change, words):
    """One line, nothing run."""
    with pytest.raises(ConfigError, match=words):
        _tasks(tiny_config(**change))


def test_another_config_gives_another_key():
    """A finished cell is never taken for one of another config."""
    keys = {
        task.key
        for clipping in (1.0, 2.0)
        for task in _tasks(tiny_config(train__clipping_norm=clipping), seeds=1)
    }

    assert len(keys) == 4


def test_a_method_that_is_not_there_is_a_plain_error():
    """No number is made up for it."""
    with pytest.raises(ConfigError) as caught:
        catalogue.find_method("telepathy", "dp-sgd")

    assert str(caught.value) == (
        "Method 'telepathy' is not there for the mechanism 'dp-sgd'. It was not run."
    )


@pytest.mark.parametrize("method", catalogue.METHODS)
def test_every_method_of_the_catalogue_can_be_imported(method):
    """Names are text, so that help and mistakes are instant: none may be stale."""
    name, students = method
    mechanism = "dp-head" if students == "heads" else "dp-sgd"

    assert callable(catalogue.find_method(name, mechanism))
