"""A federation made by the commands in the docs and by nothing else.

``fedstill deploy init``, ``site join`` and ``deploy admit`` write its files; its
processes are the ExecStart lines of its units, each under its own user and, where the
machine allows it, in a network of its own. Custodians alone differ: their noise is
seeded, so that a run can be compared with the inline engine byte for byte.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from client.owner.policy_file import LEDGER
from common.config import Config
from common.data.parts import load_parts
from common.deployment.layout import BundleFolder, DeploymentFolder
from common.deployment.systemd_unit import exec_start_of
from simulations.sites import private_examples
from tests.custodians import write_site
from tests.deployment.machines import FIRST_USER, ROOT, Machine, has_users, machines
from tests.deployment.service import Service, wait_until
from tests.deployment.unit import UnitSpec

SERVER_USER = FIRST_USER + 500
BIN = Path(sys.executable).parent
UP_WITHIN = 90.0
ENDS_WITHIN = 400.0
RESTART_OF_CUSTODIAN = 1.0


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str
    seconds: float


class Site:
    """One site: two users, a custodian and a node.

    Args:
        root: of the federation.
        name: public.
        number: counted from 0.
        machine: its machine.
        seed: of the custodian's noise.
    """

    def __init__(
        self, root: Path, name: str, number: int, machine: Machine, seed: int
    ) -> None:
        self.name = name
        self.machine = machine
        self.user = FIRST_USER + 2 * number
        self.node_user = self.user + 1
        self.home = root / name
        self.bundle = BundleFolder(self.home / "bundle")
        self.policy = self.home / "custodian" / "site.toml"
        self.socket = self.home / "run" / "socket" / "site.sock"
        self._seed = seed
        self.custodian: Service
        self.node: Service

    def write_policy(self, examples, policy: Mapping[str, Any]) -> None:
        """Writes data and policy anew, with an empty ledger."""
        folder = self.policy.parent
        for old in (folder, self.home / "run"):
            shutil.rmtree(old, ignore_errors=True)
        (self.home / "run").mkdir(parents=True)
        group = str(self.node_user) if has_users() else ""
        write_site(
            folder,
            inputs=examples.inputs,
            labels=examples.labels,
            site_name=self.name,
            dataset_id=self.name,
            socket={"path": str(self.socket), "group": group},
            **policy,
        )
        for path in (folder, *folder.iterdir()):
            path.chmod(0o700 if path.is_dir() else 0o600)
        own(folder, self.user)
        own(self.home / "run", self.user)

    def hand_over(self, bundle: BundleFolder) -> None:
        """Gives the node's user its key and Flower's folder; the rest stays root's."""
        bundle.flower_home.mkdir(mode=0o700, exist_ok=True)
        for path in (bundle.key, bundle.flower_home):
            own(path, self.node_user)

    def make_services(self) -> None:
        """Makes the services from the units that ``site join`` wrote."""
        unit = (self.bundle.units / "fedstill-node.service").read_text()
        self.node = Service(
            f"the node of {self.name}",
            UnitSpec(
                command=exec_start_of(unit),
                environment=environment(self.home / "node-home", self.node_user),
                folder=str(self.home / "node-service"),
                restart_seconds=value_of(unit, "RestartSec"),
                user=self.node_user if has_users() else None,
            ),
            self.machine,
        )
        module = ["-m", "tests.custodians", str(self.policy), f"--seed={self._seed}"]
        self.custodian = Service(
            f"the custodian of {self.name}",
            UnitSpec(
                command=[sys.executable, *module],
                environment=environment(self.home / "site-home", self.user)
                | {"PYTHONPATH": str(ROOT)},
                folder=str(self.home / "site-service"),
                restart_seconds=RESTART_OF_CUSTODIAN,
                user=self.user if has_users() else None,
                groups=[self.node_user] if has_users() else [],
            ),
            self.machine,
        )

    @property
    def store(self) -> Path:
        """The custodian's database."""
        return self.policy.parent / "state" / LEDGER

    def requests(self) -> list[dict[str, Any]]:
        """Returns the lines of the custodian's request log."""
        lines = self.custodian.log().splitlines()
        return [json.loads(line) for line in lines if line.startswith('{"time"')]


class Federation:
    """All of it.

    Args:
        root: an empty folder that every user can enter.
        names: of the sites.
        places: the coordinator's machine and the sites'.
        seed: of the custodians' noise.
    """

    def __init__(
        self, root: Path, names: Sequence[str], places: Sequence[Machine], *, seed: int
    ) -> None:
        self.root = root
        self.machine = places[0]
        self.port = free_port()
        self.folder = DeploymentFolder(root / "server" / "deployment")
        self.home = root / "server" / "home"
        self.sites = [
            Site(root, name, number, places[number + 1], seed)
            for number, name in enumerate(names)
        ]
        self.superlink: Service
        self.superexec: Service

    @property
    def address(self) -> str:
        """Where the sites reach the SuperLink."""
        return f"{self.machine.address}:{self.port}"

    def init(self) -> None:
        """Makes the deployment folder and the bundles, and has the sites join."""
        server = self.root / "server"
        server.mkdir()
        federation = server / "federation.toml"
        content = {
            "name": "under-test",
            "server": {"address": self.address},
            "sites": {"names": [site.name for site in self.sites]},
        }
        federation.write_text(tomli_w.dumps(content))
        own(server, SERVER_USER)
        self.fedstill(
            "deploy", "init", str(federation), "--output", str(self.folder.root)
        )
        for site in self.sites:
            self.send_bundle(site)
            self.join(site)
        self._make_services()

    def send_bundle(self, site: Site) -> None:
        """Brings a bundle to its site."""
        site.home.mkdir(exist_ok=True)
        shutil.copytree(self.folder.bundle(site.name).root, site.bundle.root)

    def join(self, site: Site) -> None:
        """Makes the node's key on the site's machine, as its administrator does."""
        words = ["site", "join", str(site.bundle.root), "--policy", str(site.policy)]
        run(words, machine=site.machine, home=site.home / "admin-home")
        site.hand_over(site.bundle)
        site.make_services()

    def _make_services(self) -> None:
        self.superlink, self.superexec = (
            Service(f"the {name}", self._spec(name), self.machine)
            for name in ("superlink", "superexec")
        )

    def _spec(self, name: str) -> UnitSpec:
        unit = (self.folder.units / f"fedstill-{name}.service").read_text()
        return UnitSpec(
            command=exec_start_of(unit),
            environment=environment(self.home, SERVER_USER),
            folder=str(self.root / f"{name}-service"),
            restart_seconds=value_of(unit, "RestartSec"),
            user=SERVER_USER if has_users() else None,
        )

    def start_server(self) -> None:
        """Starts SuperLink and SuperExec and waits until they answer."""
        self.superlink.start()
        self.superexec.start()
        self.wait_for_superlink()

    def wait_for_superlink(self) -> float:
        """Returns after how many seconds it answers."""
        return wait_until(self.answers, "the SuperLink to answer", seconds=UP_WITHIN)

    def answers(self) -> bool:
        """Whether the SuperLink is healthy."""
        words = [sys.executable, "-m", "tests.deployment.healthy", str(self.port)]
        words.append(str(self.folder.authority))
        return (
            subprocess.run(
                [*self.machine.words(), *words], cwd=ROOT, check=False, timeout=30
            ).returncode
            == 0
        )

    def admit(self, site: Site) -> Finished:
        """Lets a site in, by the public half of its key."""
        return self.fedstill(
            "deploy", "admit", site.name, str(site.bundle.public_key), *self._here()
        )

    def start_sites(self) -> None:
        """Starts custodians and nodes, and waits until all are online."""
        for site in self.sites:
            site.custodian.start()
        for site in self.sites:
            wait_until(
                site.socket.exists, f"the socket of {site.name}", seconds=UP_WITHIN
            )
            site.node.start()
        self.wait_until_all_are_online()

    def wait_until_all_are_online(self) -> float:
        """Returns after how many seconds all nodes are connected."""
        return wait_until(
            lambda: set(self.online()) >= {site.name for site in self.sites},
            "all nodes to be online",
            seconds=UP_WITHIN,
            step=1.0,
        )

    def online(self) -> list[str]:
        """Returns the sites whose nodes are connected."""
        return [
            one["name"] for one in self.status()["sites"] if one["state"] == "online"
        ]

    def status(self) -> dict[str, Any]:
        """Returns what `deploy status` says."""
        done = self.fedstill("deploy", "status", "--format", "json", *self._here())
        found: dict[str, Any] = json.loads(done.out)
        return found

    def verify_ledger(self, site: Site) -> Finished:
        """Lets the owner of a site verify the ledger."""
        words = ["site", "ledger", "verify", "--policy", str(site.policy)]
        return run(
            words,
            machine=site.machine,
            home=site.home / "site-home",
            user=site.user,
            check=False,
        )

    def fedstill(self, *words: str, check: bool = True) -> Finished:
        """Runs a command on the coordinator's machine, as the server's user."""
        return run(
            words, machine=self.machine, home=self.home, user=SERVER_USER, check=check
        )

    def start_run(self, config: Path, *words: str) -> subprocess.Popen[str]:
        """Starts `fedstill run`; its output is JSON."""
        return popen(
            ["run", str(config), *words, "--format", "json", *self._here()],
            machine=self.machine,
            home=self.home,
            user=SERVER_USER,
        )

    def resume_run(self, folder: Path) -> subprocess.Popen[str]:
        """Starts `fedstill run --resume`; its output is JSON."""
        return popen(
            ["run", "--resume", str(folder), "--format", "json", *self._here()],
            machine=self.machine,
            home=self.home,
            user=SERVER_USER,
        )

    def _here(self) -> list[str]:
        return ["--deployment", str(self.folder.root)]

    def write_config(self, config: Config) -> Path:
        """Writes a config where the coordinator can read it."""
        path = self.root / "server" / f"{config.name}.toml"
        path.write_text(config.to_toml())
        own(path, SERVER_USER)
        return path

    def write_policies(self, config: Config, **policy: Any) -> None:
        """Gives every site its share of the config's data and an empty ledger."""
        examples = private_examples(config, load_parts(config))
        for number, site in enumerate(self.sites):
            site.write_policy(
                examples[number],
                {
                    "nominal_examples": config.nominal_examples[number],
                    "classes": 10,
                    "budget": {
                        "epsilon": config.privacy.epsilon,
                        "delta": config.privacy.delta,
                    },
                    "limits": {"mechanisms": [config.privacy.mechanism]},
                    "model": {"name": config.site_models[number]},
                }
                | policy,
            )

    def stop(self) -> None:
        """Ends everything."""
        for site in self.sites:
            for name in ("node", "custodian"):
                with suppress(AttributeError):
                    getattr(site, name).stop()
        for name in ("superexec", "superlink"):
            with suppress(AttributeError):
                getattr(self, name).stop()

    def logs(self) -> str:
        """Returns all logs, for a failure's message."""
        services = [self.superlink, self.superexec]
        services += [one for site in self.sites for one in (site.node, site.custodian)]
        return "\n".join(f"== {one.name}\n{one.log()[-4000:]}" for one in services)


@contextmanager
def federation(config: Config, *, seed: int, **policy: Any) -> Iterator[Federation]:
    """Yields a federation for a config's sites whose processes all answer."""
    with making(config.site_names, seed=seed) as made:
        made.write_policies(config, **policy)
        made.init()
        made.start_server()
        for site in made.sites:
            made.admit(site)
        made.start_sites()
        yield made


@contextmanager
def making(names: Sequence[str], *, seed: int) -> Iterator[Federation]:
    """Yields a federation of which nothing is there yet; in the end nothing is left."""
    with ExitStack() as stack:
        root = Path(tempfile.mkdtemp(prefix="fedstill-federation-"))
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        root.chmod(0o755)
        places = stack.enter_context(machines(len(names)))
        made = Federation(root, names, places, seed=seed)
        stack.callback(made.stop)
        yield made


def environment(home: Path, user: int) -> dict[str, str]:
    """Returns what systemd gives to a service, and a home."""
    home.mkdir(parents=True, exist_ok=True)
    own(home, user)
    return {
        "HOME": str(home),
        "PATH": f"{BIN}{os.pathsep}{os.defpath}",
        "OMP_NUM_THREADS": "1",
        "LANG": "C.UTF-8",
    }


def run(
    words: Sequence[str],
    *,
    machine: Machine,
    home: Path,
    user: int | None = None,
    check: bool = True,
) -> Finished:
    """Runs `fedstill` and returns what came of it."""
    started = time.monotonic()
    process = popen(words, machine=machine, home=home, user=user)
    out, err = process.communicate(timeout=600)
    finished = Finished(
        code=process.returncode, out=out, err=err, seconds=time.monotonic() - started
    )
    if check and finished.code:
        raise AssertionError(f"fedstill {' '.join(words)}: {finished}")
    return finished


def popen(
    words: Sequence[str], *, machine: Machine, home: Path, user: int | None = None
) -> subprocess.Popen[str]:
    """Starts `fedstill` on a machine, as a user; None is root, or whoever this is."""
    before = []
    if user is not None and has_users():
        before = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    owner = user if user is not None else os.geteuid()
    return subprocess.Popen(
        [*machine.words(), *before, str(BIN / "fedstill"), *words],
        cwd=home.parent,
        env=environment(home, owner),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def own(path: Path, user: int) -> None:
    """Gives a file or a folder and all in it to a user, where there are users."""
    if not has_users():
        return
    for one in (path, *path.rglob("*")):
        os.chown(one, user, user, follow_symlinks=False)


def value_of(unit: str, key: str) -> float:
    """Returns a number in a unit."""
    lines = [line for line in unit.splitlines() if line.startswith(f"{key}=")]
    return float(lines[-1].partition("=")[2].removesuffix("s"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
