"""A site shows the same of itself whoever is in its data, and whatever a row holds.

Rules 3 and 9, through the custodian's socket: kind, size and header of every reply,
plan and rows of the ledger, flags, refusals and log lines are compared byte by byte.
"""

from __future__ import annotations

import functools
import logging
import tempfile
from pathlib import Path

import numpy as np
import pytest

from client.training import keep_finite
from common.envelope import Envelope, MessageKind
from common.messages import HelloReply
from common.privacy.budget import PrivacyBudget
from common.recipes import DistillationRecipe
from common.weights import all_finite
from tests.client.heads import make_head_plan
from tests.client.support import (
    NUM_CLASSES,
    RUN_ID,
    finish_request,
    hello,
    make_consensus,
    make_data,
    make_plan,
    make_policy,
    make_site,
    round_request,
)
from tests.neighbours import NEIGHBOURS, behaviour_of

SHOWS = {
    3: "Rule 3: public behaviour depends on the true number of examples.",
    9: "Rule 9: public behaviour depends on a private value.",
}
PLANS = {"dp-sgd": make_plan, "dp-head": make_head_plan}
AFFORDED = 2  # of the plan's three rounds
MOST_QUERIES = 4
RECKLESS = DistillationRecipe(epochs=1, learning_rate=1e38, batch_size=8)
OVERFLOWING = {
    "dp-sgd": {"learning_rate": 1e38, "clipping_norms": (1e5,)},
    "dp-head": {"temperature": 1e6},
}
REASONS = (
    "plan-changed",
    "request-changed",
    "malformed-request",
    "unknown-run",
    "query-limit",
    "classes-mismatch",
    "transfer-set-mismatch",
    "ledger-rolled-back",
)
INDICES = np.arange(6, dtype=np.int32)
EXTREME_LOGITS = 3e38 * np.eye(len(INDICES), NUM_CLASSES)


def dialogue(make, *, logits=None):
    """Every kind of request, and most reasons for which a site can refuse one."""
    later = {"consensus": make_consensus(INDICES, logits)}
    second = {"run_id": "run-2"}
    return (
        hello(make()),
        hello(make()),
        hello(make(seed=77)),
        round_request(1),
        round_request(1),
        round_request(1, indices=INDICES),
        round_request(2, **later),
        round_request(9, **later),
        round_request(1, run_id="unknown"),
        round_request(3, **later),  # the budget is exhausted
        finish_request(**later),
        finish_request(**later),
        hello(make(**second)),
        round_request(1, **second),
        round_request(2, **second),  # one label too many
        finish_request(**second),
        hello(make(run_id="run-3", num_classes=NUM_CLASSES + 1)),
        hello(make(run_id="run-3", transfer_set_id="0" * 64)),
        round_request(3, ledger_entries=10_000),
        Envelope(kind=MessageKind.TRANSFER, fields={"transfer_set_id": RUN_ID}),
        Envelope(kind=MessageKind.ROUND, arrays={"x": np.array([np.nan])}),
    )


@functools.cache
def budget_of(mechanism):
    """A budget that affords the first rounds of the plan, and no more."""
    plan = PLANS[mechanism](rounds=AFFORDED)
    with tempfile.TemporaryDirectory() as folder:
        promise = make_site(Path(folder)).answer(hello(plan))
    epsilon = HelloReply.from_envelope(promise).epsilon
    return PrivacyBudget(epsilon=1.0001 * epsilon, delta=plan.delta)


def site_of(folder, mechanism, data):
    folder.mkdir()
    policy = make_policy(budget=budget_of(mechanism), most_queries=MOST_QUERIES)
    return make_site(folder, policy=policy, data=data)


def hostile_dialogue(mechanism):
    """A plan and a consensus that drive weights beyond what a float can hold."""
    changes = {"distillation": RECKLESS, **OVERFLOWING[mechanism]}
    return dialogue(
        functools.partial(PLANS[mechanism], **changes), logits=EXTREME_LOGITS
    )


DIALOGUES = {
    "ordinary": lambda mechanism: dialogue(PLANS[mechanism]),
    "hostile": hostile_dialogue,
}


def observed(folder, mechanism, data, *, requests="ordinary", leak=None):
    """What a site with these data shows of itself."""
    site = site_of(folder, mechanism, data)
    shown = site if leak is None else leak(site, data)
    asked = DIALOGUES[requests](mechanism)
    return behaviour_of(shown, folder / "ledger.sqlite", asked)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Returns a function to what the site with the unchanged data shows, made once."""
    return functools.cache(
        lambda mechanism, requests: observed(
            tmp_path_factory.mktemp("base") / "site",
            mechanism,
            make_data(),
            requests=requests,
        )
    )


@pytest.mark.parametrize("requests", DIALOGUES)
@pytest.mark.parametrize("neighbour", NEIGHBOURS)
@pytest.mark.parametrize("mechanism", PLANS)
def test_one_row_shows_in_nothing(tmp_path, base, mechanism, neighbour, requests):
    """Replies, plan, ledger, flags and logs are the same with one row changed."""
    make, rule = NEIGHBOURS[neighbour]

    found = observed(tmp_path / "site", mechanism, make(), requests=requests)

    assert found == base(mechanism, requests), SHOWS[rule]


@pytest.mark.parametrize("mechanism", PLANS)
def test_the_dialogue_goes_everywhere(base, mechanism):
    """It has answers, exhausted rounds, and refusals for each of the reasons."""
    shown = base(mechanism, "ordinary")
    headers = b"".join(reply[-1] for reply in shown.replies)
    refused = "".join(shown.request_log)

    assert [one for one in REASONS if f'"{one}"' not in refused] == []
    for exhausted in (b"true", b"false"):
        assert b'budget_exhausted\\": ' + exhausted in headers
    assert {row[2] for row in shown.ledger["ledger_entries"]} == {
        "plan",
        "reservation",
        "settlement",
        "close",
    }


@pytest.mark.parametrize("mechanism", PLANS)
def test_the_hostile_dialogue_overflows(tmp_path, monkeypatch, mechanism):
    """Weights leave the range of floats, and the site puts the previous ones back."""
    outcomes = []

    def watched(student):
        outcomes.append(all_finite(student))
        return outcomes[-1]

    monkeypatch.setattr(keep_finite, "all_finite", watched)
    site = site_of(tmp_path / "site", mechanism, make_data())

    for request in hostile_dialogue(mechanism):
        site.answer(request)

    assert False in outcomes


class Leak:
    """A site that lets something private through to see whether it is noticed."""

    def __init__(self, site, data):
        self._site = site
        self._data = data

    def answer(self, request):
        reply = self._site.answer(request)
        return self.changed(reply) if "soft_labels" in reply.arrays else reply


class CountsRows(Leak):
    def changed(self, reply):
        fields = {**reply.fields, "rows": len(self._data)}
        return Envelope(kind=reply.kind, arrays=reply.arrays, fields=fields)


class SizesByRows(Leak):
    def changed(self, reply):
        arrays = {**reply.arrays, "padding": np.zeros(len(self._data), np.uint8)}
        return Envelope(kind=reply.kind, arrays=arrays, fields=reply.fields)


class FailsOnBadRows(Leak):
    def changed(self, reply):
        if not self._data.is_usable().all():
            raise RuntimeError(self._data.problems)
        return reply


class LogsBadRows(Leak):
    def changed(self, reply):
        for problem in self._data.problems:
            logging.getLogger("client.site").info(problem)
        return reply


@pytest.mark.parametrize(
    ("leak", "neighbour"),
    [
        (CountsRows, "one row less"),
        (SizesByRows, "one row more"),
        (FailsOnBadRows, "one row of NaN"),
        (LogsBadRows, "one label outside"),
    ],
)
def test_a_site_that_leaks_is_noticed(tmp_path, leak, neighbour):
    """The comparison is not blind: each of these sites shows its rows."""
    make, _ = NEIGHBOURS[neighbour]

    found = [
        observed(tmp_path / name, "dp-head", data, leak=leak)
        for name, data in (("base", make_data()), ("neighbour", make()))
    ]

    assert found[0] != found[1]
