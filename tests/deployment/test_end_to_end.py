"""A federation on separate machines ends as one in one process does, byte for byte.

SuperLink, SuperExec, three SuperNodes and three custodians, as eight processes under
seven users in four networks, over TLS and with keys that were admitted; made by
`fedstill deploy init` and the commands of its README.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.config import Config
from simulations.federation import run_federation
from tests.deployment.federation import ENDS_WITHIN, Federation, federation
from tests.deployment.machines import has_networks, has_users

SITES = 3
ROUNDS = 3
SEED = 5
STUDENT = "global_student.safetensors"

pytestmark = pytest.mark.deploy


def _config(mechanism: str) -> Config:
    return Config.from_run_config(
        {
            "name": f"deployed-{mechanism}",
            "sites": SITES,
            "seed": SEED,
            "models": "mlp:1,cnn:1,linear:1",
            "rounds": ROUNDS,
            "distill.epochs": 3,
            "global-student.epochs": 3,
            "baselines.enabled": False,
            "personal-student.enabled": False,
            "privacy.mechanism": mechanism,
            # Part of the run's identity, and so of what the sites are asked.
            "engine": "flower",
        }
    )


@pytest.fixture(scope="module")
def live() -> Iterator[Federation]:
    """The federation, all of it running."""
    with federation(_config("dp-sgd"), seed=SEED) as made:
        yield made


def _inline(config: Config, output: Path) -> Path:
    run_federation(config.with_overrides({"output": str(output), "engine": "inline"}))
    return output


@pytest.mark.parametrize("mechanism", ["dp-sgd", "dp-head"])
def test_deployment_ends_in_the_bytes_of_the_inline_engine(mechanism, live, tmp_path):
    """Noise seeded alike: one config, two engines, the same global student."""
    config = _config(mechanism)
    for site in live.sites:
        site.custodian.stop()
    live.write_policies(config)
    for site in live.sites:
        site.custodian.start()

    process = live.start_run(live.write_config(config))
    out, err = process.communicate(timeout=ENDS_WITHIN)

    assert process.returncode == 0, f"{err}\n{live.logs()}"
    folder = live.folder.runs / config.name
    inline = _inline(config, tmp_path / "inline")
    assert (folder / STUDENT).read_bytes() == (inline / STUDENT).read_bytes()
    rounds = [
        [json.loads(line) for line in (one / "metrics.jsonl").read_text().splitlines()]
        for one in (folder, inline)
    ]
    for deployed, simulated in zip(*rounds, strict=True):
        for key in ("round", "cohort", "accepted", "global_student", "privacy"):
            assert deployed[key] == simulated[key]
    summary = json.loads(out)
    assert summary == json.loads((folder / "summary.json").read_text())
    assert summary["rounds"] == ROUNDS
    assert summary["local_students"] is None
    assert (folder / "report.html").exists()
    assert (folder / "model_card.md").exists()


def test_every_request_was_answered_by_a_custodian(live):
    """Each custodian said hello, answered every round and heard of the end."""
    for site in live.sites:
        lines = site.requests()

        assert {line["outcome"] for line in lines} == {"answered"}
        rounds = [one["round"] for one in lines if one["kind"] == "train.distill"]
        assert rounds == 2 * [*range(1, ROUNDS + 1)]
        assert [one["kind"] for one in lines].count("train.finish") == 2


@pytest.mark.skipif(not has_users(), reason="other users need root")
def test_processes_have_the_users_of_their_units(live):
    """A site's data and the coordinator's code are two users' on every site."""
    owners = {
        service.name: Path(f"/proc/{service.pid()}").stat().st_uid
        for site in live.sites
        for service in (site.custodian, site.node)
    }

    assert len(set(owners.values())) == 2 * SITES
    assert 0 not in owners.values()


@pytest.mark.skipif(not has_networks(), reason="network namespaces need root and ip")
def test_nothing_was_sent_to_anybody_else(live):
    """In two whole runs no process looked up or called anything outside."""
    places = [live.machine, *(site.machine for site in live.sites)]

    assert [place.packets_out() for place in places] == [0] * len(places)


def test_status_knows_nodes_rounds_and_bytes(live):
    """What `deploy status` says of the two runs is what happened."""
    found = live.status()

    assert [one["state"] for one in found["sites"]] == SITES * ["online"]
    assert [one["rounds_done"] for one in found["runs"]] == 2 * [ROUNDS]
    for one in found["runs"]:
        assert one["state"] == "completed"
        # Flower counts what it wraps around our messages too.
        assert 0 < one["up"] < one["inbound"]
        assert 0 < one["down"] < one["outbound"]
