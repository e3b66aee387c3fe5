"""`fedstill site serve`: starts, says where it is, answers, stops, and has no seed."""

import ast
import contextlib
import inspect
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from client.cli import site
from client.custodian.connection import CustodianConnection
from client.custodian.endpoint import Endpoint
from client.owner import serving
from common.errors import ConfigError, DataError
from common.messages import RoundReply
from tests.client.owner.support import deliver, play, write_policy
from tests.rules import naming

ROOT = Path(__file__).resolve().parents[3]
COMMAND = (sys.executable, "-m", "fedstill", "site", "serve", "--policy")


def log_of(policy):
    """Where its standard output goes."""
    return policy.with_suffix(".jsonl")


@contextlib.contextmanager
def custodian(policy, **environment):
    """A custodian by the installed command; yields (process, connection, words)."""
    with (
        log_of(policy).open("w") as log,
        subprocess.Popen(
            [*COMMAND, str(policy)],
            stdout=log,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **environment},
        ) as process,
    ):
        words, is_up = [], threading.Event()

        def read():
            for line in process.stderr:
                words.append(line.rstrip())
                if line.startswith("Stop it with"):
                    is_up.set()
            is_up.set()

        reader = threading.Thread(target=read)
        reader.start()
        try:
            assert is_up.wait(120)
            socket = policy.parent / "run/site.sock"
            endpoint = Endpoint.parse(f"unix:{socket}")
            yield process, CustodianConnection(endpoint, deadline_seconds=60), words
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            reader.join(60)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Two custodians alike in data, policy and environment; a round of each."""
    results = []
    for number in range(2):
        folder = tmp_path_factory.mktemp(f"site-{number}")
        folder.chmod(0o700)
        policy = write_policy(folder)
        seeds = {"FEDSTILL_SEED": "1", "PYTHONHASHSEED": "1", "SEED": "1"}
        with custodian(policy, **seeds) as (process, connection, words):
            deliver(connection)
            replies = play(connection, rounds=1)
        log = [json.loads(line) for line in log_of(policy).read_text().splitlines()]
        results.append((process.returncode, words, log, replies))
    return results


def test_it_answers_and_stops_without_a_fault(served):
    """SIGTERM is how it is stopped: exit code 0."""
    code, words, _, replies = served[0]

    assert code == 0
    assert RoundReply.from_envelope(replies[0]).ledger_entries > 0
    assert words[-1].startswith("Stopped.")


def test_words_go_to_a_person_and_lines_to_a_program(served):
    """Where it listens and what is left; a JSON line a request."""
    _, words, log, _ = served[0]

    assert words[0] == (
        "Budget of ward-7: epsilon 0 of 100 spent, 100 left for further runs."
    )
    assert words[1].startswith("Site site-00 listens at unix:/")
    kinds = ["query.transfer", "query.hello", "train.distill"]
    assert [line["kind"] for line in log] == kinds
    assert {line["outcome"] for line in log} == {"answered"}


def test_two_custodians_alike_draw_other_noise(served):
    """Neither policy nor environment reach it."""
    first, second = (
        RoundReply.from_envelope(replies[0]).soft_labels for *_, replies in served
    )

    assert first.tobytes() != second.tobytes(), (
        "Rule 10: the installed command can be seeded."
    )


def test_the_command_has_no_option_that_seeds():
    """It has one option, and no variable of the environment stands for any."""
    import typer  # noqa: PLC0415

    command = typer.main.get_command(site).commands["serve"]

    assert [one.name for one in command.params] == ["policy"], (
        "Rule 10: the command has another way in."
    )
    assert all(one.envvar is None for one in command.params)


def test_serve_opens_the_site_without_randomness():
    """The default is the operating system's, and nothing else is handed over."""
    tree = ast.parse(inspect.getsource(serving))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "open_site"
    ]

    assert [ast.unparse(call) for call in calls] == ["open_site(policy_file)"], (
        "Rule 10: the custodian hands over randomness of its own."
    )


def test_nothing_at_a_site_reads_a_seed_from_its_environment():
    """The environment is looked at for threads alone."""
    found = {
        file.relative_to(ROOT).as_posix(): lines
        for file in (ROOT / "client").rglob("*.py")
        if (lines := _environment_uses(file.read_text()))
    }

    assert found == {
        "client/owner/open_site.py": ["'OMP_NUM_THREADS' not in os.environ"]
    }, f"Rule 10: the environment is read at a site: {found}."


def _environment_uses(source):
    """The lines of a source that look at the environment."""
    tree = ast.parse(source)
    names = {"environ", "environb", "getenv", "getenvb"}
    used = [
        node
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.alias) and node.name in names)
    ]
    smallest = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and any(one in ast.walk(node) for one in used)
    ]
    return smallest + [ast.unparse(one) for one in used[len(smallest) :]]


@pytest.mark.parametrize(
    "line",
    ["import os\nseed = os.environ['SEED']", "from os import getenv", "os.getenv('A')"],
)
def test_a_look_at_the_environment_would_be_found(line):
    """The search can fail."""
    assert _environment_uses(line)


@pytest.mark.parametrize(
    ("changes", "error", "fault"),
    [
        ({"socket.path": ""}, ConfigError, "must say where to listen"),
        ({"budget.epsilon": -1.0}, ConfigError, "epsilon = -1.0: must be > 0"),
        ({"data.path": "none.npz"}, DataError, "cannot be read"),
        ({"seed": 1}, ConfigError, "unknown key"),
    ],
)
def test_what_cannot_be_served_is_told(tmp_path, changes, error, fault):
    """Before anything listens."""
    with (
        naming("Rule 10: a policy with a seed is served."),
        pytest.raises(error, match=fault),
    ):
        serving.serve_site(write_policy(tmp_path, **changes))

    assert not (tmp_path / "run").exists()
