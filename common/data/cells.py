"""One cell of a table as plain text, whatever kind of file it comes from."""

from __future__ import annotations

import math
import re

_WHOLE_AS_FRACTION = re.compile(r"(-?\d+)\.0+")


def plain_text(value: object) -> str:
    """Returns the text by which a value is compared with a schema.

    ``1``, ``1.0`` and ``" 1.0"`` are the same category: files of one data set differ
    in such things. A value that is not there, or not a number, is empty text.

    Args:
        value: text of a CSV field, a TOML scalar, or a value of a Parquet file.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value).strip()
    whole = _WHOLE_AS_FRACTION.fullmatch(text)
    return whole[1] if whole else text


def plain_number(text: str) -> float | None:
    """Returns the finite number that a text stands for, or None."""
    try:
        # float() reads "1_000" as well, which in a data file is more likely a slip.
        number = math.nan if "_" in text else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
