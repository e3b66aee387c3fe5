"""The fingerprint of a node's key: both sides must read out the same one."""

from __future__ import annotations

import base64
import hashlib


def node_fingerprint(line: str) -> str:
    """Returns a public key's fingerprint as ``ssh-keygen -l`` prints it.

    Args:
        line: in OpenSSH's format: type, key in base64, and perhaps a comment.
    """
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"
