"""A site for the doctor to look at, and what it says of it."""

from client.node.doctor import site_findings
from client.node.node_config import node_config_path, node_config_text
from common.doctor.network import network_findings
from server.deployment.certificates import fingerprint


class Certificate:
    """An authority in the shape that `make_bundle` takes."""

    def __init__(self, pair):
        self._pair = pair

    def fingerprint(self, _):
        return bytes.fromhex(fingerprint(self._pair.certificate))

    def public_bytes(self, _):
        return self._pair.certificate


def point(folder, path):
    node_config_path(folder).write_text(node_config_text(f"unix:{path}"))


def of(findings, subject):
    (found,) = [one for one in findings if one.subject == subject]
    return found


def look(site, policy=None):
    return list(site_findings(site[0].root, policy))


def unreachable(superlink):
    return network_findings(
        type(superlink)(address="127.0.0.1:1", authority=superlink.authority, renew="x")
    )
