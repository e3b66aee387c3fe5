"""A round of a site: digest, reserve, revisit, label, release.

Two phases, spend then release. A reservation in the ledger is durable before the first
private batch; one transaction then makes new weights, reply bytes and settlement
visible together. Until that commit nothing has been released, so a retry starts again
from the named weights under the same reservation; after it the outbox replays.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from safetensors import SafetensorError

from client.parts import SiteParts
from client.refusal import RequestRefusedError
from client.requests import RoundTask, check_round
from client.store import StudentRow
from client.students import Student, new_student
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
            that is gone, or a round after the finish.
    """
    try:
        request = RoundRequest.from_envelope(envelope)
    except InvalidReplyError as error:
        raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST) from error
    request_sha256 = _sha256(envelope)
    row, committed = parts.committed(request.run_id)
    stored = parts.outbox.find(
        request.run_id, envelope.kind, request.round_number, request_sha256
    )
    if stored is not None:
        return Envelope.from_bytes(stored)
    task = check_round(request, row.plan)
    if committed.is_closed:
        raise RequestRefusedError(RefusalReason.PLAN_NOT_ALLOWED)
    if not request.is_finish and request.round_number <= row.last_round:
        raise RequestRefusedError(RefusalReason.REPLY_PURGED)
    return _Round(parts, task, row, committed, request_sha256).work()


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
        is_exhausted = self._is_exhausted()
        if not is_exhausted and not self.request.is_finish:
            self._reserve()
            self._revisit(student)
        reply = RoundReply(
            run_id=self.plan.run_id,
            round_number=self.request.round_number,
            transfer_set_id=self.plan.transfer_set_id,
            soft_labels=encode(
                student.label(self.request.indices), CODECS[self.plan.codec]
            ),
            budget_exhausted=is_exhausted,
            ledger_entries=self.parts.ledger.entry_count(),
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


def _sha256(envelope: Envelope) -> str:
    try:
        return envelope.sha256
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        # An array of text, for example, has no canonical bytes.
        raise RequestRefusedError(RefusalReason.MALFORMED_REQUEST) from error


def _kind(request: RoundRequest) -> MessageKind:
    return MessageKind.FINISH if request.is_finish else MessageKind.ROUND
