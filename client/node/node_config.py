"""``node.toml``: what the site tells its own node; the site's file, never the run's.

Code that the coordinator ships reads all of it, so nothing in it is secret.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from client.connection import (
    AUTHORITY_KEY,
    CERTIFICATE_KEY,
    CUSTODIAN_KEY,
    PRIVATE_KEY_KEY,
)
from client.custodian.endpoint import Endpoint
from common.deployment.layout import BundleFolder
from common.errors import ConfigError

_LAST_PORT = 65_535
_CONSEQUENCE = "The node does not start."
_UNQUOTABLE = {"'", "\x7f", *map(chr, range(32))}

_TEMPLATE = """\
# How this node reaches its custodian. Code that the coordinator ships can read this
# file: no secret belongs here.

# The custodian on this machine: "unix:" and the path of [socket] in the site's policy.
custodian = {custodian}

# Or on another machine, with mutual TLS ([tls] in the policy); absolute paths:
# custodian = "site.example:9443"
# custodian-certificate = "/etc/fedstill/relay.pem"
# custodian-key = "/etc/fedstill/relay.key"
# custodian-ca = "/etc/fedstill/site-ca.pem"

# The port that the node's own parts meet at, on 127.0.0.1; a free one if not said:
# runtime-port = 9094
"""


def node_config_path(folder: BundleFolder) -> Path:
    """Returns where the file lies."""
    return folder.root / "node.toml"


def node_config_text(custodian: str) -> str:
    """Returns the content of a new file.

    Args:
        custodian: its address; empty where it is not known yet.
    """
    return _TEMPLATE.format(custodian=json.dumps(custodian, ensure_ascii=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """What ``node.toml`` says.

    Attributes:
        custodian: ``unix:/absolute/path`` or ``host:port``; empty for not yet known.
        custodian_certificate: path of the relay's certificate, for ``host:port``.
        custodian_key: path of its private key.
        custodian_ca: path of the certificate of the custodian's authority.
        runtime_port: of the node's own parts; 0 for a free one.

    Raises:
        ConfigError: an address that cannot be one.
        ValueError: one of the others cannot be that.
    """

    custodian: str = ""
    custodian_certificate: str = ""
    custodian_key: str = ""
    custodian_ca: str = ""
    runtime_port: int = 0

    def __post_init__(self) -> None:
        for key, value in self._relay_keys().items():
            if not isinstance(value, str) or _UNQUOTABLE & set(value):
                raise ValueError(f"{key} = {value!r}: must be a text without quotes")
        port = self.runtime_port
        is_whole = isinstance(port, int) and not isinstance(port, bool)
        if not (is_whole and 0 <= port <= _LAST_PORT):
            raise ValueError(
                f"runtime-port = {port!r}: must be a whole number from 1 to "
                f"{_LAST_PORT}"
            )
        if self.custodian:
            Endpoint.parse(
                self.custodian,
                certificate=self.custodian_certificate,
                key=self.custodian_key,
                authority=self.custodian_ca,
            )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Returns what a file says.

        Raises:
            ConfigError: it cannot be read, or says what it cannot.
        """
        known = {field.name.replace("_", "-") for field in fields(cls)}
        try:
            values = tomllib.loads(path.read_text("utf-8"))
            unknown = sorted(set(values) - known)
            if unknown:
                raise ValueError(
                    f"{unknown[0]!r} is no key of it, allowed are "
                    f"{', '.join(sorted(known))}"
                )
            return cls(**{key.replace("-", "_"): one for key, one in values.items()})
        except ConfigError as error:
            raise ConfigError(f"{path}: {error} {_CONSEQUENCE}") from None
        except OSError as error:
            fault = error.strerror or "cannot be read"
        except ValueError as error:
            fault = " ".join(str(error).split()).rstrip(".")
        raise ConfigError(f"{path}: {fault}. {_CONSEQUENCE}")

    def for_flower(self) -> str:
        """Returns it as ``flower-supernode --node-config`` takes it."""
        keys = self._relay_keys().items()
        return " ".join(f"{key}='{value}'" for key, value in keys if value)

    def _relay_keys(self) -> dict[str, str]:
        return {
            CUSTODIAN_KEY: self.custodian,
            CERTIFICATE_KEY: self.custodian_certificate,
            PRIVATE_KEY_KEY: self.custodian_key,
            AUTHORITY_KEY: self.custodian_ca,
        }
