"""A round of a site: digest, reserve, revisit, label, release.

Two phases, spend then release. A reservation in the ledger is durable before the first
private batch; one transaction then makes new weights, reply bytes and settlement
visible together. Until that commit nothing has been released, so a retry starts again
from the named weights under the same reservation; after it the outbox replays.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from client.admission import check_committed
from client.parts import SiteParts
from client.refusal import RequestRefusedError
from client.requests import RoundTask, check_round, request_sha256
from client.storage.store import StudentRow
from client.training.students import Student, new_student
from common.codec import CODECS, encode
from common.envelope import Envelope, MessageKind
from common.errors import InvalidReplyError, LedgerCorruptedError
from common.failpoints import failpoint
from common.messages import (
    RefusalReason,
    RoundReply,
    RoundRequest,
)
from common.privacy.ledger_rows import CommittedPlan
from common.run_plan import RunPlan
from common.weights import sha256


def answer_round(parts: SiteParts, envelope: Envelope) -> Envelope:
    """Returns the reply to a round or finish request, from the outbox if it is there.

    Raises:
        RequestRefusedError: an unknown run, a malformed or changed request, a reply
            that is gone, a round after the finish, or one label too many.
        LedgerRolledBackError: the server saw a longer ledger than the one here.
    """
    try:
        request = RoundRequest.from_envelope(envelope)
    except InvalidReplyError as error:
        raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST) from error
    parts.ledger.require_entries(request.ledger_entries)
    name = request_sha256(envelope)
    row, committed = parts.committed(request.run_id)
    if not 1 <= request.round_number <= row.plan.rounds:  # too large for SQLite even
        raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST)
    stored = parts.outbox.find(
        request.run_id, envelope.kind, request.round_number, name
    )
    if stored is not None:
        return Envelope.from_bytes(stored)
    task = check_round(request, row.plan)
    if committed.is_closed:
        raise RequestRefusedError(RefusalReason.PLAN_NOT_ALLOWED)
    if not request.is_finish:
        if request.round_number <= row.last_round:
            raise RequestRefusedError(RefusalReason.REPLY_PURGED)
        check_committed(row.plan, committed.commitment, parts.policy)
        _check_queries(parts, row.plan, request)
    return _Round(parts, task, row, committed, name).work()


def _check_queries(parts: SiteParts, plan: RunPlan, request: RoundRequest) -> None:
    """Refuses what would label an example more often than the policy allows."""
    most = parts.policy.most_queries
    if most is None:
        return
    counts = parts.query_count.counts(plan.transfer_set_id, num_rows=plan.transfer_size)
    if (counts[request.indices] >= most).any():
        raise RequestRefusedError(RefusalReason.QUERY_LIMIT)


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """One attempt at one round."""

    parts: SiteParts
    task: RoundTask
    row: StudentRow
    committed: CommittedPlan
    request_sha256: str

    @property
    def request(self) -> RoundRequest:
        return self.task.request

    @property
    def plan(self) -> RunPlan:
        return self.row.plan

    def work(self) -> Envelope:
        student = new_student(self.parts, self.plan)
        student.load(self.row.weights)
        self._digest(student)
        failpoint("site.after-digest")
        is_exhausted = self._is_exhausted()
        if not is_exhausted and not self.request.is_finish:
            self._reserve()
            self._revisit(student)
            failpoint("site.after-revisit")
        reply = RoundReply(
            run_id=self.plan.run_id,
            round_number=self.request.round_number,
            transfer_set_id=self.plan.transfer_set_id,
            soft_labels=encode(
                student.label(self.request.indices), CODECS[self.plan.codec]
            ),
            budget_exhausted=is_exhausted,
            ledger_entries=self._ledger_entries(),
            is_finish=self.request.is_finish,
        ).to_envelope()
        self._release(student.to_bytes(), reply.to_bytes())
        return reply

    def _digest(self, student: Student) -> None:
        if self.task.consensus is not None:
            student.digest(self.task.consensus, round_number=self.request.round_number)

    def _is_exhausted(self) -> bool:
        """Whether the committed private rounds are used up: plan and ledger decide."""
        affordable = self.committed.commitment.rounds
        if affordable >= self.plan.rounds:
            return False
        run_id, round_number = self.plan.run_id, self.request.round_number
        if self.parts.ledger.reservation(run_id, round_number) is not None:
            return False
        return len(self.parts.ledger.events(run_id)) >= affordable

    def _reserve(self) -> None:
        """Charges the ledger before the first private row is read."""
        event = self.committed.event
        if event is None:
            raise LedgerCorruptedError(
                f"The plan of run {self.plan.run_id!r} has no private rounds. Nothing "
                "was trained or released."
            )
        reservation = self.parts.ledger.reserve(
            self.plan.run_id,
            self.request.round_number,
            event,
            self.row.weights_sha256,
        )
        if reservation.weights_sha256 != self.row.weights_sha256:
            raise LedgerCorruptedError(
                f"Round {self.request.round_number} was reserved for other weights "
                "than the stored ones. Nothing was trained or released."
            )
        failpoint("site.after-reserve")

    def _revisit(self, student: Student) -> None:
        parts, plan = self.parts, self.plan
        stream = parts.randomness.stream(plan.run_id, self.request.round_number)
        student.revisit(
            stream,
            round_number=self.request.round_number,
            noise_multiplier=self.committed.commitment.noise_multiplier,
        )

    def _ledger_entries(self) -> int:
        """The number of ledger entries once this is released: one of them is to come.

        A finish closes the plan, and a round settles what it reserved.
        """
        ledger = self.parts.ledger
        round_number = self.request.round_number
        reservation = ledger.reservation(self.plan.run_id, round_number)
        is_one_to_come = self.request.is_finish or reservation is not None
        return ledger.entry_count() + is_one_to_come

    def _release(self, weights: bytes, reply: bytes) -> None:
        """Makes weights, reply and settlement durable, all or none."""
        run_id, round_number = self.plan.run_id, self.request.round_number
        parts = self.parts
        failpoint("site.before-commit")
        with parts.store.transaction():
            parts.store.advance(
                parts.policy.dataset_id,
                self.row,
                last_round=max(round_number, self.row.last_round),
                weights=weights,
            )
            parts.outbox.put(
                run_id,
                _kind(self.request),
                round_number,
                request_sha256=self.request_sha256,
                reply=reply,
            )
            parts.query_count.add(
                self.plan.transfer_set_id,
                self.request.indices,
                num_rows=self.plan.transfer_size,
            )
            failpoint("site.mid-commit")
            if self.request.is_finish:
                parts.ledger.close_plan(run_id)
            elif parts.ledger.reservation(run_id, round_number) is not None:
                parts.ledger.settle(
                    run_id,
                    round_number,
                    weights_sha256=sha256(weights),
                    reply_sha256=hashlib.sha256(reply).hexdigest(),
                )
        failpoint("site.after-commit")


def _kind(request: RoundRequest) -> MessageKind:
    return MessageKind.FINISH if request.is_finish else MessageKind.ROUND
