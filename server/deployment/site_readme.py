"""The README in a bundle: what a data owner does, in order."""

from __future__ import annotations

from common.deployment.bundle import SiteBundle

NODE_USER = "fedstill-node"
CUSTODIAN_USER = "fedstill-site"


def site_readme(bundle: SiteBundle) -> str:
    """Returns the text.

    Args:
        bundle: that it lies beside.
    """
    name = bundle.site_name
    place, policy = f"/etc/fedstill/{name}", "/var/lib/fedstill/site.toml"
    return f"""\
# {name} in {bundle.federation}

You keep your data and say what may be spent; this machine only ever calls
{bundle.address} and opens no port. Nothing in this folder is secret, until step 4 puts
the node's key there.

Where `sudo` does not find `fedstill`, write its whole path.

## 1. Install

Fedstill {bundle.fedstill} with Flower {bundle.flower}, from a source that you trust,
not from the coordinator, in an environment of its own that all users may read, such
as `/opt/fedstill`.

## 2. Two users, and places for two folders

All commands are for this folder: `cd` into it first.

`{CUSTODIAN_USER}` reads your data. `{NODE_USER}` runs code that the coordinator
sends, and must not be able to read anything of yours.

```bash
sudo useradd --system --user-group {CUSTODIAN_USER}
sudo useradd --system --user-group {NODE_USER}
sudo install -d -o {CUSTODIAN_USER} -g {CUSTODIAN_USER} -m 0700 /var/lib/fedstill
sudo install -d -m 0755 /etc/fedstill
sudo cp -r . {place}
```

## 3. Your policy

With the experiment's config from the coordinator and your examples:

```bash
fedstill site init site.toml --from experiment.toml --data examples.npz \\
  --bundle . --node-group {NODE_USER}
```

Go through `site.toml`: it has a word on every key.

```bash
sudo install -o {CUSTODIAN_USER} -g {CUSTODIAN_USER} -m 0600 \\
  site.toml examples.npz /var/lib/fedstill
```

Remove the copies that are left here, or keep them where `{NODE_USER}` cannot enter.

## 4. Join

```bash
sudo fedstill site join {place} --policy {policy}
```

It makes the node's key, `node.key`, which never leaves this machine, and shows two
fingerprints. Compare all 64 digits of the authority's with what the coordinator tells
you by another way, such as a call. Send `node.pub` back and nothing else, and tell the
coordinator its fingerprint.

## 5. Start

```bash
sudo cp {place}/systemd/*.service /etc/systemd/system/
sudo systemctl daemon-reload
sudo systemctl enable --now {CUSTODIAN_USER}
sudo -u {CUSTODIAN_USER} fedstill site check --policy {policy}
```

Once the coordinator says that the key is admitted:

```bash
sudo systemctl enable --now {NODE_USER}
sudo fedstill doctor {place}
```

Containers instead: `compose.yaml` says how.

## Later

```bash
sudo -u {CUSTODIAN_USER} fedstill site status --policy {policy}
sudo systemctl stop {NODE_USER}
```

The first shows what was spent and what is left, the second takes you out at any moment.
If the coordinator sends a new `bundle.toml` or `ca.crt`, compare the fingerprint again,
put it into `{place}` and run `sudo systemctl restart {NODE_USER}`.
"""
