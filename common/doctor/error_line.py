"""An error as the one line that a finding has."""

from __future__ import annotations

from common.errors import FedstillError


def one_line(error: FedstillError) -> str:
    """Returns what an error says, without its line breaks."""
    return " ".join(str(error).split())
