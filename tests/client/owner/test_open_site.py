"""Opening the site that a policy describes."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from client.owner.open_site import open_site, site_policy
from client.owner.policy_file import load_policy_file
from common.errors import ConfigError, DataError, LedgerUnavailableError
from common.messages import RoundReply
from common.models.zoo import build_model
from common.weights import to_bytes
from tests.client.owner.support import deliver, opened, play, write_policy
from tests.client.support import (
    NUM_CLASSES,
    RUN_ID,
    SHAPE,
    answer_rounds,
    hello,
    make_site,
    reason_of,
)
from tests.own_modules import write_module
from tests.rules import naming

ROOT = Path(__file__).resolve().parents[3]


def labels_of(replies):
    found = [RoundReply.from_envelope(reply).soft_labels for reply in replies[:3]]
    return [one.tobytes() for one in found]


def test_it_is_the_very_same_site(tmp_path):
    """From a policy file or built by hand: the same seeds give the same replies."""
    with opened(write_policy(tmp_path)) as site:
        replies = labels_of(play(site))

    by_hand = tmp_path / "by-hand"
    by_hand.mkdir()
    expected = answer_rounds(make_site(by_hand))
    assert replies == [one.soft_labels.tobytes() for one in expected]


def test_a_run_goes_on_after_a_restart(tmp_path):
    """Ledger, student and transfer set are in the state folder."""
    path = write_policy(tmp_path)
    with opened(path) as site:
        play(site, rounds=1)

    with open_site(load_policy_file(path)) as site:
        assert reason_of(site.answer(hello())) is None
        assert site.student_bytes(RUN_ID)


def test_the_state_folder_is_its_owners_only(tmp_path):
    """Also one that was there already."""
    path = write_policy(tmp_path)
    (tmp_path / "state").mkdir(mode=0o755)

    with open_site(load_policy_file(path)):
        pass

    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_second_custodian_does_not_start(tmp_path):
    """Two on one ledger could spend one budget twice."""
    policy = load_policy_file(write_policy(tmp_path))

    with (
        open_site(policy),
        pytest.raises(LedgerUnavailableError),
        open_site(policy),
    ):
        pytest.fail("Rule 1: two custodians have one ledger.")

    with open_site(policy):
        pass


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path):
    """Key, value, and whose it must be."""
    (tmp_path / "state").write_text("a file")

    with (
        pytest.raises(ConfigError, match="cannot be made a folder that only its"),
        open_site(load_policy_file(write_policy(tmp_path))),
    ):
        pass


def test_initial_weights_are_the_policys(tmp_path):
    """In place of those that follow from the plan's seed."""
    model = build_model("mlp", input_shape=SHAPE, num_classes=NUM_CLASSES, seed=77)
    (tmp_path / "public.safetensors").write_bytes(to_bytes(model))
    path = write_policy(tmp_path, **{"model.initial-weights": "public.safetensors"})

    with opened(path) as site:
        assert reason_of(site.answer(hello())) is None
        assert site.student_bytes(RUN_ID) == to_bytes(model)


def test_initial_weights_that_do_not_fit_stop_the_site(tmp_path):
    """Before any request."""
    model = build_model("linear", input_shape=SHAPE, num_classes=3, seed=1)
    (tmp_path / "other.safetensors").write_bytes(to_bytes(model))
    path = write_policy(tmp_path, **{"model.initial-weights": "other.safetensors"})

    with (
        pytest.raises(DataError, match="do not fit"),
        open_site(load_policy_file(path)),
    ):
        pass


def test_initial_weights_that_are_not_there_stop_the_site(tmp_path):
    """Key, value and what happens now."""
    path = write_policy(tmp_path, **{"model.initial-weights": "none.safetensors"})

    with pytest.raises(DataError, match=r"initial-weights = .*cannot be read"):
        site_policy(load_policy_file(path))


def test_a_model_of_the_owners_own_is_found_beside_the_policy(tmp_path, monkeypatch):
    """Wherever the command is typed."""
    name = write_module(monkeypatch, tmp_path)
    monkeypatch.chdir("/")

    with opened(write_policy(tmp_path, **{"model.name": f"{name}:build"})) as site:
        play(site, rounds=1)
        assert type(site.released_student(RUN_ID)).__name__ == "Narrow"


@pytest.mark.parametrize(
    ("factory", "fault"),
    [
        ("absent", "has no 'absent'"),
        ("a_number", "'a_number' is a int, no function"),
    ],
)
def test_a_model_that_cannot_be_imported_stops_the_site(
    tmp_path, monkeypatch, factory, fault
):
    """In one line that begins with the key."""
    name = write_module(monkeypatch, tmp_path)
    path = write_policy(tmp_path, **{"model.name": f"{name}:{factory}"})

    with pytest.raises(ConfigError) as caught:
        site_policy(load_policy_file(path))

    assert str(caught.value).startswith(f'[model] name = "{name}:{factory}": ')
    assert fault in str(caught.value)
    assert str(caught.value).endswith("The site does not start.")


def test_code_that_others_can_write_is_not_run(tmp_path, monkeypatch):
    """They could read the private data with it."""
    name = write_module(monkeypatch, tmp_path)
    (tmp_path / f"{name}.py").chmod(0o666)
    path = write_policy(tmp_path, **{"model.name": f"{name}:build"})

    with (
        naming("Rule 12: code that others can write is run at a site."),
        pytest.raises(ConfigError, match="run code of theirs on your data"),
    ):
        site_policy(load_policy_file(path))

    assert name not in sys.modules


@pytest.mark.parametrize(
    ("factory", "fault"),
    [
        ("fails", r"built .*RuntimeError: no idea"),
        ("no_module", "gave a str"),
    ],
)
def test_a_model_that_cannot_be_built_is_told(tmp_path, monkeypatch, factory, fault):
    """Code of others fails in ways of its own."""
    name = write_module(monkeypatch, tmp_path)
    path = write_policy(tmp_path, **{"model.name": f"{name}:{factory}"})

    with pytest.raises(ConfigError, match=fault):
        site_policy(load_policy_file(path)).model(SHAPE, NUM_CLASSES)


_NOISE = """
import sys
from pathlib import Path
from client.owner.open_site import open_site
from client.owner.policy_file import load_policy_file
from common.messages import RoundReply
from tests.client.owner.support import deliver, play
with open_site(load_policy_file(Path(sys.argv[1]))) as site:
    deliver(site)
    reply = play(site, rounds=1)[0]
print(RoundReply.from_envelope(reply).soft_labels.tobytes().hex()[:64])
"""
# What somebody might hope to be read; the last is Python's own.
_VARIABLES = (
    "FEDSTILL_SEED",
    "FEDSTILL_RANDOM_SEED",
    "FEDSTILL_NOISE_KEY",
    "SEED",
    "PYTHONHASHSEED",
)


def test_no_environment_can_seed_a_site(tmp_path):
    """Two sites alike in everything but the operating system's bits."""
    found = set()
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", _NOISE, str(write_policy(folder))],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={
                **os.environ,
                **dict.fromkeys(_VARIABLES, "1"),
                "PYTHONPATH": ":".join(sys.path),
            },
        )
        found.add(done.stdout)

    assert len(found) == 2, "Rule 10: the environment seeds a site's noise."


def test_a_site_is_seeded_by_nothing_of_its_process(tmp_path):
    """Neither torch's nor NumPy's own generators reach the noise."""
    import torch  # noqa: PLC0415

    found = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        torch.manual_seed(1)
        np.random.seed(1)  # noqa: NPY002
        with open_site(load_policy_file(write_policy(folder))) as site:
            deliver(site)
            found.append(labels_of(play(site)))

    assert found[0] != found[1], "Rule 10: the process seeds a site's noise."
