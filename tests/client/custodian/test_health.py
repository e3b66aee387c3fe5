"""The standard health service."""

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from client.custodian.wire import SERVICE
from common.messages import RefusalReason
from tests.client.custodian.support import SECONDS, Echo, Refuses, door

CHECK = "/grpc.health.v1.Health/Check"


def _check(custodian, service=""):
    with custodian.channel() as channel:
        reply = channel.unary_unary(CHECK)(
            HealthCheckRequest(service=service).SerializeToString(), timeout=SECONDS
        )
    name = HealthCheckResponse.FromString(reply).status
    return HealthCheckResponse.ServingStatus.Name(name)


@pytest.mark.parametrize("service", ["", SERVICE])
def test_a_custodian_that_answers_is_serving(service):
    """Any standard probe can ask, for the whole or for our service."""
    with door(Echo()) as custodian:
        assert _check(custodian, service) == "SERVING"


def test_other_services_are_not_found():
    """As the health protocol wants it."""
    with door(Echo()) as custodian, pytest.raises(grpc.RpcError) as caught:
        _check(custodian, "another.Service")

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_ledger_that_is_unavailable_is_not_serving():
    """Until a request finds it again."""
    site = Refuses(RefusalReason.LEDGER_UNAVAILABLE)

    with door(site) as custodian:
        custodian.ask()
        assert _check(custodian) == "NOT_SERVING"
        site.reason = RefusalReason.UNKNOWN_RUN
        custodian.ask()
        assert _check(custodian) == "SERVING"


def _fails():
    raise RuntimeError("/home/owner/secret.csv")


@pytest.mark.parametrize("is_healthy", [lambda: False, _fails], ids=["no", "fails"])
def test_the_owners_own_check_counts(is_healthy):
    """A check that says no, or fails, is not serving; its text stays here."""
    with door(Echo(), is_healthy=is_healthy) as custodian:
        assert _check(custodian) == "NOT_SERVING"
