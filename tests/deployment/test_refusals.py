"""What is refused, to whom, and in how many words.

One federation with two sites. No site's node runs until the end: whatever a SuperNode
says to a SuperLink is said here in its name, signed as it would be, and then nearly so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.node.exit_words import ExitWords
from client.node.runtime_tls import RuntimeFiles
from common.config import Config
from common.deployment.bundle import SiteBundle
from tests.deployment.bundle_cases import BUNDLES, UNUSABLE
from tests.deployment.federation import Finished, making
from tests.deployment.fleet_cases import (
    OF_NODES,
    REFUSED,
    as_node,
    lawful,
    replayed,
    revoked,
)
from tests.deployment.forgeries import issue, showing
from tests.deployment.guard_cases import TRICKS, routes, with_get
from tests.deployment.impostors import Answer, Request, ask, http
from tests.deployment.key_cases import KEYS, new_public_key
from tests.deployment.listening import listening
from tests.deployment.machines import has_networks
from tests.deployment.refusing import LOOPBACK, Refusing
from tests.deployment.server_cases import FAULTS, FORGERIES, TOLD
from tests.deployment.service import wait_until
from tests.deployment.unit import log_of

NAMES = ("hospital-a", "hospital-b")
CONFIG = Config.from_run_config(
    {"name": "refusals", "sites": len(NAMES), "models": f"linear:{len(NAMES)}"}
)
ACQUIRE = "/v1/runtime/acquire-task"
# The guard hangs up on Flower, which then speaks of an error of the server.
CUT_OFF = {"a message too large": 500}
TOO_LARGE = {"a message too large", "a size too large"}
# OpenSSL hangs up before there is a request, and uvicorn does not tell of it.
NOT_LOGGED = {"plain HTTP"}
NO_HTTP = "Invalid HTTP request received"

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

    words = ExitWords(SiteBundle.read(refusing.first.bundle.bundle))
    words.hear("Exit Code: 305")
    words.hear(fault)
    assert FAULTS[forgery] in fault
    assert TOLD[forgery] in words.why(1)
    assert heard.connections
    assert not heard.content


def test_a_site_believes_its_coordinator(refusing, tmp_path):
    """Or the refusals above could have another reason."""
    identity = issue(refusing.authority, host=LOOPBACK)

    with showing(identity, tmp_path) as heard:
        fault = _connect_as_flower_does(refusing, heard.port)

    assert not fault
    assert b"/health" in heard.content


@pytest.mark.parametrize(
    "forgery", ["another authority", "another host's", "no TLS at all"]
)
def test_a_node_does_not_talk_to_another_server(forgery, refusing, tmp_path):
    """`fedstill site node` sends neither key nor name, and says in a line why."""
    machine = refusing.live.machine
    identity = FORGERIES[forgery](refusing.authority, machine.address)
    with showing(identity, tmp_path, machine) as heard:
        address = f"{machine.address}:{heard.port}"
        bundle = refusing.bundle_like(refusing.first, "misled", address=address)
        node = refusing.node_of(bundle, refusing.first, f"node-{heard.port}")

        node.start()
        try:
            wait_until(lambda: not node.is_alive(), "its end", seconds=60)
        finally:
            node.stop()

    refusing.said.append(node.log())
    assert heard.connections
    assert not heard.content
    (line,) = [one for one in node.log().splitlines() if one.startswith("Error: ")]
    assert TOLD[forgery] in line
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
    logged = answer.lines(f'HTTP/1.1" {answer.status}', NO_HTTP)
    assert len(logged) == (name not in NOT_LOGGED), answer
    assert len(answer.lines("Refused ")) == (name in TOO_LARGE), answer


def test_only_tls_keeps_a_signature_from_being_used_again(refusing, fleet_answers):
    """Flower's nodes sign the time alone: for five minutes it is good for anything."""
    answers = refusing.from_site(replayed(refusing))

    assert [one.status for one in answers.values()] == [200, 200], answers


# The guard: what only the coordinator's own machine reaches.


@pytest.fixture(scope="module")
def trick_answers(refusing) -> dict[str, Answer]:
    """What a site gets for each of them."""
    return refusing.from_site(TRICKS)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_opens_the_control_api(trick, trick_answers):
    """Whoever reaches it can run code at every site; the attempt is told in a line."""
    answer = trick_answers[trick]

    assert answer.is_refusal, answer
    assert "HTTP/1.1 2" not in answer.text
    assert len(answer.lines("Refused ", NO_HTTP)) == 1, answer


def test_a_site_does_not_even_see_the_other_routes(refusing):
    """Every one that this Flower has; from the coordinator's machine each is there."""
    paths = [path for path in routes() if "{" not in path]
    assert len(paths) > 40

    foreign = refusing.from_site(with_get([*paths, "/"]))
    own = refusing.from_here(with_get(paths))

    assert {one.status for one in foreign.values()} == {404}
    assert {len(one.lines("Refused GET ")) for one in foreign.values()} == {1}
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
    told = answers["acquire"].lines("SuperExec authentication failed")
    assert len(told) == (status != 200), answers


# The coordinator's commands: which keys are not admitted.


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
    path.write_bytes(new_public_key())
    path.chmod(0o644)
    words = ["deploy", command, "hospital-bb"] + [str(path)] * (command == "admit")

    _assert_one_line(refusing.fedstill(*words), "hospital-bb", NAMES[1])


def test_no_refused_key_was_registered(refusing):
    """After all those keys there are the two that were there."""
    assert {int(number) for number, _ in refusing.known()} == set(refusing.ids)


# The site's commands: which bundles and keys are not used.


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
    assert refusing.from_site({"alive": alive})["alive"].status == 200

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
    assert all(len(one.lines('HTTP/1.1" 4')) == 1 for one in answers.values()), answers
    assert len(answers) == len(OF_NODES) + 1
    _assert_one_line(again, "shut out")
    assert dict(refusing.known())[str(refusing.ids[1])] == "unregistered"


def test_a_node_that_runs_can_be_reached_by_nobody(refusing):
    """All that it listens at is its machine's own, and wants a secret there too."""
    site = refusing.first
    leave = as_node("leave", refusing.keys[0], refusing.ids[0])
    refusing.from_site({"leave": leave})
    site.node.start()
    wait_until(
        lambda: site.name in refusing.live.online(), "the node", seconds=90, step=1
    )

    ports = listening(site.node.pid())
    assert ports, "The node's runtime API was not found."
    answers = [
        ask(
            site.machine,
            place,
            RuntimeFiles(site.bundle.flower_home / "runtime").certificate,
            {"none": _acquire(None), "another": _acquire(b"0" * 64)},
            log=log_of(Path(site.node.spec.folder)),
            source=LOOPBACK,
        )
        for place in ports
    ]

    site.node.stop()
    assert {address for address, _ in ports} == {LOOPBACK}
    for one in [one for some in answers for one in some.values()]:
        assert one.status == 401, one
        assert len(one.lines("SuperExec authentication failed")) == 1, one


def test_no_log_has_a_secret_or_a_traceback(refusing):
    """Of all that was said in this file, by commands, servers and nodes."""
    if has_networks():
        assert refusing.said
    everything = "\n".join([*refusing.said, refusing.live.logs()])

    for path, secret in refusing.secrets().items():
        assert secret not in everything, path
    assert "Traceback" not in everything
