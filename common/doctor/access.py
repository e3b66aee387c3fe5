"""Who may look at what: a check that this user may not do is told as such."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from common.finding import Finding, warning

ROOT = "root"


def user_name(uid: int) -> str:
    """Returns the name of a user of the operating system, or the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def own_name() -> str:
    """Returns the name of the user that runs this process."""
    return user_name(os.geteuid())


def owner_name(path: Path) -> str | None:
    """Returns to whom a file belongs; None where that cannot be seen."""
    try:
        return user_name(path.stat().st_uid)
    except OSError:
        return None


def not_seen(subject: str, path: Path, *, user: str) -> Finding:
    """Returns that something was not looked at, and who may look.

    Args:
        subject: of the check that was left out.
        path: that this user may not look at.
        user: who may.
    """
    who = ROOT if user == ROOT else f"{ROOT} or as {user}"
    return warning(
        subject,
        f"User {own_name()} may not look at {path}, so that was not checked.",
        f"Run this as {who}.",
    )
