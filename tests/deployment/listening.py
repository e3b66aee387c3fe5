"""Where a process and those below it can be reached."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tests.deployment.service import below

LISTENS = "0A"  # a state in /proc/net/tcp


def listening(pid: int) -> set[tuple[str, int]]:
    """Returns (address, port) of all that a process and those below it listen at."""
    inodes = set()
    for one in (pid, *below(pid)):
        with suppress(OSError):
            for entry in Path(f"/proc/{one}/fd").iterdir():
                with suppress(OSError):
                    inodes.add(str(entry.readlink()))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == LISTENS and f"socket:[{words[9]}]" in inodes:
                number, _, port = words[1].partition(":")
                found.add((_spoken(number), int(port, 16)))
    return found


def _spoken(number: str) -> str:
    """Returns an address of /proc/net/tcp as people write it."""
    if len(number) > 8:
        return f"IPv6 {number}"
    return ".".join(str(one) for one in bytes.fromhex(number)[::-1])
