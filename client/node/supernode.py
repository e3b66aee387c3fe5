"""``fedstill site node``: Flower's SuperNode and SuperExec, from a bundle.

Two processes of Flower's under the node's user. The SuperNode speaks with the
coordinator and holds the key; the SuperExec starts a relay for each message, which runs
code that the coordinator ships. Neither has a way to private data but the custodian's
socket. If one ends, the other is ended, and whoever supervises this process (systemd)
starts both again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from client.node.bundle_folder import open_bundle
from client.node.child import Child, close_to_own_user
from client.node.exit_words import ExitWords
from client.node.node_config import NodeConfig, node_config_path
from client.node.node_key import read_node_key
from client.node.runtime_tls import HOST, RuntimeFiles
from common.deployment.bundle import SiteBundle
from common.deployment.flower_process import flower_command, flower_environment
from common.deployment.layout import BundleFolder
from common.errors import ConfigError, FedstillError

STOPS_WITHIN = 15.0
_LOOKS_EVERY = 0.2
_MASK = 0o077
_RUNTIME = "runtime"
_CONSEQUENCE = "The node does not start."


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """What will be started.

    Attributes:
        folder: the bundle.
        bundle: what the coordinator said.
        config: what the site says to its node.
        files: what the two processes know one another by.
        port: of the SuperNode's runtime API, on this machine only.
    """

    folder: BundleFolder
    bundle: SiteBundle
    config: NodeConfig
    files: RuntimeFiles
    port: int

    def supernode(self) -> list[str]:
        """Returns the command line of the SuperNode; nothing in it is secret."""
        return [
            str(flower_command("flower-supernode")),
            *("--superlink", self.bundle.address),
            *("--root-certificates", str(self.folder.authority)),
            *("--auth-supernode-private-key", str(self.folder.key)),
            *("--node-config", self.config.for_flower()),
            *("--host", HOST),
            *("--port", str(self.port)),
            *("--isolation", "process"),
            *("--superexec-auth-secret-file", str(self.files.secret)),
            *("--ssl-certfile", str(self.files.certificate)),
            *("--ssl-keyfile", str(self.files.key)),
            *("--ssl-ca-certfile", str(self.files.certificate)),
        ]

    def superexec(self) -> list[str]:
        """Returns the command line of the SuperExec; nothing in it is secret."""
        return [
            str(flower_command("flower-superexec")),
            *("--runtime-api-address", f"{HOST}:{self.port}"),
            *("--root-certificates", str(self.files.certificate)),
            *("--superexec-auth-secret-file", str(self.files.secret)),
        ]


def run_node(root: Path) -> None:
    """Runs the node of a bundle until SIGTERM or SIGINT.

    Args:
        root: the bundle, after ``fedstill site join``.

    Raises:
        ConfigError: something in the bundle cannot be used, or another process runs
            this node.
        FedstillError: one of the two processes has ended; the other was ended too.
    """
    os.umask(_MASK)
    close_to_own_user()
    folder = BundleFolder(root.resolve())
    bundle = open_bundle(folder)
    read_node_key(folder)
    config = _config(folder)
    runtime = _runtime_folder(folder)
    with _alone(folder):
        files = RuntimeFiles(runtime)
        try:
            files.write()
        except OSError as error:
            raise ConfigError(
                f"{runtime} cannot be written: {error.strerror}. {_CONSEQUENCE}"
            ) from error
        plan = NodePlan(
            folder=folder,
            bundle=bundle,
            config=config,
            files=files,
            port=config.runtime_port or free_port(),
        )
        _say(
            f"The node of {bundle.site_name} in {bundle.federation} connects to "
            f"{bundle.address}; its custodian is {config.custodian}."
        )
        _supervise(plan)


def lock_path(folder: BundleFolder) -> Path:
    """Returns the file that a running node has locked since it was last written."""
    return folder.flower_home / _RUNTIME / "lock"


def free_port() -> int:
    """Returns a port on this machine that nobody listens at.

    Somebody may take it before the SuperNode does. Then the SuperNode ends, the unit
    starts anew with another one, and the SuperExec has believed nobody without the
    certificate of this start.
    """
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _supervise(plan: NodePlan) -> None:
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    environment = flower_environment(plan.folder.flower_home)
    words = ExitWords(plan.bundle)
    children: list[Child] = []
    try:
        children.append(
            Child("SuperNode", plan.supernode(), environment, hear=words.hear)
        )
        children.append(Child("SuperExec", plan.superexec(), environment))
        for child in children:
            child.follow()
        while not stop.wait(_LOOKS_EVERY):
            if any(child.returncode is not None for child in children):
                break
    finally:
        codes = [child.returncode for child in children]
        _end(children)
    if stop.is_set():
        _say("Stopped. The custodian keeps what was answered.")
        return
    supernode, superexec = codes
    if supernode is not None:
        raise FedstillError(words.why(supernode))
    raise FedstillError(
        f"The SuperExec ended with code {superexec}, so the SuperNode was ended too. "
        "The unit starts both again."
    )


def _end(children: list[Child]) -> None:
    for child in children:
        child.terminate()
    until = time.monotonic() + STOPS_WITHIN
    for child in children:
        child.end_within(max(0.0, until - time.monotonic()))


def _config(folder: BundleFolder) -> NodeConfig:
    path = node_config_path(folder)
    if not path.exists():
        raise ConfigError(
            f"{path} is not there; make it with: fedstill site join {folder.root} "
            f"--policy site.toml. {_CONSEQUENCE}"
        )
    config = NodeConfig.read(path)
    if not config.custodian:
        raise ConfigError(
            f'{path}: custodian = "": must say where the custodian is, such as '
            f'"unix:/run/fedstill/socket/site.sock". {_CONSEQUENCE}'
        )
    return config


def _runtime_folder(folder: BundleFolder) -> Path:
    """Makes Flower's folders; nobody else may put a file there."""
    home, runtime = folder.flower_home, folder.flower_home / _RUNTIME
    try:
        for path in (home, runtime):
            path.mkdir(mode=0o700, exist_ok=True)
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                raise ConfigError(
                    f"{path} must be a folder of user {os.geteuid()}, whom the node "
                    f"runs as: chown it. {_CONSEQUENCE}"
                )
            path.chmod(0o700)
    except OSError as error:
        raise ConfigError(
            f"{folder.flower_home} cannot be used by user {os.geteuid()}, whom the "
            f"node runs as: {error.strerror}. {_CONSEQUENCE}"
        ) from error
    return runtime


@contextlib.contextmanager
def _alone(folder: BundleFolder) -> Iterator[None]:
    """Holds the node's lock; the kernel lets it go when this process ends."""
    # A name for it in the folder that only the node's user can write to.
    with lock_path(folder).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"Another process runs the node of {folder.root}. {_CONSEQUENCE}"
            ) from None
        yield


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
