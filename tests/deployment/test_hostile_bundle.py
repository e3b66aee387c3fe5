"""An app bundle whose code is the enemy: what it gets at a site with two users.

The coordinator ships the code that runs beside every custodian. This one tries to read
and change what is the owner's, to stand in the custodian's place, and to spend what the
policy does not allow. What it does get is said here too: the node's own key, since that
belongs to the user it runs as, and with it the node's identity.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from common.config import Config
from common.deployment.flower_process import flower_environment
from tests.deployment.federation import SERVER_USER, Federation, Site, making, own
from tests.deployment.hostile_requests import ASKED_EPSILON, REASONS, hostile_requests
from tests.deployment.machines import ROOT, has_users
from tests.deployment.refusing import flwr
from tests.deployment.service import below, command_line, wait_until
from tests.faults.invariants import LedgerRows

APP = Path(__file__).with_name("hostile_app")
CONFIG = Config.from_run_config({"name": "hostile", "sites": 1, "models": "linear:1"})
REQUESTS = hostile_requests(CONFIG)
SECONDS = 150.0
GOT = "got it"
OWN = "the node's own key"
# Public, and root's: what the node believes and how it is started.
BUNDLE = ("bundle.toml", "ca.crt", "node.toml", "node.pub", "systemd")
MARK = "FEDSTILL_TEST_MARK"
# Of the machine, of our own settings, and two log levels that Flower itself sets.
ALLOWED = flower_environment(Path("/"), {}).keys() | {
    *("HOME", "LANG", "LC_ALL", "LOGNAME", "TMPDIR", "TZ", "USER"),
    *("OMP_NUM_THREADS", "LC_CTYPE"),
    *("GRPC_VERBOSITY", "BROWSER_USE_SETUP_LOGGING"),
}

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.skipif(not has_users(), reason="other users need root"),
]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the bundle has told its server.

    Attributes:
        site: where it ran.
        live: the federation.
        orders: what it was to try.
        report: what came of it.
    """

    site: Site
    live: Federation
    orders: dict[str, Any]
    report: dict[str, Any]


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    """A federation of one site, in which the bundle has run."""
    with making(["hospital-a"], seed=1) as live:
        live.write_policies(CONFIG)
        live.init()
        (site,) = live.sites
        spec = site.node.spec
        site.node.spec = replace(spec, environment=spec.environment | {MARK: "x"})
        live.start_server()
        live.admit(site)
        live.start_sites()
        orders = _orders(live, site)

        (report,) = _run(live, orders)

        assert "error" not in report, f"{report}\n{live.logs()}"
        yield Seen(site=site, live=live, orders=orders, report=report)


def _orders(live: Federation, site: Site) -> dict[str, Any]:
    folder = site.policy.parent
    files = {str(path.relative_to(folder)): str(path) for path in folder.rglob("*")}
    assert {"site.toml", "examples.npz"} < files.keys()
    assert site.store.exists()
    root = site.bundle.root
    bundle = {"bundle": str(root)} | {name: str(root / name) for name in BUNDLE}
    units = {one.name: str(one) for one in site.bundle.units.iterdir()}
    return {
        "files": files | {"the folder": str(folder), OWN: str(site.bundle.key)},
        "bundle": bundle | units,
        "go": str(_go(site)),
        "custodian_pid": site.custodian.pid(),
        "requests": list(REQUESTS.values()),
        "control": f"https://{live.address}/v1/control/list-nodes",
    }


def _go(site: Site) -> Path:
    return site.home / "node-home" / "go"


def _run(live: Federation, orders: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the nodes' reports."""
    folder = live.root / "server" / "hostile"
    output = folder / "replies.json"
    shutil.copytree(APP, folder / "hostile-app")
    (folder / "orders.json").write_text(json.dumps(orders))
    config = folder / "config.toml"
    config.write_text(
        tomli_w.dumps({"orders": str(folder / "orders.json"), "output": str(output)})
    )
    own(folder, SERVER_USER)
    app = str(folder / "hostile-app")
    started = flwr(live, "run", app, "fedstill", "--run-config", str(config))
    assert started["success"], started
    try:
        wait_until(output.exists, "the bundle's report", seconds=SECONDS, step=0.5)
    except AssertionError as error:
        raise AssertionError(live.logs()) from error
    return json.loads(output.read_text())


def test_it_runs_as_the_nodes_user(seen):
    """Another one than the custodian's, and in none of its groups."""
    assert seen.report["user"] == seen.site.node_user
    assert seen.site.user not in [seen.report["user"], *seen.report["groups"]]


@pytest.mark.parametrize("attempt", ["read", "write"])
def test_it_gets_nothing_of_the_owners_files(attempt, seen):
    """Policy, data, ledger, student: permission denied, by the kernel."""
    found = dict(seen.report[attempt])
    del found[OWN]

    assert len(found) >= 4
    assert set(found.values()) == {"EACCES"}, found


def test_it_cannot_change_the_bundle(seen):
    """Nor the units that root copies from it, nor whom the node believes."""
    found = seen.report["bundle"]

    assert len(found) == len(BUNDLE) + 3
    assert set(found.values()) == {"EACCES"}, found


def test_it_gets_the_nodes_key(seen):
    """Whose user it is: at stake is the node's identity, and no private example."""
    assert seen.report["read"][OWN] == GOT


def test_it_gets_nothing_of_the_custodians_process(seen):
    """Neither memory nor environment nor files; no signal reaches it."""
    found = dict(seen.report["process"])

    assert found.pop("signal") == "EPERM"
    assert set(found.values()) == {"EACCES"}, found


def test_it_cannot_stand_in_the_custodians_place(seen):
    """The socket's folder is the custodian's: nobody else binds, moves or removes."""
    found = dict(seen.report["socket"])

    assert found.pop("bind") == "EADDRINUSE"
    assert found.pop("open it to all") == "EPERM"
    assert set(found.values()) == {"EACCES"}, found


@pytest.mark.parametrize("name", REQUESTS)
def test_custodian_answers_what_is_lawful_or_a_closed_reason(name, seen):
    """No text of an exception, no path, no soft label."""
    answer = dict(zip(REQUESTS, seen.report["answers"], strict=True))[name]

    reason = answer.get("words", answer.get("fields", {}).get("refusal"))
    assert reason == REASONS.get(name)
    assert not answer.get("arrays")


def test_what_it_asked_too_much_it_does_not_get(seen):
    """The policy's epsilon is what the site promises, whatever a plan asks for."""
    promised = [
        one["fields"]["epsilon"]
        for one in seen.report["answers"]
        if "epsilon" in one.get("fields", {})
    ]

    assert 0 < max(promised) <= CONFIG.privacy.epsilon < ASKED_EPSILON


def test_it_spends_nothing(seen):
    """The ledger has the plans that it was told of, no charge, and is in order."""
    rows = LedgerRows.of(seen.site.store)

    assert not rows.charges()
    assert len(rows.rows) == 2
    assert seen.live.verify_ledger(seen.site).code == 0


def test_the_owner_reads_a_line_for_every_request(seen):
    """And why it was refused."""
    lines = seen.site.requests()

    assert len(lines) == len(REQUESTS)
    assert [one["reason"] for one in lines] == [REASONS.get(name) for name in REQUESTS]
    assert "Traceback" not in seen.site.custodian.log()


def test_its_environment_has_no_secret(seen):
    """Nothing but what is on a short list; those above it do not show theirs."""
    assert seen.report["environments"]

    for environment in seen.report["environments"]:
        assert environment.keys() <= ALLOWED, environment.keys() - ALLOWED
        assert MARK not in environment


def test_it_cannot_speak_with_the_control_api(seen):
    """From a site there is no such thing."""
    assert seen.report["control"] == 404


def test_what_it_leaves_behind_ends_with_the_node(seen):
    """It outlives its message and kills the node; the custodian does not notice."""
    site, stays = seen.site, seen.report["stays"]
    custodian, node = site.custodian.pid(), site.node.pid()
    assert stays in below(_supervisor(node)), "It did not outlive its message."

    _go(site).touch()
    wait_until(lambda: not command_line(stays), "its end", seconds=30)

    assert not command_line(node)
    assert site.custodian.pid() == custodian
    assert command_line(custodian)
    assert len(site.requests()) == len(REQUESTS)
    assert seen.live.verify_ledger(site).code == 0


def _supervisor(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().partition("PPid:")[2].split()[0])


def test_without_the_boundary_it_gets_everything(seen):
    """The same code as the custodian's user: or the above would prove nothing."""
    site = seen.site
    decoy = site.home / "run" / "decoy" / "site.sock"
    decoy.parent.mkdir()
    decoy.touch()
    own(decoy.parent, site.user)
    orders = seen.orders | {"custodian": f"unix:{decoy}", "requests": []}
    rights = [f"--reuid={site.user}", f"--regid={site.user}", "--clear-groups"]

    done = subprocess.run(
        [
            *(*site.machine.words(), "setpriv", *rights),
            *(sys.executable, str(APP / "hostile_client.py")),
        ],
        cwd=ROOT,
        env=site.custodian.spec.environment,
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        check=True,
    )

    found = json.loads(done.stdout)
    mine = {name for name in orders["files"] if name != OWN}
    assert {found["read"][name] for name in mine} == {GOT}
    assert {found["write"][name] for name in mine} == {GOT}
    assert found["process"]["signal"] == GOT
    assert found["process"]["environ"] == GOT
    assert found["socket"]["remove"] != "EACCES"
