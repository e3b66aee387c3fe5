"""How a deployment stands: sites, runs, and the next step."""

import json

import pytest

from common.config import Config
from server.deployment import status
from server.deployment.flower_answers import FlowerNode, FlowerRun
from server.deployment.node_book import AdmittedKey, SiteKeys, write_nodes
from server.deployment.run_record import record_run
from server.deployment.status import SiteState, deployment_status
from server.deployment.words import bytes_text, status_lines
from tests.server.deployment.fake_flower import make_folder
from tests.server.deployment.fake_superlink import FakeSuperLink

FEDERATION = """
name = "ward-study"
[server]
address = "fedstill.example:9090"
[sites]
names = ["hospital-a"]
"""
A = "hospital-a"
NODE = 2**63 + 5
KEY = AdmittedKey(
    fingerprint="SHA256:abc", node_id=NODE, admitted="2026-11-26T06:00:00+00:00"
)
OTHER = AdmittedKey(
    fingerprint="SHA256:old", node_id=7, admitted="2026-11-25T06:00:00+00:00"
)
ONLINE = "2026-11-26 06:13:29Z"
LOST = "2026-11-26 06:20:00Z"
RUN = FlowerRun(
    run_id=2**63 + 9,
    status="running",
    pending_at=ONLINE,
    inbound_bytes=71025,
    outbound_bytes=90903,
)


@pytest.fixture
def folder(tmp_path):
    made = make_folder(tmp_path / "ward")
    made.federation.write_text(FEDERATION)
    return made


@pytest.fixture
def superlink(monkeypatch):
    fake = FakeSuperLink()
    monkeypatch.setattr(status, "FlowerCli", fake)
    return fake


def lists(superlink, *nodes):
    superlink.by_id = {node.node_id: node for node in nodes}


def node(state, node_id=NODE, **times):
    return FlowerNode(node_id=node_id, status=state, **times)


@pytest.mark.parametrize(
    ("keys", "nodes", "state", "since", "step"),
    [
        (SiteKeys(), [], SiteState.NOT_ADMITTED, "", "deploy admit hospital-a"),
        (
            SiteKeys(current=KEY),
            [node("registered")],
            SiteState.NEVER_CONNECTED,
            "",
            "a site starts its services",
        ),
        (
            SiteKeys(current=KEY),
            [node("online", online_at=ONLINE, offline_at="earlier")],
            SiteState.ONLINE,
            ONLINE,
            "fedstill run CONFIG",
        ),
        (
            SiteKeys(current=KEY),
            [node("offline", online_at=ONLINE, offline_at=LOST)],
            SiteState.OFFLINE,
            LOST,
            "a site starts its services",
        ),
        (
            SiteKeys(revoked=(KEY,)),
            [node("unregistered")],
            SiteState.REVOKED,
            "",
            "put new sites into",
        ),
        (
            SiteKeys(current=KEY, revoked=(OTHER,)),
            [node("online"), node("online", 7)],
            SiteState.LEAKING,
            "",
            "deploy revoke hospital-a",
        ),
        (
            SiteKeys(current=KEY),
            [node("unregistered")],
            SiteState.LOST,
            "",
            "deploy admit hospital-a",
        ),
        (SiteKeys(current=KEY), [], SiteState.LOST, "", "deploy admit hospital-a"),
    ],
)
def test_a_site_stands_as_book_and_superlink_say(
    folder, superlink, keys, nodes, state, since, step
):
    """What the SuperLink accepts counts, and the next step follows from it."""
    write_nodes(folder.nodes, {A: keys})
    lists(superlink, *nodes)

    found = deployment_status(folder.root)

    (site,) = found.sites
    assert (site.name, site.state, site.since) == (A, state, since)
    assert step in found.next_step
    assert found.unknown_nodes == ()


def test_a_site_that_left_the_federation_is_still_shown(folder, superlink):
    """As long as it was let in once."""
    write_nodes(folder.nodes, {"hospital-z": SiteKeys(current=KEY)})
    lists(superlink, node("online"))

    found = deployment_status(folder.root)

    assert [one.name for one in found.sites] == [A, "hospital-z"]


def test_a_node_of_no_site_is_a_warning(folder, superlink):
    """Somebody let it in by Flower's own command, or the book is an old one."""
    lists(superlink, node("online", 8), node("unregistered", 9))

    found = deployment_status(folder.root)

    assert found.unknown_nodes == ("8",)
    (line,) = [line for line in status_lines(found) if "Warning" in line]
    assert "flwr supernode unregister 8 fedstill" in line


def test_a_run_is_told_by_its_run_folder(folder, superlink):
    """Rounds and bytes are ours; the SuperLink's bytes stand beside them."""
    place = folder.runs / "first"
    place.mkdir(parents=True)
    (place / "config.toml").write_text(Config(name="first", rounds=5).to_toml())
    lines = [
        json.dumps({"round": number, "bytes": {"up": 1000, "down": 2000}})
        for number in (1, 2)
    ]
    (place / "metrics.jsonl").write_text("\n".join(lines) + '\n{"round": 3, "by')
    record_run(folder, flower_run_id=str(RUN.run_id), run_folder=place, run_id="first")
    superlink.all_runs = [RUN]

    found = deployment_status(folder.root)

    (run,) = found.runs
    assert (run.rounds_done, run.rounds_planned) == (2, 5)
    assert (run.up, run.down) == (2000, 4000)
    assert (run.inbound, run.outbound) == (71025, 90903)
    text = "\n".join(status_lines(found))
    assert f"{RUN.run_id}  running, round 2 of 5, submitted {ONLINE}" in text
    assert "2 kB up, 4 kB down" in text
    assert "71 kB in, 90.9 kB out" in text
    assert found.next_step == "wait for the run that is going on"


def test_a_run_without_a_record_has_flowers_figures_only(folder, superlink):
    """It was not started by our command."""
    superlink.all_runs = [RUN]

    (run,) = deployment_status(folder.root).runs

    assert (run.run_folder, run.rounds_done, run.up) == ("", None, None)


def test_a_run_folder_without_a_config_has_no_plan(folder, superlink):
    """It is shown nevertheless."""
    place = folder.runs / "first"
    record_run(folder, flower_run_id=str(RUN.run_id), run_folder=place, run_id="first")
    superlink.all_runs = [RUN]

    found = deployment_status(folder.root)

    assert "running, round 0 of ?" in "\n".join(status_lines(found))


@pytest.mark.parametrize(
    ("flower", "ours"),
    [
        ("pending", "waiting for the SuperExec"),
        ("finished:failed", "failed"),
        ("finished:odd", "finished:odd"),
    ],
)
def test_flowers_states_are_put_in_words(folder, superlink, flower, ours):
    """A state that is new to us is shown as it is."""
    superlink.all_runs = [FlowerRun(run_id=1, status=flower)]

    (run,) = deployment_status(folder.root).runs

    assert run.state == ours


def test_the_newest_runs_come_first(folder, superlink):
    """Ten of them; the rest is counted."""
    superlink.all_runs = [
        FlowerRun(run_id=day, status="finished:completed", pending_at=f"2026-11-{day}")
        for day in range(10, 22)
    ]

    found = deployment_status(folder.root)

    assert found.runs[0].flower_run_id == "21"
    assert "  and 2 earlier" in status_lines(found)


def test_json_keeps_big_numbers_as_text(folder, superlink):
    """Other programs read numbers as floats with 53 bits."""
    write_nodes(folder.nodes, {A: SiteKeys(current=KEY)})
    lists(superlink, node("online"))
    superlink.all_runs = [RUN]

    values = json.loads(json.dumps(deployment_status(folder.root).to_dict()))

    assert values["sites"][0]["node_id"] == str(NODE)
    assert values["sites"][0]["state"] == "online"
    assert values["runs"][0]["flower_run_id"] == str(RUN.run_id)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (999_600, "1 MB"), (15_900, "15.9 kB")],
)
def test_bytes_are_told_in_three_digits(count, text):
    """In decimal units."""
    assert bytes_text(count) == text
