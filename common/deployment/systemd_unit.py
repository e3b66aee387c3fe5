"""The text of a systemd service, and its command read back from the text.

What all of Fedstill's services share stands here: they are started again for ever, get
no new rights, and write into the folders that they are given and nowhere else.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from common.environment import QUIET

ONLINE = "network-online.target"
_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.@-]+\.service")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\$?|[0-9]+")
_PLAIN = re.compile(r"[A-Za-z0-9_./:=@,+-]+")
# In the path of a command, and there alone, systemd takes none of these.
_NO_COMMAND = frozenset("\"'\\")
_LAST_CONTROL = 0x1F
_DELETE = 0x7F
_EXEC_START = "ExecStart="
# What these two options would hide of the files that a service needs.
_HOMES = tuple(map(Path, ("/home", "/root", "/run/user")))
_TEMPORARY = tuple(map(Path, ("/tmp", "/var/tmp")))  # noqa: S108  # nothing is made


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A service that is always started again.

    Attributes:
        name: of the unit, with ``.service``.
        description: for people.
        exec_start: the command and its words; the command's path is absolute.
        user: of the operating system.
        restart_seconds: between an end and the next start.
        environment: names and values.
        read_write_paths: all that the service may write to; each has to exist.
        read_only_paths: what it may read even if a folder above it may be written to.
        runtime_directory: below ``/run``, made by systemd; empty for none.
        runtime_directory_mode: octal, such as ``"0755"``; empty for systemd's own.
        supplementary_groups: of the operating system.
        after: units that are started before this one.
        options: further lines of ``[Service]``, such as ``"KillMode=mixed"``.

    Raises:
        ValueError: something in it that no unit can hold.
    """

    name: str
    description: str
    exec_start: tuple[str, ...]
    user: str
    restart_seconds: int
    environment: tuple[tuple[str, str], ...] = tuple(QUIET.items())
    read_write_paths: tuple[str, ...] = ()
    read_only_paths: tuple[str, ...] = ()
    runtime_directory: str = ""
    runtime_directory_mode: str = ""
    supplementary_groups: tuple[str, ...] = ()
    after: tuple[str, ...] = (ONLINE,)
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _UNIT_NAME.fullmatch(self.name):
            raise ValueError(f"name = {self.name!r}: must end in .service")
        if not self.exec_start or not self.exec_start[0].startswith("/"):
            raise ValueError(
                f"exec_start = {self.exec_start}: must begin with an absolute path"
            )
        if _NO_COMMAND & set(self.exec_start[0]):
            raise ValueError(
                f"{self.exec_start[0]}: systemd starts nothing whose path has a quote "
                "or a backslash"
            )
        for user in (self.user, *self.supplementary_groups):
            if not _USER.fullmatch(user):
                raise ValueError(f"{user!r} is no name of a user or a group")
        for path in (*self.read_write_paths, *self.read_only_paths):
            if not path.startswith("/"):
                raise ValueError(f"{path!r}: must be an absolute path")
        texts = (self.description, *self.exec_start, *self.options)
        for text in (*texts, *self.read_write_paths, *self.read_only_paths):
            _check_printable(text)
        for name, value in self.environment:
            _check_printable(f"{name}{value}")

    def text(self) -> str:
        """Returns the whole content of the unit's file."""
        after = [f"After={' '.join(self.after)}"] if self.after else []
        # To be after a target does not yet start it.
        wants = [f"Wants={ONLINE}"] if ONLINE in self.after else []
        lines = [
            "[Unit]",
            f"Description={_specifiers(self.description)}",
            *wants,
            *after,
            "# Never give up: what it waits for may take a day to come back.",
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            f"User={self.user}",
            *_line("SupplementaryGroups", self.supplementary_groups),
            *(
                f"Environment={_word(f'{name}={value}')}"
                for name, value in self.environment
            ),
            f"{_EXEC_START}{_command(self.exec_start)}",
            "Restart=always",
            f"RestartSec={self.restart_seconds}",
            *self._runtime_directory(),
            "UMask=0077",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            *_line("ReadWritePaths", map(_word, self.read_write_paths)),
            *_line("ReadOnlyPaths", map(_word, self.read_only_paths)),
            *self.options,
            "",
            "[Install]",
            "WantedBy=multi-user.target",
            "",
        ]
        return "\n".join(lines)

    def _runtime_directory(self) -> list[str]:
        if not self.runtime_directory:
            return []
        mode = self.runtime_directory_mode
        return [
            f"RuntimeDirectory={self.runtime_directory}",
            *([f"RuntimeDirectoryMode={mode}"] if mode else []),
        ]


def hiding(needed: Iterable[Path]) -> tuple[str, ...]:
    """Returns the options that hide people's files, where nothing needed is there.

    Args:
        needed: absolute paths that the service has to reach, beside this Python.
    """
    paths = (Path(sys.prefix), Path(sys.base_prefix), *needed)
    return (
        *(() if _is_any_below(paths, _HOMES) else ("ProtectHome=yes",)),
        # Without its own folder of temporary files a service could write none.
        f"ReadWritePaths={' '.join(map(str, _TEMPORARY))}"
        if _is_any_below(paths, _TEMPORARY)
        else "PrivateTmp=yes",
    )


def _is_any_below(paths: Iterable[Path], folders: Iterable[Path]) -> bool:
    above = tuple(folders)
    return any(path.is_relative_to(one) for path in paths for one in above)


def exec_start_of(text: str) -> list[str]:
    """Returns the command that a unit of ours starts, word by word.

    Args:
        text: of a unit that :class:`Unit` has written.

    Raises:
        ValueError: it starts nothing.
    """
    lines = [line for line in text.splitlines() if line.startswith(_EXEC_START)]
    if not lines:
        raise ValueError(f"The unit has no {_EXEC_START} line.")
    first, *others = shlex.split(lines[-1].removeprefix(_EXEC_START))
    words = [first, *(word.replace("$$", "$") for word in others)]
    return [word.replace("%%", "%") for word in words]


def _command(words: tuple[str, ...]) -> str:
    first, *others = words
    # systemd puts variables into words, but not into the command's own path.
    return " ".join([_word(first), *(_word(one.replace("$", "$$")) for one in others)])


def _word(text: str) -> str:
    """Returns a word as systemd reads it back, quoted where that is needed."""
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_specifiers(escaped)}"'


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _line(key: str, words: Iterable[str]) -> list[str]:
    joined = " ".join(words)
    return [f"{key}={joined}"] if joined else []


def _check_printable(text: str) -> None:
    if any(ord(one) <= _LAST_CONTROL or ord(one) == _DELETE for one in text):
        raise ValueError(f"{text!r}: a unit cannot hold a line break or a control sign")
