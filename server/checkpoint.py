"""The server's checkpoint: one file, either the old round or the new one.

safetensors with a JSON header. It holds what the next round depends on and the lines
of metrics, and nothing of Flower: no node or run id of Flower's survives a restart.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from common.atomic_file import write_atomically
from common.errors import DataError
from common.failpoints import failpoint
from common.run_folder import RunFolder
from common.soft_labels import SoftLabels
from server.privacy_forecast import Promise
from server.round_state import RoundState
from server.traffic import Traffic

SCHEMA = 3
_LENGTH_BYTES = 8  # safetensors: little-endian length of the header, then the header


def checkpoint_path(folder: RunFolder) -> Path:
    """Returns where the server's checkpoint lies in a run folder."""
    return folder.checkpoint / "server.safetensors"


def save_checkpoint(path: Path, state: RoundState) -> None:
    """Replaces the checkpoint; a crash leaves the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(
        path,
        _to_bytes(state),
        before_rename=lambda: failpoint("server.before-checkpoint-rename"),
    )
    failpoint("server.after-checkpoint-rename")


def load_checkpoint(path: Path) -> RoundState | None:
    """Returns the state in a checkpoint, or None where there is no file.

    Raises:
        DataError: the file is no checkpoint of this schema.
    """
    if not path.exists():
        return None
    try:
        return _from_bytes(path.read_bytes())
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"Checkpoint {path} cannot be read: {' '.join(str(error).split())}. "
            "Nothing was run; without the file the run starts again at round 1."
        ) from error


def _to_bytes(state: RoundState) -> bytes:
    arrays: dict[str, NDArray[Any]] = {
        "student": np.frombuffer(state.student, np.uint8).copy()
    }
    header: dict[str, Any] = {
        "schema": SCHEMA,
        "run_id": state.run_id,
        "round_number": state.round_number,
        "lines": state.lines,
        "promises": {
            name: asdict(promise) for name, promise in sorted(state.promises.items())
        },
        "ledger_entries": dict(sorted(state.ledger_entries.items())),
        "traffic": state.traffic.to_dict(),
        "is_finished": state.is_finished,
        "consensus": None,
    }
    if state.consensus is not None:
        header["consensus"] = {
            "temperature": state.consensus.temperature,
            "transfer_set_id": state.consensus.transfer_set_id,
        }
        arrays["log_probabilities"] = state.consensus.log_probabilities.copy()
        arrays["indices"] = state.consensus.indices.copy()
    content: bytes = save(arrays, metadata={"state": json.dumps(header)})
    return content


def _from_bytes(content: bytes) -> RoundState:
    arrays = load(content)
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    metadata = json.loads(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
    header = json.loads(metadata["__metadata__"]["state"])
    if header["schema"] != SCHEMA:
        raise ValueError(f"it has schema {header['schema']}, expected {SCHEMA}")
    consensus = header["consensus"]
    return RoundState(
        run_id=header["run_id"],
        round_number=header["round_number"],
        student=arrays["student"].tobytes(),
        consensus=None
        if consensus is None
        else SoftLabels(
            log_probabilities=arrays["log_probabilities"],
            indices=arrays["indices"],
            **consensus,
        ),
        lines=tuple(header["lines"]),
        promises={
            name: Promise(**promise) for name, promise in header["promises"].items()
        },
        ledger_entries=header["ledger_entries"],
        traffic=Traffic(**header["traffic"]),
        is_finished=header["is_finished"],
    )
