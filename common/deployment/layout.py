"""Where a deployment's files lie: the one place that names them.

The coordinator has a deployment folder, a site has the bundle that it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

AUTHORITY = "ca.crt"
BUNDLE = "bundle.toml"
README = "README.md"
COMPOSE = "compose.yaml"
UNITS = "systemd"
FLOWER_HOME = "flower"
# Below the custodian unit's runtime directory: all may pass that, the group alone this.
SERVICE_SOCKET = "/run/fedstill/socket/site.sock"


@dataclass(frozen=True, slots=True)
class DeploymentFolder:
    """The coordinator's folder, made by ``fedstill deploy init``.

    Attributes:
        root: the folder; it need not exist.
    """

    root: Path

    @property
    def federation(self) -> Path:
        """The federation that it was made from."""
        return self.root / "federation.toml"

    @property
    def readme(self) -> Path:
        """The commands in order."""
        return self.root / README

    @property
    def authority(self) -> Path:
        """The certificate of the authority; public."""
        return self.root / "ca" / AUTHORITY

    @property
    def authority_key(self) -> Path:
        """The authority's private key; may be taken away once all is signed."""
        return self.root / "ca" / "ca.key"

    @property
    def certificate(self) -> Path:
        """The SuperLink's certificate; public."""
        return self.root / "server" / "server.crt"

    @property
    def key(self) -> Path:
        """The SuperLink's private key."""
        return self.root / "server" / "server.key"

    @property
    def superexec_secret(self) -> Path:
        """What the SuperExec shows to the SuperLink."""
        return self.root / "server" / "superexec.secret"

    @property
    def flower_home(self) -> Path:
        """Flower's own folder, ``FLWR_HOME``."""
        return self.root / FLOWER_HOME

    @property
    def flower_config(self) -> Path:
        """Flower's connections."""
        return self.flower_home / "config.toml"

    @property
    def database(self) -> Path:
        """The SuperLink's state."""
        return self.root / "state" / "superlink.db"

    @property
    def nodes(self) -> Path:
        """The admitted sites: names, fingerprints of keys, Flower's numbers."""
        return self.root / "state" / "nodes.json"

    @property
    def apps(self) -> Path:
        """The app bundles that were sent to the sites."""
        return self.root / "state" / "apps"

    @property
    def runs(self) -> Path:
        """Run folders, where nobody names another place."""
        return self.root / "runs"

    @property
    def units(self) -> Path:
        """The systemd units."""
        return self.root / UNITS

    @property
    def compose(self) -> Path:
        """The compose file."""
        return self.root / COMPOSE

    @property
    def bundles(self) -> Path:
        """What is sent to the sites, a folder each."""
        return self.root / "sites"

    def bundle(self, site_name: str) -> BundleFolder:
        """Returns what is sent to a site."""
        return BundleFolder(self.bundles / site_name)


@dataclass(frozen=True, slots=True)
class BundleFolder:
    """A site's folder: sent by the coordinator, completed by ``fedstill site join``.

    Attributes:
        root: the folder; it need not exist.
    """

    root: Path

    @property
    def bundle(self) -> Path:
        """What to connect to, and as whom; public."""
        return self.root / BUNDLE

    @property
    def authority(self) -> Path:
        """The certificate of the coordinator's authority; public."""
        return self.root / AUTHORITY

    @property
    def readme(self) -> Path:
        """The commands in order."""
        return self.root / README

    @property
    def key(self) -> Path:
        """The node's private key, made here; never leaves."""
        return self.root / "node.key"

    @property
    def public_key(self) -> Path:
        """The node's public key: the only thing to send back."""
        return self.root / "node.pub"

    @property
    def flower_home(self) -> Path:
        """Flower's own folder, ``FLWR_HOME``."""
        return self.root / FLOWER_HOME

    @property
    def units(self) -> Path:
        """The systemd units."""
        return self.root / UNITS

    @property
    def compose(self) -> Path:
        """The compose file."""
        return self.root / COMPOSE
