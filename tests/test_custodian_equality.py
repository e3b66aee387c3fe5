"""Three custodians in their own processes end as three sites in one process do."""

from __future__ import annotations

from pathlib import Path

import pytest

from client.app import app as client_app
from client.connection import connect, use_provider
from common.config import Config
from common.data.parts import load_parts
from server.app import app as server_app
from simulations.engines.inline import run_inline
from simulations.federation import run_federation
from simulations.sites import private_examples
from tests.custodians import running_custodians, write_site

SITES = 3
OVERRIDES = {
    "name": "equality",
    "sites": SITES,
    "seed": 5,
    "models": "mlp:1,cnn:1,linear:1",
    "rounds": 2,
    "distill.epochs": 3,
    "global-student.epochs": 3,
    "baselines.enabled": False,
    "personal-student.enabled": False,
}
STUDENT = "global_student.safetensors"


def _config(output: Path, mechanism: str) -> Config:
    values = OVERRIDES | {"output": str(output), "privacy.mechanism": mechanism}
    return Config.from_run_config(values)


def _policy(folder: Path, config: Config, number: int, examples) -> Path:
    name = config.site_names[number]
    return write_site(
        folder / name,
        inputs=examples.inputs,
        labels=examples.labels,
        site_name=name,
        dataset_id=name,
        nominal_examples=config.nominal_examples[number],
        classes=10,
        budget={"epsilon": config.privacy.epsilon, "delta": config.privacy.delta},
        limits={"mechanisms": [config.privacy.mechanism]},
        model={"name": config.site_models[number]},
    )


@pytest.mark.parametrize("mechanism", ["dp-sgd", "dp-head"])
def test_three_custodians_end_in_the_same_global_student(mechanism, tmp_path):
    """The same config and seeds over sockets and in one process: the same bytes."""
    alone, apart = (_config(tmp_path / one, mechanism) for one in ("alone", "apart"))
    run_federation(alone)

    examples = private_examples(apart, load_parts(apart))
    policies = [
        _policy(tmp_path, apart, number, one) for number, one in enumerate(examples)
    ]
    with running_custodians(policies, seed=apart.seed) as custodians:
        connections = [connect(one.node_config, {}) for one in custodians]

        def over_the_socket(node_config, run_config):
            del run_config  # a run has no say in where its sites are
            return connections[int(node_config["partition-id"])]

        with use_provider(over_the_socket):
            run_inline(
                server_app,
                client_app,
                num_nodes=SITES,
                run_config=apart.to_run_config(),
            )

    student = (tmp_path / "apart" / STUDENT).read_bytes()
    assert student == (tmp_path / "alone" / STUDENT).read_bytes()
    for custodian in custodians:
        assert custodian.process.returncode == 0
        lines = custodian.requests()
        kinds = [line["kind"] for line in lines]
        assert {line["outcome"] for line in lines} == {"answered"}
        assert kinds[0] == "query.hello"
        assert set(kinds[1:-4]) == {"query.transfer"}
        assert kinds[-4:] == [
            "query.hello",
            "train.distill",
            "train.distill",
            "train.finish",
        ]
