"""A whole federation in a fraction of a second, and what reads it afterwards."""

from __future__ import annotations

import json
from pathlib import Path

from common.config import Config

SITES = ("site-00", "site-01", "site-02")
TINY = {
    "sites": 3,
    "models": "mlp:1,cnn:1,linear:1",
    "rounds": 2,
    "data.partition": "dirichlet",
    "data.per-site": "40",
    "transfer.size": 60,
    "transfer.per-round": 50,
    "train.batch-size": 20,
    "no-privacy.batch-size": 20,
    "no-privacy.epochs": 1,
    "distill.epochs": 2,
    "global-student.epochs": 2,
    "pooled.epochs": 1,
    "privacy.epsilon": 4.0,
    "privacy.delta": 1e-3,
    "baselines.enabled": False,
    "personal-student.enabled": False,
}


def tiny_config(output: Path | None = None, **changes) -> Config:
    """A config; two underscores stand for a dot, one for a dash."""
    dotted = {
        key.replace("__", ".").replace("_", "-"): value
        for key, value in changes.items()
    }
    if output is not None:
        dotted["output"] = str(output)
    return Config(name="tiny").with_overrides(TINY | dotted)


def read_lines(folder: Path) -> list[dict]:
    """The lines of a run folder's metrics."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").open()]


def read_files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder: path to bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
