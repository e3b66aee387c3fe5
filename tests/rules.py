"""How a test names the privacy rule that it holds: the design's section 5, by number.

The message of the decisive assertion begins with ``Rule N:``; ``tests/mutants/`` breaks
each rule and looks for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def naming(rule: str) -> Iterator[None]:
    """Puts the rule in front of what :func:`pytest.raises` says if nothing is raised.

    Use it around the other: ``with naming("Rule 8: ..."), pytest.raises(...):``.

    Args:
        rule: number and meaning, such as ``"Rule 8: an unknown event is refused."``.
    """
    try:
        yield
    except pytest.fail.Exception as failure:
        pytest.fail(f"{rule} {failure.msg}")
