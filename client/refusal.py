"""How a site says no inside: an exception that carries one of the closed reasons."""

from __future__ import annotations

from common.errors import FedstillError
from common.messages import RefusalReason


class RequestRefusedError(FedstillError):
    """A request that the site does not carry out; ends as a refusal message.

    Attributes:
        reason: the only thing that leaves the site.
    """

    def __init__(self, reason: RefusalReason) -> None:
        self.reason = reason
        super().__init__(f"The request is refused: {reason.value}.")
