"""Who takes part in a run and was missed in a round, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AbsenceReason(StrEnum):
    """Why there is no answer of a site."""

    SILENT = "silent"  # asked, and no answer in time
    NOT_CONNECTED = "not-connected"  # not asked: its node is away
    BUSY = "busy"  # not asked: it works on an earlier message


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A site that was missed in a round.

    Attributes:
        site_name: public.
        reason: why.
    """

    site_name: str
    reason: AbsenceReason
