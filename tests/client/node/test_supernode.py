"""`fedstill site node` starts Flower's two processes, and ends with either of them."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from client.node.node_config import node_config_path, node_config_text
from client.node.node_key import make_node_key
from tests.client.node.support import fake_environment, make_bundle, start_fedstill

SOCKET = "unix:/run/fedstill/socket/site.sock"
ENDS_WITHIN = 30

# Tells how it was started, and runs until SIGTERM.
TELL = """\
import json, os, signal, sys, time
place = os.environ["FLWR_HOME"] + "/" + os.path.basename(sys.argv[0])
def end(*_):
    open(place + ".ended", "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, signal.SIG_IGN)
told = {"words": sys.argv[1:], "environment": dict(os.environ), "pid": os.getpid(),
        "umask": os.umask(0)}
with open(place + ".partial", "w") as file:
    json.dump(told, file)
os.rename(place + ".partial", place + ".json")
print("SECRET OF NOBODY", flush=True)
while True:
    time.sleep(0.05)
"""
NOT_LET_IN = """\
import sys
print("ERROR :     Exit Code: 305", file=sys.stderr)
print("[code: 2004] Failed to activate SuperNode.", file=sys.stderr)
sys.exit(1)
"""
ENDS = "import sys; sys.exit(7)"


@pytest.fixture
def folder(tmp_path):
    """A bundle that has joined."""
    made = make_bundle(tmp_path / "hospital-a")
    make_node_key(made, comment="ward-study/hospital-a")
    node_config_path(made).write_text(node_config_text(SOCKET))
    return made


@pytest.fixture
def start(tmp_path, folder):
    """Starts the node with the given programs for Flower's; kills it in the end."""
    processes = []

    def start(supernode=TELL, superexec=TELL, **environment):
        python = fake_environment(
            tmp_path / f"python-{len(processes)}",
            flower_supernode=supernode,
            flower_superexec=superexec,
        )
        process = start_fedstill(
            python, "site", "node", folder.root, environment=environment
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_for(holds, seconds=ENDS_WITHIN):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def told(folder, name):
    path = folder.flower_home / f"flower-{name}.json"
    wait_for(path.exists)
    return json.loads(path.read_text())


def option(words, name):
    return words[words.index(name) + 1]


def is_alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_the_two_are_started_with_what_flower_needs(folder, start):
    """TLS, the node's key, its own runtime API on this machine, process isolation."""
    start()
    supernode, superexec = told(folder, "supernode"), told(folder, "superexec")

    words, others = supernode["words"], superexec["words"]
    assert option(words, "--superlink") == "fedstill.example:9090"
    assert option(words, "--root-certificates") == str(folder.authority)
    assert option(words, "--auth-supernode-private-key") == str(folder.key)
    assert option(words, "--node-config") == f"custodian='{SOCKET}'"
    assert option(words, "--isolation") == "process"
    assert "--insecure" not in words + others
    assert "--max-retries" not in words
    port = option(words, "--port")
    assert option(words, "--host") == "127.0.0.1"
    assert option(others, "--runtime-api-address") == f"127.0.0.1:{port}"
    secret = "--superexec-auth-secret-file"
    assert option(words, secret) == option(others, secret)
    assert option(others, "--root-certificates") == option(words, "--ssl-certfile")


def test_no_secret_is_on_a_command_line(folder, start):
    """Every user of the machine can read those."""
    start()
    words = told(folder, "supernode")["words"] + told(folder, "superexec")["words"]

    secret = Path(option(words, "--superexec-auth-secret-file")).read_text()
    assert secret
    assert secret not in " ".join(words)


def test_environment_is_a_list_of_what_is_allowed(folder, start):
    """A secret of the parent stays with it; nothing opens another door of Flower's."""
    start(
        AWS_SECRET_ACCESS_KEY="private",
        FLWR_INTERNAL_GRPC_FLEET_API="1",
        UVICORN_HOST="0.0.0.0",
        PYTHONPATH="/somewhere",
        LANG="C.UTF-8",
    )
    for name in ("supernode", "superexec"):
        environment = told(folder, name)["environment"]

        assert "private" not in environment.values(), (
            "Rule 9: code that the coordinator ships reads no secret of the parent's."
        )
        assert "FLWR_INTERNAL_GRPC_FLEET_API" not in environment
        assert "UVICORN_HOST" not in environment
        assert "PYTHONPATH" not in environment
        assert environment["LANG"] == "C.UTF-8"
        assert environment["FLWR_HOME"] == str(folder.flower_home)
        assert environment["FLWR_TELEMETRY_ENABLED"] == "0"
        assert environment["FLWR_DISABLE_UPDATE_CHECK"] == "1"


def test_files_of_flower_are_the_nodes_users_alone(folder, start):
    """A mask of 077, and the folder 0700."""
    start()

    assert told(folder, "supernode")["umask"] == 0o077
    assert folder.flower_home.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_is_passed_on_and_is_no_failure(number, folder, start):
    """Both take their leave, and then it exits with 0."""
    process = start()
    pids = [told(folder, name)["pid"] for name in ("supernode", "superexec")]

    process.send_signal(number)
    _, err = process.communicate(timeout=ENDS_WITHIN)

    assert process.returncode == 0, err
    assert err.splitlines()[-1] == "Stopped. The custodian keeps what was answered."
    assert (folder.flower_home / "flower-supernode.ended").exists()
    assert (folder.flower_home / "flower-superexec.ended").exists()
    assert not any(map(is_alive, pids))


def test_node_that_is_still_online_is_told_in_one_line(folder, start):
    """Flower's 305 after a crash: exit code 1, and the unit tries again."""
    process = start(supernode=NOT_LET_IN)

    _, err = process.communicate(timeout=ENDS_WITHIN)

    last = err.splitlines()[-1]
    assert process.returncode == 1
    assert last.startswith(
        "Error: The SuperLink does not let the node of hospital-a in"
    )
    assert last.endswith("The unit tries again in 15 seconds.")
    assert "Exit Code: 305" in err
    assert "Traceback" not in err


def test_end_of_the_superexec_ends_the_supernode(folder, start):
    """Half a node would take messages and never answer."""
    process = start(superexec=ENDS)

    _, err = process.communicate(timeout=ENDS_WITHIN)

    assert process.returncode == 1
    assert "The SuperExec ended with code 7" in err.splitlines()[-1]


def test_killed_supernode_ends_the_superexec(folder, start):
    """`kill -9`: told by its signal."""
    process = start()
    superexec = told(folder, "superexec")["pid"]

    os.kill(told(folder, "supernode")["pid"], signal.SIGKILL)
    _, err = process.communicate(timeout=ENDS_WITHIN)

    assert process.returncode == 1
    assert "The SuperNode ended with signal 9." in err.splitlines()[-1]
    assert not is_alive(superexec)


def test_kill_of_the_whole_leaves_no_orphan(folder, start):
    """`kill -9` of this process: both others end, so that a new start finds room."""
    process = start()
    pids = [told(folder, name)["pid"] for name in ("supernode", "superexec")]

    process.kill()

    wait_for(lambda: not any(map(is_alive, pids)))


def test_second_start_of_the_same_node_is_refused(folder, start):
    """Both would be one key: Flower would shut either out with an unclear 305."""
    start()
    told(folder, "supernode")

    second = start()
    _, err = second.communicate(timeout=ENDS_WITHIN)

    assert second.returncode == 2
    assert err.startswith("Error: Another process runs the node of")
    assert len(err.splitlines()) == 1


def test_port_of_the_site_is_taken_where_it_names_one(folder, start):
    """For a machine whose firewall wants to know."""
    node_config_path(folder).write_text(
        node_config_text(SOCKET) + "\nruntime-port = 39941\n"
    )

    start()

    assert option(told(folder, "supernode")["words"], "--port") == "39941"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: folder.key.chmod(0o640), "has mode 0640"),
        (lambda folder: folder.key.unlink(), "make it with: fedstill site join"),
        (lambda folder: folder.authority.unlink(), "ca.crt: No such file"),
        (lambda folder: node_config_path(folder).unlink(), "node.toml is not there"),
        (
            lambda folder: node_config_path(folder).write_text(node_config_text("")),
            'custodian = "": must say where the custodian is',
        ),
        (
            lambda folder: folder.flower_home.write_text(""),
            "cannot be used by user",
        ),
    ],
    ids=["mode", "key", "authority", "no config", "no custodian", "no folder"],
)
def test_what_is_missing_is_said_before_anything_starts(change, words, folder, start):
    """One line, exit code 2."""
    change(folder)

    process = start()
    _, err = process.communicate(timeout=ENDS_WITHIN)

    assert process.returncode == 2
    assert words in err
    assert len(err.splitlines()) == 1
