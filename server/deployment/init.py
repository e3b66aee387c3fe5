"""``fedstill deploy init``: everything that a federation needs, in one folder."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from common.deployment.layout import DeploymentFolder
from common.deployment.spoken import spoken
from common.errors import ConfigError, OutputExistsError
from server.deployment.certificates import fingerprint, names_in
from server.deployment.federation_file import (
    FederationFile,
    load_federation_file,
    parse_federation,
    read_text,
)
from server.deployment.key_files import certificate_names, complete_keys
from server.deployment.placing import (
    ROOT_ID,
    Account,
    account_of,
    closed_folder_above,
    place,
)
from server.deployment.server_units import SUPEREXEC_UNIT, SUPERLINK_UNIT, own_command
from server.deployment.written_files import (
    is_sent_bundle,
    make_folders,
    write_bundle,
    write_texts,
)


def init_deployment(federation: Path, output: Path | None) -> list[str]:
    """Makes or completes a deployment folder.

    Keys and certificates that are there stay as they are. Units, bundles and texts
    follow from the federation's file and are written anew.

    Args:
        federation: TOML file.
        output: the folder; None for one of the federation's name, here.

    Returns:
        What was done and what comes next, a line each.

    Raises:
        ConfigError: the file, or something in the folder that cannot be used.
        OutputExistsError: the folder is another federation's, or something else.
    """
    text = read_text(federation)
    content = parse_federation(text, source=str(federation))
    folder = DeploymentFolder((output or Path(content.name)).resolve())
    _check_place(folder, content)
    is_new = not folder.authority.exists()
    owner = services_owner(content.server.user)
    try:
        make_folders(folder, owner)
        place(folder.federation, text.encode())
        complete_keys(folder, content, owner)
        write_texts(folder, content, owner)
        sites = content.sites.names
        is_known = {name: folder.bundle(name).bundle.exists() for name in sites}
        changed = [name for name in sites if write_bundle(folder, content, name)]
    except OSError as error:
        raise unwritable(folder, error) from error
    added = [name for name in changed if not is_known[name]]
    resent = [name for name in changed if is_known[name]]
    return [
        f"{'Wrote' if is_new else 'Completed'} {folder.root}.",
        *([f"New bundles to send: {_in_bundles(folder, added)}."] if added else []),
        *_notes(folder, content, resent),
        *_fingerprint_lines(folder),
        *_user_lines(folder, content, owner, federation),
        *(_start_lines(folder) if is_new else ()),
        f"Next: {folder.readme} has all commands in order.",
    ]


def services_owner(user: str) -> Account | None:
    """Returns who is given what the services need: nobody, unless root does it."""
    return account_of(user) if os.geteuid() == ROOT_ID else None


def unwritable(folder: DeploymentFolder, error: OSError) -> ConfigError:
    """Returns the error for a file or folder of the deployment that defies us."""
    return ConfigError(
        f"{error.filename or folder.root}: {error.strerror}. The folder is not "
        "complete; run this again, with sudo where root has made it."
    )


def _check_place(folder: DeploymentFolder, federation: FederationFile) -> None:
    try:
        # Empty folders are what a command that failed at its first file leaves behind.
        is_there = folder.root.exists() and _holds_a_file(folder.root)
    except NotADirectoryError:
        raise OutputExistsError(
            f"{folder.root} is a file. Choose another folder with --output. Nothing "
            "was written."
        ) from None
    except OSError as error:
        raise unwritable(folder, error) from error
    if not is_there:
        return
    if not folder.federation.is_file():
        raise OutputExistsError(
            f"{folder.root} holds something else than a deployment. Choose another "
            "folder with --output. Nothing was written."
        )
    found = load_federation_file(folder.federation).name
    if found != federation.name:
        raise OutputExistsError(
            f"{folder.root} is the deployment of the federation {found}, not of "
            f"{federation.name}. Choose another folder with --output. Nothing was "
            "written."
        )


def _holds_a_file(root: Path) -> bool:
    if not root.is_dir():
        raise NotADirectoryError
    return any(not path.is_dir() for path in root.rglob("*"))


def _notes(
    folder: DeploymentFolder, federation: FederationFile, resent: list[str]
) -> Iterator[str]:
    """Yields what an older deployment needs beside what was written."""
    held = names_in(folder.certificate.read_bytes())
    missing = [name for name in certificate_names(federation) if name not in held]
    if missing:
        yield (
            f"The server's certificate is not for {', '.join(missing)}: make a new one "
            f"with fedstill deploy rotate --deployment {shlex.quote(str(folder.root))}"
        )
    if resent:
        yield f"Changed bundles to send again: {_in_bundles(folder, resent)}."
    there = sorted(path for path in folder.bundles.iterdir() if is_sent_bundle(path))
    for path in there:
        if path.name not in federation.sites.names:
            yield (
                f"{path.name} is no longer in the federation; its bundle was left. "
                f"Shut its node out with: fedstill deploy revoke {path.name} "
                f"--deployment {shlex.quote(str(folder.root))}"
            )


def _in_bundles(folder: DeploymentFolder, names: list[str]) -> str:
    return f"{', '.join(names)} (in {folder.bundles})"


def _fingerprint_lines(folder: DeploymentFolder) -> list[str]:
    digits = fingerprint(folder.authority.read_bytes())
    return [
        (
            "The authority's SHA-256 fingerprint; tell it every site by another way, "
            "such as a call:"
        ),
        f"  {spoken(digits)}",
    ]


def _user_lines(
    folder: DeploymentFolder,
    federation: FederationFile,
    owner: Account | None,
    source: Path,
) -> Iterator[str]:
    """Yields what is to do so that the services' user can use the folder."""
    user = federation.server.user
    account = account_of(user)
    if account is not None and account.uid == os.geteuid():
        return
    if owner is None:
        yield f"The units run as {user}, who cannot use the folder yet:"
        if account is None:
            yield f"  sudo useradd --system {user}"
        words = [str(own_command()), "deploy", "init", str(source.resolve())]
        words += ["--output", str(folder.root)]
        yield f"  sudo {shlex.join(words)}"
    closed = closed_folder_above(folder.root)
    if closed is not None:
        yield (
            f"Note: {closed} cannot be entered by other users, and so not by {user}: "
            "use an --output elsewhere, such as /var/lib/fedstill/"
            f"{federation.name}, or let it be entered."
        )


def _start_lines(folder: DeploymentFolder) -> list[str]:
    units = shlex.quote(str(folder.units))
    return [
        "Start the two services:",
        f"  sudo cp {units}/*.service /etc/systemd/system/",
        "  sudo systemctl daemon-reload",
        f"  sudo systemctl enable --now {SUPERLINK_UNIT} {SUPEREXEC_UNIT}",
    ]
