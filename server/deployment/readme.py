"""The deployment's README: the coordinator's commands, with the paths in them."""

from __future__ import annotations

import shlex
from pathlib import Path

from common.deployment.layout import DeploymentFolder
from server.deployment.federation_file import FederationFile
from server.deployment.server_units import SUPEREXEC_UNIT, SUPERLINK_UNIT


def server_readme(
    command: Path, folder: DeploymentFolder, federation: FederationFile
) -> str:
    """Returns the text.

    Args:
        command: absolute path of ``fedstill``.
        folder: absolute.
        federation: for names.
    """
    user, port = federation.server.user, federation.server.port
    root = shlex.quote(str(folder.root))
    fedstill = shlex.quote(str(command))
    as_root, as_user = f"sudo {fedstill}", f"sudo -u {user} {fedstill}"
    units = f"{SUPERLINK_UNIT} {SUPEREXEC_UNIT}"
    first, *_ = federation.sites.names
    at_end = f"--deployment {root}"
    return f"""\
# {federation.name}: the coordinator's commands

Sites reach this machine at {federation.server.address}: open TCP port {port} and no
other. Give nobody else an account here: who has one can start and stop runs.

## 1. The services' user

Once, and again after a change of `federation.toml`, such as a new site. Keys stay.

```bash
id {user} || sudo useradd --system --user-group {user}
{as_root} deploy init {shlex.quote(str(folder.federation))} --output {root}
```

## 2. Start the two services

```bash
sudo cp {shlex.quote(str(folder.units))}/*.service /etc/systemd/system/
sudo systemctl daemon-reload
sudo systemctl enable --now {units}
{as_user} doctor {root}
```

Containers instead: `compose.yaml` says how.

## 3. Send each site its folder

They are in `sites/`: {", ".join(federation.sites.names)}.
Nothing in them is secret. Tell each site the authority's fingerprint by another way,
such as a call; step 1 shows it again.

## 4. Admit the sites' keys

Each site sends its `node.pub`, which has to be readable for {user}, and
tells you its fingerprint by another way.

```bash
{as_user} deploy admit {first} node.pub {at_end}
{as_user} deploy status {at_end}
```

## 5. Run

The config and the public data that it names have to be readable for {user}.

```bash
{as_user} run experiment.toml {at_end}
```

Run folders, with their reports, are in `runs/`. A run that was cut off goes on with:

```bash
{as_user} run --resume {shlex.quote(str(folder.runs))}/RUN {at_end}
```

## Later

Shut a site out; its key is never accepted again:

```bash
{as_user} deploy revoke {first} {at_end}
```

New server certificate, key and secret: before the certificate ends, after a change of
the address, or when somebody may have seen them. Sites need nothing for that.

```bash
{as_root} deploy rotate {at_end}
sudo systemctl restart {units}
```

If the authority's key may be known to others, add `--authority`; then every site needs
its new `ca.crt` and `bundle.toml`.

## Keep

- `ca/ca.key` signs server certificates and is needed for `rotate` alone. Better
  move it to a medium that lies in a safe, and bring it back when it is needed.
- Back up this folder, with the services stopped: `state/` has the admitted keys and
  Flower's runs, `runs/` the results. It has secrets; encrypt the copy.
- A folder that was moved needs step 1 again, and new copies of the units: paths change.
"""
