"""What a sweep leaves behind, and where; claimed once, continued by the same config."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.config import Config
from common.errors import OutputExistsError
from common.run_folder import RunFolder
from server.output import RUNS, open_run_folder

RESERVED = ("config.toml", "environment.json")


@dataclass(frozen=True, slots=True)
class TradeoffFolder:
    """Paths inside the folder of a sweep.

    Attributes:
        root: the folder; it need not exist.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The resolved config that is swept."""
        return RunFolder(self.root).config

    @property
    def environment(self) -> Path:
        """Versions, seed, machine."""
        return RunFolder(self.root).environment

    @property
    def cells(self) -> Path:
        """Folder of the finished cells, a file each."""
        return self.root / "cells"

    @property
    def work(self) -> Path:
        """Folder of the cells that are being run; empty when the sweep has ended."""
        return self.root / "work"

    @property
    def errors(self) -> Path:
        """Folder of the tracebacks of cells that failed by a bug."""
        return self.root / "errors"

    @property
    def lock(self) -> Path:
        """Held while a sweep runs; the operating system frees it after a kill."""
        return self.root / ".lock"

    @property
    def results_csv(self) -> Path:
        """A row a cell."""
        return self.root / "results.csv"

    @property
    def results_jsonl(self) -> Path:
        """A line a cell, with its curve."""
        return self.root / "results.jsonl"

    @property
    def report(self) -> Path:
        """The page that a person looks at."""
        return self.root / "report.html"


def choose_folder(base: Config, output: Path | None = None) -> TradeoffFolder:
    """Returns ``output``, else the config's, else ``runs/<name>-tradeoff``."""
    return TradeoffFolder(output or Path(base.output or RUNS / f"{base.name}-tradeoff"))


def claim_folder(base: Config, folder: TradeoffFolder, *, resume: bool) -> None:
    """Claims the folder of a sweep, or opens it again to resume.

    Args:
        base: the config that is swept; the same one resumes, over other axes too.
        folder: the folder.
        resume: which of the two is meant.

    Raises:
        OutputExistsError: the folder is taken, by this sweep where ``resume`` is
            false, or by something else.
        ConfigError: there is no folder to be resumed.
    """
    if folder.config.exists() and not folder.cells.exists():
        found = sorted(path.name for path in folder.root.iterdir())
        others = [name for name in found if name.lstrip(".") not in RESERVED]
        if others:
            raise OutputExistsError(
                f"Run folder {folder.root} holds no sweep but a run, with "
                f"{others[0]}. Choose another --output. Nothing was changed."
            )
    open_run_folder(base.with_overrides({"output": str(folder.root), "resume": resume}))
    folder.cells.mkdir(exist_ok=True)


@contextmanager
def held(folder: TradeoffFolder) -> Iterator[None]:
    """Keeps a second sweep out of a claimed folder inside the block.

    Raises:
        OutputExistsError: another sweep is running in it.
    """
    with folder.lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputExistsError(
                f"Run folder {folder.root} is in use by another sweep that is still "
                "running. Wait for it or choose another --output. Nothing was changed."
            ) from None
        yield
