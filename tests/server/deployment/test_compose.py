"""The compose files: what they start exists, and little is open.

Docker does not run where this was written, which the files say. What can be shown
without it is shown here.
"""

import shutil
import subprocess

import pytest

from server.deployment.compose import server_compose
from server.deployment.dockerfile import CUSTODIAN_ID, NODE_ID, SERVER_ID
from server.deployment.federation_file import parse_federation
from tests.server.deployment.commands import check_command, commands_in
from tests.server.deployment.deployments import SITES, make_deployment

pytestmark = pytest.mark.usefixtures("quick_disk")


@pytest.fixture
def folder(tmp_path):
    return make_deployment(tmp_path)


def _read(path):
    yaml = pytest.importorskip("yaml", reason="there is no PyYAML here")
    return yaml.safe_load(path.read_text())


@pytest.fixture
def server(folder):
    return _read(folder.compose)


@pytest.fixture
def site(folder):
    return _read(folder.bundle(SITES[0]).compose)


def test_files_say_that_they_are_untried(folder):
    """At their heads, where whoever uses them begins to read."""
    files = (folder.compose, folder.bundle(SITES[0]).compose)
    for path in (*files, folder.root / "image" / "Dockerfile"):
        head = path.read_text().splitlines()[:3]
        assert any("it was not tried" in line for line in head), path


def test_only_the_superlinks_port_is_published(server, site):
    """Sites reach it; the SuperExec has no network but the SuperLink's."""
    published = {
        name: service["ports"]
        for name, service in (server["services"] | site["services"]).items()
        if "ports" in service
    }

    assert published == {"superlink": ["9090:9090"]}
    assert server["services"]["superexec"]["network_mode"] == "service:superlink"
    for name in ("custodian", "join"):
        assert site["services"][name]["network_mode"] == "none"


def test_services_are_started_again_and_may_do_little(server, site):
    """All but the command that is run once."""
    services = server["services"] | site["services"]
    assert set(services) == {"superlink", "superexec", "custodian", "node", "join"}
    assert services.pop("join")["profiles"] == ["setup"]

    for name, service in services.items():
        assert service["restart"] == "always", name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert "privileged" not in service, name


def test_users_are_different_and_none_is_root(server, site):
    """Whoever runs the coordinator's code is not whoever reads the data."""
    users = {
        name: service["user"]
        for name, service in (server["services"] | site["services"]).items()
    }

    assert users.pop("join") == "0:0"  # gives the node's key to the node's user
    assert users == {
        "superlink": f"{SERVER_ID}:{SERVER_ID}",
        "superexec": f"{SERVER_ID}:{SERVER_ID}",
        "custodian": f"{CUSTODIAN_ID}:{CUSTODIAN_ID}",
        "node": f"{NODE_ID}:{NODE_ID}",
    }


def test_nodes_container_has_nothing_of_the_owners(site):
    """The bundle and, to read, the sockets."""
    node, custodian = site["services"]["node"], site["services"]["custodian"]

    assert node["volumes"] == [".:/bundle", "sockets:/run/fedstill:ro"]
    assert custodian["group_add"] == [str(NODE_ID)]
    (policy,) = [one for one in custodian["volumes"] if one.endswith(":/custodian")]
    assert policy.startswith("${FEDSTILL_POLICY_FOLDER:?")


def test_every_command_exists(folder, server, site):
    """With its options: what is started, and what the comments name."""
    for service in (server["services"] | site["services"]).values():
        first, *words = service["command"]
        assert first == "fedstill"
        check_command(words)
    comments = [
        line
        for path in (folder.compose, folder.bundle(SITES[0]).compose)
        for line in path.read_text().splitlines(keepends=True)
        if line.startswith("#") and "deploy" in line
    ]
    found = list(commands_in("".join(comments)))
    assert found == [["deploy", "status", "--deployment", str(folder.root)]]
    check_command(found[0])


def test_superlink_and_units_start_the_same(folder, server):
    """Both name the folder, which has the same path inside and outside."""
    root = str(folder.root)
    for name in ("superlink", "superexec"):
        service = server["services"][name]
        assert service["command"] == [
            *("fedstill", "deploy", name, "--deployment", root)
        ]
        assert service["volumes"] == [{"type": "bind", "source": root, "target": root}]


@pytest.mark.parametrize("name", ["a b", "a:b", "$HOME", '"', "'", "# x", "ä😀", "\\"])
def test_difficult_names_come_back(tmp_path, name):
    """A dollar sign twice, which is how compose reads one."""
    (tmp_path / name).mkdir()
    folder = make_deployment(tmp_path / name)

    service = _read(folder.compose)["services"]["superlink"]

    root = str(folder.root)
    assert service["command"][-1].replace("$$", "$") == root
    assert service["volumes"][0]["source"].replace("$$", "$") == root
    assert service["command"][-1].count("$") == 2 * root.count("$")


def test_loopback_is_said_to_be_the_containers_own(folder):
    """Nobody would reach the SuperLink, and nothing would say why."""
    text = folder.federation.read_text()
    plain = parse_federation(text, source="f.toml")
    local = parse_federation(
        text.replace("[server]", '[server]\nlisten = "127.0.0.1"'), source="f.toml"
    )

    assert "for containers it must be 0.0.0.0" in server_compose(folder, local)
    assert "for containers" not in server_compose(folder, plain)


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker here")
def test_docker_understands_them(folder, tmp_path):
    """`docker compose config` needs no daemon, but the plug-in."""
    version = ["docker", "compose", "version"]
    if subprocess.run(version, check=False, capture_output=True).returncode:
        pytest.skip("this docker has no compose: the compose files stay untried")

    for path in (folder.compose, folder.bundle(SITES[0]).compose):
        done = subprocess.run(
            ["docker", "compose", "-f", str(path), "config", "--quiet"],
            check=False,
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/usr/local/bin", "FEDSTILL_POLICY_FOLDER": "/x"},
        )
        assert done.returncode == 0, done.stderr
