"""What a test may make go wrong inside a custodian, in the fork and before it serves.

Each hook is a number or a name, so that an order to the zygote stays JSON.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from client.storage import store
from client.training.model_student import ModelStudent
from common import failpoints
from common.privacy.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What goes wrong; nothing by default.

    Attributes:
        pause: seconds for which the failpoint pauses where it would kill.
        fails: whether the failpoint fails as a broken disk does where it would kill.
        free_pages: pages by which the store may grow, as on a disk that fills up.
        file_bytes: no file may grow beyond (RLIMIT_FSIZE); what is written fails.
        user: id of the user that the custodian becomes, where the tests are root.
        broken: ``"settles nothing"`` or ``"trains twice"``: a custodian that breaks the
            guarantee, to see that somebody notices.
    """

    pause: float = 0.0
    fails: bool = False
    free_pages: int | None = None
    file_bytes: int | None = None
    user: int | None = None
    broken: str = ""

    def install(self) -> None:
        """Makes it so in this process."""
        if self.pause:
            _do_instead(lambda: time.sleep(self.pause))
        if self.fails:
            _do_instead(_fail)
        if self.free_pages is not None:
            _limit_pages(self.free_pages)
        if self.file_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_bytes,) * 2)
        if self.user is not None:
            os.setgroups([])
            os.setgid(self.user)
            os.setuid(self.user)
        if self.broken == "settles nothing":
            Ledger.settle = lambda *_args, **_kwargs: None
        if self.broken == "trains twice":
            _train_twice()


def _do_instead(action: Callable[[], None]) -> None:
    failpoints.os = SimpleNamespace(
        environ=os.environ, getpid=os.getpid, kill=lambda *_: action()
    )


def _fail() -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def _limit_pages(free_pages: int) -> None:
    open_store = store.Store.__init__

    def limited(self: Any, *args: Any, **kwargs: Any) -> None:
        open_store(self, *args, **kwargs)
        with contextlib.closing(self.connection.cursor()) as cursor:
            (pages,) = cursor.execute("PRAGMA page_count").fetchone()
            cursor.execute(f"PRAGMA max_page_count = {pages + free_pages}")

    store.Store.__init__ = limited


def _train_twice() -> None:
    once = ModelStudent.revisit

    def twice(self: ModelStudent, *args: Any, **kwargs: Any) -> None:
        once(self, *args, **kwargs)
        once(self, *args, **kwargs)

    ModelStudent.revisit = twice
