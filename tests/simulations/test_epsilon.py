"""A simulation shows the epsilon that the sites' own ledgers have charged."""

import dataclasses

import pytest

from common.privacy.accountant import spent
from common.run_folder import RunFolder
from simulations.federation import run_federation
from simulations.rounds import read_rounds
from simulations.summarise import summarise
from tests.simulations.tiny import tiny_config

ROUNDS = 2


@pytest.mark.e2e
def test_epsilon_is_that_of_the_sites_ledgers(tmp_path):
    """Summary and metrics agree with the steps that stand in the ledgers."""
    config = tiny_config(tmp_path / "run", rounds=ROUNDS)
    folder = RunFolder(tmp_path / "run")

    federation = run_federation(config)

    privacy = summarise(federation, folder, None).privacy
    charged = []
    for name in config.site_names:
        events = federation.store.ledger(name).events()
        assert len(events) == ROUNDS, "Rule 11: a simulated site charged nothing."
        steps = sum(event.steps for event in events)
        whole = dataclasses.replace(events[0], steps=steps)
        charged.append(spent([whole], delta=config.privacy.delta).epsilon)
    found = (privacy.max_epsilon, privacy.sum_epsilon, privacy.delta)
    assert found == (max(charged), sum(charged), config.privacy.delta), (
        "Rule 11: the summary shows another epsilon than the ledgers."
    )
    assert read_rounds(folder.metrics)[-1].privacy.epsilon == pytest.approx(
        max(charged), rel=0.01
    ), "Rule 11: the metrics show another epsilon than the ledgers."
