"""How the relay finds its site."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from client import connection
from client.connection import connect, use_provider
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
