"""What a run knows between rounds, and what one round came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from common import checks
from common.privacy.budget import PrivacySpent
from common.soft_labels import SoftLabels
from server.absence import Absence, AbsenceReason
from server.cohort import Cohort
from server.privacy_forecast import Promise
from server.replies import Rejection
from server.traffic import Traffic


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoundState:
    """Everything that the next round depends on; a checkpoint holds just this.

    It is saved after each round, and in a round before a site is asked: who was asked
    may have trained, even if the server dies and they are away when it is back.

    Attributes:
        run_id: our own run id.
        round_number: the last finished round; 0 before the first.
        student: the global student's weights, safetensors bytes.
        consensus: of the last finished round; None before the first.
        lines: one line of metrics a finished round, without line ends.
        promises: by site name, of every site that was ever asked.
        ledger_entries: by site name, the most that the site ever said its ledger has.
        traffic: all bytes of the run up to here.
        is_finished: whether the last consensus was sent out to the sites.
    """

    run_id: str
    round_number: int
    student: bytes
    consensus: SoftLabels | None
    lines: tuple[str, ...] = ()
    promises: Mapping[str, Promise] = field(default_factory=dict)
    ledger_entries: Mapping[str, int] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    is_finished: bool = False

    def __post_init__(self) -> None:
        checks.non_empty(run_id=self.run_id)
        checks.non_negative(round_number=self.round_number)
        if len(self.lines) != self.round_number:
            raise ValueError(
                f"Expected {self.round_number} lines of metrics, one a finished round, "
                f"got {len(self.lines)}."
            )
        if (self.consensus is None) != (self.round_number == 0):
            raise ValueError("Expected a consensus after the first round, not before.")
        checks.non_negative(**self.ledger_entries)
        for name in ("promises", "ledger_entries"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoundResult:
    """What one round came to; all of it may be shown.

    Attributes:
        cohort: the sites asked.
        accepted: names of the sites whose soft labels went into the consensus.
        rejections: answers that were dropped.
        silent: names of the sites that did not answer in time.
        unasked: sites that take part and could not be asked.
        turned_away: of connected nodes that do not take part, why not.
        exhausted: names of the accepted sites that are past their private rounds.
        test_accuracy: the global student's, in [0, 1]; None for not measured.
        validation_accuracy: the global student's, in [0, 1]; None for not measured.
        privacy: the most that any one site has spent in this run so far.
        traffic: bytes of this round.
        seconds: how long the round took.
    """

    cohort: Cohort
    accepted: tuple[str, ...]
    rejections: tuple[Rejection, ...]
    silent: tuple[str, ...]
    exhausted: tuple[str, ...]
    test_accuracy: float | None
    validation_accuracy: float | None
    privacy: PrivacySpent
    traffic: Traffic
    seconds: float
    unasked: tuple[Absence, ...] = ()
    turned_away: tuple[Rejection, ...] = ()

    def __post_init__(self) -> None:
        measured = {
            "test_accuracy": self.test_accuracy,
            "validation_accuracy": self.validation_accuracy,
        }
        for name, accuracy in measured.items():
            if accuracy is not None:
                checks.in_range(0, 1, **{name: accuracy})
        checks.non_negative(seconds=self.seconds)
        rejected = tuple(rejection.site_name for rejection in self.rejections)
        parts = sorted(self.accepted + rejected + self.silent)
        if tuple(parts) != self.cohort.site_names:
            raise ValueError(
                "Expected every site of the cohort to be accepted, rejected or silent, "
                f"and no other: {parts} against {list(self.cohort.site_names)}."
            )
        if not set(self.exhausted) <= set(self.accepted):
            raise ValueError("Expected exhausted sites among the accepted ones.")

    @property
    def absences(self) -> tuple[Absence, ...]:
        """Everybody who was missed: those who stayed silent, and the unasked."""
        silent = (
            Absence(site_name=name, reason=AbsenceReason.SILENT) for name in self.silent
        )
        return tuple(sorted((*silent, *self.unasked), key=lambda one: one.site_name))

    @property
    def round_number(self) -> int:
        """The round, counted from 1."""
        return self.cohort.round_number
