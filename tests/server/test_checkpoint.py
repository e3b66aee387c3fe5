"""A checkpoint gives back what was saved, or says that it cannot."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from common.errors import DataError
from common.soft_labels import SoftLabels
from server.checkpoint import SCHEMA, load_checkpoint, save_checkpoint
from server.privacy_forecast import Promise
from server.round_state import RoundState
from server.traffic import Traffic


def state(**changes: object) -> RoundState:
    values: dict[str, object] = {
        "run_id": "small-1",
        "round_number": 2,
        "student": b"weights\x00\xff",
        "consensus": SoftLabels(
            log_probabilities=np.log(np.array([[0.25, 0.75]], np.float32)),
            temperature=2.5,
            transfer_set_id="abc",
            indices=np.array([3], np.int32),
        ),
        "lines": ('{"round": 1, "name": "\u00e9"}', '{"round": 2}'),
        "promises": {
            "b": Promise(epsilon=math.inf, delta=1e-5, rounds=3, asked=2, last_asked=7),
            "a": Promise(epsilon=0.1 + 0.2, delta=1e-3, rounds=1, asked=1),
        },
        "traffic": Traffic(up=3, down=2, soft_labels_up=1),
        "is_finished": True,
    }
    return RoundState(**{**values, **changes})  # type: ignore[arg-type]


def test_gives_back_exactly_what_was_saved(tmp_path: Path) -> None:
    """Weights, consensus, lines and numbers survive to the last bit."""
    saved = state()

    save_checkpoint(tmp_path / "deep" / "file", saved)
    loaded = load_checkpoint(tmp_path / "deep" / "file")

    assert loaded is not None
    assert loaded.student == saved.student
    assert loaded.lines == saved.lines
    assert loaded.promises == saved.promises
    assert loaded.traffic == saved.traffic
    assert loaded.is_finished
    assert (loaded.run_id, loaded.round_number) == ("small-1", 2)
    assert loaded.consensus is not None
    assert saved.consensus is not None
    assert (
        loaded.consensus.log_probabilities.tobytes()
        == saved.consensus.log_probabilities.tobytes()
    )
    assert loaded.consensus.temperature == 2.5


def test_the_same_state_gives_the_same_bytes(tmp_path: Path) -> None:
    """No time and no order of a dictionary gets into a checkpoint."""
    promises = dict(reversed(list(state().promises.items())))
    save_checkpoint(tmp_path / "one", state())
    save_checkpoint(tmp_path / "two", state(promises=promises))

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_no_file_is_no_checkpoint(tmp_path: Path) -> None:
    """A run that was never checkpointed starts at round 1."""
    assert load_checkpoint(tmp_path / "file") is None


def other_schema(content: bytes) -> bytes:
    this = f'\\"schema\\": {SCHEMA}'.encode()
    return content.replace(this, this.replace(str(SCHEMA).encode(), b"1"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-4],
        lambda content: b"",
        lambda content: b"{}" * 50,
        lambda content: save(load(content)),
        other_schema,
    ],
    ids=["cut short", "empty", "garbage", "no header", "another schema"],
)
def test_a_damaged_checkpoint_is_never_believed(tmp_path: Path, damage: object) -> None:
    """One line that names the file, the fault and the way out; exit code 2."""
    path = tmp_path / "file"
    save_checkpoint(path, state())
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]

    with pytest.raises(DataError) as caught:
        load_checkpoint(path)

    message = str(caught.value)
    assert message.startswith(f"Checkpoint {path} cannot be read: ")
    assert message.endswith("without the file the run starts again at round 1.")
    assert "\n" not in message


def test_a_state_has_one_line_a_round() -> None:
    """A state whose parts disagree is never built."""
    with pytest.raises(ValueError, match="Expected 2 lines of metrics"):
        state(lines=())


def test_a_state_has_a_consensus_after_the_first_round() -> None:
    """Before the first round there is none, afterwards there is."""
    with pytest.raises(ValueError, match="Expected a consensus after the first round"):
        state(consensus=None)
