"""What must hold after every attack; ``objections`` is empty where all of it does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.owner.ledger_report import verify
from client.storage.store import Store
from common.privacy.ledger_entries import LedgerHead
from tests.client.support import POLICY
from tests.hostile.attack import REFUSED, Attack
from tests.hostile.relay import Answer

_STATE_FILE = re.compile(
    r"ledger\.sqlite(-journal|\.lock)?|transfer-sets(/[0-9a-f]{64}\.(safetensors|spool))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A site's ledger and files.

    Attributes:
        head: number of entries, and the hash of all of them.
        spent: epsilon of all charges.
        counted: the same with open runs counted whole.
        outside: paths in the sandbox that are not the site's state.
        strange: paths in the state that no site makes.
    """

    head: LedgerHead
    spent: float
    counted: float
    outside: frozenset[str]
    strange: frozenset[str]

    @classmethod
    def of(cls, sandbox: Path, state: Path) -> Snapshot:
        """Returns how things are; the custodian may be at work."""
        store = Store(state / "ledger.sqlite", read_only=True)
        try:
            report = verify(store, POLICY)
        finally:
            store.close()
        inside = {
            str(path.relative_to(state)): path
            for path in state.rglob("*")  # a journal comes and goes meanwhile
        }
        everything = {path for path in sandbox.rglob("*") if state not in path.parents}
        return cls(
            head=report.head,
            spent=report.spent.epsilon,
            counted=report.counted.epsilon,
            outside=frozenset(map(str, everything)),
            strange=frozenset(n for n in inside if not _STATE_FILE.fullmatch(n)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What an attack left.

    Attributes:
        answer: to the attacker.
        lines: of the request log that the attack made.
        before: it began.
        after: it ended.
        is_serving: whether the custodian says that it is healthy.
        is_replayed: whether an honest request gets the bytes that it got before.
    """

    answer: Answer
    lines: tuple[dict[str, Any], ...]
    before: Snapshot
    after: Snapshot
    is_serving: bool
    is_replayed: bool


def objections(attack: Attack, left: Aftermath) -> list[str]:
    """Returns what should not be, in words."""
    return [
        *_about_the_answer(attack, left.answer),
        *_about_the_log(attack, left.lines),
        *_about_the_site(left),
    ]


def _about_the_answer(attack: Attack, answer: Answer) -> Iterable[str]:
    if answer.code not in attack.codes:
        yield f"the status is {answer.code.name}"
    if attack.outcome == REFUSED and answer.refusal not in attack.reasons:
        yield f"the reply's reason is {answer.refusal}"
    if attack.outcome != REFUSED and answer.content:
        yield "there is a reply"


def _about_the_log(attack: Attack, lines: tuple[dict[str, Any], ...]) -> Iterable[str]:
    if len(lines) != 1:
        yield f"{len(lines)} lines in the log"
    for line in lines:
        if line["outcome"] != attack.outcome or line["reason"] not in attack.reasons:
            yield f"it is logged as {line['outcome']}, {line['reason']}"


def _about_the_site(left: Aftermath) -> Iterable[str]:
    before, after = left.before, left.after
    if after.head != before.head:
        yield f"the ledger went from {before.head} to {after.head}"
    if (after.spent, after.counted) != (before.spent, before.counted):
        yield f"epsilon went from {before.spent} to {after.spent}"
    if after.outside != before.outside:
        yield f"files appeared or went: {after.outside ^ before.outside}"
    if after.strange:
        yield f"strange files in the state: {set(after.strange)}"
    if not left.is_serving:
        yield "the custodian is not healthy"
    if not left.is_replayed:
        yield "an honest request gets other bytes than before"
