"""Envelopes to Flower records and back; one of two modules that know flwr internals.

The other is the in-process grid in ``simulations/engines``. No pickle: arrays travel
as their own bytes, little-endian and in C order, in Flower's ``Array`` with a
serialisation type of ours. Flower's own type is NPY, whose header of 128 bytes says
again what ``Array`` says already: a twentieth of a small reply.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict
from flwr.common.serde import (  # contract-tested internal
    recorddict_from_proto,
    recorddict_to_proto,
)

from common.envelope import Array as EnvelopeArray
from common.envelope import Envelope, MessageKind
from common.errors import InvalidReplyError

ARRAYS = "arrays"
FIELDS = "fields"
RAW = "raw"  # serialisation type of arrays
DTYPES = ("uint8", "int32", "int64", "float16", "float32", "float64")


def to_record(envelope: Envelope) -> RecordDict:
    """Returns the envelope as a Flower RecordDict; its kind is the message type.

    Raises:
        ValueError: an array of a type that is not one of :data:`DTYPES`.
    """
    arrays = {name: _to_raw(array) for name, array in envelope.arrays.items()}
    return RecordDict(
        {ARRAYS: ArrayRecord(arrays), FIELDS: ConfigRecord(dict(envelope.fields))}
    )


def from_record(record: RecordDict, kind: MessageKind) -> Envelope:
    """Returns the envelope in a RecordDict that may come from anybody.

    Raises:
        InvalidReplyError: other records, other types, or arrays that are not what
            :func:`to_record` makes.
    """
    if set(record) != {ARRAYS, FIELDS}:
        raise InvalidReplyError(
            f"The message has records {sorted(record)}, expected [arrays, fields]."
        )
    arrays, fields = record[ARRAYS], record[FIELDS]
    if not isinstance(arrays, ArrayRecord) or not isinstance(fields, ConfigRecord):
        raise InvalidReplyError("The message has records of other types.")
    decoded = {name: _from_raw(array) for name, array in arrays.items()}
    scalars: dict[str, bool | int | float | str] = {}
    for name, value in fields.items():
        if not isinstance(value, bool | int | float | str):
            raise InvalidReplyError(
                f"The message has a field {name} that is no scalar."
            )
        scalars[name] = value
    return Envelope(kind=kind, arrays=decoded, fields=scalars)


def _to_raw(array: EnvelopeArray) -> Array:
    dtype = array.dtype.name
    if dtype not in DTYPES:
        raise ValueError(f"arrays of type {dtype} do not travel, only {DTYPES}")
    data = array.astype(_little_endian(dtype), copy=False).tobytes(order="C")
    return Array(dtype, tuple(array.shape), RAW, data)


def _from_raw(array: Array) -> EnvelopeArray:
    """Returns the array in a Flower Array that may come from anybody.

    Raises:
        InvalidReplyError: another serialisation or type, or bytes that do not fill
            the shape.
    """
    if array.stype != RAW or array.dtype not in DTYPES:
        raise InvalidReplyError(
            "The message has an array of another serialisation or type than "
            f"{RAW} {', '.join(DTYPES)}."
        )
    dtype = _little_endian(array.dtype)
    is_shape = all(size >= 0 for size in array.shape)
    expected = math.prod(array.shape) * dtype.itemsize  # Python's integers: no overflow
    if not is_shape or expected != len(array.data):
        raise InvalidReplyError(
            "The message has an array whose bytes do not fill its shape."
        )
    flat = np.frombuffer(array.data, dtype).astype(array.dtype)  # a copy: writable
    try:
        return flat.reshape(array.shape)
    except (ValueError, OverflowError) as error:  # too many dimensions, or giant ones
        raise InvalidReplyError(
            "The message has an array of a shape that no array can have."
        ) from error


def _little_endian(dtype: str) -> np.dtype[Any]:
    return np.dtype(dtype).newbyteorder("<")


def over_the_wire(record: RecordDict) -> tuple[RecordDict, int]:
    """Returns what arrives after a protobuf round trip, and its size in bytes."""
    content = recorddict_to_proto(record)
    return recorddict_from_proto(content), int(content.ByteSize())


def serialised_size(record: RecordDict) -> int:
    """Returns the size of the record's protobuf message, in bytes."""
    return int(recorddict_to_proto(record).ByteSize())
