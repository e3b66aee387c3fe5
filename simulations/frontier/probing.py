"""Runs the probes one after the other; finished ones are not run again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from common.config import Config
from common.data.parts import load_public_parts
from common.data.transfer_file import write_transfer_set
from common.errors import FedstillError
from simulations.frontier.probes import Probe, ProbeTask
from simulations.tradeoff.cell_files import CellFiles
from simulations.tradeoff.cells import CellResult, Row
from simulations.tradeoff.folder import TradeoffFolder, claim_folder, held
from simulations.tradeoff.methods import federation
from simulations.wording import percent, seconds_text

OTHER_WORLD = "other-world.safetensors"
ProbeRows = dict[str, tuple[Row, ...]]
ProbeListener = Callable[[ProbeTask, Row], None]


def open_folder(base: Config, root: Path) -> TradeoffFolder:
    """Claims a folder for probes, or goes on in it if it holds the same base.

    Raises:
        OutputExistsError: the folder is taken by something else.
    """
    folder = TradeoffFolder(root)
    claim_folder(base, folder, resume=folder.config.exists())
    return folder


def run_probes(
    tasks: Iterable[ProbeTask],
    folder: TradeoffFolder,
    *,
    listener: ProbeListener = lambda _task, _row: None,
) -> ProbeRows:
    """Returns the cells of every probe, by its name.

    A cell that fails has a row that says why, and the others go on; it is tried again
    next time.

    Args:
        tasks: the cells, in the order in which they are run.
        folder: from :func:`open_folder`; each cell is kept there.
        listener: told about every cell that was run.

    Raises:
        OutputExistsError: the folder is in use.
        DataError: the file of a finished cell is damaged.
    """
    files, rows = CellFiles(folder.cells), ProbeRows()
    with held(folder):
        for one in tasks:
            row = files.read(one.task.key)
            if row is None:
                row = _run(one, folder)
                if row.result is not None:
                    files.write(one.task.key, row)
                listener(one, row)
            rows[one.probe.name] = (*rows.get(one.probe.name, ()), row)
    return rows


def write_other_world(base: Config, path: Path) -> None:
    """Writes the transfer set of a config, unless the file is there.

    Args:
        base: a config of other images of the same shape.
        path: ends in ``.safetensors``.
    """
    if not path.exists():
        write_transfer_set(path, load_public_parts(base).transfer)


def line(one: ProbeTask, row: Row) -> str:
    """Returns a cell in a line: what it is, and what it gave or why it failed."""
    head = f"{one.probe.name}, seed {row.cell.seed}"
    if row.result is None:
        return f"{head}: failed: {row.error}"
    seconds = seconds_text(row.result.seconds)
    return f"{head}: accuracy {percent(row.result.test_accuracy)}  {seconds}"


def _run(one: ProbeTask, folder: TradeoffFolder) -> Row:
    cell, delta = one.task.cell, one.task.config.privacy.delta
    work = folder.work / one.task.key
    shutil.rmtree(work, ignore_errors=True)  # what a kill left half done
    work.mkdir(parents=True)
    try:
        result = _measured(one.probe, one.task.config, work)
    except FedstillError as error:
        return Row(cell=cell, delta=delta, error=" ".join(str(error).split()))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Row(cell=cell, delta=delta, result=result)


def _measured(probe: Probe, config: Config, work: Path) -> CellResult:
    start = time.perf_counter()
    result = federation(config, work, faults=probe.faults)
    return replace(result, seconds=round(time.perf_counter() - start, 3))
