"""The commands `fedstill site ...`, as an owner types them."""

import json
import os
import re
import stat
import subprocess
import sys

import numpy as np
import pytest
import tomli_w
from safetensors.numpy import load_file
from typer.testing import CliRunner

import fedstill
from client.cli import app
from client.owner.export import NO_GUARANTEE
from client.owner.open_site import open_site
from client.owner.policy_file import load_policy_file
from common.errors import (
    ConfigError,
    DataError,
    LedgerRolledBackError,
    LedgerUnavailableError,
    OutputExistsError,
    PrivacyError,
)
from common.messages import HelloRequest
from common.predict import predict, read_examples
from common.safetensors_header import metadata_of
from common.student_file import open_student
from tests.client.heads import make_head_plan
from tests.client.owner.support import SEEDED, deliver, opened, play_run, write_policy
from tests.client.support import (
    RUN_ID,
    hello,
    make_plain_plan,
    make_transfer_set,
    reason_of,
    round_request,
)
from tests.rules import naming

COMMANDS = (
    ("serve",),
    ("init",),
    ("check",),
    ("status",),
    ("export",),
    ("close-run",),
    ("data-changed",),
    ("join",),
    ("node",),
    ("ledger", "verify"),
    ("ledger", "export"),
    ("ledger", "audit"),
    ("ledger", "second-head"),
)


def invoke(*arguments, **options):
    return CliRunner().invoke(app, ["site", *map(str, arguments)], **options)


def succeed(*arguments, **options):
    """Standard output of a command that works."""
    result = invoke(*arguments, **options)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def told(*arguments):
    """Its figures."""
    return json.loads(succeed(*arguments, "--format", "json"))


@pytest.fixture
def policy(tmp_path):
    """Of a site that has answered a whole run."""
    path = write_policy(tmp_path)
    play_run(path)
    return path


def change_data(policy):
    """Other examples, as many."""
    inputs, labels = np.ones((40, 1, 8, 8)), np.zeros(40, int)
    np.savez(policy.parent / "examples.npz", inputs=inputs, labels=labels)


@pytest.mark.parametrize("arguments", [(), ("ledger",), *COMMANDS], ids=" ".join)
def test_help_has_examples_and_loads_nothing_heavy(arguments):
    """In a process of its own: no torch, no simulations, no matplotlib."""
    heavy = ("torch", "simulations", "matplotlib", "pydantic", "grpc", "flwr", "opacus")
    code = (
        "import sys, fedstill\n"
        f"sys.argv = {['fedstill', 'site', *arguments, '--help']}\n"
        "try: fedstill.main()\n"
        "except SystemExit as done: assert not done.code, done.code\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"
    assert "fedstill site" in done.stdout.replace("Usage: fedstill site", "")


def test_it_is_a_command_of_the_front_door():
    """`fedstill site`."""
    assert fedstill.COMMANDS["site"] == "client.cli"


def test_no_option_of_any_command_seeds_anything():
    """Nor does a variable of the environment stand for an option."""
    import typer  # noqa: PLC0415

    queue, options = [typer.main.get_command(app)], []
    while queue:
        command = queue.pop()
        options += command.params
        queue += getattr(command, "commands", {}).values()

    names = {name for one in options for name in (one.name, *one.opts)}
    assert [name for name in names if re.search("seed|random|noise", name)] == [], (
        "Rule 10: an option could seed randomness."
    )
    assert all(one.envvar is None for one in options)


def test_init_then_check(tmp_path, monkeypatch):
    """From nothing to a policy that is proved to work; each says what comes next."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o700)
    rng = np.random.default_rng(1)
    np.savez("mine.npz", inputs=rng.random((900, 3)), labels=rng.integers(0, 2, 900))

    made = succeed("init", "--data", "mine.npz")
    checked = succeed("check")

    assert made.splitlines()[-1] == (
        "Next: edit it, then: fedstill site check --policy site.toml"
    )
    assert checked.splitlines()[-1] == (
        "0 errors, 1 warning. Next: fedstill site serve --policy site.toml"
    )


def test_init_overwrites_nothing(tmp_path):
    """Exit code 2."""
    path = tmp_path / "site.toml"
    path.write_text("mine")

    result = invoke("init", path)

    assert isinstance(result.exception, OutputExistsError)
    assert result.exception.exit_code == 2
    assert path.read_text() == "mine"


def test_check_tells_errors_with_remedies_and_exits_2(tmp_path):
    """A line each, and a line on what to do."""
    path = write_policy(tmp_path, **{"data.path": "none.npz", "socket.path": ""})

    result = invoke("check", "--policy", path)

    lines = result.stdout.splitlines()
    assert result.exit_code == 2
    assert sum(" error " in line for line in lines) == 2
    assert sum(" do: " in line for line in lines) == 2
    assert lines[-1] == "2 errors, 0 warnings. Next: do what is said, and check again."


def test_check_as_json(policy):
    """For a program that decides."""
    figures = told("check", "--policy", policy)

    assert figures["ok"] is True
    assert {"subject", "level", "text", "remedy"} == figures["findings"][0].keys()


def test_status_shows_spent_left_and_runs(policy):
    """Of a run that used its budget as planned."""
    figures = told("status", "--policy", policy)
    text = succeed("status", "--policy", policy)

    (run,) = figures["runs"]
    assert run["run_id"] == RUN_ID
    assert (run["rounds_charged"], run["rounds_committed"]) == (3, 3)
    assert run["is_open"] is False
    assert 0 < figures["spent"] <= figures["committed"]
    assert figures["left"] == pytest.approx(100 - figures["committed"])
    assert f"{RUN_ID}  " in text
    assert text.splitlines()[-1].startswith("Next: fedstill site ")


def test_status_of_an_open_run_counts_it_whole(tmp_path):
    """What was promised to a run is not left for another."""
    path = write_policy(tmp_path)
    play_run(path, rounds=1)

    figures = told("status", "--policy", path)

    assert figures["runs"][0]["is_open"] is True
    assert figures["spent"] < figures["committed"]


def test_status_before_the_first_run(tmp_path):
    """Nothing is made by looking."""
    path = write_policy(tmp_path)

    figures = told("status", "--policy", path)

    assert (figures["spent"], figures["left"], figures["runs"]) == (0, 100, [])
    assert not (tmp_path / "state").exists()


def test_status_and_export_work_while_the_site_serves(policy, tmp_path):
    """They need no lock, and write no row."""
    with open_site(load_policy_file(policy)):
        ledger = load_policy_file(policy).ledger_path.read_bytes()
        assert told("status", "--policy", policy)["runs"]
        succeed("export", RUN_ID, "--policy", policy, "--output", tmp_path / "out")
        assert load_policy_file(policy).ledger_path.read_bytes() == ledger


def test_export_writes_a_student_that_predict_can_use(policy, tmp_path):
    """With what it is in its header; its weights are those that answered."""
    out = tmp_path / "out"

    text = succeed("export", RUN_ID, "--policy", policy, "--output", out)

    module, description = open_student(out / "released_student.safetensors")
    with opened(policy) as site:
        expected = site.released_student(RUN_ID).state_dict()
    assert description.architecture == "mlp"
    assert all((module.state_dict()[name] == expected[name]).all() for name in expected)
    np.save(tmp_path / "new.npy", make_transfer_set().inputs)
    examples = read_examples(tmp_path / "new.npy", description)
    assert len(predict(module, examples)) == 30
    assert "private at epsilon" in text
    assert text.splitlines()[-1].startswith("Next: fedstill predict ")


def test_the_personal_student_is_the_owners_alone_and_says_so(policy, tmp_path):
    """Mode 0600 at every moment, a note in the file, and one on the terminal."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "personal_student.safetensors").write_text("an older one")
    (out / "personal_student.safetensors").chmod(0o644)
    before = os.umask(0)
    try:
        text = succeed("export", RUN_ID, "--policy", policy, "--output", out)
    finally:
        os.umask(before)

    file = out / "personal_student.safetensors"
    mode = stat.S_IMODE(file.stat().st_mode)
    assert mode == 0o600, f"Rule 5: others can read the personal student ({mode:04o})."
    note = metadata_of(file.read_bytes()).get("privacy", "")
    assert note == NO_GUARANTEE, "Rule 5: the personal student does not say what it is."
    assert NO_GUARANTEE in text, "Rule 5: the owner is not told what it is."
    assert load_file(file)
    with pytest.raises(DataError, match="not a student file"):
        open_student(file)


def test_export_charges_nothing(policy, tmp_path):
    """The personal student reads private rows, and none of it leaves."""
    before = told("status", "--policy", policy)

    succeed("export", RUN_ID, "--policy", policy, "--output", tmp_path / "out")

    assert told("status", "--policy", policy) == before


def test_without_a_personal_student(tmp_path):
    """Where the policy wants none."""
    path = write_policy(tmp_path, **{"personal-student.enabled": False})
    play_run(path, rounds=1)

    succeed("export", RUN_ID, "--policy", path, "--output", tmp_path / "out")

    names = [file.name for file in (tmp_path / "out").iterdir()]
    assert names == ["released_student.safetensors"]


def test_export_of_a_head(tmp_path):
    """Features and head in one file."""
    path = write_policy(tmp_path, **{"personal-student.enabled": False})
    plan = make_head_plan(transfer_set_id=make_transfer_set().content_id)
    with opened(path) as site:
        assert reason_of(site.answer(HelloRequest(plan=plan).to_envelope())) is None

    succeed("export", plan.run_id, "--policy", path, "--output", tmp_path / "out")

    _, description = open_student(tmp_path / "out/released_student.safetensors")
    assert description.architecture == "head"


def test_export_of_an_unknown_run_names_the_known_ones(policy, tmp_path):
    """Exit code 2, and nothing is written."""
    result = invoke("export", "rnu-1", "--policy", policy, "--output", tmp_path / "o")

    assert isinstance(result.exception, DataError)
    assert "must be one of: run-1" in str(result.exception)
    assert not (tmp_path / "o").exists()


def test_export_without_a_guarantee_needs_the_policys_word(tmp_path):
    """Exit code 3, once the owner has taken it back."""
    path = write_policy(tmp_path, **{"allow-non-private": True})
    with opened(path) as site:
        plan = HelloRequest(plan=make_plain_plan())
        assert reason_of(site.answer(plan.to_envelope())) is None
    export = ("export", RUN_ID, "--policy", path, "--output", tmp_path / "out")

    assert "WITHOUT any privacy guarantee" in succeed(*export)
    path.write_text(path.read_text().replace("private = true", "private = false"))
    (tmp_path / "out/released_student.safetensors").unlink()
    result = invoke(*export)

    with naming("Rule 5: a student without a guarantee is exported."):
        assert isinstance(result.exception, PrivacyError), "Rule 5: it is exported."
    assert result.exception.exit_code == 3
    assert not (tmp_path / "out/released_student.safetensors").exists()


def test_an_abandoned_run_lets_go_of_its_budget(tmp_path):
    """What was spent stays, further rounds are refused, the rest is free again."""
    path = write_policy(tmp_path)
    play_run(path, rounds=1)
    before = told("status", "--policy", path)

    text = succeed("close-run", RUN_ID, "--policy", path)

    after = told("status", "--policy", path)
    assert text.startswith(f"Run {RUN_ID} is closed.")
    assert [one["is_open"] for one in after["runs"]] == [False]
    assert after["spent"] == before["spent"]
    assert after["left"] > before["left"]
    with opened(path) as site:
        assert reason_of(site.answer(round_request(2))) == "plan-not-allowed"


def test_a_run_that_never_was_cannot_be_closed(policy):
    """One line, and nothing is written."""
    head = told("ledger", "verify", "--policy", policy)

    result = invoke("close-run", "no-run", "--policy", policy)

    assert isinstance(result.exception, DataError)
    assert "never took part" in str(result.exception)
    assert told("ledger", "verify", "--policy", policy) == head


def test_data_changed_is_the_owners_word(policy):
    """Refused before, answered after; what was spent stays spent."""
    spent = told("status", "--policy", policy)["spent"]
    change_data(policy)
    assert _reason(policy) == "data-changed"

    text = succeed("data-changed", "--policy", policy, input="y\n")

    assert _reason(policy) is None
    assert told("status", "--policy", policy)["spent"] == spent
    assert "What was spent stays." in text


def _reason(policy):
    with open_site(load_policy_file(policy), randomness=SEEDED) as site:
        return reason_of(site.answer(hello()))


def test_data_changed_asks_and_takes_no_for_an_answer(policy):
    """Without a word nothing changes; --yes is for scripts."""
    change_data(policy)

    result = invoke("data-changed", "--policy", policy, input="n\n")

    assert result.exit_code == 1
    assert _reason(policy) == "data-changed"
    succeed("data-changed", "--policy", policy, "--yes")
    assert _reason(policy) is None


def test_data_changed_needs_the_custodian_to_be_stopped(policy):
    """It has read the old ones."""
    with open_site(load_policy_file(policy)):
        result = invoke("data-changed", "--policy", policy, "--yes")

    assert isinstance(result.exception, LedgerUnavailableError)


def test_ledger_verify_recomputes_everything(policy):
    """Chain, head, runs and epsilon; as figures too."""
    figures = told("ledger", "verify", "--policy", policy)
    text = succeed("ledger", "verify", "--policy", policy)

    assert figures["is_believable"] is figures["is_within_budget"] is True
    assert figures["entries"] == 8  # a plan, three charges and answers, the end
    assert figures["runs"][0]["charged"] == 3
    assert figures["head_sha256"] in text
    assert text.splitlines()[-1].startswith("Next: fedstill site ledger export ")


def test_ledger_verify_without_a_ledger(tmp_path):
    """Nothing is made by looking."""
    result = invoke("ledger", "verify", "--policy", write_policy(tmp_path))

    assert isinstance(result.exception, DataError)
    assert not (tmp_path / "state").exists()


def test_more_spent_than_the_budget_is_exit_code_3(policy):
    """The owner lowered it afterwards."""
    text = policy.read_text()
    policy.write_text(text.replace("epsilon = 100.0", "epsilon = 0.01"))

    result = invoke("ledger", "verify", "--policy", policy)

    assert result.exit_code == 3
    assert "EXCEEDED" in result.stdout
    assert told("status", "--policy", policy)["left"] == 0


def test_a_statement_for_an_auditor(policy, tmp_path):
    """Signed by the owner, verified by somebody who has the key."""
    file = tmp_path / "statement.json"

    lines = succeed("ledger", "export", "--policy", policy, "--output", file)
    key = lines.splitlines()[1]
    audited = succeed("ledger", "audit", file, "--public-key", key)

    assert "dataset id ward-7" in audited
    assert "The budget is kept." in audited
    file.write_text(file.read_text().replace("ward-7", "ward-8"))
    forged = invoke("ledger", "audit", file, "--public-key", key)
    assert isinstance(forged.exception, DataError)
    assert "proves nothing" in str(forged.exception)


def test_a_lost_second_head_is_made_again_by_the_owners_word(tmp_path):
    """The custodian does not start without it, and not by itself."""
    path = write_policy(tmp_path, **{"ledger.second-head": "other/head.json"})
    (tmp_path / "other").mkdir()
    play_run(path, rounds=1)
    (tmp_path / "other/head.json").unlink()
    with pytest.raises(LedgerUnavailableError), open_site(load_policy_file(path)):
        pass

    asked = invoke("ledger", "second-head", "--policy", path, input="n\n")
    assert asked.exit_code == 1
    succeed("ledger", "second-head", "--policy", path, "--yes")

    with open_site(load_policy_file(path)) as site:
        deliver(site)


def test_a_ledger_that_was_set_back_does_not_start(tmp_path):
    """The second head has seen more."""
    path = write_policy(tmp_path, **{"ledger.second-head": "head.json"})
    ledger = load_policy_file(path).ledger_path
    play_run(path, rounds=1)
    older = ledger.read_bytes()
    play_run(path, rounds=2)
    ledger.write_bytes(older)

    with (
        naming("Rule 1: a ledger that was set back is served."),
        pytest.raises(LedgerRolledBackError),
        open_site(load_policy_file(path)),
    ):
        pass
    result = invoke("ledger", "verify", "--policy", path)
    assert isinstance(result.exception, LedgerRolledBackError)


def test_a_second_head_needs_a_key_in_the_policy(policy):
    """Exit code 2."""
    result = invoke("ledger", "second-head", "--policy", policy, "--yes")

    assert isinstance(result.exception, ConfigError)


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("export", RUN_ID, "--output", "out"),
        ("data-changed", "--yes"),
        ("ledger", "verify"),
        ("ledger", "export", "--output", "statement.json"),
        ("serve",),
    ],
    ids=" ".join,
)
def test_a_bad_policy_is_exit_code_2_everywhere(tmp_path, monkeypatch, arguments):
    """In one line, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "site.toml"
    path.write_text(tomli_w.dumps({"site-name": "a"}))
    path.chmod(0o600)

    result = invoke(*arguments)

    assert isinstance(result.exception, ConfigError)
    assert result.exception.exit_code == 2
    assert [file.name for file in tmp_path.iterdir()] == ["site.toml"]
