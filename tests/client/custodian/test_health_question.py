"""What a custodian says of itself, as the doctor asks it."""

import socket

from client.custodian.endpoint import Endpoint
from client.custodian.health_question import Health, ask_health
from common.messages import RefusalReason
from tests.client.custodian.support import SECONDS, Echo, Refuses, door


def test_custodian_that_is_well():
    """No request of a run is made for it."""
    with door(Echo()) as custodian:
        assert ask_health(custodian.endpoint, SECONDS) is Health.WELL


def test_custodian_whose_ledger_is_away():
    """It answers, and would refuse every request."""
    with door(Refuses(RefusalReason.LEDGER_UNAVAILABLE)) as custodian:
        custodian.ask()

        assert ask_health(custodian.endpoint, SECONDS) is Health.LEDGER_AWAY


def test_somebody_who_does_not_answer(tmp_path):
    """A hung process still listens: the kernel takes the connection."""
    path = tmp_path / "site.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()

        said = ask_health(Endpoint.parse(f"unix:{path}"), 0.3)

    assert said is Health.NO_ANSWER
