"""Runs the cells of a sweep, in this process or in several, and tells of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pydantic import TypeAdapter

from common.config import Config
from simulations.tradeoff.agenda import Agenda
from simulations.tradeoff.cell_files import CellFiles, row_from_json, row_to_json
from simulations.tradeoff.cells import Cell, Row
from simulations.tradeoff.folder import TradeoffFolder
from simulations.tradeoff.grid import Task
from simulations.tradeoff.running import run_task
from simulations.tradeoff.workers import Run, Worker, WorkerDiedError, ready

RowListener = Callable[[Row], None]
_MESSAGE = TypeAdapter(tuple[Cell, str, str])


def split_tasks(
    tasks: Iterable[Task], folder: TradeoffFolder
) -> tuple[list[Row], list[Task]]:
    """Returns the cells that are finished already, and those that are left.

    Raises:
        DataError: the file of a finished cell is damaged.
    """
    files = CellFiles(folder.cells)
    rows, left = list[Row](), list[Task]()
    for task in tasks:
        row = files.read(task.key)
        if row is None:
            left.append(task)
        else:
            rows.append(row)
    return rows, left


def run_tasks(
    tasks: Iterable[Task],
    folder: TradeoffFolder,
    *,
    jobs: int,
    listener: RowListener = lambda _: None,
) -> list[Row]:
    """Runs cells and returns their rows, in the order in which they ended.

    Args:
        tasks: the cells.
        folder: of the sweep; each cell is kept there when it has a result.
        jobs: processes, >= 1; one runs in this process.
        listener: told about every cell that ended, failed ones too.
    """
    agenda, rows = Agenda(tasks), list[Row]()
    ended = _here(agenda, folder) if jobs == 1 else _spread(agenda, folder, jobs=jobs)
    for row in ended:
        rows.append(row)
        listener(row)
    return rows


def run_message(message: bytes) -> bytes:
    """What a worker does with a message: runs the cell, returns its row as JSON."""
    cell, config, root = _MESSAGE.validate_json(message)
    task = Task(cell=cell, config=Config.from_toml(config))
    return row_to_json(run_task(task, TradeoffFolder(Path(root))))


def _here(agenda: Agenda, folder: TradeoffFolder) -> Iterator[Row]:
    while (task := agenda.take(None)) is not None:
        yield run_task(task, folder)


def _spread(
    agenda: Agenda, folder: TradeoffFolder, *, jobs: int, run: Run = run_message
) -> Iterator[Row]:
    busy: dict[Worker, Task] = {}

    def employ(worker: Worker) -> None:
        task = agenda.take(worker)
        if task is None:
            worker.stop()
            return
        busy[worker] = task
        worker.send(_message(task, folder))

    try:
        for _ in range(min(jobs, agenda.waiting)):
            employ(Worker(run))
        while busy:
            for worker in ready(list(busy)):
                task = busy.pop(worker)
                try:
                    row = row_from_json(worker.receive())
                    employ(worker)
                except WorkerDiedError as error:
                    row = _lost(task, error)
                    agenda.forget(worker)
                    worker.stop()
                    employ(Worker(run))
                yield row
    finally:
        for worker in busy:
            worker.stop()


def _message(task: Task, folder: TradeoffFolder) -> bytes:
    return _MESSAGE.dump_json((task.cell, task.config.to_toml(), str(folder.root)))


def _lost(task: Task, error: WorkerDiedError) -> Row:
    return Row(cell=task.cell, delta=task.config.privacy.delta, error=str(error))
