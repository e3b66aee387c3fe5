"""Which worker runs which cell next."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable

from simulations.tradeoff.grid import Task


class Agenda:
    """Tasks that wait; those of one group go to one worker while others have work.

    Args:
        tasks: in the order in which they are wanted.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._groups: dict[int, deque[Task]] = {}
        self._owners: dict[Hashable, int] = {}
        for task in tasks:
            self._groups.setdefault(task.group, deque()).append(task)

    @property
    def waiting(self) -> int:
        """How many tasks nobody has taken."""
        return sum(map(len, self._groups.values()))

    def take(self, worker: Hashable) -> Task | None:
        """Returns the worker's next task; None when nothing is left.

        A worker stays with its group, then begins one that nobody has, then helps
        where most is left.
        """
        group = self._owners.get(worker)
        if group is None or not self._groups[group]:
            group = self._next_group()
        if group is None:
            return None
        self._owners[worker] = group
        return self._groups[group].popleft()

    def forget(self, worker: Hashable) -> None:
        """Frees the group of a worker that is no more."""
        self._owners.pop(worker, None)

    def _next_group(self) -> int | None:
        waiting = [group for group, tasks in self._groups.items() if tasks]
        taken = set(self._owners.values())
        free = [group for group in waiting if group not in taken]
        if free:
            return free[0]
        return max(waiting, key=lambda group: len(self._groups[group]), default=None)
