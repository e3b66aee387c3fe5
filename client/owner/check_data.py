"""Whether the private data can be read; what it says is for the owner only."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from client.owner.policy_file import PolicyFile
from client.owner.policy_reading import CONSEQUENCE
from client.owner.private_file import PrivateFile, load_private_file
from common.errors import ConfigError, DataError
from common.finding import Finding, fault, ok, warning

_SUBJECT = "data"
_FAR = 2.0  # times the nominal size


def data_findings(policy: PolicyFile) -> tuple[PrivateFile | None, list[Finding]]:
    """Returns the private data, None if they cannot be read, and what there is to say.

    Args:
        policy: names them.
    """
    try:
        loaded = load_private_file(policy)
    except (ConfigError, DataError) as error:
        text = " ".join(str(error).removesuffix(f" {CONSEQUENCE}").split())
        remedy = "Mend the file, or [data] and classes in the policy."
        return None, [fault(_SUBJECT, text, remedy)]
    data = loaded.data
    shape = " x ".join(map(str, data.input_shape))
    findings = [
        ok(
            _SUBJECT,
            f"{len(data)} rows of {shape}, {data.num_classes} classes. The number of "
            "rows is told to you only.",
        )
    ]
    findings += [
        warning(_SUBJECT, problem, "Mend these rows, or leave them out.")
        for problem in data.problems
    ]
    nominal = policy.nominal_examples
    if not nominal / _FAR <= len(data) <= nominal * _FAR:
        findings.append(
            warning(
                _SUBJECT,
                f"nominal-examples = {nominal} is far from the number of rows: steps "
                "are scaled by it.",
                "Choose a round number of the right size; it is public.",
            )
        )
    return loaded, [*findings, *_open_files(policy)]


def _open_files(policy: PolicyFile) -> Iterator[Finding]:
    """Yields a warning for each file that every user of the machine can read.

    Whoever runs the relay is another user, and all that keeps them out is its mode.
    """
    names = policy.data.path.split(",") if policy.data.path else []
    for path in (Path(name.strip()) for name in names):
        if _is_open(path):
            yield warning(
                _SUBJECT,
                f"{path} can be read by every user of this machine, the relay's too.",
                f"chmod -R go= {path}",
            )


def _is_open(path: Path) -> bool:
    """Whether others can read a file or folder and get to it."""
    wanted = stat.S_IROTH if path.is_file() else stat.S_IROTH | stat.S_IXOTH
    folders = Path(os.path.realpath(path)).parents
    return bool(_mode(path) & wanted == wanted) and all(
        _mode(folder) & stat.S_IXOTH for folder in folders
    )


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0
