"""Where the policy says to listen, as the custodian's server takes it."""

from __future__ import annotations

from client.custodian.endpoint import Endpoint
from client.owner.policy_file import PolicyFile
from client.owner.policy_reading import CONSEQUENCE
from common.errors import ConfigError


def policy_endpoint(policy: PolicyFile) -> Endpoint:
    """Returns the endpoint that a policy names.

    Raises:
        ConfigError: none at all, or one that cannot be.
    """
    socket, tls = policy.socket, policy.tls
    if tls.address:
        return Endpoint.parse(
            tls.address,
            certificate=tls.certificate,
            key=tls.key,
            authority=tls.client_ca,
        )
    if socket.path:
        return Endpoint.parse(f"unix:{socket.path}", group=socket.group)
    raise ConfigError(
        '[socket] path = "": must say where to listen, such as "run/site.sock", or '
        f"[tls] address must. {CONSEQUENCE}"
    )
