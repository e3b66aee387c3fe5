"""What another user of the operating system can do to a site, tried in its own process.

``python -m tests.other_user --user N --group N ... WHAT`` imports what it needs, gives
up being root for good, tries what WHAT asks in JSON, and prints what came of each as
JSON. Nothing is executed after the change: the user needs no rights to this project.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DONE = "done"


def tries_of(
    tries: Mapping[str, tuple[str, ...]], *, user: int, groups: tuple[int, ...] = ()
) -> dict[str, str]:
    """Returns what came of each try: :data:`DONE`, an answer, or an error's name.

    Args:
        tries: by a name, a function of :data:`ACTIONS` and its arguments.
        user: number of a user, who needs no entry in the user database.
        groups: numbers; the first is the primary group, none is the user's own.
    """
    first, *others = groups or (user,)
    finished = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.other_user",
            f"--user={user}",
            *(f"--group={one}" for one in (first, *others)),
            json.dumps(tries),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    found: dict[str, str] = json.loads(finished.stdout)
    return found


def _read(path: str) -> str:
    Path(path).read_bytes()
    return DONE


def _list(path: str) -> str:
    list(Path(path).iterdir())
    return DONE


def _write(path: str) -> str:
    with Path(path).open("ab"):
        return DONE


def _create(path: str) -> str:
    with Path(path).open("xb"):
        return DONE


def _remove(path: str) -> str:
    Path(path).unlink()
    return DONE


def _move(source: str, target: str) -> str:
    Path(source).rename(target)
    return DONE


def _bind(path: str) -> str:
    """Takes a socket's place, as a door of one's own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(path)
    return DONE


def _change_mode(path: str) -> str:
    Path(path).chmod(0o777)
    return DONE


def _connect(path: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.connect(path)
    return DONE


def _signal(process: str) -> str:
    os.kill(int(process), 0)
    return DONE


def _ask(custodian: str) -> str:
    """Asks as the relay does, and returns why the site refuses."""
    request = Envelope(kind=MessageKind.ROUND, fields={"run_id": "unknown"})
    site = connect({"custodian": custodian}, {}, deadline_seconds=60)
    return str(site.answer(request).fields["refusal"])


ACTIONS: dict[str, Callable[..., str]] = {
    "read": _read,
    "list": _list,
    "write": _write,
    "create": _create,
    "remove": _remove,
    "move": _move,
    "bind": _bind,
    "change mode": _change_mode,
    "connect": _connect,
    "signal": _signal,
    "ask": _ask,
}


def _tried(action: str, *arguments: str) -> str:
    try:
        return ACTIONS[action](*arguments)
    except OSError as error:
        return type(error).__name__


def main() -> None:
    """Becomes the user and tries."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", type=int, required=True)
    parser.add_argument("--group", type=int, action="append", required=True)
    parser.add_argument("tries", type=json.loads)
    arguments = parser.parse_args()
    os.setgroups(arguments.group)
    os.setresgid(*3 * [arguments.group[0]])
    os.setresuid(*3 * [arguments.user])
    found = {name: _tried(*one) for name, one in arguments.tries.items()}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    # Imported while it is root, who can read them.
    import client.app
    import client.custodian.connection  # noqa: F401
    from client.connection import connect
    from common.envelope import Envelope, MessageKind

    main()
