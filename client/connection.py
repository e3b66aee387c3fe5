"""How the relay finds its site; loads neither torch nor Opacus by itself.

In one process the engine lends its sites by :func:`use_provider`. A deployed node's
config names its custodian: ``custodian="unix:/run/fedstill/site.sock"``, or
``host:port`` with the paths ``custodian-certificate``, ``custodian-key`` and
``custodian-ca`` of mutual TLS. Under Flower's own simulation engines an installed
package offers the sites by the entry-point group ``fedstill.sites``. Which of them it
is, is the node's owner's to say, in the node config, never the run's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points

from client.custodian.endpoint import Endpoint
from client.custodian.wire import DEFAULT_DEADLINE_SECONDS
from common.envelope import SiteConnection
from common.errors import ConfigError
from common.run_plan import Scalar

GROUP = "fedstill.sites"
NODE_KEY = "site-provider"
DEFAULT_PROVIDER = "simulation"
CUSTODIAN_KEY = "custodian"
CERTIFICATE_KEY = "custodian-certificate"
PRIVATE_KEY_KEY = "custodian-key"
AUTHORITY_KEY = "custodian-ca"

SiteProvider = Callable[[Mapping[str, Scalar], Mapping[str, Scalar]], SiteConnection]

_providers: list[SiteProvider] = []


@contextmanager
def use_provider(provider: SiteProvider) -> Iterator[None]:
    """Makes :func:`connect` ask ``provider`` while the context lasts.

    Args:
        provider: maps (node config, run config) to a site.
    """
    _providers.append(provider)
    try:
        yield
    finally:
        _providers.remove(provider)


def connect(
    node_config: Mapping[str, Scalar],
    run_config: Mapping[str, Scalar],
    *,
    deadline_seconds: float = DEFAULT_DEADLINE_SECONDS,
) -> SiteConnection:
    """Returns the site that a message to this node is for.

    Args:
        node_config: Flower's, set by the node's owner.
        run_config: Flower's, set by the server.
        deadline_seconds: for which a custodian may take to answer.

    Raises:
        ConfigError: no such provider is installed, a custodian that cannot be one, or
            both of them.
    """
    if _providers:
        return _providers[-1](node_config, run_config)
    if CUSTODIAN_KEY in node_config:
        return _custodian(node_config, deadline_seconds)
    name = str(node_config.get(NODE_KEY, DEFAULT_PROVIDER))
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise ConfigError(
            f"No site provider {NODE_KEY}={name!r} is installed (entry-point group "
            f"{GROUP}). The node cannot answer."
        )
    provider: SiteProvider = next(iter(found)).load()
    return provider(node_config, run_config)


def _custodian(
    node_config: Mapping[str, Scalar], deadline_seconds: float
) -> SiteConnection:
    if NODE_KEY in node_config:
        raise ConfigError(
            f"The node has {CUSTODIAN_KEY}={node_config[CUSTODIAN_KEY]!r} and "
            f"{NODE_KEY}={node_config[NODE_KEY]!r}; one of them is allowed. The node "
            "cannot answer."
        )
    endpoint = Endpoint.parse(
        str(node_config[CUSTODIAN_KEY]),
        certificate=str(node_config.get(CERTIFICATE_KEY, "")),
        key=str(node_config.get(PRIVATE_KEY_KEY, "")),
        authority=str(node_config.get(AUTHORITY_KEY, "")),
    )
    # Imported here: a simulation needs no gRPC of ours.
    from client.custodian.connection import CustodianConnection  # noqa: PLC0415

    return CustodianConnection(endpoint, deadline_seconds)
