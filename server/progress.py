"""Who wants to hear of each round: a progress bar, a test.

The ServerApp is started by an engine that passes it a grid and a run config, nothing
else; a context variable carries the listener past it, for this task alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from server.round_state import RoundResult

RoundListener = Callable[[RoundResult], None]

_listeners: ContextVar[tuple[RoundListener, ...]] = ContextVar(
    "round_listeners", default=()
)


@contextmanager
def listening(listener: RoundListener) -> Iterator[None]:
    """Calls ``listener`` after each round that finishes inside the block."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


def announce(result: RoundResult) -> None:
    """Tells every listener, once the round is durable."""
    for listener in _listeners.get():
        listener(result)
