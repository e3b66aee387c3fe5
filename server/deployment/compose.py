"""Compose files for the coordinator and for a site: the units' commands in containers.

The SuperExec and the coordinator's commands share the SuperLink's network, since
the guard lets only loopback in. A site's two containers share the custodian's socket
and nothing else.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from common.deployment.layout import DeploymentFolder
from server.deployment.dockerfile import (
    CUSTODIAN_ID,
    IMAGE,
    NODE_ID,
    SERVER_ID,
    SOCKETS,
)
from server.deployment.federation_file import LISTEN, FederationFile

BUNDLE = "/bundle"
CUSTODIAN = "/custodian"
POLICY = f"{CUSTODIAN}/site.toml"
POLICY_FOLDER = "FEDSTILL_POLICY_FOLDER"
_UNTRIED = "# Written without a Docker daemon at hand, so it was not tried."


def server_compose(folder: DeploymentFolder, federation: FederationFile) -> str:
    """Returns the coordinator's compose file.

    Args:
        folder: absolute; it has the same path in the containers, since its files name
            one another.
        federation: for names and the port.
    """
    shown = shlex.quote(str(folder.root))
    root = str(folder.root).replace("$", "$$")  # no variable of compose's
    comments = [
        f"# The coordinator of {federation.name} in containers, instead of the units.",
        _UNTRIED,
        f"# The folder has to belong to user {SERVER_ID} of the image:",
        f"#   sudo chown -R {SERVER_ID}:{SERVER_ID} {shown}",
        "# Put the wheel into image/, then: docker compose up --build --detach",
        "# Other commands go by the SuperExec's container, such as:",
        "#   docker compose exec superexec \\",
        f"#     fedstill deploy status --deployment {shown}",
        "# It lives in the SuperLink's network: restart it whenever that one is.",
    ]
    if federation.server.listen != LISTEN[0]:
        comments.append(
            f'# listen = "{federation.server.listen}" is the container\'s own address: '
            f"for containers it must be {LISTEN[0]}."
        )
    port = federation.server.port
    # In full, since a path may have the colon of the short form in it.
    mount = {"type": "bind", "source": root, "target": root}
    common = {"user": _user(SERVER_ID), "volumes": [mount]}
    superlink = _service(_deploy("superlink", root), common) | {
        "ports": [f"{port}:{port}"]
    }
    superexec = _service(_deploy("superexec", root), common) | {
        "network_mode": "service:superlink",
        "depends_on": ["superlink"],
    }
    return _file(
        comments,
        {
            "name": f"fedstill-{federation.name}",
            "services": {
                "superlink": superlink | {"build": "./image"},
                "superexec": superexec,
            },
        },
    )


def site_compose(federation: str, site_name: str) -> str:
    """Returns a site's compose file; it says nothing that the bundle does not.

    Args:
        federation: its name.
        site_name: public name of the site.
    """
    comments = [
        f"# {site_name} of {federation} in containers, instead of the units.",
        _UNTRIED,
        f"# {POLICY_FOLDER} is the folder with site.toml and the data; it belongs to",
        f"# user {CUSTODIAN_ID}, mode 0700. In site.toml:",
        "#   [socket]",
        f'#   path = "{SOCKETS}/socket/site.sock"',
        f'#   group = "{NODE_ID}"',
        "# Put the wheel into image/, then in this order:",
        "#   docker compose build",
        "#   docker compose run --rm join",
        "#   docker compose up --detach",
    ]
    policy = f"${{{POLICY_FOLDER}:?the folder of site.toml}}:{CUSTODIAN}"
    sockets, bundle = f"sockets:{SOCKETS}", f".:{BUNDLE}"
    custodian = _service(
        ["fedstill", "site", "serve", "--policy", POLICY],
        {
            "user": _user(CUSTODIAN_ID),
            "group_add": [str(NODE_ID)],
            "volumes": [policy, sockets],
            # It talks to the relay by its socket and to nobody else.
            "network_mode": "none",
        },
    )
    node = _service(
        ["fedstill", "site", "node", BUNDLE],
        {"user": _user(NODE_ID), "volumes": [bundle, f"{sockets}:ro"]},
    )
    join = {
        "image": IMAGE,
        "profiles": ["setup"],
        "command": ["fedstill", "site", "join", BUNDLE, "--policy", POLICY],
        # Gives the node's key to the node's user.
        "user": "0:0",
        "network_mode": "none",
        "volumes": [bundle, f"{policy}:ro"],
    }
    return _file(
        comments,
        {
            "name": f"fedstill-{site_name}",
            "services": {
                "custodian": custodian | {"build": "./image"},
                "node": node | {"depends_on": ["custodian"]},
                "join": join,
            },
            "volumes": {"sockets": {}},
        },
    )


def _deploy(service: str, root: str) -> list[str]:
    return ["fedstill", "deploy", service, "--deployment", root]


def _user(number: int) -> str:
    return f"{number}:{number}"


def _service(command: Sequence[str], more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "image": IMAGE,
        "command": list(command),
        "restart": "always",
        "init": True,
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108  # the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        **more,
    }


def _file(comments: Sequence[str], content: Mapping[str, Any]) -> str:
    return "\n".join([*comments, "", *_yaml(content), ""])


def _yaml(content: Mapping[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            lines += [f"{indent}{key}:", *_yaml(value, f"{indent}  ")]
        else:
            # What JSON calls a text, a list or a truth is the same in YAML.
            text = json.dumps(value, ensure_ascii=False)
            lines.append(f"{indent}{key}: {text}")
    return lines
