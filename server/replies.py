"""What came back from a site: a reply that can be believed, or why it was dropped."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from common import checks
from common.envelope import Envelope
from common.errors import InvalidReplyError
from common.messages import RefusalReason
from common.soft_labels import SoftLabels

MOST_LETTERS = 200


class RejectionReason(Enum):
    """Why an answer was dropped: closed, and never text from the wire."""

    # Flower delivered an error instead of an answer.
    UNKNOWN_ERROR = "unknown-error"
    APP_NOT_LOADED = "app-not-loaded"
    APP_FAILED = "app-failed"
    APP_STOPPED = "app-stopped"
    SITE_UNAVAILABLE = "site-unavailable"
    # The site said no.
    REFUSED = "refused"
    # The answer breaks the schema.
    TOO_LARGE = "too-large"
    MALFORMED = "malformed"
    WRONG_KIND = "wrong-kind"
    WRONG_RUN = "wrong-run"
    WRONG_ROUND = "wrong-round"
    WRONG_TRANSFER_SET = "wrong-transfer-set"
    WRONG_TYPE = "wrong-type"
    WRONG_SHAPE = "wrong-shape"
    NOT_FINITE = "not-finite"
    OFF_SIMPLEX = "off-simplex"
    OUT_OF_RANGE = "out-of-range"
    # The answer to a hello names a site that cannot take part.
    INVALID_SITE_NAME = "invalid-site-name"
    DUPLICATE_SITE_NAME = "duplicate-site-name"
    WRONG_NUM_CLASSES = "wrong-num-classes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An answer that is no message of ours.

    Attributes:
        reason: why.
        problem: what is wrong, as the rest of a sentence on the answer, in our words:
            ``"is an error of code 2 (its app raised an exception)"``.
    """

    reason: RejectionReason
    problem: str


Answer = Envelope | Fault


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reply:
    """A round's reply that passed every check.

    Attributes:
        site_name: who sent it.
        round_number: counted from 1.
        soft_labels: on the examples that were asked for.
        budget_exhausted: whether the site is past its committed private rounds.
        ledger_entries: number of entries in the site's ledger.
    """

    site_name: str
    round_number: int
    soft_labels: SoftLabels
    budget_exhausted: bool
    ledger_entries: int

    def __post_init__(self) -> None:
        checks.non_empty(site_name=self.site_name)
        checks.positive(round_number=self.round_number)
        checks.non_negative(ledger_entries=self.ledger_entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An answer that was dropped; the round goes on without it.

    Attributes:
        site_name: whose answer, or how to speak of a node that gave no usable name.
        reason: why.
        detail: one line for a person, ending with the consequence.
        refusal: the site's own reason where it refused, else None.
    """

    site_name: str
    reason: RejectionReason
    detail: str
    refusal: RefusalReason | None = None

    def __post_init__(self) -> None:
        checks.non_empty(site_name=self.site_name, detail=self.detail)
        if (self.refusal is not None) != (self.reason is RejectionReason.REFUSED):
            raise ValueError(
                "Expected a refusal where the reason is refused, and only there."
            )

    @property
    def label(self) -> str:
        """The reason in a word or two, such as ``"refused: plan-not-allowed"``."""
        if self.refusal is None:
            return self.reason.value
        return f"{self.reason.value}: {self.refusal.value}"


def as_problem(error: InvalidReplyError) -> str:
    """Returns what an error says on a message, as the rest of a sentence."""
    text = "".join(letter for letter in str(error) if letter.isprintable())
    for subject in ("The message ", "The payload "):
        if text.startswith(subject):
            return _short(text.removeprefix(subject).removesuffix("."))
    return f"is malformed: {_short(text.removesuffix('.'))}"


def _short(text: str) -> str:
    """Names of arrays and fields come from the wire and can be of any length."""
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}..."
