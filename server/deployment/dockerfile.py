"""The image that the compose files of coordinator and sites run.

The three users are those of the units, with numbers, so that a folder on the host can
be given to them.
"""

from __future__ import annotations

from pathlib import Path

IMAGE = "fedstill"
NODE_ID = 10_001
CUSTODIAN_ID = 10_002
SERVER_ID = 10_003
SOCKETS = "/run/fedstill"
_USERS = (
    ("fedstill-node", NODE_ID),
    ("fedstill-site", CUSTODIAN_ID),
    ("fedstill-server", SERVER_ID),
)


def image_folder(root: Path) -> Path:
    """Returns the folder that the image is built from; nothing secret is in it."""
    return root / "image"


def dockerfile_text(version: str) -> str:
    """Returns the Dockerfile.

    Args:
        version: of Fedstill, whose wheel lies beside the Dockerfile.
    """
    users = " \\\n    && ".join(
        f"useradd --uid {number} --user-group --no-create-home {name}"
        for name, number in _USERS
    )
    return f"""\
# Put the wheel of Fedstill {version} beside this file, then: docker compose build
# Written without a Docker daemon at hand, so it was not tried.
FROM python:3.11-slim

# The CPU's torch first: the default one brings gigabytes for graphics cards.
RUN pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu
COPY fedstill-{version}-*.whl /tmp/
RUN pip install --no-cache-dir /tmp/fedstill-{version}-*.whl && rm /tmp/*.whl

RUN {users}
# A new volume gets this folder's owner; the custodian makes its socket's folder in it.
RUN install --directory --owner={CUSTODIAN_ID} --mode=0755 {SOCKETS}

ENV PYTHONUNBUFFERED=1
"""
