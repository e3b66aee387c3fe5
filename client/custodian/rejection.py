"""Why a request never reached the site: closed, like the reasons of a refusal."""

from __future__ import annotations

from enum import Enum

import grpc

_MALFORMED = grpc.StatusCode.INVALID_ARGUMENT


class Rejection(Enum):
    """A reason, and the gRPC status that it leaves as.

    No envelope can carry it: its kind is not known, or nobody is there to read it.
    """

    UNKNOWN_METHOD = ("unknown-method", grpc.StatusCode.UNIMPLEMENTED)
    TOO_MANY = ("too-many-requests", grpc.StatusCode.RESOURCE_EXHAUSTED)
    DEADLINE = ("no-deadline", _MALFORMED)
    VERSION = ("version-mismatch", grpc.StatusCode.FAILED_PRECONDITION)
    MALFORMED_PART = ("malformed-part", _MALFORMED)
    PART_TOO_LARGE = ("part-too-large", _MALFORMED)
    TOO_LARGE = ("request-too-large", _MALFORMED)
    EMPTY = ("empty-request", _MALFORMED)
    NOT_AN_ENVELOPE = ("not-an-envelope", _MALFORMED)
    TOO_SLOW = ("not-received-in-time", grpc.StatusCode.CANCELLED)
    CUT_OFF = ("cut-off", grpc.StatusCode.CANCELLED)
    INTERNAL_ERROR = ("internal-error", grpc.StatusCode.INTERNAL)

    @property
    def reason(self) -> str:
        """The word that is logged, and sent unless there are better words."""
        return self.value[0]

    @property
    def code(self) -> grpc.StatusCode:
        """The status that the client sees."""
        return self.value[1]


class RejectedError(Exception):
    """A request that is rejected; ends as a gRPC status.

    Attributes:
        rejection: why.
        words: what the client reads; nothing of it is private.
    """

    def __init__(self, rejection: Rejection, words: str = "") -> None:
        self.rejection = rejection
        self.words = words or rejection.reason
        super().__init__(self.words)
