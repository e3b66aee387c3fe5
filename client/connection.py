"""How the relay finds its site; loads neither torch nor Opacus by itself.

In one process the engine lends its sites by :func:`use_provider`. Under Flower's own
engines an installed package offers them by the entry-point group
``fedstill.sites``; which one is the node's owner's to say, in the node config, never
the run's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points

from common.envelope import SiteConnection
from common.errors import ConfigError
from common.run_plan import Scalar

GROUP = "fedstill.sites"
NODE_KEY = "site-provider"
DEFAULT_PROVIDER = "simulation"

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
    node_config: Mapping[str, Scalar], run_config: Mapping[str, Scalar]
) -> SiteConnection:
    """Returns the site that a message to this node is for.

    Args:
        node_config: Flower's, set by the node's owner.
        run_config: Flower's, set by the server.

    Raises:
        ConfigError: no such provider is installed.
    """
    if _providers:
        return _providers[-1](node_config, run_config)
    name = str(node_config.get(NODE_KEY, DEFAULT_PROVIDER))
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise ConfigError(
            f"No site provider {NODE_KEY}={name!r} is installed (entry-point group "
            f"{GROUP}). The node cannot answer."
        )
    provider: SiteProvider = next(iter(found)).load()
    return provider(node_config, run_config)
