"""The federation's TOML file: who coordinates, where, and which sites there are."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ValidationError

from common.config.keys import keys_of
from common.config.problems import in_plain_words, shown
from common.config.section import Section
from common.deployment.bundle import NAME, split_address
from common.errors import ConfigError

CONSEQUENCE = "Nothing was changed."
LISTEN = ("0.0.0.0", "127.0.0.1")  # noqa: S104  # the sites are elsewhere
_ADDRESS = "must be host:port, such as fedstill.example:9090"
_LONGEST_DNS_NAME = 253
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_FIRST_UNPRIVILEGED = 1024


def _name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(
            "must be 1 to 63 small letters, digits and '-', such as ward-7"
        )
    return name


def _user(name: str) -> str:
    if not _USER.fullmatch(name) or name == "root":
        raise ValueError("must be a name of a user of the system who is not root")
    return name


def _listen(address: str) -> str:
    if address not in LISTEN:
        raise ValueError(
            f"must be {LISTEN[0]} or, for a try on one machine, {LISTEN[1]}: this "
            "machine's own commands come by 127.0.0.1, the firewall does the rest"
        )
    return address


def _address(address: str) -> str:
    try:
        host, port = split_address(address)
    except ValueError:
        raise ValueError(_ADDRESS) from None
    if not is_host(host):
        raise ValueError(f"{shown(host)} is neither a DNS name nor an IP address")
    if _is_unspecified(host):
        raise ValueError("is every address of this machine, must be one for the sites")
    if port < _FIRST_UNPRIVILEGED:
        raise ValueError("has a port that only root may open, must be >= 1024")
    return address


def _texts(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list | tuple) else [None]
    texts = tuple(item for item in items if isinstance(item, str))
    if len(texts) < len(items):
        raise ValueError('must be a list of texts such as ["a", "b"]')
    _refuse_duplicates(texts)
    return texts


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [name for name in names if not is_host(name) or _is_unspecified(name)]
    if wrong:
        raise ValueError(
            f"{', '.join(map(shown, wrong))} must be a DNS name or an IP address, "
            "without a port"
        )
    return names


def _sites(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("must name at least one site")
    wrong = [name for name in names if not NAME.fullmatch(name)]
    if wrong:
        raise ValueError(
            f"{', '.join(map(shown, wrong))} must be 1 to 63 small letters, digits and "
            "'-', such as hospital-a"
        )
    return names


def _refuse_duplicates(names: tuple[str, ...]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ValueError(f"{', '.join(map(shown, twice))} must be there only once")


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]


class ServerSection(Section):
    """``[server]``: where the SuperLink is.

    Attributes:
        address: ``host:port``, as the sites reach it.
        listen: the address that it listens at.
        names: more DNS names and IP addresses for its certificate.
        user: of the operating system, for the two services.
    """

    address: Annotated[str, AfterValidator(_address)]
    listen: Annotated[str, AfterValidator(_listen)] = LISTEN[0]
    names: Annotated[Texts, AfterValidator(_hosts)] = ()
    user: Annotated[str, AfterValidator(_user)] = "fedstill-server"

    @property
    def host(self) -> str:
        """The host in the address, without brackets."""
        return split_address(self.address)[0]

    @property
    def port(self) -> int:
        """The port in the address, which is also the one that is listened at."""
        return split_address(self.address)[1]


class SitesSection(Section):
    """``[sites]``: who takes part.

    Attributes:
        names: public, one a site.
    """

    names: Annotated[Texts, AfterValidator(_sites)]


class FederationFile(Section):
    """What a coordinator says of a federation.

    Attributes:
        name: of the federation.
        server: where the SuperLink is.
        sites: who takes part.
    """

    name: Annotated[str, AfterValidator(_name)]
    server: ServerSection
    sites: SitesSection


def load_federation_file(path: Path) -> FederationFile:
    """Returns the checked content of a federation's file.

    Args:
        path: a TOML file.

    Raises:
        ConfigError: it cannot be read, or with every problem found, one a line.
    """
    return parse_federation(read_text(path), source=str(path))


def parse_federation(text: str, *, source: str) -> FederationFile:
    """Returns the checked content of a federation's file.

    Args:
        text: the TOML.
        source: where it is from, for messages.

    Raises:
        ConfigError: with every problem found, one a line.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        fault = " ".join(str(error).split())
        raise ConfigError(
            f"{source} is not valid TOML: {fault}. {CONSEQUENCE}"
        ) from None
    try:
        return FederationFile.model_validate(values)
    except ValidationError as error:
        lines = in_plain_words(error.errors(include_url=False), keys_of(FederationFile))
    raise ConfigError(
        "\n".join(f"{source}: {line}" for line in lines) + f" {CONSEQUENCE}"
    )


def read_text(path: Path) -> str:
    """Returns the text of a federation's file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        fault = "does not exist"
    except IsADirectoryError:
        fault = "is a folder, must be a TOML file"
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        fault = "is not UTF-8"
    raise ConfigError(f"{path} {fault}. {CONSEQUENCE}")


def is_host(text: str) -> bool:
    """Returns whether a text is an IP address or could be a DNS name."""
    if is_ip_address(text):
        return True
    labels = text.split(".")
    # All digits at the end is what a mistyped IP address looks like.
    return (
        len(text) <= _LONGEST_DNS_NAME
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdecimal()
    )


def is_ip_address(text: str) -> bool:
    """Returns whether a text is an IPv4 or IPv6 address, without brackets."""
    try:
        # A scope is this machine's own and means nothing in a certificate.
        return not getattr(ipaddress.ip_address(text), "scope_id", None)
    except ValueError:
        return False


def _is_unspecified(host: str) -> bool:
    return is_ip_address(host) and ipaddress.ip_address(host).is_unspecified
