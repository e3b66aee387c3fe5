"""What was asked: each claim can be met and missed, and silence is not consent."""

import math

import pytest

from simulations.frontier.required import EPSILONS, claims
from simulations.frontier.sweeps import FASHION_MNIST, MNIST, PARTITIONS

WORST, AIM, SKEW, TO_POOLED, OVER_FEDAVG = range(5)


def _means(ours=0.99, pooled=0.995, fedavg=0.98, **changes):
    """Equal at every partition and epsilon; changes are of our own at a partition."""
    found = {}
    for partition in PARTITIONS:
        for epsilon in EPSILONS:
            name = partition.partition(":")[2].replace(".", "_") or partition
            mine = changes.get(f"at_{name}", ours)
            found["federation", partition, epsilon] = mine
            found["pooled", partition, epsilon] = pooled
            found["fedavg", partition, epsilon] = fedavg
    return found


def _said(means, claim, epsilon, data_set=MNIST):
    return claims(data_set, means)[claim].verdicts[epsilon].is_met


def test_everything_can_be_met():
    """Where all figures are good no claim of any epsilon fails."""
    verdicts = [
        verdict
        for claim in claims(MNIST, _means())
        for verdict in claim.verdicts.values()
    ]

    assert {verdict.is_met for verdict in verdicts} == {True, None}


@pytest.mark.parametrize(
    ("data_set", "epsilon", "limit"),
    [
        (MNIST, 0.5, 0.970),
        (MNIST, 1.0, 0.978),
        (MNIST, 2.0, 0.982),
        (MNIST, 4.0, 0.984),
        (FASHION_MNIST, 0.5, 0.858),
        (FASHION_MNIST, 1.0, 0.876),
        (FASHION_MNIST, 2.0, 0.886),
        (FASHION_MNIST, 4.0, 0.893),
    ],
)
def test_accuracy_is_held_against_the_worst_partition(data_set, epsilon, limit):
    """Exactly what was asked is enough, a ten-thousandth less anywhere is not."""
    assert _said(_means(at_0_1=limit), WORST, epsilon, data_set)
    assert not _said(_means(at_0_1=limit - 1e-4), WORST, epsilon, data_set)
    assert not _said(_means(at_iid=limit - 1e-4), WORST, epsilon, data_set)


def test_an_aim_is_not_a_requirement():
    """It is marked as such, and missing it fails nothing else."""
    found = claims(MNIST, _means(ours=0.98))

    assert [claim.is_required for claim in found] == [True, False, True, True, True]
    assert found[AIM].verdicts[1.0].is_met is False
    assert found[WORST].verdicts[1.0].is_met is True


def test_skew_may_cost_half_a_point_either_way():
    """At every epsilon, infinite too."""
    for epsilon in EPSILONS:
        assert _said(_means(at_0_1=0.985), SKEW, epsilon)
        assert not _said(_means(at_0_1=0.9849), SKEW, epsilon)
        assert not _said(_means(at_0_1=0.9951), SKEW, epsilon)


def test_pooled_may_be_two_points_above_at_one_and_less_later():
    """Nothing was asked at one half."""
    means = _means(pooled=1.0, at_0_5=0.982)

    assert _said(means, TO_POOLED, 0.5) is None
    assert _said(means, TO_POOLED, 1.0)
    for epsilon in (2.0, 4.0, 8.0, math.inf):
        assert not _said(means, TO_POOLED, epsilon)
    assert _said(_means(pooled=1.0, at_0_5=0.985), TO_POOLED, 2.0)
    assert not _said(_means(pooled=1.0, at_0_5=0.979), TO_POOLED, 1.0)


def test_a_draw_with_fedavg_is_not_above_it():
    """At one partition is enough to fail, up to epsilon 4."""
    for epsilon in (0.5, 1.0, 2.0, 4.0):
        assert not _said(_means(fedavg=0.985, at_0_5=0.985), OVER_FEDAVG, epsilon)
        assert _said(_means(fedavg=0.985, at_0_5=0.9851), OVER_FEDAVG, epsilon)
    assert _said(_means(fedavg=1.0), OVER_FEDAVG, 8.0) is None


@pytest.mark.parametrize(
    ("method", "claim"),
    [
        ("federation", WORST),
        ("federation", SKEW),
        ("pooled", TO_POOLED),
        ("fedavg", OVER_FEDAVG),
    ],
)
def test_what_was_not_measured_is_not_met(method, claim):
    """One partition that is missing is enough."""
    means = _means()
    del means[method, "dirichlet:0.1", 1.0]

    verdict = claims(MNIST, means)[claim].verdicts[1.0]

    assert (verdict.value, verdict.is_met) == (None, False)
    assert _said(means, claim, 2.0)
