"""Puts files and folders into a deployment, each with its mode and its owner.

Some folders belong to the services' user while root writes into them, so a new file is
never written through a name that somebody else has put there.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from common.atomic_file import sync_folder

PUBLIC = 0o644
SECRET = 0o600
ROOT_ID = 0
_OTHERS_ENTER = stat.S_IXOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of the operating system.

    Attributes:
        uid: of the user.
        gid: of the user's own group.
    """

    uid: int
    gid: int


ROOT = Account(uid=ROOT_ID, gid=ROOT_ID)


def account_of(user: str) -> Account | None:
    """Returns a user's numbers, or None where there is no such user."""
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        return None
    return Account(uid=found.pw_uid, gid=found.pw_gid)


def place(
    path: Path, content: bytes, *, mode: int = PUBLIC, owner: Account | None = None
) -> bool:
    """Replaces a file as a whole; returns whether its content is another one now.

    Args:
        path: its folder must exist.
        content: the whole new content.
        mode: of the file from its first byte on.
        owner: of the file; None for whoever writes.
    """
    before = path.read_bytes() if path.is_file() and not path.is_symlink() else None
    temporary = path.with_name(f".{path.name}.partial")
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(temporary, flags, SECRET), "wb") as file:
            if owner is not None:
                os.fchown(file.fileno(), owner.uid, owner.gid)
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return content != before


def make_folder(path: Path, *, mode: int, owner: Account | None = None) -> None:
    """Makes a folder, or gives one that is there this mode and owner.

    Args:
        path: the folder above it is made too.
        mode: whatever the umask says.
        owner: None leaves it to whoever has it.
    """
    path.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    if owner is not None:
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def closed_folder_above(path: Path) -> Path | None:
    """Returns the outermost folder above that other users cannot enter, if any."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & _OTHERS_ENTER:
            return folder
    return None
