"""A deployment for the doctor to look at, and what it says of it."""

import socket

from server.deployment.doctor import server_findings
from server.deployment.status import DeploymentStatus, SiteState, SiteStatus

FEDERATION = """
name = "ward-study"
[server]
address = "127.0.0.1:{port}"
[sites]
names = ["hospital-a", "hospital-b"]
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def status(*sites, unknown=()):
    return DeploymentStatus(
        federation="ward-study",
        address="here",
        sites=sites,
        unknown_nodes=unknown,
        runs=(),
        next_step="",
    )


ONLINE = SiteStatus(name="hospital-a", state=SiteState.ONLINE)


def look(folder):
    return list(server_findings(folder.root))


def of(findings, subject):
    return [one for one in findings if one.subject == subject]
