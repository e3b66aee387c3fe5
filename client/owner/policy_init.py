"""What a new policy file starts with: from an example config, and from the data file.

A run's config may propose numbers and a model of the zoo. Code that it names is never
written into a policy: what a site imports is for its owner to say.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from client.owner.policy_sections import LOADERS, TABLES
from client.owner.policy_template import TemplateValues, policy_text
from common.config import Config, load_config
from common.config.lists import MODEL_NAMES
from common.config.problems import shown
from common.deployment.bundle import SiteBundle
from common.deployment.layout import SERVICE_SOCKET, BundleFolder
from common.errors import DataError, OutputExistsError

# Loaders whose schema or format says how many classes there are.
STATES_CLASSES = (*TABLES, "digits", "idx")
READABLE = 0o644  # writable by its owner only, whatever the umask says
_FOLDER = 0o750  # else whoever can write it could put another policy in its place
_SUFFIXES = {
    ".npz": "npz",
    ".parquet": "parquet",
    ".csv": "csv",
    ".data": "csv",
    ".tsv": "csv",
    ".txt": "csv",
}


def write_policy_file(
    path: Path,
    *,
    config_file: Path | None = None,
    data: Path | None = None,
    bundle: Path | None = None,
    node_group: str = "",
) -> tuple[str, ...]:
    """Writes a new policy file; returns what the owner should know of it.

    Args:
        path: of the policy.
        config_file: an example config whose runs the site should be able to join.
        data: file or folder of the private examples; nothing of it is read.
        bundle: the folder that a coordinator sent; it has the site's name.
        node_group: of the node's user, where units run node and custodian.

    Raises:
        ConfigError: the config or the bundle cannot be read.
        DataError: a data file of an unknown kind.
        OutputExistsError: there is a file already.
    """
    values = TemplateValues(policy=str(path))
    if bundle is not None:
        sent = SiteBundle.read(BundleFolder(bundle).bundle)
        values = replace(values, site_name=sent.site_name)
    if node_group:
        values = replace(values, socket=SERVICE_SOCKET, group=node_group)
    notes: tuple[str, ...] = ()
    if config_file is not None:
        values, notes = values_from_config(values, load_config(config_file))
    if data is not None:
        values = _with_data(values, data, folder=path.resolve().parent)
    if values.loader in STATES_CLASSES:
        values = replace(values, classes=0)
    path.parent.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, READABLE)
    except FileExistsError as error:
        raise OutputExistsError(
            f"{path} exists already. Choose another PATH, or edit it. Nothing was "
            "written."
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(policy_text(values))
    return notes


def values_from_config(
    values: TemplateValues, config: Config
) -> tuple[TemplateValues, tuple[str, ...]]:
    """Returns values that let a site take part in a config's runs, and notes.

    Args:
        values: where the config says nothing.
        config: of an experiment; its data are not the site's.
    """
    # Imported here: reading public parts may need torch's second.
    from common.head_plan import planned_rounds  # noqa: PLC0415

    notes: list[str] = []
    loader = config.data.name if config.data.name in LOADERS else values.loader
    is_private = config.privacy.mechanism != "none"
    if not is_private:
        notes.append(
            "The config has no privacy: its runs are refused unless you set "
            "allow-non-private = true."
        )
    transfer_set, num_classes, note = _public_facts(config)
    notes += [note] if note else []
    own = [name for name in config.site_models if name in MODEL_NAMES]
    filled = replace(
        values,
        loader=loader,
        path={"digits": "", "npz": values.path}.get(loader, f"your-{loader}-data"),
        schema=config.data.schema_path if loader in TABLES else "",
        classes=num_classes,
        nominal_examples=round(config.mean_nominal_examples),
        epsilon=config.privacy.epsilon,
        delta=config.privacy.delta,
        mechanisms=((config.privacy.mechanism,) if is_private else values.mechanisms),
        most_rounds=planned_rounds(config),
        runs=(f"{config.name}-*",),
        transfer_set=transfer_set,
        model=own[0] if own else values.model,
    )
    return filled, tuple(notes)


def _public_facts(config: Config) -> tuple[str | None, int, str]:
    """Returns content id, classes and a note, as far as public files are here."""
    from common.data.parts import load_public_parts  # noqa: PLC0415
    from common.data.transfer_file import read_transfer_set  # noqa: PLC0415

    try:
        if config.transfer.path:
            transfer = read_transfer_set(Path(config.transfer.path))
            return transfer.content_id, config.data.classes, ""
        parts = load_public_parts(config)
    except DataError as error:
        reason = str(error).removesuffix(" Nothing was run.")
        note = (
            f"The config's transfer set is not here ({reason}) Ask the server's "
            "operator for its content id, and write it to [limits] transfer-sets."
        )
        return None, config.data.classes, note
    return parts.transfer.content_id, parts.num_classes, ""


def _with_data(values: TemplateValues, data: Path, *, folder: Path) -> TemplateValues:
    name = data.name.removesuffix(".gz")
    kind = "idx" if data.is_dir() else _SUFFIXES.get(Path(name).suffix)
    if kind is None:
        raise DataError(
            f"--data {shown(str(data))}: must be a folder of IDX files, or end in "
            f"{', '.join(_SUFFIXES)}. Nothing was written."
        )
    absolute = data.resolve()
    is_below = absolute.is_relative_to(folder)
    path = absolute.relative_to(folder) if is_below else absolute
    has_schema = kind in TABLES
    schema = values.schema or "schema.toml"
    return replace(
        values,
        loader=kind,
        path=str(path),
        schema=schema if has_schema else "",
    )
