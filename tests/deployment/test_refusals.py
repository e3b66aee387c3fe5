"""What is refused, to whom, and in how many words.

One federation with two sites. No site's node runs until the end: whatever a SuperNode
says to a SuperLink is said here in its name, signed as it would be, and then nearly so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from common.config import Config
from tests.deployment.federation import Finished, making
from tests.deployment.fleet_cases import (
    OF_NODES,
    REFUSED,
    as_node,
    lawful,
    revoked,
)
from tests.deployment.fleet_requests import NodeKey
from tests.deployment.forgeries import CLIENT, Identity, issue, showing
from tests.deployment.guard_cases import TRICKS, routes, with_get
from tests.deployment.impostors import Answer, Request, http
from tests.deployment.machines import has_networks
from tests.deployment.refusing import LOOPBACK, Refusing
from tests.deployment.service import below, wait_until

NAMES = ("hospital-a", "hospital-b")
CONFIG = Config.from_run_config(
    {"name": "refusals", "sites": len(NAMES), "models": f"linear:{len(NAMES)}"}
)
ELSEWHERE = "10.255.255.1"
ACQUIRE = "/v1/runtime/acquire-task"
# The guard hangs up on Flower, which then speaks of an error of the server.
CUT_OFF = {"a message too large": 500}
LISTENS = "0A"  # a state in /proc/net/tcp

pytestmark = pytest.mark.deploy


@pytest.fixture(scope="module")
def refusing() -> Iterator[Refusing]:
    """A SuperLink with two admitted sites, whose nodes do not run."""
    with making(NAMES, seed=1) as live:
        live.write_policies(CONFIG)
        live.init()
        live.start_server()
        for site in live.sites:
            live.admit(site)
        yield Refusing(live)


def _assert_one_line(done: Finished, *words: str, code: int = 2) -> None:
    """A command that says no does so in one line, which names the matter."""
    assert done.code == code, done
    lines = done.err.strip().splitlines()
    assert len(lines) == 1, done
    assert lines[0].startswith("Error: "), done
    assert all(word in lines[0] for word in words), done


# The site's side: whom its node does not believe.

FORGERIES = {
    "another authority": lambda _, host: issue(issue(is_authority=True), host=host),
    "self-signed": lambda _, host: issue(host=host),
    "expired": lambda real, host: issue(real, host=host, days=(-30, -1)),
    "not yet valid": lambda real, host: issue(real, host=host, days=(1, 30)),
    "another host's": lambda real, _: issue(real, host=ELSEWHERE),
    "a client's": lambda real, host: issue(real, host=host, usage=CLIENT),
    "issued by a server's": lambda real, host: issue(issue(real, host=host), host=host),
    "no TLS at all": lambda *_: None,
}
FAULTS = {
    "another authority": "self-signed certificate in certificate chain",
    "self-signed": "self-signed certificate",
    "expired": "has expired",
    "not yet valid": "not yet valid",
    "another host's": "IP address mismatch",
    "a client's": "unsuitable certificate purpose",
    "issued by a server's": "invalid CA certificate",
    "no TLS at all": "wrong version number",
}


def _connect_as_flower_does(refusing: Refusing, port: int) -> str:
    """Returns what goes wrong for the client of Flower's SuperNode, if anything."""
    import httpx  # noqa: PLC0415
    from flwr.supernode.fleet_http_client import FleetHttpClient  # noqa: PLC0415

    client = FleetHttpClient.from_server_address(
        f"{LOOPBACK}:{port}",
        insecure=False,
        root_certificates=refusing.first.bundle.authority.read_bytes(),
        interceptors=(),
    )
    try:
        client._client.get(f"https://{LOOPBACK}:{port}/health").raise_for_status()
    except httpx.TransportError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_site_sends_nothing_to_another_server(forgery, refusing, tmp_path):
    """Flower's own client, with the bundle's authority: no byte of content leaves."""
    identity = FORGERIES[forgery](refusing.authority, LOOPBACK)

    with showing(identity, tmp_path) as heard:
        fault = _connect_as_flower_does(refusing, heard.port)

    assert FAULTS[forgery] in fault
    assert heard.connections
    assert not heard.content


def test_a_site_believes_its_coordinator(refusing, tmp_path):
    """Or the refusals above could have another reason."""
    identity = issue(refusing.authority, host=LOOPBACK)

    with showing(identity, tmp_path) as heard:
        fault = _connect_as_flower_does(refusing, heard.port)

    assert not fault
    assert b"/health" in heard.content


@pytest.mark.parametrize("forgery", ["another authority", "no TLS at all"])
def test_a_node_does_not_talk_to_another_server(forgery, refusing, tmp_path):
    """`fedstill site node` sees whom it has found, and sends neither key nor name."""
    machine = refusing.live.machine
    identity = FORGERIES[forgery](refusing.authority, machine.address)
    with showing(identity, tmp_path, machine) as heard:
        address = f"{machine.address}:{heard.port}"
        bundle = refusing.bundle_like(refusing.first, "misled", address=address)
        node = refusing.node_of(bundle, refusing.first, f"node-{heard.port}")

        node.start()
        try:
            wait_until(lambda: heard.connections, "the node", seconds=60)
            with suppress(AssertionError):  # it may well go on trying
                wait_until(lambda: not node.is_alive(), "its end", seconds=3)
        finally:
            node.stop()

    refusing.said.append(node.log())
    assert not heard.content
    assert "Traceback" not in node.log()


# The Fleet API: who may not speak in a site's name.


@pytest.fixture(scope="module")
def fleet_answers(refusing) -> dict[str, Answer]:
    """All answers, with what the SuperLink knew before and after."""
    allowed = refusing.from_site(lawful(refusing))
    assert {name: one.status for name, one in allowed.items()} == dict.fromkeys(
        allowed, 200
    ), allowed
    before = refusing.known()
    assert sorted(status for _, status in before) == ["online", "registered"]

    answers = refusing.from_site(
        {name: make(refusing) for name, make in REFUSED.items()}
    )

    assert refusing.known() == before
    return answers


@pytest.mark.parametrize("name", REFUSED)
def test_nobody_speaks_in_a_sites_name(name, fleet_answers):
    """Without the key, its signature of now, and the node that is its own: no."""
    answer = fleet_answers[name]

    assert answer.is_refusal or answer.status == CUT_OFF.get(name), answer


# The guard: what only the coordinator's own machine reaches.


@pytest.fixture(scope="module")
def trick_answers(refusing) -> dict[str, Answer]:
    """What a site gets for each of them."""
    return refusing.from_site(TRICKS)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_opens_the_control_api(trick, trick_answers):
    """Whoever reaches it can run code at every site."""
    answer = trick_answers[trick]

    assert answer.is_refusal, answer
    assert "HTTP/1.1 2" not in answer.text


def test_a_site_does_not_even_see_the_other_routes(refusing):
    """Every one that this Flower has; from the coordinator's machine each is there."""
    paths = [path for path in routes() if "{" not in path]
    assert len(paths) > 40

    foreign = refusing.from_site(with_get([*paths, "/"]))
    own = refusing.from_here(with_get(paths))

    assert {one.status for one in foreign.values()} == {404}
    assert 404 not in {one.status for one in own.values()}


def test_the_control_api_answers_the_coordinators_machine(refusing):
    """Or the refusals above could have another reason."""
    answers = refusing.from_here({"as it is": TRICKS["as it is"]})

    assert answers["as it is"].status == 200, answers


def _acquire(secret: bytes | None) -> Request:
    from flwr.proto.runtime_pb2 import AcquireTaskRequest  # noqa: PLC0415
    from flwr.supercore.auth import create_superexec_auth_metadata  # noqa: PLC0415
    from flwr.supercore.auth.superexec import derive_auth_secret  # noqa: PLC0415

    headers = {}
    if secret is not None:
        headers = create_superexec_auth_metadata(
            auth_secret=derive_auth_secret(secret),
            method="/flwr.proto.Runtime/AcquireTask",
            request=AcquireTaskRequest(),
        )
    return Request(raw=http(ACQUIRE, headers=headers))


@pytest.mark.parametrize(
    ("secret", "status"),
    [("none", 401), ("another", 401), ("its own", 200)],
    ids=["no secret", "another secret", "the SuperExec's secret"],
)
def test_only_the_superexec_gets_a_task(secret, status, refusing):
    """A task comes with a token that is worth the whole ServerApp."""
    content = {
        "none": None,
        "another": b"0" * 64,
        "its own": refusing.live.folder.superexec_secret.read_bytes(),
    }[secret]

    answers = refusing.from_here({"acquire": _acquire(content)})

    assert answers["acquire"].status == status, answers


# The coordinator's commands: which keys are not admitted.


def _line(key) -> bytes:
    public = key.public_key() if hasattr(key, "public_key") else key
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n"


def _p384() -> bytes:
    return _line(NodeKey.new().private)


def _pasted(_: Refusing) -> bytes:
    return NodeKey.new().private.private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )


KEYS = {
    "a private key": _pasted,
    "an RSA key": lambda _: _line(rsa.generate_private_key(65_537, 2048)),
    "an Ed25519 key": lambda _: _line(ed25519.Ed25519PrivateKey.generate()),
    "a P-256 key": lambda _: _line(ec.generate_private_key(ec.SECP256R1())),
    "another site's key": lambda refusing: (
        refusing.first.bundle.public_key.read_bytes()
    ),
    "two keys": lambda _: _p384() + _p384(),
    "half a key": lambda _: _p384()[:60],
    "an empty file": lambda _: b"",
    "a file that is no key": lambda _: b"\x00\xff" * 500,
    "a huge file": lambda _: b"x" * (1 << 20),
}


@pytest.mark.parametrize("key", KEYS)
def test_admit_takes_a_sites_own_p384_key_only(key, refusing):
    """One line, exit code 2, and the SuperLink knows nobody new."""
    path = refusing.live.root / "server" / "sent.pub"
    path.write_bytes(KEYS[key](refusing))
    path.chmod(0o644)

    done = refusing.fedstill("deploy", "admit", NAMES[1], str(path))

    _assert_one_line(done)
    assert "PRIVATE KEY" not in done.err + done.out


def test_admit_takes_no_missing_file(refusing):
    """One line, which names it."""
    done = refusing.fedstill("deploy", "admit", NAMES[1], "/nowhere/node.pub")

    _assert_one_line(done, "/nowhere/node.pub")


@pytest.mark.parametrize("command", ["admit", "revoke"])
def test_commands_know_the_federations_sites_only(command, refusing):
    """A name with a slip of the pen is told, and the nearest one."""
    path = refusing.live.root / "server" / "new.pub"
    path.write_bytes(_p384())
    path.chmod(0o644)
    words = ["deploy", command, "hospital-bb"] + [str(path)] * (command == "admit")

    _assert_one_line(refusing.fedstill(*words), "hospital-bb", NAMES[1])


def test_no_refused_key_was_registered(refusing):
    """After all those keys there are the two that were there."""
    assert {int(number) for number, _ in refusing.known()} == set(refusing.ids)


# The site's commands: which bundles and keys are not used.


def _exchanged_authority(refusing: Refusing):
    bundle = refusing.bundle_like(refusing.first, "exchanged")
    bundle.authority.write_bytes(_pem(issue(is_authority=True)))
    return bundle


def _odd_authority(identity: Identity):
    def make(refusing: Refusing):
        authority = identity.certificate.fingerprint(SHA256()).hex()
        bundle = refusing.bundle_like(refusing.first, "odd", authority=authority)
        bundle.authority.write_bytes(_pem(identity))
        return bundle

    return make


def _pem(identity: Identity) -> bytes:
    return identity.certificate.public_bytes(Encoding.PEM)


def _other_flower(refusing: Refusing):
    return refusing.bundle_like(refusing.first, "flower", flower="1.39.0")


def _other_site(refusing: Refusing):
    return refusing.bundle_like(refusing.second, "other")


def _cut_off(refusing: Refusing):
    bundle = refusing.bundle_like(refusing.first, "cut-off")
    bundle.bundle.write_text(bundle.bundle.read_text()[:40])
    return bundle


BUNDLES = {
    "another ca.crt": (_exchanged_authority, "ca.crt"),
    "a ca.crt that is no authority": (_odd_authority(issue()), "ca.crt"),
    "an expired ca.crt": (
        _odd_authority(issue(is_authority=True, days=(-9, -1))),
        "ca.crt",
    ),
    "another Flower": (_other_flower, "1.39.0"),
    "another site's bundle": (_other_site, NAMES[1]),
    "half a bundle.toml": (_cut_off, "bundle.toml"),
}


@pytest.mark.parametrize("what", BUNDLES)
def test_join_refuses_a_bundle_that_is_not_its_own(what, refusing):
    """One line, exit code 2, and no key is made."""
    make, word = BUNDLES[what]
    bundle = make(refusing)
    bundle.key.unlink()
    bundle.public_key.unlink()
    policy = str(refusing.first.policy)

    done = refusing.at_site("site", "join", str(bundle.root), "--policy", policy)

    _assert_one_line(done, word)
    assert not bundle.key.exists()


def _key_for_all(refusing: Refusing):
    bundle = refusing.bundle_like(refusing.first, "open-key")
    bundle.key.chmod(0o644)
    return bundle


def _no_key(refusing: Refusing):
    bundle = refusing.bundle_like(refusing.first, "no-key")
    bundle.key.unlink()
    return bundle


def _rsa_key(refusing: Refusing):
    bundle = refusing.bundle_like(refusing.first, "rsa-key")
    key = rsa.generate_private_key(65_537, 2048)
    bundle.key.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    )
    return bundle


UNUSABLE = {
    "a key that others can read": (_key_for_all, "node.key"),
    "no key": (_no_key, "node.key"),
    "an RSA key": (_rsa_key, "node.key"),
    "another ca.crt": (_exchanged_authority, "ca.crt"),
    "another Flower": (_other_flower, "1.39.0"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_node_does_not_start_from_what_it_cannot_trust(what, refusing):
    """One line, exit code 2, before anything of Flower's is started."""
    make, word = UNUSABLE[what]
    bundle = make(refusing)
    user = refusing.first.node_user

    done = refusing.at_site("site", "node", str(bundle.root), user=user)

    _assert_one_line(done, word)


# Keys that are online, and keys that are revoked; these change the federation.


def test_a_second_node_with_the_same_key_is_not_let_in(refusing, fleet_answers):
    """`fedstill site node` says why, and leaves it to the unit to try again."""
    before = refusing.known()
    alive = as_node("send a heartbeat", refusing.keys[0], refusing.ids[0])
    bundle = refusing.bundle_like(refusing.first, "twin")
    refusing.from_site({"alive": alive})

    done = refusing.at_site(
        "site", "node", str(bundle.root), user=refusing.first.node_user
    )

    assert done.code == 1, done
    assert "still counted as online" in done.err.splitlines()[-1], done
    assert "Traceback" not in done.err
    assert [number for number, _ in refusing.known()] == [one for one, _ in before]


def test_a_revoked_key_is_refused_in_everything(refusing):
    """By the SuperLink, whatever it asks for, and by `admit` for ever."""
    assert refusing.fedstill("deploy", "revoke", NAMES[1]).code == 0

    answers = refusing.from_site(revoked(refusing))
    public_key = str(refusing.second.bundle.public_key)
    again = refusing.fedstill("deploy", "admit", NAMES[1], public_key)

    assert all(one.is_refusal for one in answers.values()), answers
    assert len(answers) == len(OF_NODES) + 1
    _assert_one_line(again, "shut out")
    numbers = [
        int(number) for number, status in refusing.known() if status != "deleted"
    ]
    assert refusing.ids[1] not in numbers


def test_a_node_that_runs_can_be_reached_by_nobody(refusing):
    """All that it listens at is its machine's own, and wants a secret there too."""
    site = refusing.first
    leave = as_node("leave", refusing.keys[0], refusing.ids[0])
    refusing.from_site({"leave": leave})
    site.node.start()
    wait_until(
        lambda: site.name in refusing.live.online(), "the node", seconds=90, step=1
    )

    ports = _listening(site.node.pid())

    site.node.stop()
    assert ports, "The node's runtime API was not found."
    assert {address for address, _ in ports} == {LOOPBACK}


def _listening(pid: int) -> set[tuple[str, int]]:
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


def test_no_log_has_a_secret_or_a_traceback(refusing):
    """Of all that was said in this file, by commands, servers and nodes."""
    if has_networks():
        assert refusing.said
    everything = "\n".join([*refusing.said, refusing.live.logs()])

    for path, secret in refusing.secrets().items():
        assert secret not in everything, path
    assert "Traceback" not in everything
