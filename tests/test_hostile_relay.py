"""A relay that somebody took over asks a custodian for what it must not get."""

from __future__ import annotations

import dataclasses
import socket
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from client.owner.ledger_report import verify
from client.storage.store import Store
from common.envelope import Envelope, MessageKind
from common.messages import HelloReply
from common.privacy.budget import PrivacyBudget
from common.privacy.ledger_entries import LedgerHead
from tests.client.support import (
    hello,
    make_plan,
    make_policy,
    make_site,
    reason_of,
    round_request,
)
from tests.hostile.attack import ANSWERED, OK, REFUSED, parts_of, refused
from tests.hostile.catalogue import ATTACKS
from tests.hostile.plans import CHANGED, CHANGED_HEADS, PLAN_FIELDS
from tests.hostile.relay import Answer, is_serving, send
from tests.hostile.site import FIRST, play_to_the_end, play_until_attacked
from tests.hostile.target import attacked_custodian, quiet_site, undisturbed_replies
from tests.hostile.watch import Aftermath, Snapshot, objections

LEAST_ATTACKS = 60
AT_ONCE = 60
GREEDY = {"rounds": 200, "epsilon": 1e9}
GRPC_LIMIT = "Concurrent RPC limit exceeded!"


@pytest.fixture(scope="module")
def target():
    """One custodian for all attacks; they find it as the ones before left it."""
    with attacked_custodian() as one:
        yield one


@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_request_gets_nothing(name, target):
    """A closed reason, one line in the log; ledger, files and honest bytes stay."""
    found = objections(ATTACKS[name], target.suffer(ATTACKS[name]))

    assert not found, f"Rule 9: {name}: {'; '.join(found)}."


def test_every_field_of_a_plan_is_changed_once():
    """A field that is added to the plan is attacked too."""
    assert len(ATTACKS) >= LEAST_ATTACKS
    assert CHANGED.keys() | CHANGED_HEADS.keys() | {"run_id"} == PLAN_FIELDS


def test_many_connections_at_once(target):
    """Each ends in a closed way, and the custodian goes on."""
    before, seen = target.snapshot(), len(target.custodian.requests())
    request = parts_of(round_request(**FIRST))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        asked = [threads.submit(send, target.socket, request) for _ in range(AT_ONCE)]
        answers = [one.result() for one in asked]
    counted = [one for one in answers if one.words != GRPC_LIMIT]
    lines = target.lines_from(seen, at_least=len(counted))

    codes = {one.code for one in answers}
    assert codes <= {OK, grpc.StatusCode.RESOURCE_EXHAUSTED}, f"Rule 9: {codes}."
    contents = {one.content for one in answers if one.refusal is None and one.content}
    assert contents == {target.replies[-1]}
    assert len(lines) == len(counted), f"Rule 9: {len(lines)} lines."
    assert target.snapshot() == before
    assert is_serving(target.socket)


@pytest.mark.parametrize(
    "noise",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\x00" * 100_000, b""],
    ids=["HTTP/1.1", "TLS", "zeros", "nothing"],
)
def test_what_does_not_speak_grpc_is_hung_up_on(noise, target):
    """No line in the log, for nothing was asked; the custodian goes on."""
    before, seen = target.snapshot(), len(target.custodian.requests())
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(target.socket))
        client.sendall(noise)

    assert is_serving(target.socket)
    assert len(target.custodian.requests()) == seen
    assert target.snapshot() == before


def test_honest_run_ends_as_if_nobody_had_attacked(target, tmp_path):
    """Last, on the custodian that everything above was sent to."""
    replies = [*target.replies, *play_to_the_end(target.ask)]

    assert replies == undisturbed_replies(tmp_path / "site"), (
        "Rule 9: the attacks changed what an honest server gets."
    )


def test_site_needs_no_custodian_to_refuse(tmp_path):
    """What the site itself must refuse it refuses in one process too, in one go."""
    found = []
    with quiet_site(tmp_path / "site") as site:
        play_until_attacked(site.answer)
        for attack in ATTACKS.values():
            if attack.outcome == REFUSED:
                reason = reason_of(site.answer(attack.envelope()))
                found += [(attack.name, reason)] * (reason not in attack.reasons)

    assert not found, f"Rule 9: {found}."


def test_greedy_plans_get_what_is_left(tmp_path):
    """Epsilon and rounds are ceilings: the site commits to less, and in sum to less."""
    budget = PrivacyBudget(epsilon=2.0, delta=1e-3)
    site = make_site(tmp_path, policy=make_policy(budget=budget))
    replies = [
        HelloReply.from_envelope(
            site.answer(hello(make_plan(run_id=f"run-{number}", **GREEDY)))
        )
        for number in range(4)
    ]
    store = Store(tmp_path / "ledger.sqlite", read_only=True)
    report = verify(store, site.policy)
    store.close()

    epsilons = [reply.epsilon for reply in replies]
    assert max(epsilons) <= budget.epsilon, f"Rule 2: {epsilons} were promised."
    assert report.counted.epsilon <= budget.epsilon, (
        f"Rule 2: {report.counted.epsilon} is committed of {budget.epsilon}."
    )
    assert 0 < replies[0].rounds < GREEDY["rounds"]
    assert replies[-1].rounds == 0
    assert replies[-1].epsilon == 0


ATTACK = refused("any", lambda: b"", "unknown-run")
CALM = Snapshot(
    head=LedgerHead(entries=3, sha256="a" * 64),
    spent=1.0,
    counted=2.0,
    outside=frozenset({"x"}),
    strange=frozenset(),
)


def said(**fields):
    envelope = Envelope(kind=MessageKind.ROUND, fields=fields)
    return Answer(code=OK, content=envelope.to_bytes())


LEFT = Aftermath(
    answer=said(refusal="unknown-run"),
    lines=({"outcome": "refused", "reason": "unknown-run"},),
    before=CALM,
    after=CALM,
    is_serving=True,
    is_replayed=True,
)


@pytest.mark.parametrize(
    "changes",
    [
        {"answer": said(round_number=1)},
        {"answer": said(refusal="busy")},
        {"answer": Answer(code=grpc.StatusCode.UNKNOWN)},
        {"lines": ()},
        {"lines": LEFT.lines * 2},
        {"lines": ({"outcome": ANSWERED, "reason": None},)},
        {"lines": ({"outcome": "refused", "reason": "busy"},)},
        {
            "after": dataclasses.replace(
                CALM, head=LedgerHead(entries=4, sha256="b" * 64)
            )
        },
        {"after": dataclasses.replace(CALM, counted=2.5)},
        {"after": dataclasses.replace(CALM, spent=1.5)},
        {"after": dataclasses.replace(CALM, outside=frozenset({"x", "y"}))},
        {"after": dataclasses.replace(CALM, strange=frozenset({"y"}))},
        {"is_serving": False},
        {"is_replayed": False},
    ],
)
def test_whatever_an_attack_gets_is_seen(changes):
    """The watch objects to each of its points alone, and to nothing where all holds."""
    assert objections(ATTACK, LEFT) == []
    assert len(objections(ATTACK, dataclasses.replace(LEFT, **changes))) > 0
