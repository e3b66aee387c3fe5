"""Requests that nobody thought of: a site and a custodian survive each of them.

Most are edits and damage of honest requests to a site whose runs are all finished, so
that nothing may change whatever they ask. Others go to a site with its runs open, where
an edited request may be a fair one and is held against the budget.
"""

from __future__ import annotations

import logging
import random
import resource
import tempfile
from collections import Counter
from pathlib import Path

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from client.custodian.rejection import Rejection
from client.owner.ledger_report import verify
from client.storage.store import Store
from common.envelope import Envelope, MessageKind
from common.errors import InvalidReplyError
from common.messages import RefusalReason
from tests.client.custodian.support import content_of, door
from tests.client.heads import make_head_plan
from tests.client.support import hello, make_policy, make_site, reason_of
from tests.hostile.mutations import HONEST, damaged, damaged_parts, edited_requests

SHORT = {"examples": 30, "damaged": 9, "sent": 100, "open": 10}
LONG = {"examples": 8_000, "damaged": 11, "sent": 5_000, "open": 400}
LEAST_REQUESTS = 100_000  # of the long form
MOST_GROWTH_KIB = 256 * 1024  # of the process, over all requests
WELL_FORMED = {one.value for one in RefusalReason} - {
    "internal-error",
    "ledger-unavailable",
}
CODES = {one.code for one in Rejection} - {grpc.StatusCode.INTERNAL}
FORMS = [
    pytest.param(SHORT, id="short"),
    pytest.param(LONG, id="long", marks=pytest.mark.long),
]


def finished_site(folder):
    """A site that knows two runs and has finished both; returns its replies too."""
    site = make_site(folder, policy=make_policy(runs=("run-1", "run-2")))
    for _ in range(2):  # a hello states the entries of the ledger as it is now
        replies = [site.answer(one) for one in HONEST]
        assert [reason_of(one) for one in replies] == [None] * len(HONEST)
    return site, {one.to_bytes() for one in replies}


def ledger_of(folder, policy):
    store = Store(folder / "ledger.sqlite", read_only=True)
    try:
        return verify(store, policy)
    finally:
        store.close()


def peak_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def examples_of(number):
    """Settings for so many examples; always the same ones."""
    return settings(
        max_examples=number,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def outcome_of(site, request, known=None):
    """Asks, and returns the reason or ``answered``.

    Args:
        site: asked.
        request: any.
        known: the only replies that may be given, apart from those about rows of a
            transfer set.
    """
    reply = site.answer(request)
    reason = reason_of(reply)
    assert reason is None or reason in WELL_FORMED, f"Rule 9: {reason}: {request}."
    if reason is None and request.kind is not MessageKind.TRANSFER:
        assert known is None or reply.to_bytes() in known, f"Rule 9: {request}."
    return reason or "answered"


@pytest.fixture(autouse=True)
def quiet():
    """A refusal a request is no news here."""
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("form", FORMS)
def test_finished_site_stays_as_it_is(form, tmp_path, record_property):
    """No exception, only closed reasons, and not one entry more in the ledger."""
    site, known = finished_site(tmp_path)
    before, found = ledger_of(tmp_path, site.policy), Counter()
    contents = [one.to_bytes() for one in HONEST]

    @examples_of(form["examples"])
    @given(edited_requests(), st.integers(0, 2**64))
    def ask(request, seed):
        found[outcome_of(site, request, known)] += 1
        chance = random.Random(seed)
        for _ in range(form["damaged"]):
            content = damaged(chance.choice(contents), chance)
            try:
                request = Envelope.from_bytes(content)
            except InvalidReplyError:
                found["not-an-envelope"] += 1
            else:
                found[outcome_of(site, request, known)] += 1

    start = peak_kib()
    ask()
    found += send_damaged(site, contents, known, form["sent"])

    growth = peak_kib() - start
    record_property("found", dict(found))
    record_property("growth_kib", growth)
    after = ledger_of(tmp_path, site.policy)
    assert after.head == before.head, "Rule 9: the ledger has changed."
    assert after.counted == before.counted
    assert growth < MOST_GROWTH_KIB, f"Rule 9: {growth} KiB more memory."
    planned = form["examples"] * (1 + form["damaged"]) + form["sent"]
    assert found.total() >= 0.9 * planned
    assert form is not LONG or found.total() >= LEAST_REQUESTS
    assert {"answered", "not-an-envelope", "malformed-request"} <= set(found)


def send_damaged(site, contents, known, count):
    """Sends damaged bytes through a socket; returns how each request ended.

    Each on a connection of its own: on one connection gRPC itself refuses calls that
    come faster than it clears away the rejected ones before.
    """
    found, chance = Counter(), random.Random(count)
    with door(site) as custodian:
        for _ in range(count):
            parts = damaged_parts(chance.choice(contents), chance)
            code, came = custodian.call(parts)
            if code is not grpc.StatusCode.OK:
                assert code in CODES, f"Rule 9: {code}."
                found["rejected"] += 1
                continue
            reply = Envelope.from_bytes(content_of(came))
            reason = reason_of(reply)
            assert reason is None or reason in WELL_FORMED, f"Rule 9: {reason}."
            is_known = reason or reply.to_bytes() in known
            assert is_known or reply.kind is MessageKind.TRANSFER
            found[reason or "answered"] += 1
        lines = custodian.lines()
    assert len(lines) == count, f"Rule 9: {len(lines)} lines for {count} requests."
    return found


@pytest.mark.parametrize("form", FORMS)
def test_open_site_stays_within_its_budget(form):
    """Whatever is fair in an edited request is charged, and the chain holds."""
    found = Counter()

    @examples_of(form["open"])
    @given(st.lists(edited_requests(), min_size=1, max_size=6))
    def ask(requests):
        with tempfile.TemporaryDirectory(prefix="fedstill-") as name:
            folder = Path(name)
            site = make_site(folder)
            for honest in (HONEST[0], hello(make_head_plan(run_id="run-2"))):
                assert reason_of(site.answer(honest)) is None
            entries = ledger_of(folder, site.policy).head.entries
            for request in requests:
                found[outcome_of(site, request)] += 1
                report = ledger_of(folder, site.policy)
                assert report.head.entries >= entries
                assert report.is_within_budget, f"Rule 2: {request}."
                assert report.counted.epsilon <= site.policy.budget.epsilon, (
                    f"Rule 2: {request}."
                )
                entries = report.head.entries

    ask()
    assert found["answered"] > 0
