"""Names of the user's own code: ``module:attribute``, as in ``my_models:build``.

Here is the form only, so that a config can be checked without importing anything.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_MOST_LETTERS = 200


def is_code_name(text: str) -> bool:
    """Returns whether ``text`` has the form ``module:attribute``."""
    return len(text) <= _MOST_LETTERS and _NAME.fullmatch(text) is not None


def as_file_name(name: str) -> str:
    """Returns the name of a model as a part of a file's name, without a colon."""
    return name.replace(":", ".")
