"""Hello: a site takes part under its own policy and budget, or says why not."""

import dataclasses

import numpy as np
import pytest
from torch import nn

from client import hello as hello_module
from client.policy import SitePolicy
from client.private_data import PrivateData
from client.storage.transfer_shelf import TransferShelf
from common.envelope import Envelope, MessageKind
from common.errors import DataError
from common.messages import HelloReply
from common.privacy import commitment as commitment_module
from common.privacy.accountant import spent
from common.privacy.budget import PrivacyBudget
from common.privacy.events import Mechanism, PrivacyEvent, PrivacyUnit
from common.transfer_set import TransferSet
from tests.client.support import (
    NOMINAL,
    NUM_CLASSES,
    hello,
    make_data,
    make_plain_plan,
    make_plan,
    make_policy,
    make_site,
    reason_of,
    round_request,
)
from tests.rules import naming


def say_hello(folder, plan=None, **site):
    return make_site(folder, **site).answer(hello(plan))


def cost_of(plan, rounds):
    """Epsilon of some rounds at the plan's noise."""
    event = PrivacyEvent(
        mechanism=plan.mechanism,
        noise_multiplier=plan.noise_multiplier,
        sampling_probability=plan.sampling_probability,
        steps=rounds * plan.steps_per_round,
    )
    return spent([event], delta=plan.delta).epsilon


def test_hello_states_public_facts(tmp_path):
    """Policy, plan and an empty ledger give this reply, whatever the data."""
    few = make_data(NOMINAL - 3)
    data = PrivateData(inputs=few.inputs, labels=few.labels % 7, num_classes=10)

    reply = HelloReply.from_envelope(say_hello(tmp_path, data=data))

    assert reply.site_name == "site-00"
    assert "torch" in reply.software
    assert reply.num_classes == 10, "Rule 4: classes were counted in private labels."
    assert reply.has_transfer_set
    assert reply.nominal_examples == NOMINAL, "Rule 5: the site counted its examples."
    assert reply.rounds == 3
    assert reply.epsilon == pytest.approx(cost_of(make_plan(), 3))
    assert reply.delta == 1e-3
    assert reply.ledger_entries == 1


def test_same_plan_is_answered_the_same_again(tmp_path):
    """A second hello, even after a restart, repeats the commitment."""
    first = say_hello(tmp_path)

    second = say_hello(tmp_path)

    assert second.to_bytes() == first.to_bytes()


def test_changed_plan_is_refused(tmp_path):
    """A plan is immutable: the same run id with one step more is refused."""
    site = make_site(tmp_path)
    site.answer(hello())

    refused = site.answer(hello(make_plan(steps_per_round=3)))

    assert reason_of(refused) == "plan-changed", "Rule 1: a plan was changed."


def test_rounds_are_a_ceiling(tmp_path):
    """Where the run's epsilon affords two of three rounds, two are committed."""
    plan = make_plan()
    plan = dataclasses.replace(plan, epsilon=1.0001 * cost_of(plan, 2))

    reply = HelloReply.from_envelope(say_hello(tmp_path, plan))

    assert reply.rounds == 2
    assert reply.epsilon == pytest.approx(cost_of(plan, 2))


def test_noise_is_calibrated_where_the_plan_leaves_it_open(tmp_path):
    """With noise multiplier 0 all rounds fit into the plan's epsilon."""
    plan = make_plan(noise_multiplier=0.0, epsilon=2.0)

    reply = HelloReply.from_envelope(say_hello(tmp_path, plan))

    assert reply.rounds == 3
    assert 1.9 < reply.epsilon <= 2.0


@pytest.mark.parametrize(
    ("plan", "policy", "reason"),
    [
        ({"unit": PrivacyUnit.CLIENT}, {}, "plan-not-allowed"),
        ({"delta": 1 / NOMINAL}, {}, "plan-not-allowed"),
        ({"delta": 2e-3}, {}, "plan-not-allowed"),
        ({}, {"least_noise_multiplier": 2.1}, "plan-not-allowed"),
        (
            {"noise_multiplier": 0.0, "epsilon": 9.0},
            {"least_noise_multiplier": 5.0},
            "plan-not-allowed",
        ),
        ({"codec": "zip"}, {}, "plan-not-allowed"),
        ({}, {"mechanisms": frozenset()}, "mechanism-not-allowed"),
        ({"num_classes": 9}, {}, "classes-mismatch"),
        ({"transfer_set_id": "0" * 64}, {}, "transfer-set-mismatch"),
        ({"transfer_size": 31}, {}, "transfer-set-mismatch"),
    ],
)
def test_plan_against_the_policy_is_refused(tmp_path, plan, policy, reason):
    """Each limit of the policy has its closed reason, and nothing is committed."""
    site = make_site(tmp_path, policy=make_policy(**policy))

    refused = site.answer(hello(make_plan(**plan)))

    assert reason_of(refused) == reason
    assert reason_of(site.answer(round_request())) == "unknown-run"


def test_plan_at_whose_delta_an_example_is_given_away_is_refused(tmp_path):
    """Nominal examples bound a plan's delta, whatever the budget's."""
    policy = make_policy(budget=PrivacyBudget.unlimited(delta=0.5))

    refused = say_hello(tmp_path, make_plan(delta=1 / NOMINAL), policy=policy)

    assert reason_of(refused) == "plan-not-allowed", (
        "Rule 3: delta gives away one of the nominal examples."
    )


def test_run_without_privacy_is_refused_by_default(tmp_path):
    """A plan with mechanism none needs the owner's explicit word."""
    refused = say_hello(tmp_path, make_plain_plan())

    assert reason_of(refused) == "non-private-not-allowed", (
        "Rule 8: infinite epsilon is within a budget."
    )


def test_run_without_privacy_is_infinite_where_allowed(tmp_path):
    """With allow_non_private the site takes part and says that epsilon is infinite."""
    policy = make_policy(allow_non_private=True)

    reply = HelloReply.from_envelope(
        say_hello(tmp_path, make_plain_plan(), policy=policy)
    )

    assert reply.epsilon == float("inf")
    assert reply.rounds == 3


def build_batch_norm(input_shape, num_classes):
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, num_classes))


def test_batch_norm_model_is_refused_under_privacy(tmp_path):
    """A model that mixes examples never sees private rows."""
    policy = make_policy(model=build_batch_norm)

    refused = say_hello(tmp_path, policy=policy)

    assert reason_of(refused) == "model-not-allowed", (
        "Rule 4: BatchNorm takes statistics of private rows."
    )


def test_batch_norm_model_may_train_without_privacy(tmp_path):
    """Without a guarantee there is nothing that BatchNorm could break."""
    policy = make_policy(model=build_batch_norm, allow_non_private=True)

    assert reason_of(say_hello(tmp_path, make_plain_plan(), policy=policy)) is None


@pytest.mark.parametrize(
    "envelope",
    [
        Envelope(kind=MessageKind.HELLO),
        Envelope(kind=MessageKind.HELLO, fields={"run_id": "x"}),
        Envelope(
            kind=MessageKind.HELLO,
            fields=make_plan().to_fields() | {"steps_per_round": -1},
        ),
        Envelope(
            kind=MessageKind.HELLO,
            fields=make_plan().to_fields() | {"noise_seed": 7},
        ),
        Envelope(kind=MessageKind.HELLO, arrays={"a": np.zeros(1)}),
    ],
)
def test_malformed_hello_is_refused(tmp_path, envelope):
    """What is no run plan, or more than one, is refused."""
    assert reason_of(make_site(tmp_path).answer(envelope)) == "malformed-request"


def test_lifetime_budget_composes_over_runs(tmp_path):
    """A second run gets only what the first left, also after a restart."""
    plan = make_plan()
    policy = make_policy(
        budget=PrivacyBudget(epsilon=1.01 * cost_of(plan, 3), delta=1e-3)
    )
    first = HelloReply.from_envelope(say_hello(tmp_path, policy=policy))

    other_run = dataclasses.replace(plan, run_id="run-2")
    second = HelloReply.from_envelope(say_hello(tmp_path, other_run, policy=policy))

    assert first.rounds == 3
    assert (second.rounds, second.epsilon) == (0, 0.0), (
        "Rule 1: a new run brought a new budget."
    )


def test_two_runs_cannot_commit_the_same_budget_at_once(tmp_path, monkeypatch):
    """If another run commits during the decision, it is taken again."""
    plan = make_plan()
    budget = PrivacyBudget(epsilon=1.01 * cost_of(plan, 3), delta=1e-3)
    site = make_site(tmp_path, policy=make_policy(budget=budget))
    rival = make_site(tmp_path, policy=make_policy(budget=budget))
    decided = []

    def decide_late(plan, **arguments):
        commitment = commitment_module.decide(plan, **arguments)
        decided.append(commitment.rounds)
        if len(decided) == 1:
            rival.answer(hello(dataclasses.replace(plan, run_id="rival")))
        return commitment

    monkeypatch.setattr(hello_module, "decide", decide_late)
    reply = HelloReply.from_envelope(site.answer(hello(plan)))

    assert decided == [3, 3, 0], "Rule 1: two runs got one budget."
    assert reply.rounds == 0


def test_changed_data_are_refused_until_the_owner_agrees(tmp_path):
    """Other data under the same dataset id stop the site, and reset no budget."""
    site = make_site(tmp_path)
    site.answer(hello())
    site.answer(round_request())
    changed = make_site(tmp_path, data=make_data(NOMINAL + 1))

    refused = changed.answer(hello())
    changed.accept_data()
    reply = HelloReply.from_envelope(changed.answer(hello()))

    assert reason_of(refused) == "data-changed"
    assert reply.ledger_entries == 3, "Rule 1: changed data brought a new ledger."


def test_transfer_set_of_another_shape_is_refused(tmp_path):
    """Private and transfer examples must have one shape."""
    transfer_set = TransferSet(inputs=np.zeros((30, 5), np.float32))
    site = make_site(tmp_path, transfer_sets=TransferShelf.in_memory(transfer_set))

    refused = site.answer(hello(make_plan(transfer_set_id=transfer_set.content_id)))

    assert reason_of(refused) == "transfer-set-mismatch"


def test_site_does_not_start_on_data_of_other_classes(tmp_path):
    """The policy, never the labels, says how many classes there are."""
    with pytest.raises(DataError, match="have 10 classes, the policy says 9"):
        make_site(tmp_path, policy=make_policy(num_classes=9))


def test_policy_refuses_a_delta_that_gives_away_an_example():
    """At delta 1/n publishing one whole example counts as private."""
    with (
        naming("Rule 3: delta gives away one of the nominal examples."),
        pytest.raises(ValueError, match=r"budget_delta=0.025 in \(0, 0.025\)"),
    ):
        make_policy(budget=PrivacyBudget(epsilon=1.0, delta=1 / NOMINAL))


def test_policy_allows_only_known_mechanisms_by_default():
    """What the owner did not name is not allowed."""
    policy = SitePolicy(
        site_name="site-00",
        dataset_id="ward-7",
        nominal_examples=NOMINAL,
        budget=PrivacyBudget(epsilon=1.0, delta=1e-3),
        model="mlp",
        num_classes=NUM_CLASSES,
    )

    assert policy.mechanisms == {Mechanism.DP_SGD}
