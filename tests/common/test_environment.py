"""The environment of everything that Fedstill starts."""

import os

import pytest

from common.environment import QUIET, quiet_environment


@pytest.fixture
def bare(monkeypatch):
    """An environment in which none of the variables is set, put back afterwards."""
    for name in QUIET:
        monkeypatch.setenv(name, "to be put back")
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("bare")
def test_switches_everything_off_that_phones_home():
    """Telemetry, update checks, installs at run time and usage statistics are off."""
    quiet_environment()

    assert {name: os.environ[name] for name in QUIET} == {
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
    }


@pytest.mark.usefixtures("bare")
def test_leaves_what_the_user_has_set(monkeypatch):
    """A variable that is already set keeps its value."""
    monkeypatch.setenv("OMP_NUM_THREADS", "8")

    quiet_environment()

    assert os.environ["OMP_NUM_THREADS"] == "8"
