"""The key that signs a site's statements: made once, on the owner's machine."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from common.atomic_file import sync_folder
from common.errors import DataError, LedgerUnavailableError

KEY_FILE = "statement.key"
_OF_OTHERS = 0o077


def statement_key(folder: Path) -> Ed25519PrivateKey:
    """Returns the key of a site's statements, made at first use.

    Args:
        folder: of the site's state; the key lies there as ``statement.key``, for its
            owner's eyes only (0600).

    Raises:
        LedgerUnavailableError: the key cannot be read or written.
        DataError: the file holds no key, or others may read it.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        if path.stat().st_mode & _OF_OTHERS:
            raise DataError(
                f"{path} may be read by others than its owner: expected mode 0600. "
                "Nothing was signed; whoever has the key can sign in the site's name."
            )
        content = path.read_bytes()
    except OSError as error:
        raise LedgerUnavailableError(
            f"Key {path} cannot be used: {error.strerror}. Nothing was signed."
        ) from error
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(content.decode()))
    except ValueError as error:
        raise DataError(f"{path} holds no Ed25519 key. Nothing was signed.") from error


def _make_key(path: Path) -> None:
    """Writes a new key; never over one that is there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Ed25519PrivateKey.generate().private_bytes_raw().hex().encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
