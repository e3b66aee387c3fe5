"""``outcome.json``: how a deployed run stands, for whoever follows it.

A ServerApp in Flower's hands has no exit code that anybody sees: whatever happened to
it, Flower says "finished". So it writes down itself how it fares. The file has the size
of one block and is overwritten in place: a full disk does not keep the reason back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeGuard

from common.errors import FedstillError
from common.run_folder import RunFolder

_BLOCK = 4096
_LONGEST_ERROR = 600  # characters, each of six bytes at most


class RunState(StrEnum):
    """What has become of a run."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run stands.

    Attributes:
        state: ``interrupted`` is a fault that asks for another try, such as a SuperLink
            that was away; ``failed`` will fail again.
        exit_code: of ``fedstill run``; None while it runs.
        error: one line; empty where there is none.
        rounds: finished so far.
        at: when, UTC, as ISO 8601.
        pid: of the ServerApp.
    """

    state: RunState
    exit_code: int | None = None
    error: str = ""
    rounds: int = 0
    at: str = ""
    pid: int = 0


def read_outcome(folder: RunFolder) -> Outcome | None:
    """Returns how the run in a folder stands; None where nobody has said so.

    A simulation says nothing: its own process has an exit code.
    """
    try:
        values: dict[str, Any] = json.loads(folder.outcome.read_bytes())
        return Outcome(**{**values, "state": RunState(values["state"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_outcome(folder: RunFolder, outcome: Outcome) -> None:
    """Overwrites the file; on a full disk too, once it is there.

    Raises:
        OSError: it cannot be written.
    """
    short = asdict(outcome) | {"error": outcome.error[:_LONGEST_ERROR]}
    content = json.dumps(short).encode().ljust(_BLOCK - 1) + b"\n"
    descriptor = os.open(folder.outcome, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(descriptor, content, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def telling_outcome(folder: RunFolder) -> Iterator[None]:
    """Writes how the block fares: before it, and however it ends.

    Args:
        folder: of the run; this process is the only one that works on it.
    """

    def tell(state: RunState, exit_code: int | None = None, error: str = "") -> None:
        outcome = Outcome(
            state=state,
            exit_code=exit_code,
            error=" ".join(error.split()),
            rounds=_finished_rounds(folder),
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            pid=os.getpid(),
        )
        write_outcome(folder, outcome)

    tell(RunState.RUNNING)
    try:
        yield
    except FedstillError as error:
        tell(RunState.FAILED, error.exit_code, str(error))
        raise
    except BaseException as error:
        if _is_of_a_file(error):
            text = f"{error.filename or folder.root}: {error.strerror}."
            tell(RunState.FAILED, FedstillError.exit_code, text)
        else:
            tell(RunState.INTERRUPTED, FedstillError.exit_code, _unforeseen(error))
        raise
    tell(RunState.COMPLETED, 0)


def _is_of_a_file(error: BaseException) -> TypeGuard[OSError]:
    """Whether a disk or a folder is the reason, and not a connection."""
    return (
        isinstance(error, OSError)
        and error.errno is not None
        and not isinstance(error, ConnectionError | TimeoutError)
    )


def _unforeseen(error: BaseException) -> str:
    first = str(error).strip().partition("\n")[0]
    return (
        f"The ServerApp ended by {type(error).__name__}: {first or 'no reason given'}"
    )


def _finished_rounds(folder: RunFolder) -> int:
    try:
        return folder.metrics.read_bytes().count(b"\n")
    except OSError:
        return 0
