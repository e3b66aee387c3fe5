"""A federation to say no: what its commands say, and what its SuperLink knows."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from common.deployment.bundle import SiteBundle
from common.deployment.layout import BundleFolder
from common.environment import QUIET
from tests.deployment import federation as harness
from tests.deployment.federation import BIN, SERVER_USER, Federation, Finished, Site
from tests.deployment.fleet_requests import NodeKey
from tests.deployment.forgeries import Identity
from tests.deployment.impostors import Answer, Request, ask
from tests.deployment.machines import has_users
from tests.deployment.service import Service
from tests.deployment.unit import UnitSpec, log_of

LOOPBACK = "127.0.0.1"


class Refusing:
    """A federation with two admitted sites, and all that its commands have said.

    Args:
        live: it, with a SuperLink that answers.
    """

    def __init__(self, live: Federation) -> None:
        self.live = live
        self.first, self.second = live.sites
        self.keys = [NodeKey.read(site.bundle.key) for site in live.sites]
        admitted = json.loads(live.folder.nodes.read_text())
        self.ids = [_number(admitted, site.name) for site in live.sites]
        self.said: list[str] = []

    @property
    def authority(self) -> Identity:
        """The coordinator's authority, with its private half."""
        folder = self.live.folder
        return Identity.read(folder.authority, folder.authority_key)

    @property
    def log(self) -> Path:
        """What the SuperLink writes."""
        return log_of(Path(self.live.superlink.spec.folder))

    def known(self) -> list[tuple[str, str]]:
        """Returns (number, status) of every node that the SuperLink knows."""
        found = flwr(self.live, "supernode", "list", "fedstill")
        return sorted((one["node-id"], one["status"]) for one in found["nodes"])

    def fedstill(self, *words: str) -> Finished:
        """Runs a command of the coordinator's, on its deployment."""
        here = ["--deployment", str(self.live.folder.root)]
        return self._note(self.live.fedstill(*words, *here, check=False))

    def at_site(self, *words: str, user: int | None = None) -> Finished:
        """Runs a command at the first site."""
        site = self.first
        home = site.home / f"visitor-{user}"
        return self._note(
            harness.run(words, machine=site.machine, home=home, user=user, check=False)
        )

    def from_site(self, requests: Mapping[str, Request]) -> dict[str, Answer]:
        """Sends requests from the first site's machine."""
        address = (self.live.machine.address, self.live.port)
        return ask(
            self.first.machine,
            address,
            self.live.folder.authority,
            requests,
            log=self.log,
        )

    def from_here(self, requests: Mapping[str, Request]) -> dict[str, Answer]:
        """Sends requests from the coordinator's own machine."""
        return ask(
            self.live.machine,
            (LOOPBACK, self.live.port),
            self.live.folder.authority,
            requests,
            log=self.log,
            source=LOOPBACK,
        )

    def bundle_like(self, site: Site, name: str, **changes: Any) -> BundleFolder:
        """Returns a copy of a site's bundle in which something is different.

        Args:
            site: whose.
            name: of the copy.
            **changes: of ``bundle.toml``.
        """
        folder = BundleFolder(site.home / name)
        shutil.rmtree(folder.root, ignore_errors=True)
        ignore = shutil.ignore_patterns(folder.flower_home.name)
        shutil.copytree(site.bundle.root, folder.root, ignore=ignore)
        before = SiteBundle.read(folder.bundle)
        values = {one.name: getattr(before, one.name) for one in fields(SiteBundle)}
        folder.bundle.write_text(SiteBundle(**(values | changes)).to_toml())
        site.hand_over(folder)
        return folder

    def node_of(self, bundle: BundleFolder, site: Site, name: str) -> Service:
        """Returns a node as the site's unit starts it, from a bundle, once."""
        spec = site.node.spec
        command = [
            str(bundle.root) if word == str(site.bundle.root) else word
            for word in spec.command
        ]
        assert str(bundle.root) in command
        return Service(
            name,
            UnitSpec(
                command=command,
                environment=spec.environment,
                folder=str(site.home / name),
                user=spec.user,
            ),
            site.machine,
        )

    def secrets(self) -> dict[str, str]:
        """Returns what must be in no log, by the file it is in."""
        folder = self.live.folder
        paths = [folder.authority_key, folder.key, folder.superexec_secret]
        paths += [site.bundle.key for site in self.live.sites]
        return {str(path): _heart(path) for path in paths}

    def _note(self, done: Finished) -> Finished:
        self.said.append(done.out + done.err)
        return done


def flwr(live: Federation, *words: str) -> Any:
    """Returns what a command of Flower's says, run as the server's user."""
    rights = [f"--reuid={SERVER_USER}", f"--regid={SERVER_USER}", "--clear-groups"]
    before = ["setpriv", *rights] if has_users() else []
    done = subprocess.run(
        [
            *(*live.machine.words(), *before, str(BIN / "flwr")),
            *(*words, "--format", "json"),
        ],
        env=harness.environment(live.home, SERVER_USER)
        | QUIET
        | {"FLWR_HOME": str(live.folder.flower_home)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "{" in done.stdout, done
    return json.loads(done.stdout[done.stdout.index("{") :])


def _number(admitted: Any, site: str) -> int:
    """Returns Flower's number of a site's node, wherever the file has it."""
    entry = admitted.get("sites", admitted)[site]
    return int(entry.get("node_id", entry.get("node-id")))


def _heart(path: Path) -> str:
    """Returns a line in the middle of a key, which nothing else has."""
    lines = path.read_text().strip().splitlines()
    return lines[len(lines) // 2]
