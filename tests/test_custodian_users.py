"""The kernel keeps the relay's user from everything of a site but its socket.

Another user of the operating system may run whatever code the server ships. With the
socket's group it can ask; it can read, replace or signal nothing, with or without it.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from tests.client.support import NOMINAL, NUM_CLASSES, make_data
from tests.custodians import running_custodian, socket_of, write_site
from tests.other_user import DONE, tries_of

# Numbers that no user database needs to know.
RELAY = 61_001
RELAYS = 61_100  # the group that may connect
STRANGER = 61_002
DENIED = "PermissionError"


@pytest.fixture(scope="module", autouse=True)
def _is_root():
    """Nobody else can become another user; a build server must be able to."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI"):
        pytest.fail("CI is set, and only root can become another user.")
    pytest.skip("only root can become another user")


@pytest.fixture(scope="module")
def custodian():
    """A custodian in a folder that everybody may enter, so that rights decide."""
    data = make_data()
    with tempfile.TemporaryDirectory(prefix="fedstill-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        policy = write_site(
            folder,
            inputs=data.inputs,
            labels=data.labels,
            site_name="site-00",
            dataset_id="ward-7",
            nominal_examples=NOMINAL,
            classes=NUM_CLASSES,
            budget={"epsilon": 1.0, "delta": 1e-3},
            socket={"group": str(RELAYS)},
        )
        policy.chmod(0o644)
        (folder / "examples.npz").chmod(0o600)
        with running_custodian(policy, seed=1) as running:
            yield running


def forbidden(custodian):
    """Everything that a relay must not do, by name."""
    folder, process = custodian.folder, custodian.process.pid
    state, socket = folder / "state", socket_of(folder)
    ledger = state / "ledger.sqlite"
    return {
        "read the data": ("read", str(folder / "examples.npz")),
        "read the ledger": ("read", str(ledger)),
        "write the ledger": ("write", str(ledger)),
        "list the state": ("list", str(state)),
        "add to the state": ("create", str(state / "ledger.sqlite-journal")),
        "move the state": ("move", str(state), str(folder / "moved")),
        "write the policy": ("write", str(folder / "site.toml")),
        "remove the policy": ("remove", str(folder / "site.toml")),
        "move the policy": ("move", str(folder / "site.toml"), str(folder / "moved")),
        "add beside the policy": ("create", str(folder / "own.py")),
        "remove the socket": ("remove", str(socket)),
        "move the socket": ("move", str(socket), str(socket.with_name("moved"))),
        "open another socket": ("bind", str(socket.with_name("own.sock"))),
        "open the socket to all": ("change mode", str(socket)),
        "open its folder to all": ("change mode", str(socket.parent)),
        "move its folder": ("move", str(socket.parent), str(folder / "moved")),
        "read its memory": ("read", f"/proc/{process}/mem"),
        "read its environment": ("read", f"/proc/{process}/environ"),
        "list its open files": ("list", f"/proc/{process}/fd"),
        "signal it": ("signal", str(process)),
    }


def connecting(custodian):
    socket = str(socket_of(custodian.folder))
    return {"connect": ("connect", socket), "ask": ("ask", f"unix:{socket}")}


def test_relay_can_ask_and_nothing_else(custodian):
    """With the socket's group it gets an answer, and reads and changes nothing."""
    tries = forbidden(custodian)

    found = tries_of(tries | connecting(custodian), user=RELAY, groups=(RELAY, RELAYS))

    asked = {name: found.pop(name) for name in ("connect", "ask")}
    assert found == dict.fromkeys(tries, DENIED), (
        "Rule 9: the relay's user reaches more of a site than its socket."
    )
    assert asked == {"connect": DONE, "ask": "malformed-request"}


def test_stranger_cannot_even_connect(custodian):
    """Without the group the socket is as closed as the rest."""
    before = custodian.requests()
    tries = forbidden(custodian) | {
        "connect": connecting(custodian)["connect"],
        "list the socket's folder": ("list", str(socket_of(custodian.folder).parent)),
    }

    found = tries_of(tries, user=STRANGER)

    assert found == dict.fromkeys(tries, DENIED), (
        "Rule 9: a user outside the group reaches a site."
    )
    assert custodian.requests() == before


def test_the_tries_are_real(custodian):
    """Root, who may everything, succeeds: paths and process are the right ones."""
    tries = {
        name: one
        for name, one in forbidden(custodian).items()
        if one[0] in {"read", "list", "write", "signal"} and "memory" not in name
    }

    found = tries_of(tries | connecting(custodian), user=0, groups=(0,))

    assert found.pop("ask") == "malformed-request"
    assert set(found.values()) == {DONE}
    # What else is tried is denied for lack of rights, not because nothing is there.
    assert tries_of({"enter": ("list", str(custodian.folder))}, user=STRANGER) == {
        "enter": DONE
    }


def test_files_that_a_custodian_makes_are_its_own(custodian):
    """Nobody else has any right to what is in the state folder."""
    state = custodian.folder / "state"

    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (state, *state.iterdir())
    }

    assert modes["state"] == 0o700, "Rule 9: others can enter the site's state."
    assert "ledger.sqlite" in modes
