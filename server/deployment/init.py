"""``fedstill deploy init``: everything that a federation needs, in one folder."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from common.deployment.layout import DeploymentFolder
from common.deployment.spoken import spoken
from server.deployment.certificates import fingerprint, names_in
from server.deployment.federation_file import (
    FederationFile,
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
from server.deployment.taken_folder import check_place, unwritable
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
    check_place(folder, content)
    is_new = not folder.authority.exists()
    owner = services_owner(content.server.user)
    try:
        had_units = any(folder.units.glob("*.service"))
        make_folders(folder, owner)
        place(folder.federation, text.encode())
        complete_keys(folder, content, owner)
        new_units = write_texts(folder, content, owner)
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
        *(_unit_lines(folder, is_first=not had_units) if new_units else ()),
        f"Next: {folder.readme} has all commands in order.",
    ]


def services_owner(user: str) -> Account | None:
    """Returns who is given what the services need: nobody, unless root does it."""
    return account_of(user) if os.geteuid() == ROOT_ID else None


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
            yield f"  sudo useradd --system --user-group {user}"
        words = [str(own_command()), "deploy", "init", str(source.resolve())]
        words += ["--output", str(folder.root)]
        yield f"  sudo {shlex.join(words)}"
    yield from _closed_lines(
        user,
        folder.root,
        f"use an --output elsewhere, such as /var/lib/fedstill/{federation.name}",
    )
    elsewhere = "install Fedstill and its Python elsewhere, such as in /opt/fedstill"
    programs = (own_command(), Path(sys.executable).resolve())
    closed = (_closed_lines(user, program, elsewhere) for program in programs)
    # Both are mostly in the same folder.
    yield from dict.fromkeys(line for lines in closed for line in lines)


def _closed_lines(user: str, path: Path, remedy: str) -> Iterator[str]:
    """Yields what is to do where a user cannot get to what the services need."""
    closed = closed_folder_above(path)
    if closed is not None:
        yield (
            f"Note: {closed} cannot be entered by other users, and so {user} cannot "
            f"reach {path}: {remedy}, or let it be entered."
        )


def _unit_lines(folder: DeploymentFolder, *, is_first: bool) -> list[str]:
    units = shlex.quote(str(folder.units))
    verb = "enable --now" if is_first else "restart"
    return [
        "Start the two services:" if is_first else "The units have changed:",
        f"  sudo cp {units}/*.service /etc/systemd/system/",
        "  sudo systemctl daemon-reload",
        f"  sudo systemctl {verb} {SUPERLINK_UNIT} {SUPEREXEC_UNIT}",
    ]
