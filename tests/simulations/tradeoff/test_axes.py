"""The lists that a user types in become the axes of a sweep."""

import math

import pytest

from common.errors import ConfigError
from simulations.tradeoff.axes import list_text, read_axes
from simulations.tradeoff.grid import make_tasks
from tests.simulations.tiny import tiny_config


def _axes(base=None, **options):
    return read_axes(base or tiny_config(), **{"epsilon": "1", "seeds": 1, **options})


def test_lists_are_read_once_each_and_epsilons_are_sorted():
    """Spaces and repetitions mean nothing; infinity comes last."""
    axes = _axes(epsilon="inf, 4,0.5,4", seeds=2, partition="shards,iid,shards")

    assert axes.epsilons == (0.5, 4, math.inf)
    assert axes.partitions == ("shards", "iid")
    assert axes.seeds == (1, 2)


def test_what_is_not_named_is_as_in_the_config():
    """Mechanism, rule, partition; seeds begin with the config's."""
    axes = _axes(tiny_config(seed=7))

    assert axes.mechanisms == ("dp-sgd",)
    assert axes.rules == ("auto",)
    assert axes.partitions == ("dirichlet:0.5",)
    assert axes.seeds == (7,)


def test_baselines_are_those_that_are_there_unless_the_config_wants_none():
    """All of them, a choice, or none."""
    wanted = tiny_config(baselines__enabled=True)

    assert "alone" in _axes(wanted).baselines
    assert _axes(tiny_config()).baselines == ()
    assert _axes(wanted, baselines="").baselines == ()
    assert _axes(baselines="alone").baselines == ("alone",)


def test_what_does_not_depend_on_the_mechanism_is_there_for_every_one():
    """DP-FedAvg and a site without privacy stand beside heads too."""
    wanted = tiny_config(baselines__enabled=True)

    found = _axes(wanted, mechanism="dp-head").baselines

    assert {"fedavg", "alone-without-privacy"} <= set(found)


def test_a_list_reads_back_as_it_was_written():
    """The report's command says the same axes again."""
    axes = _axes(epsilon="0.5,8,inf", partition="iid,dirichlet:0.1")

    again = _axes(
        epsilon=list_text(axes.epsilons), partition=list_text(axes.partitions)
    )

    assert again == axes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"epsilon": "1,0"},
            "--epsilon = '0': must be > 0, or inf for no privacy. Nothing was run.",
        ),
        (
            {"epsilon": "nan"},
            "--epsilon = 'nan': must be > 0, or inf for no privacy. Nothing was run.",
        ),
        (
            {"epsilon": "1,,2"},
            "--epsilon = '1,,2': must be values separated by commas. Nothing was run.",
        ),
        ({"seeds": 0}, "--seeds = '0': must be from 1 to 1000. Nothing was run."),
        (
            {"mechanism": "dpsgd"},
            (
                "--mechanism = 'dpsgd': must be one or more of dp-head, dp-sgd. "
                "Nothing was run."
            ),
        ),
        (
            {"baselines": "alon"},
            (
                "--baselines = 'alon': must be one or more of no-privacy, alone, "
                "alone-without-privacy, pooled, fedavg. Nothing was run."
            ),
        ),
        (
            {"partition": "dirichlet:x"},
            (
                "--partition = 'dirichlet:x': 'x' is no number, such as dirichlet:0.5 "
                "or shards:2. Nothing was run."
            ),
        ),
    ],
)
def test_a_mistake_is_one_line(options, message):
    """Option, value, what is allowed, what happens now."""
    with pytest.raises(ConfigError) as caught:
        make_tasks(tiny_config(), _axes(**options))

    assert str(caught.value) == message
    assert caught.value.exit_code == 2
