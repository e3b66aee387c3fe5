"""Why Flower's SuperNode ended, in plain words; Flower's own codes come in its output.

Flower exits with 1 for every fault and prints the real code. Its 305 stands for several
faults, told apart by a second number or not at all.
"""

from __future__ import annotations

import re

from common.deployment.bundle import SiteBundle

RETRY_SECONDS = 15  # RestartSec of the node's unit

_CODE = re.compile(r"Exit Code: (\d+)")
_INNER = re.compile(r"\[code: (\d+)\]")
# Python's ssl: "[SSL: KIND] certificate verify failed: FAULT (_ssl.c:1006)".
_DISTRUST = re.compile(r"\[SSL: .*certificate verify failed: (.+?)\.? \(_ssl\.c:\d+\)")
_PLAINTEXT = "[SSL: WRONG_VERSION_NUMBER]"
_KEPT_LINES = 40
_CONNECTION = "305"
_KEY = "302"
_VERSION = "606"
_NOT_LET_IN = "2004"
_NO_KEY = "2001"
_FLEET_LIMIT = 300


class ExitWords:
    """Reads along with a SuperNode's output.

    Args:
        bundle: of the node, for names in the message.
    """

    def __init__(self, bundle: SiteBundle) -> None:
        self._bundle = bundle
        self._lines: list[str] = []

    def hear(self, line: str) -> None:
        """Takes note of a line of the output."""
        self._lines.append(line[:_FLEET_LIMIT])
        del self._lines[:-_KEPT_LINES]

    def why(self, returncode: int) -> str:
        """Returns one line on why it ended.

        Args:
            returncode: of the process.
        """
        text = "\n".join(self._lines)
        code = _last(_CODE, text)
        if code == _CONNECTION:
            return f"{self._why_not_let_in(text)} {_retry()}"
        if code == _KEY:
            return (
                "Flower cannot read node.key: fedstill site join --new-key makes one."
            )
        if code == _VERSION:
            return (
                f"Flower here is of another version than the SuperLink at "
                f"{self._bundle.address}: install {self._bundle.flower}. {_retry()}"
            )
        how = f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
        flower = f", Flower's exit code {code}" if code else ""
        return f"The SuperNode ended with {how}{flower}. {_retry()}"

    def _why_not_let_in(self, text: str) -> str:
        inner = _last(_INNER, text)
        address = self._bundle.address
        if inner == _NOT_LET_IN:
            return (
                f"The SuperLink does not let the node of {self._bundle.site_name} in: "
                "it is still counted as online after a crash (60 seconds at most), or "
                "its key was not admitted, or was revoked: compare `fedstill deploy "
                "status` on the coordinator's side."
            )
        if inner == _NO_KEY:
            return "The SuperLink does not know the node's key."
        if fault := _distrust(text):
            return (
                f"What answers at {address} does not prove to be the coordinator's "
                f"SuperLink, and nothing was sent to it: {fault}."
            )
        return f"The SuperLink at {address} was not reached: fedstill doctor says why."


def _last(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.findall(text)
    return found[-1] if found else ""


def _distrust(text: str) -> str:
    """Returns what is wrong with whoever answers; nothing where that is not known."""
    if _PLAINTEXT in text:
        return "it speaks no TLS"
    fault = _last(_DISTRUST, text)
    return f"certificate verify failed: {fault}" if fault else ""


def _retry() -> str:
    return f"The unit tries again in {RETRY_SECONDS} seconds."
