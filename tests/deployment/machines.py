"""Machines on one machine: a network namespace each, with users of their own.

The coordinator's namespace and those of the sites share one bridge and nothing else.
What would leave for anywhere else goes out by an interface with nobody at its end,
whose packets are counted. Without root there is one machine, one user, and loopback.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NET = "10.77.0"
FIRST_USER = 61_000


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine.

    Attributes:
        address: where the others reach it.
        namespace: its network namespace; empty for this process's own.
    """

    address: str
    namespace: str = ""

    def words(self) -> list[str]:
        """Returns what to put before a command to run it there."""
        inside = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        return inside + (reaching_python() if has_users() else [])

    def unplug(self) -> None:
        """Pulls the network cable."""
        _ip(self.namespace, "link", "set", "net0", "down")

    def plug(self) -> None:
        """Puts it back."""
        _ip(self.namespace, "link", "set", "net0", "up")

    def plug_if_there(self) -> None:
        """Puts the cable back, where there is one."""
        if self.namespace:
            self.plug()

    def packets_out(self) -> int:
        """Returns how many packets were meant for the world outside."""
        shown = _ip(self.namespace, "-j", "-s", "link", "show", "out0")
        return int(json.loads(shown)[0]["stats64"]["tx"]["packets"])


def has_users() -> bool:
    """Whether processes can run as other users here."""
    return os.geteuid() == 0


def has_networks() -> bool:
    """Whether network namespaces can be made here."""
    if not (has_users() and shutil.which("ip")):
        return False
    name = f"fedstill-{os.getpid()}"
    tried = subprocess.run(
        f"ip netns add {name} && "
        f"ip -n {name} link add one0 type veth peer name two0 && "
        f"ip -n {name} link add net0 type bridge; "
        f"code=$?; ip netns del {name}; exit $code",
        shell=True,
        check=False,
        capture_output=True,
    )
    return tried.returncode == 0


@contextmanager
def small_disk(folder: Path, *, size: int, user: int) -> Iterator[None]:
    """Puts a disk of so many bytes at a folder, where that can be done.

    Processes that are started afterwards see it.
    """
    if not has_users():
        yield
        return
    options = f"size={size},uid={user},gid={user},mode=0700"
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    subprocess.run(words, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def machines(count: int) -> Iterator[list[Machine]]:
    """Yields the coordinator's machine and ``count`` others."""
    if not has_networks():
        yield [Machine(address="127.0.0.1")] * (count + 1)
        return
    with ExitStack() as stack:
        names = [f"fs{os.getpid()}-{number}" for number in range(count + 1)]
        made = []
        for number, name in enumerate(names):
            _ip("", "netns", "add", name)
            stack.callback(_ip, "", "netns", "del", name)
            made.append(Machine(address=f"{NET}.{number + 1}", namespace=name))
            _ip(name, "link", "set", "lo", "up")
            _add_way_out(name)
        hub = names[0]
        _ip(hub, "link", "add", "net0", "type", "bridge")
        _up(hub, f"{NET}.1")
        for number, name in enumerate(names[1:], start=1):
            port = f"port{number}"
            _ip(hub, *f"link add {port} type veth peer name net0 netns {name}".split())
            _ip(hub, "link", "set", port, "master", "net0", "up")
            _up(name, f"{NET}.{number + 1}")
        yield made


def _up(namespace: str, address: str) -> None:
    _ip(namespace, "addr", "add", f"{address}/24", "dev", "net0")
    _ip(namespace, "link", "set", "net0", "up")


def _add_way_out(namespace: str) -> None:
    """Adds a default route to nobody; no packet of the kernel's own goes there."""
    _ip(namespace, "link", "add", "out0", "type", "veth", "peer", "name", "nobody")
    for name in ("out0", "nobody"):
        _ip(namespace, "link", "set", name, "addrgenmode", "none")
        _ip(namespace, "link", "set", name, "up")
    _ip(namespace, "addr", "add", "198.51.100.1/24", "dev", "out0")
    _ip(namespace, "route", "add", "default", "via", "198.51.100.2")


def _ip(namespace: str, *words: str) -> str:
    inside = ["-n", namespace] if namespace else []
    return subprocess.run(
        ["ip", *inside, *words], check=True, capture_output=True, text=True
    ).stdout


def reaching_python() -> list[str]:
    """Returns words that let any user run this Python and read this project.

    Both may lie below a folder of root's, such as /root. In a mount namespace of its
    own that folder is replaced by an empty one that holds just these two.
    """
    wanted = {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), ROOT}
    closed: dict[Path, set[Path]] = {}
    for path in wanted:
        for folder in reversed(path.parents):
            if not folder.stat().st_mode & 0o001:
                closed.setdefault(folder, set()).add(path)
                break
    if not closed:
        return []
    lines = ["set -e", "mount --make-rprivate /", "kept=$(mktemp -d)"]
    lines.append("mount -t tmpfs tmpfs $kept")
    for number, (folder, paths) in enumerate(sorted(closed.items())):
        outer = _outermost(paths)
        for place, path in enumerate(outer):
            kept = f"$kept/{number}-{place}"
            lines.append(f"mkdir {kept}; mount --rbind {_quoted(path)} {kept}")
        lines.append(f"mount -t tmpfs -o mode=755 tmpfs {_quoted(folder)}")
        for place, path in enumerate(outer):
            kept = f"$kept/{number}-{place}"
            lines.append(
                f"mkdir -p {_quoted(path)}; mount --rbind {kept} {_quoted(path)}"
            )
    lines.append('umask 022; exec "$@"')
    return ["unshare", "--mount", "sh", "-c", "\n".join(lines), "sh"]


def _outermost(paths: set[Path]) -> list[Path]:
    return sorted(
        path for path in paths if not any(one in path.parents for one in paths)
    )


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
