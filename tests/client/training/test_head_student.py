"""Additive heads in a whole site: what they release, and what it costs."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from client.private_data import PrivateData
from client.requests import check_round
from client.storage.store import Store
from common.codec import CODECS
from common.messages import HelloReply, RoundReply, RoundRequest
from common.privacy.accountant import gaussian_mu_at
from common.privacy.budget import PrivacyBudget
from common.privacy.events import Mechanism
from simulations.seeded_randomness import SeededRandomness
from tests.client.heads import (
    FIRST_NORM,
    HEAD,
    answer_head_rounds,
    clipped_sum_of,
    make_head_plan,
    make_noiseless_plan,
    one_round,
    released_sum,
    space_of,
    weight_in,
)
from tests.client.support import (
    NOMINAL,
    NUM_CLASSES,
    RUN_ID,
    SHAPE,
    Spy,
    finish_request,
    hello,
    make_consensus,
    make_data,
    make_data_without_gradients,
    make_plan,
    make_policy,
    make_site,
    reason_of,
    round_request,
)
from tests.statistics import P_THRESHOLD, correlation_p_value, scale_p_value

DETECTABLE = 0.05
HOSTILE = "Rule 6: one example moves the released sum by more than the clipping norm."


def add_row(data, inputs, label):
    """The neighbouring data set with one example more."""
    return PrivateData(
        inputs=np.concatenate([data.inputs, inputs[None]]),
        labels=np.append(data.labels, label),
        num_classes=NUM_CLASSES,
    )


def hostile_consensus():
    """A first request that already brings a consensus, sure of the wrong classes."""
    indices = np.arange(30, dtype=np.int32)
    logits = np.full((30, NUM_CLASSES), -40.0)
    logits[:, 3] = 40.0
    return round_request(
        1, consensus_indices=indices, consensus=make_consensus(indices, logits)
    )


def test_a_round_releases_the_sum_of_clipped_residual_products(tmp_path):
    """Without noise, the step is the preconditioned sum, example by example."""
    plan = dataclasses.replace(make_noiseless_plan(), clipping_norms=(0.3,))
    before, after = one_round(
        tmp_path, plan, policy=make_policy(allow_non_private=True)
    )

    found = released_sum(plan, before, after)
    expected = clipped_sum_of(plan, before, make_data(), 0.3)

    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_every_example_is_clipped_from_a_hostile_first_consensus_too(tmp_path):
    """A first request may bring what no honest run has: residuals of norm sqrt 2."""
    plan = dataclasses.replace(make_noiseless_plan(), clipping_norms=(FIRST_NORM,))
    policy, weights = make_policy(allow_non_private=True), []
    extra = make_data().inputs[0] + 1
    for name, data in (
        ("without", make_data()),
        ("with", add_row(make_data(), extra, 5)),
    ):
        (tmp_path / name).mkdir()
        _, after = one_round(
            tmp_path / name,
            plan,
            data=data,
            policy=policy,
            consensus=hostile_consensus(),
        )
        weights.append(after)

    # Both start from the same digested head, so the difference is the example's.
    start = digested(plan, hostile_consensus())
    moved = released_sum(plan, start, weights[0]) - released_sum(
        plan, start, weights[1]
    )
    assert float(moved.norm()) <= FIRST_NORM * (1 + 1e-3), HOSTILE
    assert float(moved.norm()) > FIRST_NORM / 2, "the example was not counted at all"


def digested(plan, request):
    """The head that a site digests from a request, float64."""
    space = space_of(plan)
    head = space.new_head(NUM_CLASSES)
    task = check_round(RoundRequest.from_envelope(request), plan)
    space.digest(head, task.consensus, codec=CODECS[plan.codec])
    return head[1].weight.detach().double()


def test_nominal_examples_divide_the_sum_of_heads(tmp_path):
    """Three times the nominal rows, none of which counts: the very same noise."""
    many = PrivateData(
        inputs=np.full((3 * NOMINAL, *SHAPE), np.nan, np.float32),
        labels=np.zeros(3 * NOMINAL, np.int64),
        num_classes=NUM_CLASSES,
    )
    weights = []
    for name, data in (("few", make_data_without_gradients()), ("many", many)):
        (tmp_path / name).mkdir()
        weights.append(one_round(tmp_path / name, make_head_plan(), data=data)[1])

    assert torch.equal(*weights), (
        "Rule 3: the true number of examples shows in what is released."
    )


def test_the_clipping_norm_of_the_plan_holds_in_each_round(tmp_path):
    """Round 2 clips with the second norm: no example moves the sum by more."""
    plan, policy = make_noiseless_plan(), make_policy(allow_non_private=True)
    site = make_site(tmp_path, policy=policy)
    indices = np.zeros(0, np.int32)
    nothing = {
        "consensus_indices": indices,
        "consensus": make_consensus(indices),
    }
    weights = answer_head_rounds(
        site, plan, [round_request(number, **nothing) for number in (1, 2)]
    )

    for number, norm in ((1, FIRST_NORM), (2, 0.4)):
        before, after = weights[number - 1], weights[number]
        found = released_sum(plan, before, after)
        expected = clipped_sum_of(plan, before, make_data(), norm)
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.statistical
def test_noise_of_heads_has_exactly_the_charged_scale(tmp_path):
    """The released sum has noise times clipping norm on each entry; 5% is rejected."""
    samples = []
    plan = make_head_plan(clipping_norms=(0.5,))
    for seed in range(40):
        folder = tmp_path / str(seed)
        folder.mkdir()
        site = make_site(
            folder,
            data=make_data_without_gradients(),
            randomness=SeededRandomness(run_seed=seed, site_name="site-00"),
        )
        before, after = answer_head_rounds(site, plan, [round_request(1)])
        samples.append(released_sum(plan, before, after).numpy().ravel())
    found = np.concatenate(samples)
    expected = plan.noise_multiplier * 0.5

    assert scale_p_value(found, expected) > P_THRESHOLD, (
        "Rule 6: the noise is not what was charged for."
    )
    assert scale_p_value(found, (1 - DETECTABLE) * expected) < P_THRESHOLD
    assert scale_p_value(found, (1 + DETECTABLE) * expected) < P_THRESHOLD


@pytest.mark.statistical
def test_noise_of_two_rounds_of_heads_is_uncorrelated(tmp_path):
    """No round reuses the noise of another."""
    plan = make_head_plan(clipping_norms=(0.5,), rounds=3)
    indices = np.zeros(0, np.int32)
    nothing = {"consensus_indices": indices, "consensus": make_consensus(indices)}
    site = make_site(tmp_path, data=make_data_without_gradients())
    weights = answer_head_rounds(
        site, plan, [round_request(number, **nothing) for number in (1, 2, 3)]
    )
    first, second, third = (
        released_sum(plan, before, after).numpy().ravel()
        for before, after in itertools.pairwise(weights)
    )

    for one, other in ((first, second), (first, third), (second, third)):
        assert correlation_p_value(one, other) > P_THRESHOLD, (
            "Rule 10: two rounds share noise."
        )


def test_the_charge_is_in_the_ledger_before_a_row_is_read(tmp_path):
    """Features of private rows are private: they too wait for the reservation."""

    class Watching(Spy):
        def rows(self, indices):
            assert charges() == self.expected, (
                "Rule 1: private rows were read before the round was charged."
            )
            return super().rows(indices)

    def charges():
        return len(Store(path).ledger("ward-7").events(RUN_ID))

    path = tmp_path / "ledger.sqlite"
    data = Watching(make_data())
    data.expected = 0
    site = make_site(tmp_path, data=data)
    assert reason_of(site.answer(hello(make_head_plan()))) is None
    assert data.rows_read == 0, "Rule 1: private rows were read before any charge."
    data.expected = 1

    assert reason_of(site.answer(round_request(1))) is None
    assert data.rows_read == NOMINAL


def test_a_round_is_charged_as_one_gaussian_release(tmp_path):
    """At epsilon 1, delta 1e-5, R rounds need a noise multiplier of 3.73 sqrt(R)."""
    for rounds in (1, 3, 6):
        folder = tmp_path / str(rounds)
        folder.mkdir()
        budget = PrivacyBudget(epsilon=1.0, delta=1e-5)
        site = make_site(folder, policy=make_policy(budget=budget))
        plan = make_head_plan(
            rounds=rounds,
            epsilon=1.0,
            delta=1e-5,
            noise_multiplier=0.0,
            clipping_norms=(FIRST_NORM,),
        )
        reply = HelloReply.from_envelope(site.answer(hello(plan)))
        assert (reply.rounds, reply.epsilon <= 1.0) == (rounds, True)
        assert reason_of(site.answer(round_request(1))) is None

        (event,) = Store(folder / "ledger.sqlite").ledger("ward-7").events(RUN_ID)

        exact = rounds**0.5 / gaussian_mu_at(epsilon=1.0, delta=1e-5)
        assert event.mechanism is Mechanism.DP_HEAD
        assert (event.sampling_probability, event.steps) == (1.0, 1)
        assert exact <= event.noise_multiplier < 1.001 * exact
        assert event.noise_multiplier == pytest.approx(3.73 * rounds**0.5, rel=2e-3)


def test_an_exhausted_budget_keeps_labelling_without_reading_a_row(tmp_path):
    """The site digests the consensus and answers; private data rest."""
    data = Spy(make_data())
    budget = PrivacyBudget(epsilon=1e-6, delta=1e-9)
    site = make_site(tmp_path, data=data, policy=make_policy(budget=budget))
    plan = make_head_plan(epsilon=1e-6, delta=1e-9, noise_multiplier=5.0)
    assert reason_of(site.answer(hello(plan))) is None

    reply = RoundReply.from_envelope(site.answer(round_request(1)))

    assert reply.budget_exhausted
    assert reply.soft_labels.shape == (6, NUM_CLASSES)
    assert data.rows_read == 0, "Rule 8: rows were read beyond the budget."


def test_neighbouring_data_get_the_same_plan_ledger_and_replies(tmp_path):
    """One row more, an extreme one, one that is NaN: public behaviour is the same."""
    shown = []
    for name, row in (("plus", 1.0), ("extreme", 1e30), ("nan", np.nan)):
        folder = tmp_path / name
        folder.mkdir()
        data = add_row(make_data(), np.full(SHAPE, row, np.float32), 2)
        site = make_site(folder, data=data)
        replies = [site.answer(hello(make_head_plan()))]
        replies += [site.answer(round_request(number)) for number in (1, 2)]
        replies.append(site.answer(finish_request(2)))
        events = Store(folder / "ledger.sqlite").ledger("ward-7").events(RUN_ID)
        shown.append(
            (
                [(one.kind, sorted(one.fields.items())) for one in replies],
                [one.arrays.keys() for one in replies],
                events,
            )
        )

    assert shown[0] == shown[1] == shown[2], (
        "Rule 9: public behaviour depends on a private value."
    )


def test_a_consensus_that_overflows_leaves_the_head_as_it_was(tmp_path):
    """A hostile consensus cannot make a student that is not finite."""
    plan = make_head_plan(temperature=1e6)
    indices = np.arange(30, dtype=np.int32)
    logits = np.zeros((30, NUM_CLASSES))
    logits[:, 0] = 3e38
    request = round_request(
        1, consensus_indices=indices, consensus=make_consensus(indices, logits)
    )
    site = make_site(tmp_path)
    assert reason_of(site.answer(hello(plan))) is None

    refused = reason_of(site.answer(request))

    assert refused is None, "Rule 8: what a site answers tells of a student overflown."
    weight = weight_in(site.student_bytes(RUN_ID), plan)
    assert torch.isfinite(weight).all(), "Rule 8: a student is not finite."


@pytest.mark.parametrize(
    "changes",
    [
        {"features": "standardised"},
        {"dimension": 500},
    ],
)
def test_heads_that_no_site_can_have_are_refused(tmp_path, changes):
    """A closed reason, and nothing in the ledger."""
    plan = make_head_plan(head=dataclasses.replace(HEAD, **changes))
    site = make_site(tmp_path)

    assert reason_of(site.answer(hello(plan))) == "plan-not-allowed"
    assert Store(tmp_path / "ledger.sqlite").ledger("ward-7").plan(RUN_ID) is None


@pytest.mark.parametrize("norms", [(7.3e-46,), (FIRST_NORM, 1e-40), (1e-21,)])
@pytest.mark.parametrize("make", [make_head_plan, make_plan], ids=["heads", "models"])
def test_a_clipping_norm_that_rounding_would_exceed_is_refused(tmp_path, make, norms):
    """Near the smallest float32 one example could move a sum by almost three norms."""
    refused = reason_of(make_site(tmp_path).answer(hello(make(clipping_norms=norms))))

    assert refused == "plan-not-allowed", (
        "Rule 6: rounding lets an example count for more than the clipping norm."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"head_features": "magic"},
        {"head_features": "pixels+pixels"},
        {"head_features": "auto"},
        {"head_dimension": 10**9},
        {"head_ridge": 0.0},
        {"head_sites": 0},
    ],
)
def test_heads_that_nobody_knows_are_malformed(tmp_path, changes):
    """Unknown features and numbers out of range are never guessed."""
    envelope = hello(make_head_plan())
    odd = dataclasses.replace(envelope, fields={**envelope.fields, **changes})

    assert reason_of(make_site(tmp_path).answer(odd)) == "malformed-request"


def test_a_retried_round_starts_again_from_the_committed_head(tmp_path):
    """A site that was stopped and started answers the same bytes again."""
    plan = make_head_plan()
    site = make_site(tmp_path)
    assert reason_of(site.answer(hello(plan))) is None
    first = site.answer(round_request(1)).to_bytes()

    again = make_site(tmp_path)

    assert again.answer(round_request(1)).to_bytes() == first
    assert torch.isfinite(weight_in(again.student_bytes(RUN_ID), plan)).all()
