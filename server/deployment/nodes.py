"""Letting a site's node in by its key, and shutting it out."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from common.deployment.layout import DeploymentFolder
from common.errors import ConfigError
from server.deployment.federation_file import load_federation_file
from server.deployment.flower_answers import FlowerNode, SuperLinkRefusedError
from server.deployment.flower_cli import CONNECTION, FlowerCli
from server.deployment.node_book import (
    AdmittedKey,
    Intent,
    SiteKeys,
    only_writer,
    read_nodes,
    write_nodes,
)
from server.deployment.node_key import NodeKey, read_node_key

SHUT_OUT = frozenset({"unregistered", "deleted"})
_NEW_KEY = "the site makes a new one (fedstill site join BUNDLE --new-key)"


def admit_site(deployment: Path, site: str, public_key: Path) -> list[str]:
    """Lets a site's node in; a second key replaces the first.

    Repeating it is safe, after whatever interruption.

    Args:
        deployment: the folder that ``fedstill deploy init`` made.
        site: its name in the federation.
        public_key: what the site has sent, ``node.pub``.

    Returns:
        What to print.

    Raises:
        ConfigError: no such site, no such key, or a key that is not this site's.
        SuperLinkAwayError: the SuperLink did not answer.
        SuperLinkRefusedError: the SuperLink refused the key.
    """
    folder = DeploymentFolder(deployment)
    _require_site(site, load_federation_file(folder.federation).sites.names)
    key = read_node_key(public_key)
    with only_writer(folder.nodes):
        return _Admission(folder).admit(site, key)


def revoke_site(deployment: Path, site: str) -> list[str]:
    """Shuts a site's node out; its key is never let in again.

    Args:
        deployment: the folder that ``fedstill deploy init`` made.
        site: its name; it need not be in the federation any more.

    Returns:
        What to print.

    Raises:
        ConfigError: no such site, or it was never admitted.
        SuperLinkAwayError: the SuperLink did not answer.
        SuperLinkRefusedError: the SuperLink refused.
    """
    folder = DeploymentFolder(deployment)
    with only_writer(folder.nodes):
        return _Admission(folder).revoke(site)


def live_nodes(nodes: Iterable[FlowerNode]) -> dict[int, FlowerNode]:
    """Returns, by their numbers, the nodes that are not shut out."""
    return {one.node_id: one for one in nodes if one.status not in SHUT_OUT}


class _Admission:
    """One command on the book and the SuperLink.

    The book is written before what it says can be forgotten: an intent before a key is
    registered, the new key before the old one is unregistered.
    """

    def __init__(self, folder: DeploymentFolder) -> None:
        self._folder = folder
        self._cli = FlowerCli(folder)
        self._nodes = read_nodes(folder.nodes)

    def admit(self, site: str, key: NodeKey) -> list[str]:
        _require_free(site, key, self._nodes)
        listed = self._cli.nodes()
        live = live_nodes(listed)
        keys = self._nodes.get(site, SiteKeys())
        old = keys.current
        if old and old.fingerprint == key.fingerprint:
            if old.node_id in live:
                return [
                    f"{site} is admitted by this key already, {key.fingerprint}.",
                    *self._sweep(keys, live),
                ]
            old = None  # the SuperLink lost its state, or shut the node out
        if not keys.intent or keys.intent.fingerprint != key.fingerprint:
            known = frozenset(one.node_id for one in listed)
            keys = replace(
                keys, intent=Intent(fingerprint=key.fingerprint, known=known)
            )
            self._write(site, keys)
        node_id = self._register(site, key, keys)
        keys = SiteKeys(
            current=AdmittedKey(
                fingerprint=key.fingerprint, node_id=node_id, admitted=_now()
            ),
            revoked=(*keys.revoked, old) if old else keys.revoked,
        )
        self._write(site, keys)
        return [
            f"Admitted {site} by key {key.fingerprint}.",
            *self._sweep(keys, live),
            "Compare this fingerprint with the one that the site reads out to you.",
        ]

    def revoke(self, site: str) -> list[str]:
        keys = self._nodes.get(site)
        if keys is None or not (keys.current or keys.revoked):
            names = load_federation_file(self._folder.federation).sites.names
            _require_site(site, {*names, *self._nodes})
            raise ConfigError(f"{site} was never admitted. Nothing was changed.")
        live = live_nodes(self._cli.nodes())
        if keys.current is None:
            return [f"{site} is revoked already.", *self._sweep(keys, live)]
        self._unregister(keys.current)
        self._write(site, SiteKeys(revoked=(*keys.revoked, keys.current)))
        return [
            f"Revoked {site}; never accepted again: key {keys.current.fingerprint}.",
            *self._sweep(keys, live),
            f"To let it in again, {_NEW_KEY} and sends node.pub.",
        ]

    def _register(self, site: str, key: NodeKey, keys: SiteKeys) -> int:
        with tempfile.TemporaryDirectory() as scratch:
            # What was checked is what is registered, whatever the user's file is now.
            checked = Path(scratch) / "node.pub"
            checked.write_text(f"{key.line}\n", "ascii")
            try:
                return self._cli.register(checked, site)
            except SuperLinkRefusedError as error:
                if not error.is_key_in_use:
                    raise
        known = set(keys.intent.known if keys.intent else ())
        known |= {one.current.node_id for one in self._nodes.values() if one.current}
        unknown = live_nodes(self._cli.nodes()).keys() - known
        # A command that was interrupted had registered the key and not written it.
        if len(unknown) == 1:
            return unknown.pop()
        self._write(site, replace(keys, intent=None))
        raise self._known_key(site, key)

    def _known_key(self, site: str, key: NodeKey) -> ConfigError:
        home = self._folder.flower_home.resolve()
        return ConfigError(
            f"The SuperLink knows the key {key.fingerprint} and {self._folder.nodes} "
            f"does not say of which node, so {site} was not admitted: the key was shut "
            f"out before, or the file is not the newest. The way out: {_NEW_KEY} and "
            "sends node.pub. Nodes that no site has are in `fedstill deploy status`; "
            f"FLWR_HOME={home} flwr supernode unregister NUMBER {CONNECTION} shuts "
            "one out."
        )

    def _sweep(self, keys: SiteKeys, live: dict[int, FlowerNode]) -> list[str]:
        """Shuts out what an earlier key of the site let in."""
        replaced = [one for one in keys.revoked if one.node_id in live]
        for one in replaced:
            self._unregister(one)
        return [
            f"Shut out its earlier key {one.fingerprint}, for good." for one in replaced
        ]

    def _unregister(self, key: AdmittedKey) -> None:
        try:
            self._cli.unregister(key.node_id)
        except SuperLinkRefusedError as error:
            if not error.is_not_found:  # shut out already
                raise

    def _write(self, site: str, keys: SiteKeys) -> None:
        self._nodes[site] = keys
        write_nodes(self._folder.nodes, self._nodes)


def _require_site(site: str, names: Iterable[str]) -> None:
    known = sorted(names)
    if site in known:
        return
    nearest = difflib.get_close_matches(site, known, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known: {', '.join(known)}."
    raise ConfigError(
        f"{site!r} is no site of this federation: {hint} A new site goes into "
        "federation.toml first, then `fedstill deploy init`. Nothing was changed."
    )


def _require_free(site: str, key: NodeKey, nodes: dict[str, SiteKeys]) -> None:
    for other, keys in nodes.items():
        if key.fingerprint in {one.fingerprint for one in keys.revoked}:
            raise ConfigError(
                f"The key {key.fingerprint} of {other} was shut out and is never "
                f"accepted again; {_NEW_KEY}. Nothing was changed."
            )
        current = keys.current
        if other != site and current and current.fingerprint == key.fingerprint:
            raise ConfigError(
                f"The key {key.fingerprint} is {other}'s, and every site has its own: "
                f"take the node.pub that {site} has sent. Nothing was changed."
            )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
