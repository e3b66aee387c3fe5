"""Label skew costs nothing: the pool of additive heads is the step of pooled data.

The same private examples are dealt out in different ways; everyone answers. Features
are of pixels and the labelled transfer rows span them, so the algebra is exact.
"""

import numpy as np
import pytest

import simulations.federation
from common.data.examples import LabelledExamples
from common.run_folder import RunFolder
from server.checkpoint import checkpoint_path, load_checkpoint
from simulations.federation import run_federation
from tests.simulations.tiny import tiny_config

SITES, ROUNDS = 10, 6
EQUAL = (100,) * SITES
UNEQUAL = (20, 40, 60, 80, 100, 100, 120, 140, 160, 180)
HEADS = {
    "sites": SITES,
    "models": "linear:10",
    "rounds": ROUNDS,
    "data__per_site": "100",
    "transfer__size": 397,
    "transfer__per_round": 200,
    "head__features": "pixels",
    "head__dimension": 15,
    "head__ridge": 30.0,
    "codec__name": "logit",
    "codec__bits": 32,
}
WITHOUT_NOISE = {
    "privacy__mechanism": "none",
    "no_privacy__students": "heads",
    "allow_non_private": True,
}
WITH_NOISE = {"privacy__mechanism": "dp-head", "privacy__epsilon": 1.0}


def deal(pool, *, how, sizes):
    """Each site's examples; every way deals out the same ones."""
    generator = np.random.default_rng(7)
    if how == "iid":
        order = generator.permutation(len(pool))
    elif how == "by class":
        order = np.argsort(pool.labels, kind="stable")
    else:  # by a Dirichlet draw of class shares for each site
        order = dirichlet_order(pool.labels, sizes, generator)
    pieces = np.split(order, np.cumsum(sizes)[:-1])
    return tuple(
        LabelledExamples(inputs=pool.inputs[rows], labels=pool.labels[rows])
        for rows in pieces
    )


def dirichlet_order(labels, sizes, generator):
    left = {c: list(np.flatnonzero(labels == c)) for c in range(10)}
    order = []
    for size in sizes:
        shares = generator.dirichlet([0.1] * 10)
        for _ in range(size):
            weights = np.array([shares[c] + 1e-9 if left[c] else 0 for c in range(10)])
            order.append(left[generator.choice(10, p=weights / weights.sum())].pop())
    return np.array(order)


def consensus_of(folder, monkeypatch, *, how, sizes=EQUAL, **changes):
    """The last consensus, as probabilities [num_examples, num_classes]."""
    monkeypatch.setattr(
        simulations.federation,
        "private_examples",
        lambda config, parts: deal(parts.private_pool, how=how, sizes=sizes),
    )
    name = f"{how}-{sizes[0]}".replace(" ", "-")
    config = tiny_config(folder / name, **{**HEADS, **changes})
    run_federation(config)
    state = load_checkpoint(checkpoint_path(RunFolder(folder / name)))
    return np.exp(state.consensus.log_probabilities.astype(np.float64))


@pytest.mark.e2e
@pytest.mark.parametrize("noise", [WITHOUT_NOISE, WITH_NOISE], ids=["none", "noise"])
def test_consensus_does_not_depend_on_who_holds_which_example(
    tmp_path, monkeypatch, noise
):
    """Within 1e-5 after six rounds, equal or unequal, iid or one class a site."""
    found = [
        consensus_of(tmp_path, monkeypatch, how=how, sizes=sizes, **noise)
        for how, sizes in (
            ("iid", EQUAL),
            ("iid", UNEQUAL),
            ("dirichlet", EQUAL),
            ("dirichlet", UNEQUAL),
            ("by class", EQUAL),
            ("by class", UNEQUAL),
        )
    ]

    assert found[0].max() > 0.5, "nothing was learnt, so nothing was shown"
    for other in found[1:]:
        assert np.abs(other - found[0]).max() < 1e-5


@pytest.mark.e2e
@pytest.mark.parametrize("noise", [WITHOUT_NOISE, WITH_NOISE], ids=["none", "noise"])
def test_eight_bits_keep_the_consensus_within_two_hundredths(
    tmp_path, monkeypatch, noise
):
    """What the packed codec loses stays small over six rounds."""
    exact = consensus_of(tmp_path, monkeypatch, how="iid", **noise)
    for how, sizes in (("by class", EQUAL), ("dirichlet", UNEQUAL)):
        packed = consensus_of(
            tmp_path, monkeypatch, how=how, sizes=sizes, codec__bits=8, **noise
        )
        assert np.abs(packed - exact).max() < 0.02
