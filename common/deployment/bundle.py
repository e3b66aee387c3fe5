"""``bundle.toml``: what a site has to know of the coordinator, all of it public."""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import tomli_w

from common import checks
from common.errors import ConfigError

SCHEMA = 1
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ADDRESS = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_LAST_PORT = 65_535
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_CONSEQUENCE = "Ask the coordinator for the bundle again. Nothing was changed."


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteBundle:
    """What the coordinator sends to one site.

    Attributes:
        federation: its name.
        site_name: the public name under which this site takes part.
        address: ``host:port`` of the SuperLink, as the site reaches it.
        authority: SHA-256 of the authority's certificate (DER), in hex: a site
            compares it with what the coordinator says by another way.
        fedstill: the coordinator's version of Fedstill.
        flower: the coordinator's version of Flower.
        schema: of this file.

    Raises:
        ValueError: one of them cannot be that.
    """

    federation: str
    site_name: str
    address: str
    authority: str
    fedstill: str
    flower: str
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        checks.non_empty(fedstill=self.fedstill, flower=self.flower)
        for key in ("federation", "site_name"):
            if not NAME.fullmatch(getattr(self, key)):
                raise ValueError(
                    f"{key} = {getattr(self, key)!r}: must be small letters, digits "
                    "and '-'"
                )
        split_address(self.address)
        if not _FINGERPRINT.fullmatch(self.authority):
            raise ValueError(f"authority = {self.authority!r}: must be a SHA-256")
        if self.schema != SCHEMA:
            raise ValueError(f"schema = {self.schema}: must be {SCHEMA}")

    @property
    def host(self) -> str:
        """The SuperLink's name or number, without brackets."""
        return split_address(self.address)[0]

    @property
    def port(self) -> int:
        """The SuperLink's port."""
        return split_address(self.address)[1]

    def to_toml(self) -> str:
        """Returns the content of ``bundle.toml``."""
        return tomli_w.dumps(
            {key.replace("_", "-"): value for key, value in asdict(self).items()}
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Returns the bundle in a file.

        Raises:
            ConfigError: it cannot be read, or is no bundle.
        """
        try:
            values = tomllib.loads(path.read_text("utf-8"))
            return cls(**{key.replace("-", "_"): one for key, one in values.items()})
        except OSError as error:
            fault = error.strerror or "cannot be read"
        except (ValueError, TypeError) as error:
            fault = _first_line(error)
        raise ConfigError(f"{path}: {fault}. {_CONSEQUENCE}")


def split_address(address: str) -> tuple[str, int]:
    """Returns (host, port) of ``host:port``; the brackets of IPv6 are taken off.

    Raises:
        ValueError: it is no such address.
    """
    found = _ADDRESS.fullmatch(address)
    if not found or not 0 < int(found[2]) <= _LAST_PORT:
        raise ValueError(
            f"address = {address!r}: must be host:port, such as fedstill.example:9090"
        )
    return found[1].strip("[]"), int(found[2])


def _first_line(error: Exception) -> str:
    text: Any = str(error) or type(error).__name__
    return str(text.splitlines()[0]).rstrip(".")
