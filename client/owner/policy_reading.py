"""From a policy file to its values: who may change it, TOML, and paths."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

from common.config.paths import absolute
from common.errors import ConfigError

CONSEQUENCE = "The site does not start."

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
# Section and key of every path in a policy; section "" is the top level.
_PATHS = (
    ("", "folder"),
    ("data", "path"),
    ("data", "schema"),
    ("model", "initial-weights"),
    ("socket", "path"),
    ("tls", "certificate"),
    ("tls", "key"),
    ("tls", "client-ca"),
    ("ledger", "second-head"),
)


def read_policy_text(file: Path) -> dict[str, object]:
    """Returns the values in a policy file that nobody but the owner can change.

    Raises:
        ConfigError: it cannot be read, others may write it or put another file in its
            place, or it is not TOML.
    """
    try:
        with file.open("rb") as opened:
            # Of what was opened, so that nobody changes files in between.
            found = os.fstat(opened.fileno())
            folder = file.resolve().parent.stat()
            content = opened.read()
        fault = write_fault(found, folder, uid=os.geteuid())
        if not fault:
            return tomllib.loads(content.decode("utf-8"))
    except FileNotFoundError:
        fault = "does not exist, make one with `fedstill site init`"
    except IsADirectoryError:
        fault = "is a folder, must be a TOML file"
    except RecursionError:
        fault = "is not valid TOML: it is nested too deeply"
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    except ValueError as error:
        fault = f"is not valid TOML: {' '.join(str(error).split())}"
    raise ConfigError(f"Policy {file} {fault}. {CONSEQUENCE}")


def write_fault(
    file: os.stat_result,
    folder: os.stat_result,
    *,
    uid: int,
    harm: str = "raise the budget",
) -> str | None:
    """Returns why others could change a file of the owner's, or None if they cannot.

    Args:
        file: a policy, or code that it names.
        folder: that it is in.
        uid: whose process reads it.
        harm: what they could do with it, for the message.
    """
    trusted = {0, uid}
    if file.st_uid not in trusted:
        return (
            f"belongs to user {file.st_uid}, who could {harm}, must belong "
            f"to root or to the custodian's user {uid}: chown {uid} the file"
        )
    if file.st_mode & _OTHERS_WRITE:
        mode = stat.S_IMODE(file.st_mode)
        return (
            f"has mode {mode:04o}, so that others can write it and {harm}, must "
            "be writable by its owner only: chmod go-w the file"
        )
    is_sticky = bool(folder.st_mode & stat.S_ISVTX)
    if folder.st_uid not in trusted or (
        folder.st_mode & _OTHERS_WRITE and not is_sticky
    ):
        return (
            "is in a folder in which others can put another file in its place and "
            f"{harm}, must be in a folder of root or of the custodian's user that only "
            "its owner can write: chmod go-w the folder"
        )
    return None


def resolve_paths(values: dict[str, object], folder: Path) -> None:
    """Makes the paths in a policy absolute, in place.

    Args:
        values: of a policy file.
        folder: where relative paths start.
    """
    values.setdefault("folder", "state")
    for section, key in _PATHS:
        inside = values.get(section) if section else values
        if isinstance(inside, dict) and isinstance(inside.get(key), str):
            inside[key] = absolute(inside[key], folder=folder)
