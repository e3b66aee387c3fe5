"""How the relay finds its site."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from client import connection
from client.connection import connect, use_provider
from client.custodian.connection import CustodianConnection
from common.errors import ConfigError


def open_site(node_config, run_config):
    return ("site of", dict(node_config), dict(run_config))


def test_innermost_provider_is_asked():
    """A provider in use wins, and the outer one comes back after it."""
    with use_provider(lambda node, run: "outer"):
        with use_provider(lambda node, run: "inner"):
            assert connect({}, {}) == "inner"
        assert connect({}, {}) == "outer"


def test_entry_point_is_asked_by_default(monkeypatch):
    """Without a provider in use the installed one named simulation opens the site."""
    _install(monkeypatch, "simulation")

    assert connect({"partition-id": 1}, {"rounds": 2}) == (
        "site of",
        {"partition-id": 1},
        {"rounds": 2},
    )


def test_node_config_chooses_the_entry_point(monkeypatch):
    """The node's owner says which provider; the run's config has no say."""
    _install(monkeypatch, "custodian")

    assert connect({"site-provider": "custodian"}, {})[0] == "site of"
    with pytest.raises(ConfigError):
        connect({}, {"site-provider": "custodian"})


def test_missing_provider_is_named(monkeypatch):
    """The error names key, value and consequence."""
    _install(monkeypatch, "custodian")

    with pytest.raises(ConfigError) as caught:
        connect({"site-provider": "custodain"}, {})

    assert str(caught.value) == (
        "No site provider site-provider='custodain' is installed (entry-point group "
        "fedstill.sites). The node cannot answer."
    )


CUSTODIAN = {"custodian": "unix:/run/fedstill/site.sock"}
REMOTE = {
    "custodian": "site.example:9443",
    "custodian-certificate": "relay.pem",
    "custodian-key": "relay.key",
    "custodian-ca": "ca.pem",
}


@pytest.mark.parametrize(
    ("node_config", "target"),
    [(CUSTODIAN, "unix:/run/fedstill/site.sock"), (REMOTE, "site.example:9443")],
    ids=["socket", "tls"],
)
def test_node_config_names_the_custodian(node_config, target):
    """Where it is, the certificates, and the deadline that the caller states."""
    site = connect(node_config, {}, deadline_seconds=77.0)

    assert isinstance(site, CustodianConnection)
    assert site._endpoint.target == target
    assert site._deadline_seconds == 77.0


def test_the_run_cannot_name_a_custodian(monkeypatch):
    """A server would send the request to a process of its choice."""
    _install(monkeypatch, "simulation")

    assert connect({}, CUSTODIAN)[0] == "site of"


def test_a_provider_in_use_wins_over_the_custodian():
    """An engine's own sites are the ones that are asked."""
    with use_provider(lambda node, run: "inline"):
        assert connect(CUSTODIAN, {}) == "inline"


def test_custodian_and_provider_exclude_each_other():
    """The error names both keys and values."""
    with pytest.raises(ConfigError) as caught:
        connect(CUSTODIAN | {"site-provider": "simulation"}, {})

    assert str(caught.value) == (
        "The node has custodian='unix:/run/fedstill/site.sock' and "
        "site-provider='simulation'; one of them is allowed. The node cannot answer."
    )


def test_plaintext_tcp_is_refused():
    """An address without the three files is a mistake."""
    with pytest.raises(ConfigError, match="TCP without mutual TLS"):
        connect({"custodian": "site.example:9443"}, {})


def _install(monkeypatch, name):
    found = EntryPoints(
        [
            EntryPoint(
                name=name,
                value="tests.client.test_connection:open_site",
                group=connection.GROUP,
            )
        ]
    )
    monkeypatch.setattr(connection, "entry_points", found.select)
