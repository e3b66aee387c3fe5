"""The units that `fedstill site join` writes are systemd's, and say what they must."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from client.node.bundle_folder import open_bundle
from client.node.policy_facts import PolicyFacts, read_policy_facts
from client.node.site_units import (
    NODE_UNIT,
    SITE_UNIT,
    SiteUsers,
    node_unit,
    site_unit,
)
from common.deployment.layout import BundleFolder
from common.deployment.systemd_unit import exec_start_of
from tests.client.node.support import make_bundle
from tests.client.owner.support import write_policy

COMMAND = Path("/opt/fedstill/bin/fedstill")
BUNDLE = BundleFolder(Path("/etc/fedstill/hospital-a"))
USERS = SiteUsers(node="fedstill-node", custodian="fedstill-site")
HOME = Path("/var/lib/fedstill")
FACTS = PolicyFacts(
    path=HOME / "site.toml",
    site_name="hospital-a",
    socket=Path("/run/fedstill/socket/site.sock"),
    private=(HOME / "site.toml", HOME / "examples.npz", HOME / "state"),
    written=(HOME,),
)


@pytest.fixture(autouse=True)
def _python_is_in_no_home(monkeypatch):
    """As on a machine where it was installed for everybody."""
    monkeypatch.setattr(sys, "prefix", "/opt/fedstill")
    monkeypatch.setattr(sys, "base_prefix", "/usr")


@pytest.fixture
def bundle(tmp_path):
    return open_bundle(make_bundle(tmp_path / "hospital-a"))


def node(bundle, *, command=COMMAND, folder=BUNDLE, facts=FACTS):
    return node_unit(command, folder, bundle, facts, USERS).text()


def site(bundle, *, command=COMMAND, facts=FACTS):
    return site_unit(command, bundle, facts, USERS).text()


def values(unit, key):
    lines = [line.partition("=") for line in unit.splitlines()]
    return [value for name, _, value in lines if name == key]


def test_node_starts_from_its_bundle_and_never_gives_up(bundle):
    """Flower's SuperNode gives up at once where its key still counts as online."""
    unit = node(bundle)

    assert exec_start_of(unit) == [
        *(str(COMMAND), "site", "node", "/etc/fedstill/hospital-a")
    ]
    assert values(unit, "User") == ["fedstill-node"]
    assert values(unit, "Restart") == ["always"]
    assert values(unit, "RestartSec") == ["15"]
    assert values(unit, "StartLimitIntervalSec") == ["0"]


def test_stop_reaches_the_nodes_main_process_alone(bundle):
    """A SuperNode that is asked twice does not take its leave, and stays online."""
    assert values(node(bundle), "KillMode") == ["mixed"]


def test_custodian_gives_its_socket_to_the_nodes_group(bundle):
    """And serves the policy, with a folder in /run that the node can pass through."""
    unit = site(bundle)

    assert exec_start_of(unit) == [
        *(str(COMMAND), "site", "serve", "--policy", "/var/lib/fedstill/site.toml")
    ]
    assert values(unit, "User") == ["fedstill-site"]
    assert values(unit, "SupplementaryGroups") == ["fedstill-node"]
    assert values(unit, "RuntimeDirectory") == ["fedstill"]
    assert values(unit, "RuntimeDirectoryMode") == ["0755"]


def test_node_sees_nothing_of_the_custodians(bundle):
    """Policy, data and ledger, whatever their modes; the socket stays in reach."""
    unit = node(bundle)

    assert values(unit, "InaccessiblePaths") == [
        "-/var/lib/fedstill/site.toml",
        "-/var/lib/fedstill/examples.npz",
        "-/var/lib/fedstill/state",
    ]
    assert "/var/lib/fedstill" not in " ".join(values(unit, "ReadWritePaths"))


def test_what_holds_the_socket_is_not_hidden(bundle):
    """A socket below the state: the node has to reach it, modes keep the rest."""
    facts = PolicyFacts(
        path=HOME / "site.toml",
        site_name="hospital-a",
        socket=HOME / "state" / "run" / "site.sock",
        private=(HOME / "site.toml", HOME / "state"),
        written=(HOME,),
    )

    unit = node(bundle, facts=facts)

    assert values(unit, "InaccessiblePaths") == ["-/var/lib/fedstill/site.toml"]


def test_node_writes_into_flowers_folder_only(bundle):
    """Not its own key, the authority or the config, which shipped code could change."""
    (written,) = values(node(bundle), "ReadWritePaths")

    assert written == "/etc/fedstill/hospital-a/flower"


@pytest.mark.parametrize("home", ["/home/owner", "/root", "/run/user/7"])
def test_homes_are_hidden_unless_something_needed_is_there(home, bundle):
    """Else the unit would not start."""
    command = Path(home) / "bin" / "fedstill"

    assert values(node(bundle), "ProtectHome") == ["yes"]
    assert values(site(bundle), "ProtectHome") == ["yes"]
    assert values(node(bundle, command=command), "ProtectHome") == []
    assert values(site(bundle, command=command), "ProtectHome") == []


def test_temporary_files_are_the_units_own_unless_the_socket_is_there(bundle):
    """A private /tmp has no socket of another unit in it."""
    facts = PolicyFacts(
        path=HOME / "site.toml",
        site_name="hospital-a",
        socket=Path("/tmp/site/site.sock"),
    )

    assert values(node(bundle), "PrivateTmp") == ["yes"]
    assert values(node(bundle, facts=facts), "PrivateTmp") == []


def test_custodian_may_write_where_its_policy_says(tmp_path, bundle):
    """State, the second head, and the folder above the socket's own."""
    policy = write_policy(tmp_path, **{"ledger.second-head": "/mnt/usb/head"})

    unit = site(bundle, facts=read_policy_facts(policy))

    assert values(unit, "ReadWritePaths")[0].split() == [str(tmp_path), "/mnt/usb"]


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not on this machine"
)
def test_systemd_has_nothing_to_say_of_them(tmp_path, bundle):
    """`systemd-analyze verify`, with spaces and percent signs in the paths."""
    place = tmp_path / "a folder of 100%"
    place.mkdir()
    command = place / "fedstill"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    facts = read_policy_facts(write_policy(place))
    folder = BundleFolder(place / "hospital-a")
    units = tmp_path / "units"
    units.mkdir()
    (units / NODE_UNIT).write_text(
        node(bundle, command=command, folder=folder, facts=facts)
    )
    (units / SITE_UNIT).write_text(site(bundle, command=command, facts=facts))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )

    said = [line for line in done.stderr.splitlines() if str(units) in line]
    assert said == []
    assert done.returncode == 0, done.stderr
