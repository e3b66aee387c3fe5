"""``nodes.json``: which site was admitted by which key, and which keys never again."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from common.atomic_file import write_atomically
from common.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedKey:
    """A key that was let in.

    Attributes:
        fingerprint: ``SHA256:...``, as a site sees it.
        node_id: Flower's number of the node.
        admitted: when, UTC.
    """

    fingerprint: str
    node_id: int
    admitted: str

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> Self:
        """Returns the key of an entry."""
        return cls(
            fingerprint=str(entry["fingerprint"]),
            node_id=int(entry["node_id"]),
            admitted=str(entry["admitted"]),
        )

    def to_dict(self) -> dict[str, str]:
        """Returns the entry; the number as text, since it has 64 bits."""
        return {
            "fingerprint": self.fingerprint,
            "node_id": str(self.node_id),
            "admitted": self.admitted,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A registration that was begun; it stays where a crash came before its end.

    Attributes:
        fingerprint: of the key.
        known: Flower's numbers of all nodes before: what is not among them is new.
    """

    fingerprint: str
    known: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteKeys:
    """The keys of one site.

    Attributes:
        current: by which it takes part; None for none.
        revoked: those that are never let in again, in order.
        intent: a registration without an end; None for none.
    """

    current: AdmittedKey | None = None
    revoked: tuple[AdmittedKey, ...] = ()
    intent: Intent | None = None

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> Self:
        """Returns the keys of an entry."""
        intent = entry.get("intent")
        return cls(
            current=AdmittedKey.parse(entry) if entry.get("fingerprint") else None,
            revoked=tuple(AdmittedKey.parse(one) for one in entry["revoked"]),
            intent=Intent(
                fingerprint=str(intent["fingerprint"]),
                known=frozenset(int(one) for one in intent["known"]),
            )
            if intent
            else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the entry."""
        entry: dict[str, Any] = dict(self.current.to_dict()) if self.current else {}
        entry["revoked"] = [one.to_dict() for one in self.revoked]
        if self.intent:
            known = [str(one) for one in sorted(self.intent.known)]
            entry["intent"] = {"fingerprint": self.intent.fingerprint, "known": known}
        return entry


def read_nodes(path: Path) -> dict[str, SiteKeys]:
    """Returns the keys by the site's name; of a file that is not there, none.

    Raises:
        ConfigError: it cannot be read, or is not such a file.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
        return {str(site): SiteKeys.parse(entry) for site, entry in values.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        fault = f"{error.strerror}; run this as the user who may read it"
    except (ValueError, KeyError, TypeError, AttributeError):
        fault = "is not what `fedstill deploy admit` wrote; put a backup in its place"
    raise ConfigError(f"{path}: {fault}. Nothing was changed.")


def write_nodes(path: Path, nodes: Mapping[str, SiteKeys]) -> None:
    """Replaces the file.

    Raises:
        ConfigError: it cannot be written.
    """
    values = {site: nodes[site].to_dict() for site in sorted(nodes)}
    try:
        write_atomically(path, (json.dumps(values, indent=2) + "\n").encode())
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}. Repeat this as the user who may write it."
        ) from None


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Keeps other commands from the file until the block ends.

    Raises:
        ConfigError: the folder of the file cannot be written.
    """
    try:
        file = path.with_suffix(".lock").open("a")
    except OSError as error:
        raise ConfigError(
            f"{path.parent}: {error.strerror}. Name the folder that `fedstill deploy "
            "init` made by --deployment, and run this as the user who may write it. "
            "Nothing was changed."
        ) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
