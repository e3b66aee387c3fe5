"""The owner's policy file: strict, tight, his alone, and without a seed."""

import os
import re
import sys
from types import SimpleNamespace

import pytest
import tomli_w

from client.owner.policy_file import PolicyFile, load_policy_file
from client.owner.policy_reading import write_fault
from common.config.keys import keys_of
from common.errors import ConfigError
from common.privacy.events import Mechanism
from tests.client.owner.support import changed, write_policy
from tests.rules import naming

END = "The site does not start."


def _policy(loaded, **changes):
    values = {"num_classes": 10, "model": "mlp", "initial_weights": None}
    return loaded.policy(**(values | changes))


def test_it_becomes_a_site_policy(tmp_path):
    """Every limit of the file is one of the policy."""
    path = write_policy(
        tmp_path,
        **{
            "limits.least-noise": 0.5,
            "limits.most-rounds": 7,
            "limits.most-queries": 3,
            "limits.mechanisms": ["dp-head"],
            "limits.runs": ["trial-*"],
            "limits.transfer-sets": ["a" * 64],
        },
    )

    policy = _policy(load_policy_file(path), initial_weights=b"weights")

    assert policy.least_noise_multiplier == 0.5
    assert (policy.most_rounds, policy.most_queries) == (7, 3)
    assert policy.mechanisms == {Mechanism.DP_HEAD}
    assert policy.runs == ("trial-*",)
    assert policy.transfer_set_ids == {"a" * 64}
    assert policy.initial_weights == b"weights"
    assert policy.budget.epsilon == 100.0
    assert policy.allow_non_private is False


def test_what_is_left_out_is_tight_or_without_effect(tmp_path):
    """No guarantee is given up by an omission."""
    policy = _policy(load_policy_file(write_policy(tmp_path)))

    assert policy.allow_non_private is False
    assert Mechanism.NONE not in policy.mechanisms
    assert policy.budget.is_unlimited is False


def test_relative_paths_start_at_the_file(tmp_path, monkeypatch):
    """Wherever the command is typed."""
    path = write_policy(tmp_path, **{"ledger.second-head": "other/head.json"})
    monkeypatch.chdir("/")

    loaded = load_policy_file(path)

    assert loaded.data.path == str(tmp_path / "examples.npz")
    assert loaded.socket.path == str(tmp_path / "run/site.sock")
    assert loaded.ledger.second_head == str(tmp_path / "other/head.json")
    assert loaded.ledger_path == tmp_path / "state/ledger.sqlite"
    assert loaded.path == path


BAD = [
    ({"site-name": ""}, 'site-name = "": must not be empty.'),
    ({"site-name": None}, "site-name: is missing and has no default."),
    ({"site-nane": "a"}, 'site-nane = "a": unknown key, did you mean site-name?'),
    ({"dataset-id": 7}, "dataset-id = 7: must be a string."),
    ({"nominal-examples": 0}, "nominal-examples = 0: must be >= 1."),
    ({"nominal-examples": 40.5}, "nominal-examples = 40.5: must be a whole number."),
    ({"nominal-examples": "40"}, 'nominal-examples = "40": must be a whole number.'),
    ({"classes": -1}, "classes = -1: must be >= 0."),
    ({"classes": 1}, "classes = 1: must be the number of classes, >= 2, it is"),
    ({"classes": None}, "classes = 0: must be the number of classes, >= 2, it is"),
    ({"allow-non-private": 1}, "allow-non-private = 1: must be true or false."),
    ({"budget.epsilon": 0.0}, "[budget] epsilon = 0.0: must be > 0."),
    ({"budget.epsilon": float("inf")}, "[budget] epsilon = inf: must be a finite"),
    ({"budget.epsilon": float("nan")}, "[budget] epsilon = nan: must be a finite"),
    ({"budget.delta": 1}, "[budget] delta = 1: must be < 1."),
    ({"budget.delta": 0.025}, "[budget] delta = 0.025: must be < 1 / 40 (nominal-"),
    ({"budget.unit": "client"}, '[budget] unit = "client": must be one of example.'),
    ({"budget": 3}, "budget = 3: must be a section, [budget]."),
    ({"data.loader": "pickle"}, '[data] loader = "pickle": must be one of npz, idx'),
    ({"data.path": ""}, '[data] path = "": must be the file of the examples.'),
    ({"data.schema": "s.toml"}, "[data] schema = "),
    ({"data.loader": "csv"}, '[data] schema = "": must be the TOML schema of the ta'),
    ({"data.loader": "digits"}, "[data] path = "),
    ({"limits.least-noise": -0.1}, "[limits] least-noise = -0.1: must be >= 0."),
    ({"limits.most-rounds": 0}, "[limits] most-rounds = 0: must be >= 1."),
    ({"limits.most-queries": 1.5}, "[limits] most-queries = 1.5: must be a whole"),
    (
        {"limits.most-queries": 3, "limits.transfer-sets": None},
        "[limits] most-queries = 3: needs transfer-sets: the same example in another",
    ),
    ({"limits.mechanisms": ["none"]}, "[limits] mechanisms = ['none']: must name dp-"),
    ({"limits.mechanisms": []}, "[limits] mechanisms = []: must be a list of texts"),
    ({"limits.runs": "*"}, '[limits] runs = "*": must be a list of texts such as ['),
    ({"limits.transfer-sets": ["../x"]}, "[limits] transfer-sets = ['../x']: must h"),
    ({"limits.transfer-sets": []}, "[limits] transfer-sets = []: must be a list of"),
    ({"limits.epsilon": 3.0}, "[limits] epsilon = 3.0: unknown key here, did you me"),
    ({"model.name": "vgg"}, "[model] name = \"vgg\": model 'vgg' is unknown, must b"),
    ({"model.name": "a:b:c"}, "[model] name = \"a:b:c\": model 'a:b:c' is unknown"),
    ({"socket.group": "x", "socket.path": ""}, '[socket] group = "x": needs a [sock'),
    ({"tls.address": "h:9"}, '[tls] address = "h:9": must be left out where [socket]'),
    ({"tls.key": "k.pem"}, "[tls] key = "),
    ({"reply.at-deadline": -1.0}, "[reply] at-deadline = -1.0: must be >= 0."),
    ({"reply.at-deadline": 1e9}, "[reply] at-deadline = 1000000000.0: must be <= 86"),
    ({"personal-student.epochs": 0}, "[personal-student] epochs = 0: must be >= 1."),
    ({"seed": 1}, "seed = 1: unknown key, "),
    ({"budget.seed": 1}, "[budget] seed = 1: unknown key, known here are epsilon,"),
]


@pytest.mark.parametrize(("changes", "line"), BAD, ids=lambda one: str(one)[:40])
def test_a_bad_policy_is_one_line_a_problem(tmp_path, changes, line):
    """Key, value, what is allowed, and what happens now."""
    path = write_policy(tmp_path, **changes)

    with pytest.raises(ConfigError) as caught:
        load_policy_file(path)

    lines = str(caught.value).splitlines()
    assert any(one.startswith(line) for one in lines), lines
    assert all(one.endswith(END) for one in lines)
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"tls.address": "nowhere"}, '[tls] address = "nowhere": must be "host:port".'),
        ({"tls.address": "h:70000"}, '[tls] address = "h:70000": must be "host:port"'),
        ({"tls.address": "h:9"}, '[tls] certificate = "": must be a PEM file'),
    ],
)
def test_tls_needs_an_address_and_three_files(tmp_path, changes, line):
    """Both sides show a certificate."""
    path = write_policy(tmp_path, **{"socket.path": ""}, **changes)

    with pytest.raises(ConfigError, match=re.escape(line)):
        load_policy_file(path)


def test_every_problem_is_told_at_once(tmp_path):
    """A line each."""
    path = write_policy(tmp_path, **{"classes": -1, "budget.epsilon": -1.0})

    with pytest.raises(ConfigError) as caught:
        load_policy_file(path)

    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"site-name = ", "is not valid TOML"),
        (b"\xff", "is not valid TOML"),
        (b"a = " + b"[" * 5000, "is not valid TOML: it is nested too deeply"),
        (b"a = 1\na = 2", "is not valid TOML"),
    ],
)
def test_what_is_no_toml_is_one_line(tmp_path, content, fault):
    """No traceback, and the file is named."""
    path = tmp_path / "site.toml"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(ConfigError, match=fault) as caught:
        load_policy_file(path)

    assert str(caught.value).startswith(f"Policy {path} ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_policy_that_is_not_there_says_how_to_make_one(tmp_path):
    """And a folder is none."""
    with pytest.raises(ConfigError, match="does not exist, make one with `fedstill"):
        load_policy_file(tmp_path / "site.toml")
    with pytest.raises(ConfigError, match="is a folder, must be a TOML file"):
        load_policy_file(tmp_path)


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o622, 0o777])
def test_a_policy_that_others_can_write_is_refused(tmp_path, mode):
    """A SuperNode's user could else raise the budget."""
    path = write_policy(tmp_path)
    path.chmod(mode)

    with (
        naming("Rule 12: others may change the site's own policy."),
        pytest.raises(ConfigError, match=f"has mode {mode:04o}, so that others can"),
    ):
        load_policy_file(path)


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_policy_in_a_folder_of_everybody_is_refused(tmp_path, mode):
    """Who can write the folder can put another policy in its place."""
    folder = tmp_path / "shared"
    folder.mkdir()
    path = write_policy(folder)
    folder.chmod(mode)

    with (
        naming("Rule 12: others may replace the site's own policy."),
        pytest.raises(ConfigError, match="can put another file in its place"),
    ):
        load_policy_file(path)


def test_in_a_sticky_folder_only_the_owner_can_replace_it(tmp_path):
    """As in /tmp."""
    tmp_path.chmod(0o1777)

    assert load_policy_file(write_policy(tmp_path)).site_name == "site-00"


def test_a_policy_behind_a_link_is_judged_by_its_own_folder(tmp_path):
    """A link of the owner's is no way around."""
    folder = tmp_path / "shared"
    folder.mkdir()
    path = write_policy(folder)
    folder.chmod(0o777)
    link = tmp_path / "site.toml"
    link.symlink_to(path)

    with pytest.raises(ConfigError, match="can put another file in its place"):
        load_policy_file(link)


@pytest.mark.parametrize(
    ("file_owner", "folder_owner", "is_refused"),
    [(0, 0, False), (1000, 1000, False), (0, 1000, False), (1001, 0, True),
     (1000, 1001, True)],
)  # fmt: skip
def test_it_belongs_to_the_custodian_or_to_root(file_owner, folder_owner, is_refused):
    """Nobody else's word counts, whatever the mode."""
    file = SimpleNamespace(st_uid=file_owner, st_mode=0o100600)
    folder = SimpleNamespace(st_uid=folder_owner, st_mode=0o40700)

    found = write_fault(file, folder, uid=1000)

    assert (found is not None) is is_refused, (
        "Rule 12: a policy of another user is believed."
    )


SEED_LIKE = re.compile(r"seed|random|entropy|noise-key|nonce")


def test_no_key_of_a_policy_can_seed_randomness(tmp_path):
    """Rule 10: neither a key that is known, nor one that is made up."""
    known = {f"{section}.{key}" for section, keys in keys_of(PolicyFile).items()
             for key in keys}  # fmt: skip
    assert len(known) > 30
    assert [key for key in known if SEED_LIKE.search(key)] == [], (
        "Rule 10: a policy key could seed randomness."
    )

    for section in keys_of(PolicyFile):
        for key in ("seed", "random-seed", "noise-key", "entropy"):
            name = f"{section}.{key}" if section else key
            path = write_policy(tmp_path, **{name: 1})
            with (
                naming(f"Rule 10: a policy may hold {name}."),
                pytest.raises(ConfigError, match="unknown key"),
            ):
                load_policy_file(path)


def test_reading_a_policy_loads_no_torch(tmp_path):
    """`site init` and a bad policy are instant."""
    import subprocess  # noqa: PLC0415

    path = tmp_path / "site.toml"
    path.write_text(tomli_w.dumps(changed({})))
    path.chmod(0o600)
    script = (
        "import sys\nfrom client.owner.policy_file import load_policy_file\n"
        f"load_policy_file({str(path)!r})\n"
        "print([name for name in ('torch', 'flwr', 'grpc') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    )

    assert done.stdout.strip() == "[]"
