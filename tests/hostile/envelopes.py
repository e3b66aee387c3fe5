"""Bytes that are no envelope, or only nearly one."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from client.custodian.rejection import Rejection
from client.custodian.wire import MOST_HEADER_BYTES
from common.run_plan import SCHEMA
from tests.client.support import hello, make_plan, round_request
from tests.hostile.attack import PICKLE, Attack, parts_of, refused, rejected
from tests.hostile.site import NEW

_HELLO = hello(make_plan(run_id=NEW)).to_bytes()
_ROUND = round_request(2).to_bytes()
_FIELDS = make_plan(run_id=NEW).to_fields()
_DEEP = 100_000


def framed(header: object, data: bytes = b"") -> bytes:
    """Returns what safetensors frames: length, JSON header, data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def enveloped(text: str, **layout: Any) -> bytes:
    """Returns an envelope whose metadata say ``text``."""
    return framed({"__metadata__": {"envelope": text}} | layout)


def _said(schema: object, kind: object, fields: object) -> bytes:
    return enveloped(json.dumps([schema, kind, fields]))


def _layout(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes


def _array(data: bytes = bytes(8), **changes: Any) -> bytes:
    metadata = {"envelope": json.dumps([SCHEMA, "train.distill", {}])}
    return framed({"__metadata__": metadata, "indices": _layout(**changes)}, data)


def _numpy_file() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.arange(5))
    return stream.getvalue()


_NO_ENVELOPE: dict[str, Callable[[], bytes]] = {
    "one byte": lambda: b"\x00",
    "random bytes": lambda: np.random.default_rng(3).bytes(5000),
    "10 MB of nothing": lambda: bytes(10_000_000),
    "60 MB of text": lambda: b"run-" * 15_000_000,
    "a pickle": lambda: PICKLE,
    "a NumPy file": _numpy_file,
    "an envelope in gzip": lambda: gzip.compress(_HELLO),
    "JSON alone": lambda: json.dumps([SCHEMA, "query.hello", _FIELDS]).encode(),
    "half an envelope": lambda: _HELLO[: len(_HELLO) // 2],
    "an envelope without its last byte": lambda: _ROUND[:-1],
    "an envelope and a byte": lambda: _ROUND + b"\x00",
    "an envelope twice": lambda: _HELLO * 2,
    "a header of 2**64 - 1": lambda: b"\xff" * 8 + _HELLO[8:],
    "a header of more than a megabyte": lambda: framed(b" " * (MOST_HEADER_BYTES + 1)),
    "a run id of 10 MB": lambda: _said(
        SCHEMA, "query.hello", _FIELDS | {"run_id": "r" * 10_000_000}
    ),
    "a header that is no JSON": lambda: framed(b"{" * 100),
    "a header that is no text": lambda: framed(b"\xff\xfe\xfd" * 100),
    "a header nested 100,000 deep": lambda: framed(b"[" * _DEEP + b"]" * _DEEP),
    "metadata nested 100,000 deep": lambda: enveloped("[" * _DEEP + "]" * _DEEP),
    "no metadata": lambda: framed({}),
    "other metadata": lambda: framed({"__metadata__": {"format": "pt"}}),
    "metadata that are no JSON": lambda: enveloped("query.hello"),
    "metadata that are a number": lambda: enveloped("7"),
    "metadata of two parts": lambda: enveloped('[2, "query.hello"]'),
    "the schema before": lambda: _said(SCHEMA - 1, "query.hello", _FIELDS),
    "the schema after": lambda: _said(SCHEMA + 1, "query.hello", _FIELDS),
    "a schema that is a text": lambda: _said(str(SCHEMA), "query.hello", _FIELDS),
    "a kind that is none": lambda: _said(SCHEMA, "train.everything", _FIELDS),
    "a kind that is a list": lambda: _said(SCHEMA, ["query.hello"], _FIELDS),
    "fields that are a list": lambda: _said(SCHEMA, "query.hello", [1, 2]),
    "fields that are a text": lambda: _said(SCHEMA, "query.hello", "ab"),
    "a field that is a list": lambda: _said(
        SCHEMA, "query.hello", _FIELDS | {"rounds": [3]}
    ),
    "a field that is an object": lambda: _said(
        SCHEMA, "query.hello", _FIELDS | {"rounds": {"a": {"b": 3}}}
    ),
    "a field that is null": lambda: _said(
        SCHEMA, "query.hello", _FIELDS | {"rounds": None}
    ),
    "a number of 10,000 digits": lambda: enveloped(
        f'[{SCHEMA}, "query.hello", {{"rounds": {"9" * 10_000}}}]'
    ),
    "a run id with half a surrogate pair": lambda: _said(
        SCHEMA, "query.hello", _FIELDS | {"run_id": "run-\ud800"}
    ),
    "a field named by half a surrogate pair": lambda: _said(
        SCHEMA, "train.distill", {"\udfff": 1}
    ),
    "an array beyond its data": lambda: _array(data_offsets=[0, 10**9], shape=[10**9]),
    "an array of 2**62 rows": lambda: _array(shape=[2**62]),
    "an array of 2**32 by 2**32": lambda: _array(shape=[2**32, 2**32]),
    "an array of -1 rows": lambda: _array(shape=[-1]),
    "an array that ends before it starts": lambda: _array(data_offsets=[8, 0]),
    "an array of an unknown type": lambda: _array(dtype="PICKLE"),
    "an array of Python objects": lambda: _array(dtype="O"),
    "an array of another size": lambda: _array(shape=[3]),
    "an array with more data than it says": lambda: _array(data=bytes(800)),
}


def _no_number() -> bytes:
    """JSON has no NaN; Python reads it."""
    text = json.dumps([SCHEMA, "query.hello", _FIELDS | {"delta": float("nan")}])
    return enveloped(text)


ENVELOPES: tuple[Attack, ...] = (
    *(
        rejected(name, lambda make=make: parts_of(make()), Rejection.NOT_AN_ENVELOPE)
        for name, make in _NO_ENVELOPE.items()
    ),
    refused("a delta that is NaN", _no_number, "malformed-request"),
)
