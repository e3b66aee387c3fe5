"""The SuperLink's launcher, and what it relies on inside Flower."""

import asyncio
import inspect
import os
import sys

import pytest
import uvicorn
from flwr.superlink import main
from flwr.superlink.cli import flower_superlink

from common.errors import ConfigError
from server.deployment.federation_file import load_federation_file
from server.deployment.superlink import run_superlink, superlink_words
from tests.server.deployment.fake_flower import make_folder

FEDERATION = """
name = "ward-study"
[server]
address = "fedstill.example:9090"
[sites]
names = ["hospital-a"]
"""


@pytest.fixture
def folder(tmp_path):
    """A folder whose keys are no keys: what is tested ends before they are used."""
    made = make_folder(tmp_path / "ward")
    made.federation.write_text(FEDERATION)
    for path in (made.authority, made.certificate, made.key, made.superexec_secret):
        path.parent.mkdir(exist_ok=True)
        path.write_text("0123456789abcdef" * 4)
        path.chmod(0o600)
    return made


@pytest.fixture
def served(monkeypatch):
    """What uvicorn was given, instead of serving it."""
    environment, mask = dict(os.environ), os.umask(0o022)
    found = {}
    monkeypatch.setattr(uvicorn, "run", lambda **words: found.update(words))
    monkeypatch.setattr(main, "create_app", main.create_app)
    monkeypatch.setattr(sys, "argv", sys.argv)
    yield found
    os.umask(mask)
    os.environ.clear()
    os.environ.update(environment)


def get(app, path, address):
    """Returns the status of a GET from an address."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": (address, 40000),
        "server": ("127.0.0.1", 9090),
        "state": {},
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event):
        sent.append(event)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"]


def test_what_is_served_is_guarded(folder, served):
    """Flower's own command, whole: its docs are for this machine, health for all."""
    run_superlink(folder.root)

    app = served["app"]
    assert get(app, "/health", "10.0.0.5") == 200
    assert get(app, "/openapi.json", "127.0.0.1") == 200
    assert get(app, "/openapi.json", "10.0.0.5") == 404


def test_flower_serves_it_with_tls_and_asks_for_nodes_keys(folder, served, capfd):
    """Host, port and key pair reach uvicorn; unknown nodes are not let in."""
    run_superlink(folder.root)

    assert (served["host"], served["port"]) == ("0.0.0.0", 9090)
    assert served["ssl_keyfile"] == str(folder.key)
    assert served["ssl_certfile"] == str(folder.certificate)
    assert "SuperNode authentication is disabled" not in capfd.readouterr().err


def test_the_environment_is_replaced_before_flower_starts(folder, served, monkeypatch):
    """uvicorn would believe anybody's X-Forwarded-For; Flower would open gRPC ports."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    monkeypatch.setenv("FLWR_INTERNAL_GRPC_CONTROL_API", "1")

    run_superlink(folder.root)

    assert not {"FORWARDED_ALLOW_IPS", "FLWR_INTERNAL_GRPC_CONTROL_API"} & set(
        os.environ
    )
    assert os.environ["FLWR_HOME"] == str(folder.flower_home)
    assert os.environ["FLWR_TELEMETRY_ENABLED"] == "0"


def test_new_files_are_the_users_own(folder, served):
    """The SuperLink's database holds the sites' messages."""
    run_superlink(folder.root)

    assert folder.database.stat().st_mode & 0o077 == 0


def test_one_line_says_where_it_listens(folder, served, capfd):
    """For whom, too."""
    run_superlink(folder.root)

    line = capfd.readouterr().err.splitlines()[0]
    assert line.startswith("Starting Flower's SuperLink of ward-study at 0.0.0.0 port")
    assert "fedstill.example:9090; everything else for this machine only" in line


def test_flower_makes_its_application_as_the_guard_expects():
    """The name that is wrapped is looked up when the command is called."""
    source = inspect.getsource(
        sys.modules[flower_superlink.__module__]._run_superlink_http_api
    )

    assert "from flwr.superlink.main import" in source
    assert "fastapi_app = create_app(" in source
    assert "app=fastapi_app" in source


@pytest.mark.parametrize("name", ["key", "superexec_secret"])
def test_a_secret_that_others_can_read_is_refused(folder, name):
    """The mode and the way out are named."""
    path = getattr(folder, name)
    path.chmod(0o640)

    with pytest.raises(ConfigError, match=r"has mode 0640.*must be 0600"):
        run_superlink(folder.root)


@pytest.mark.parametrize(
    "name", ["authority", "certificate", "key", "superexec_secret", "federation"]
)
def test_a_file_that_is_missing_is_named(folder, name):
    """Nothing is started without it."""
    path = getattr(folder, name)
    path.unlink()

    with pytest.raises(ConfigError, match=path.name):
        run_superlink(folder.root)


def test_nodes_need_keys_and_server_apps_run_elsewhere(folder):
    """With the secret of the SuperExec, with TLS, and nothing is installed."""
    words = superlink_words(folder, load_federation_file(folder.federation))

    assert "--enable-supernode-auth" in words
    assert "--disable-runtime-dependency-installation" in words
    assert words[words.index("--isolation") + 1] == "process"
    assert words[words.index("--superexec-auth-secret-file") + 1] == str(
        folder.superexec_secret
    )
    assert "--insecure" not in words
