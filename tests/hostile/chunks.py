"""Parts of transfer sets that must not reach the shelf."""

from __future__ import annotations

from typing import Any

import numpy as np

from common.envelope import Envelope, MessageKind
from common.transfer_messages import TransferChunk
from tests.client.support import SHAPE, make_plan
from tests.hostile.attack import Attack, refused
from tests.hostile.plans import ESCAPE
from tests.hostile.site import wanted_set

_MALFORMED, _SET = "malformed-request", "transfer-set-mismatch"
_WANTED = wanted_set()
_ROWS = _WANTED.inputs[:5]


def _chunk(**changes: Any) -> Envelope:
    """The first rows of the set that is wanted, changed."""
    values = {
        "transfer_set_id": _WANTED.content_id,
        "first_row": 0,
        "num_rows": len(_WANTED),
        "inputs": _ROWS,
    }
    return TransferChunk(**(values | changes)).to_envelope()


def _spoiled(value: float) -> np.ndarray:
    rows = _ROWS.copy()
    rows[1, 0, 2, 3] = value
    return rows


_REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "rows of an unapproved set": ({"transfer_set_id": "b" * 64}, _SET),
    "rows of a set that leaves the folder": (
        {"transfer_set_id": f"../../{ESCAPE}"},
        _SET,
    ),
    "rows of a set at an absolute path": ({"transfer_set_id": f"/tmp/{ESCAPE}"}, _SET),
    "rows of a set in capitals": (
        {"transfer_set_id": _WANTED.content_id.upper()},
        _SET,
    ),
    "rows of a set with a new line": (
        {"transfer_set_id": f"{_WANTED.content_id}\n"},
        _SET,
    ),
    "rows out of order": ({"first_row": 10}, _MALFORMED),
    "rows before the first": ({"first_row": -5}, _MALFORMED),
    "rows after the last": ({"first_row": 18}, _MALFORMED),
    "more rows than the set": ({"num_rows": 4}, _MALFORMED),
    "rows of a set of 2**63": ({"num_rows": 2**63}, _SET),
    "rows of a set of a trillion": ({"num_rows": 10**12}, _SET),
    "a true number of rows": ({"num_rows": True}, _MALFORMED),
    "a text as first row": ({"first_row": "0"}, _MALFORMED),
    "no rows": ({"inputs": _ROWS[:0]}, _MALFORMED),
    "rows of NaN": ({"inputs": _spoiled(np.nan)}, _MALFORMED),
    "infinite rows": ({"inputs": _spoiled(-np.inf)}, _MALFORMED),
    "rows of 64 bits": ({"inputs": _ROWS.astype(np.float64)}, _MALFORMED),
    "rows of bytes": ({"inputs": _ROWS.astype(np.uint8)}, _MALFORMED),
    "rows without columns": ({"inputs": _ROWS.reshape(-1)[:5]}, _MALFORMED),
    "rows of another shape": ({"inputs": _ROWS[:, :, :7]}, _SET),
    "rows of fewer axes": ({"inputs": _ROWS[:, 0]}, _SET),
    "rows of no size": ({"inputs": np.zeros((5, 1, 8, 0), np.float32)}, _SET),
    "200,000 rows": (
        {"inputs": np.zeros((200_000, *SHAPE), np.float32), "num_rows": 200_000},
        _SET,
    ),
    "a whole set that is another one": (
        {"inputs": np.zeros((20, *SHAPE), np.float32)},
        _SET,
    ),
    "a whole set with one entry changed": (
        {"inputs": np.concatenate([_spoiled(0.5), _WANTED.inputs[5:]])},
        _SET,
    ),
    "a whole set with its rows turned round": ({"inputs": _WANTED.inputs[::-1]}, _SET),
}


def _plan_as_chunk() -> Envelope:
    return Envelope(kind=MessageKind.TRANSFER, fields=make_plan().to_fields())


def _two_arrays() -> Envelope:
    arrays = dict(_chunk().arrays) | {"labels": np.zeros(5, np.int32)}
    return Envelope(kind=MessageKind.TRANSFER, arrays=arrays, fields=_chunk().fields)


CHUNKS: tuple[Attack, ...] = (
    *(
        refused(name, lambda new=new: _chunk(**new), why)
        for name, (new, why) in _REFUSED.items()
    ),
    refused("a plan as rows", _plan_as_chunk, _MALFORMED),
    refused("rows with labels", _two_arrays, _MALFORMED),
)
