"""Honest requests, and what becomes of them: edited as values, or damaged as bytes."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from client.custodian.protocol_pb2 import RequestPart
from client.custodian.wire import PROTOCOL_VERSION
from common.envelope import Envelope, MessageKind
from tests.client.heads import make_head_plan
from tests.client.support import (
    finish_request,
    hello,
    make_plan,
    round_request,
)
from tests.faults.dialogue import chunks
from tests.strategies import ARRAYS, NAMES, SCALARS

HONEST = (
    hello(make_plan()),
    hello(make_head_plan(run_id="run-2")),
    chunks()[0],
    round_request(1),
    round_request(2),
    round_request(3),
    finish_request(3),
)
_MOST_FLIPS = 8
_MOST_CHANGES = 3
_AT_THE_EDGE = st.sampled_from(
    [
        *(-1, 0, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**30),
        *(float("nan"), float("inf"), -0.0, 5e-324, 1e308),
        *("", "\x00", "../../x", "os:system", "1,2,", "none", "client", "logit-4"),
        *(True, False),
    ]
)
_DTYPES = arrays.scalar_dtypes() | arrays.unicode_string_dtypes(max_len=4)
_ANY_ARRAYS = ARRAYS | arrays.arrays(
    _DTYPES, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
)


@st.composite
def edited_requests(draw: st.DrawFn) -> Envelope:
    """Honest requests with some fields or arrays changed, dropped or added."""
    request = draw(st.sampled_from(HONEST))
    fields, inputs = dict(request.fields), dict(request.arrays)
    for _ in range(draw(st.integers(0, _MOST_CHANGES))):
        name = draw(st.sampled_from([*fields, *inputs]) | NAMES)
        place = inputs if name in inputs else fields
        if draw(st.integers(0, 9)) == 0:
            place.pop(name, None)
        elif place is fields:
            fields[name] = draw(_AT_THE_EDGE | SCALARS)
        else:
            inputs[name] = draw(_other_array(inputs[name]))
    kind = draw(st.sampled_from([request.kind] * 6 + list(MessageKind)))
    return Envelope(kind=kind, fields=fields, arrays=inputs)


def _other_array(array: np.ndarray) -> st.SearchStrategy[np.ndarray]:
    """Any array, or this one with some entries changed or rows left out."""
    types = st.sampled_from([np.int64, np.float16, np.float64, np.uint8, np.bool_])
    changed = [
        _ANY_ARRAYS,
        types.map(array.astype),
    ]
    if array.ndim:
        changed.append(st.integers(0, len(array)).map(lambda rows: array[:rows]))
    if array.size:
        entries = arrays.from_dtype(array.dtype)
        places = st.integers(0, array.size - 1)
        changed.append(st.builds(_with_entry, st.just(array), places, entries))
    return st.one_of(changed)


def _with_entry(array: np.ndarray, place: int, entry: np.generic) -> np.ndarray:
    changed = array.copy()
    changed.reshape(-1)[place] = entry
    return changed


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Returns bytes with bits flipped, cut off, repeated or put in.

    Args:
        content: of a message.
        chance: decides; the same state, the same damage.
    """
    spoiled = bytearray(content)
    # Half of the damage is in the header, where there is more to misread.
    end = min(len(spoiled), chance.choice([8, 400, len(spoiled)]))
    for _ in range(chance.randint(0, _MOST_FLIPS) if spoiled else 0):
        spoiled[chance.randrange(end)] ^= 1 << chance.randrange(8)
    place = chance.randint(0, len(spoiled))
    way = chance.randrange(6)
    if way == 0:
        del spoiled[place:]
    elif way == 1:
        spoiled[place:place] = chance.randbytes(chance.randint(1, 20))
    elif way == 2:  # one way of six
        spoiled[place:place] = spoiled[: chance.randint(0, 200)]
    return bytes(spoiled)


def damaged_parts(content: bytes, chance: random.Random) -> list[bytes]:
    """Returns a request in parts, with damage before or after it was cut up."""
    is_early = chance.random() < 0.5
    whole = damaged(content, chance) if is_early else content
    size = chance.choice([1000, 10_000, 2**20])
    parts = [
        RequestPart(
            protocol_version=PROTOCOL_VERSION, content=whole[start : start + size]
        ).SerializeToString()
        for start in range(0, len(whole), size)
    ]
    return parts if is_early else [damaged(one, chance) for one in parts]
