"""Runs one cell in this process; whatever goes wrong becomes a line in its row."""

from __future__ import annotations

import shutil
import time
import traceback
from dataclasses import replace
from pathlib import Path

from common.errors import FedstillError
from simulations.tradeoff.catalogue import find_method
from simulations.tradeoff.cell_files import CellFiles
from simulations.tradeoff.cells import Cell, CellResult, Row
from simulations.tradeoff.folder import TradeoffFolder
from simulations.tradeoff.grid import Task


def run_task(task: Task, folder: TradeoffFolder) -> Row:
    """Runs a cell and keeps it, unless it failed.

    Args:
        task: the cell and its config.
        folder: of the sweep.

    Returns:
        The cell with its result, or with the line that says why there is none.
    """
    delta = task.config.privacy.delta
    work = folder.work / task.key
    # What a killed process left half done is begun anew: a cell is all or nothing.
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        result = run_cell(task, work)
    except FedstillError as error:
        row = Row(cell=task.cell, delta=delta, error=_one_line(error))
    except Exception as error:  # noqa: BLE001 - a bug in one cell spares the others
        path = _keep_traceback(task, folder)
        line = f"{type(error).__name__}: {_one_line(error)} (see {path})"
        row = Row(cell=task.cell, delta=delta, error=line)
    else:
        row = Row(cell=task.cell, delta=delta, result=result)
        CellFiles(folder.cells).write(task.key, row)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return row


def run_cell(task: Task, folder: Path) -> CellResult:
    """Runs a cell and takes the time.

    Args:
        task: the cell and its config.
        folder: empty; for whatever the method writes.

    Raises:
        FedstillError: bad data, a refusal, a method that is not there.
    """
    cell: Cell = task.cell
    method = find_method(cell.method, cell.mechanism)
    start = time.perf_counter()
    result = method(task.config, folder)
    return replace(result, seconds=round(time.perf_counter() - start, 3))


def _keep_traceback(task: Task, folder: TradeoffFolder) -> Path:
    folder.errors.mkdir(exist_ok=True)
    path = folder.errors / f"{task.key}.txt"
    path.write_text(traceback.format_exc(), "utf-8")
    return path


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
