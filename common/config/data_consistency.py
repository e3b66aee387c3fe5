"""Checks of the sections about data that look at more than one key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from common.config.data_sections import AT_SITES, Data
from common.config.problems import problem

if TYPE_CHECKING:
    from common.config.experiment import Config

IDX_FILES = tuple(
    f"{part}-{kind}-ubyte"
    for part in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
)
TABLES = ("csv", "parquet")
_PATHS = {
    "idx": 'must be the folder that holds the files of data.name = "idx": '
    + ", ".join(f"{name}[.gz]" for name in IDX_FILES),
    "npz": "must be an .npz file with the arrays inputs and labels",
    "csv": "must be a CSV file, several with commas between them, or their folder",
    "parquet": "must be a Parquet file, several with commas between them, or their "
    "folder",
    "hugging-face": "must be a local folder or a name on the hub",
}
_WHY: dict[str, Callable[[Data], str]] = {
    "path": lambda data: (
        "the sites have the data" if data.is_at_sites else f"{data.name} is bundled"
    ),
    "test-path": lambda data: f"{data.name} is no table, csv and parquet are",
    "schema": lambda data: f"{data.name} is no table, csv and parquet are",
    "classes": lambda data: (
        f"{'the schema' if data.name in TABLES else data.name} states the classes"
    ),
    "input-column": lambda _: "only hugging-face finds its inputs by it",
    "label-column": lambda _: "only hugging-face finds its labels by it",
}


def data_problems(config: Config) -> Iterator[str]:
    """Yields a line for each contradiction in ``[data]``."""
    data = config.data
    is_table = data.name in TABLES
    has_path = data.name in _PATHS
    if has_path and not data.path:
        yield problem(("data", "path"), data.path, _PATHS[data.name])
    for key, value, belongs in (
        ("path", data.path, has_path),
        ("test-path", data.test_path, is_table),
        ("schema", data.schema_path, is_table or data.name == "hugging-face"),
        ("classes", data.classes, data.name in ("npz", "hugging-face", AT_SITES)),
        ("input-column", data.input_column, data.name == "hugging-face"),
        ("label-column", data.label_column, data.name == "hugging-face"),
    ):
        if value and not belongs:
            empty = "0" if key == "classes" else "empty"
            yield problem(("data", key), value, f"must be {empty}, {_WHY[key](data)}")
    if is_table and not data.schema_path:
        yield problem(
            ("data", "schema"),
            data.schema_path,
            "must be a TOML file with the public bounds, categories and classes of "
            f'data.name = "{data.name}", they are never learnt from rows',
        )
    needs_classes = data.name in ("npz", AT_SITES) and data.classes == 0
    is_odd = data.name in ("npz", "hugging-face", AT_SITES) and data.classes == 1
    if needs_classes or is_odd:
        yield problem(
            ("data", "classes"),
            data.classes,
            "must be the number of classes, >= 2, it is never counted from labels",
        )
    yield from _test(config)
    if data.has_natural_sites and not (is_table or data.name == "hugging-face"):
        yield problem(
            ("data", "partition"),
            data.partition,
            f"must be iid, dirichlet or shards, {data.name} names no sites",
        )
    if data.partition == "by:file" and data.name == "hugging-face":
        yield problem(
            ("data", "partition"), data.partition, "must name a column, not the file"
        )


def _test(config: Config) -> Iterator[str]:
    """Of an .npz file and of Hugging Face, only reading shows a test part."""
    data = config.data
    has_part = data.name not in ("digits", *TABLES) or bool(data.test_path)
    if data.test == 0 and not has_part:
        reason = "only idx has test files"
        if data.name in TABLES:
            reason = "or data.test-path a file of test rows"
        yield problem(("data", "test"), 0, f"must be >= 1, {reason}")


def transfer_problems(config: Config) -> Iterator[str]:
    """Yields a line for each contradiction in ``[transfer]``."""
    transfer = config.transfer
    if config.data.is_at_sites and not transfer.path:
        yield problem(
            ("transfer", "path"),
            "",
            'must be the file of the transfer set with data.name = "at-sites", there '
            "are no other public examples",
        )
        return
    if transfer.path and transfer.is_stand_in:
        yield problem(
            ("transfer", "from-private"),
            transfer.from_private,
            "must be 0 where transfer.path names a transfer set",
        )
    if transfer.size_follows and transfer.size:
        key = "path" if transfer.path else "from-private"
        yield problem(
            ("transfer", "size"),
            transfer.size,
            f"must be 0 or left out, it follows from transfer.{key}",
        )
    if not transfer.size_follows and transfer.size == 0:
        yield problem(
            ("transfer", "size"),
            0,
            "must be >= 1 unless transfer.path or transfer.from-private decides",
        )
    elif not transfer.size_follows and transfer.per_round > transfer.size:
        yield problem(
            ("transfer", "per-round"),
            transfer.per_round,
            f"must be <= {transfer.size} (transfer.size)",
        )
