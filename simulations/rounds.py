"""``metrics.jsonl``: what the server wrote after each round, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from common.errors import DataError
from simulations.summary import Epsilon


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedReply:
    """A reply that the server did not use.

    Attributes:
        site: public name of the site.
        reason: why, from a closed set.
    """

    site: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentSite:
    """A site that takes part in the run, and gave no answer.

    Attributes:
        site: its public name.
        reason: ``silent``, ``not-connected`` or ``busy``.
    """

    site: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundAccuracy:
    """The global student after the round; shares in [0, 1].

    Attributes:
        test_accuracy: on the test part; None where there is none.
        validation_accuracy: on the validation part; None where there is none.
    """

    test_accuracy: float | None
    validation_accuracy: float | None

    @property
    def measured(self) -> tuple[float, float]:
        """Both of them, of a run that had something to measure on.

        Raises:
            DataError: it had not.
        """
        if self.test_accuracy is None or self.validation_accuracy is None:
            raise DataError(
                "The run has measured no accuracy: it had no labelled examples."
            )
        return self.test_accuracy, self.validation_accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundPrivacy:
    """The largest spending of a site so far.

    Attributes:
        epsilon: of all rounds up to this one; infinite without privacy.
        delta: the delta at which it is read.
    """

    epsilon: Epsilon
    delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundBytes:
    """Serialised bytes of the round, all sites together.

    Attributes:
        up: of the replies.
        down: of the requests.
        soft_labels_up: of the accepted ones, which carry soft labels.
    """

    up: int
    down: int
    soft_labels_up: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundFigures:
    """One line of ``metrics.jsonl``.

    Attributes:
        round: counted from 1.
        cohort: sites that were asked.
        accepted: replies that were used.
        rejected: replies that were not.
        silent: sites that did not answer in time.
        rejections: who was rejected, and why.
        exhausted: sites that answered without private training, their budget spent.
        global_student: its accuracy after the round.
        privacy: what was spent up to and with this round.
        bytes: what went over the wire.
        seconds: wall-clock time of the round.
        absences: who was missed, and why.
        turned_away: who is connected and does not take part, and why.
    """

    round: int
    cohort: int
    accepted: int
    rejected: int
    silent: int
    rejections: tuple[RejectedReply, ...]
    exhausted: int
    global_student: RoundAccuracy
    privacy: RoundPrivacy
    bytes: RoundBytes
    seconds: float
    absences: tuple[AbsentSite, ...] = ()
    turned_away: tuple[RejectedReply, ...] = ()


def read_rounds(path: Path) -> tuple[RoundFigures, ...]:
    """Reads ``metrics.jsonl``.

    Raises:
        DataError: the file is missing, or a line is not what the server writes; names
            the line.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        fault = getattr(error, "strerror", None) or "not UTF-8 text"
        raise DataError(
            f"{path} cannot be read: {fault}. It is not a run folder, or the run did "
            "not get through its first round."
        ) from error
    return tuple(
        round_figures(line, source=f"{path}, line {number}")
        for number, line in enumerate(lines, start=1)
    )


def round_figures(line: str, *, source: str = "metrics.jsonl") -> RoundFigures:
    """Reads one line of ``metrics.jsonl``.

    Args:
        line: a JSON object.
        source: where it comes from, for the message.

    Raises:
        DataError: the line is not what the server writes; names the first wrong key.
    """
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole line"
        raise DataError(
            f"{source}: {key}: {first['msg'].rstrip('.')}. The round cannot be read."
        ) from error


_ADAPTER = TypeAdapter(RoundFigures)
