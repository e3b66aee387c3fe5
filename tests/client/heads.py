"""A small site that trains additive heads on pixels, and what its rounds changed."""

from __future__ import annotations

import torch

from common.head_recipe import HeadRecipe
from common.head_spaces import head_space
from common.privacy.events import Mechanism
from common.weights import load_into
from tests.client.support import (
    NUM_CLASSES,
    RUN_ID,
    hello,
    make_data,
    make_plan,
    make_site,
    make_transfer_set,
    reason_of,
    round_request,
)

DIMENSION = 12
FIRST_NORM = (1 - 1 / NUM_CLASSES) ** 0.5
HEAD = HeadRecipe(
    features="pixels", dimension=DIMENSION, exponent=0.5, ridge=5.0, sites=4
)


def make_head_plan(**changes):
    """The small plan with one full-batch step a round on additive heads."""
    values = {
        "mechanism": Mechanism.DP_HEAD,
        "steps_per_round": 1,
        "sampling_probability": 1.0,
        "clipping_norms": (FIRST_NORM, 0.4),
        "learning_rate": 1.0,
        "head": HEAD,
    }
    return make_plan(**{**values, **changes})


def make_noiseless_plan(**changes):
    """The same without privacy."""
    return make_head_plan(
        mechanism=Mechanism.NONE, epsilon=float("inf"), noise_multiplier=0.0, **changes
    )


def space_of(plan, transfer_set=None):
    return head_space(plan.head, transfer_set or make_transfer_set())


def weight_in(content, plan):
    """The weights in a student's bytes, float64 [num_classes, dimension]."""
    head = space_of(plan).new_head(NUM_CLASSES)
    load_into(head, content)
    return head[1].weight.detach().double()


def answer_head_rounds(site, plan, requests):
    """Says hello, plays rounds, and returns the weights before and after each."""
    assert reason_of(site.answer(hello(plan))) is None
    weights = [weight_in(site.student_bytes(RUN_ID), plan)]
    for request in requests:
        assert reason_of(site.answer(request)) is None
        weights.append(weight_in(site.student_bytes(RUN_ID), plan))
    return weights


def released_sum(plan, before, after):
    """The noised sum of clipped residual products that a step was made of."""
    space = space_of(plan)
    head = space.new_head(NUM_CLASSES)
    with torch.no_grad():
        head[1].weight.copy_(before)
    preconditioner = space.preconditioner(plan, head)
    gradient = torch.linalg.solve(preconditioner, (before - after).T).T
    return gradient * plan.mean_nominal_examples


def clipped_sum_of(plan, weight, data, clipping_norm):
    """The sum that a step should be made of, without noise, example by example."""
    features = torch.from_numpy(space_of(plan).features(data.inputs)).double()
    total = torch.zeros(NUM_CLASSES, DIMENSION, dtype=torch.float64)
    for phi, label in zip(features, data.labels, strict=True):
        residual = torch.softmax(weight @ phi, dim=0)
        residual[label] -= 1
        norm = float(residual.norm() * phi.norm())
        total += min(1.0, clipping_norm / norm) * torch.outer(residual, phi)
    return total


def one_round(folder, plan, *, data=None, policy=None, consensus=None):
    """The weights before and after the first round of a new site."""
    changes = {} if policy is None else {"policy": policy}
    site = make_site(folder, data=data or make_data(), **changes)
    request = round_request(1) if consensus is None else consensus
    return answer_head_rounds(site, plan, [request])
