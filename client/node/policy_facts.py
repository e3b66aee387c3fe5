"""What a node has to know of the site's policy: its name, its socket, its folders.

Whoever sets up a machine reads the policy for its owner here, so who may change it is
not judged: that is the custodian's, and ``fedstill site check``'s.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.custodian.endpoint import Endpoint
from client.owner.policy_reading import resolve_paths
from common.deployment.bundle import SiteBundle
from common.errors import ConfigError

_CONSEQUENCE = "Nothing was changed."


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFacts:
    """What a policy says that concerns the node; every path is absolute.

    Attributes:
        path: of the policy itself.
        site_name: public name of the site; empty for a policy that is not there yet.
        socket: of the custodian; None with mutual TLS, or where none is named.
        group: of the operating system that may connect to it.
        tls_address: where a custodian with mutual TLS listens; else empty.
        private: files and folders that are nobody's but the custodian's.
        written: folders that the custodian writes into, which have to exist.
    """

    path: Path
    site_name: str = ""
    socket: Path | None = None
    group: str = ""
    tls_address: str = ""
    private: tuple[Path, ...] = ()
    written: tuple[Path, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether there is a policy."""
        return bool(self.site_name)

    @property
    def custodian(self) -> str:
        """The custodian's address for the relay; empty where the owner must say it."""
        return f"unix:{self.socket}" if self.socket else ""

    def group_is(self, user: str) -> bool:
        """Whether the socket's group is a user's own, or is a number."""
        return self.group == user or self.group.isdecimal()

    def check_site(self, bundle: SiteBundle) -> None:
        """Raises where the bundle is another site's.

        Raises:
            ConfigError: both names.
        """
        if self.is_there and self.site_name != bundle.site_name:
            raise ConfigError(
                f"{self.path}: site-name = {self.site_name!r} and the bundle is for "
                f"{bundle.site_name!r}; they must be equal. Change the policy, or ask "
                "the coordinator for a bundle of that name. Nothing was changed."
            )


def read_policy_facts(path: Path) -> PolicyFacts:
    """Returns what a policy says; of one that does not exist, where it will be.

    Raises:
        ConfigError: it cannot be read, or says something else than a policy does.
    """
    file = path.resolve()
    try:
        values: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return PolicyFacts(path=file, private=(file,), written=(file.parent,))
    except OSError as error:
        fault = f"cannot be read: {error.strerror}; run this as root, or as its owner"
        raise ConfigError(f"Policy {path} {fault}. {_CONSEQUENCE}") from error
    except (ValueError, RecursionError) as error:
        fault = " ".join(str(error).split())
        raise ConfigError(
            f"Policy {path} is not valid TOML: {fault}. {_CONSEQUENCE}"
        ) from None
    resolve_paths(values, file.parent)
    site_name = _text(values, path, "", "site-name")
    if not site_name:
        raise ConfigError(f"Policy {path} has no site-name. {_CONSEQUENCE}")
    socket = _text(values, path, "socket", "path")
    tls_address = _text(values, path, "tls", "address")
    state = Path(_text(values, path, "", "folder"))
    data = _text(values, path, "data", "path")
    second = _text(values, path, "ledger", "second-head")
    key = _text(values, path, "tls", "key")
    if socket and not tls_address:
        Endpoint.parse(f"unix:{socket}")  # refuses a path that no socket can have
    of_data = tuple(Path(one) for one in data.split(",") if one)
    heads = (Path(second).parent,) if second else ()
    return PolicyFacts(
        path=file,
        site_name=site_name,
        socket=Path(socket) if socket and not tls_address else None,
        group=_text(values, path, "socket", "group"),
        tls_address=tls_address,
        private=(file, *of_data, state, *((Path(key),) if key else ())),
        written=(state.parent, *heads),  # the custodian makes its folder itself
    )


def _text(values: dict[str, Any], path: Path, section: str, key: str) -> str:
    inside = values.get(section, {}) if section else values
    found = inside.get(key, "") if isinstance(inside, dict) else None
    if not isinstance(found, str):
        where = f"[{section}] {key}" if section else key
        raise ConfigError(f"Policy {path}: {where} must be a text. {_CONSEQUENCE}")
    return found
