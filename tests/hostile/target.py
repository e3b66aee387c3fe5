"""A custodian in a process of its own that is attacked and watched."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.owner.open_site import open_site
from client.owner.policy_file import load_policy_file
from client.site import Site
from common.envelope import Envelope
from simulations.seeded_randomness import SeededRandomness
from tests.client.support import POLICY, round_request
from tests.custodians import Custodian, running_custodian, socket_of
from tests.hostile.attack import OK, Attack, parts_of
from tests.hostile.relay import Answer, ask, is_serving, send
from tests.hostile.site import (
    FIRST,
    SEED,
    play_to_the_end,
    play_until_attacked,
    write_policy,
)
from tests.hostile.watch import Aftermath, Snapshot

_PATIENCE_SECONDS = 20.0  # until a line is in the log
# Deep enough that a traversing name stays where it is seen.
_DEPTH = ("a", "b", "site")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The custodian.

    Attributes:
        sandbox: folder that the site's folder is in; nothing else is.
        custodian: its process.
        replies: to the honest requests until now.
    """

    sandbox: Path
    custodian: Custodian
    replies: tuple[bytes, ...]

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return socket_of(self.custodian.folder)

    def ask(self, request: Envelope) -> Envelope:
        """Returns the reply to an honest request."""
        return ask(self.socket, request)

    def snapshot(self) -> Snapshot:
        """Returns how its ledger and files are."""
        return Snapshot.of(self.sandbox, self.custodian.folder / "state")

    def suffer(self, attack: Attack) -> Aftermath:
        """Sends an attack, then asks an honest question; returns what was left."""
        before, seen = self.snapshot(), len(self.custodian.requests())
        answer = send(self.socket, attack.parts(), **attack.options)
        again = send(self.socket, parts_of(round_request(**FIRST)))
        return Aftermath(
            answer=answer,
            lines=self._lines_after(seen, again),
            before=before,
            after=self.snapshot(),
            is_serving=is_serving(self.socket),
            is_replayed=again == Answer(code=OK, content=self.replies[-1]),
        )

    def _lines_after(self, seen: int, honest: Answer) -> tuple[dict[str, Any], ...]:
        """Returns the lines since, without the honest question's."""
        lines = self.lines_from(seen, at_least=2)
        size = len(honest.content)
        mine = [one for one in lines if one["bytes_out"] == size and size]
        return tuple(one for one in lines if one not in mine[-1:])

    def lines_from(self, seen: int, *, at_least: int) -> list[dict[str, Any]]:
        """Returns the log's lines after the first ``seen`` ones, once they are there.

        What a client broke off is noted when the custodian notices.
        """
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while len(self.custodian.requests()) < seen + at_least:
            if time.monotonic() > ends_at:
                break
            time.sleep(0.01)
        return self.custodian.requests()[seen:]


@contextmanager
def attacked_custodian() -> Iterator[Target]:
    """Yields a custodian that has played honest runs and is in the middle of one."""
    # Not pytest's own folder, whose long names no socket can have.
    sandbox = Path(tempfile.mkdtemp(prefix="fedstill-"))
    try:
        folder = sandbox.joinpath(*_DEPTH)
        folder.mkdir(parents=True)
        with running_custodian(write_policy(folder), seed=SEED) as custodian:
            replies = play_until_attacked(lambda one: ask(socket_of(folder), one))
            yield Target(sandbox=sandbox, custodian=custodian, replies=tuple(replies))
    finally:
        shutil.rmtree(sandbox, ignore_errors=True)


@contextmanager
def quiet_site(folder: Path) -> Iterator[Site]:
    """Yields the same site in this process, with nobody between."""
    policy = load_policy_file(write_policy(folder))
    randomness = SeededRandomness(run_seed=SEED, site_name=POLICY.site_name)
    with open_site(policy, randomness=randomness) as site:
        yield site


def undisturbed_replies(folder: Path) -> list[bytes]:
    """Returns what the same site answers if nobody attacks it."""
    with quiet_site(folder) as site:
        return [*play_until_attacked(site.answer), *play_to_the_end(site.answer)]
