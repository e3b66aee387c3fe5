"""The rounds of a run that somebody else writes: each of them once, in order."""

from __future__ import annotations

import json
from pathlib import Path


class FinishedRounds:
    """Reads ``metrics.jsonl`` while a ServerApp writes it.

    A resumed run writes the file anew, so a round is known by its number, not by its
    place. Rounds that are there at the beginning are not told again.

    Args:
        path: the file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self.last = 0
        self.new_lines()

    def new_lines(self) -> list[str]:
        """Returns the lines of rounds that have finished since the last call.

        Raises:
            OSError: the file is there and cannot be read.
        """
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return []
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp == self._stamp:
            return []
        text = self._path.read_text("utf-8", errors="replace")
        self._stamp = stamp
        # A line without its end is being written.
        lines = [one for one in text.splitlines(keepends=True) if one.endswith("\n")]
        return [line.rstrip("\n") for line in lines if self._is_new(line)]

    def _is_new(self, line: str) -> bool:
        number = _round_number(line)
        if number <= self.last:
            return False
        self.last = number
        return True


def _round_number(line: str) -> int:
    try:
        number = json.loads(line)["round"]
    except (ValueError, TypeError, KeyError):
        return 0
    return number if isinstance(number, int) else 0
