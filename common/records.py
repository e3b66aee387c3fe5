"""Envelopes to Flower records and back; one of two modules that know flwr internals.

The other is the in-process grid in ``simulations/engines``. No pickle: arrays travel
as NPY bytes with ``allow_pickle=False`` on both sides.
"""

from __future__ import annotations

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict
from flwr.common.serde import (  # contract-tested internal
    recorddict_from_proto,
    recorddict_to_proto,
)

from common.envelope import Envelope, MessageKind
from common.errors import InvalidReplyError

ARRAYS = "arrays"
FIELDS = "fields"


def to_record(envelope: Envelope) -> RecordDict:
    """Returns the envelope as a Flower RecordDict; its kind is the message type."""
    arrays = {
        name: Array(np.asarray(array, order="C"))
        for name, array in envelope.arrays.items()
    }
    return RecordDict(
        {ARRAYS: ArrayRecord(arrays), FIELDS: ConfigRecord(dict(envelope.fields))}
    )


def from_record(record: RecordDict, kind: MessageKind) -> Envelope:
    """Returns the envelope in a RecordDict that may come from anybody.

    Raises:
        InvalidReplyError: other records, other types, or arrays that are not NPY.
    """
    if set(record) != {ARRAYS, FIELDS}:
        raise InvalidReplyError(
            f"The message has records {sorted(record)}, expected [arrays, fields]."
        )
    arrays, fields = record[ARRAYS], record[FIELDS]
    if not isinstance(arrays, ArrayRecord) or not isinstance(fields, ConfigRecord):
        raise InvalidReplyError("The message has records of other types.")
    try:
        decoded = {name: array.numpy() for name, array in arrays.items()}
    except Exception as error:  # NPY headers from the wire fail in many ways
        raise InvalidReplyError("The message has an array that is not NPY.") from error
    if not all(isinstance(array, np.ndarray) for array in decoded.values()):
        raise InvalidReplyError("The message has an archive where an array belongs.")
    scalars: dict[str, bool | int | float | str] = {}
    for name, value in fields.items():
        if not isinstance(value, bool | int | float | str):
            raise InvalidReplyError(
                f"The message has a field {name} that is no scalar."
            )
        scalars[name] = value
    return Envelope(kind=kind, arrays=decoded, fields=scalars)


def over_the_wire(record: RecordDict) -> tuple[RecordDict, int]:
    """Returns what arrives after a protobuf round trip, and its size in bytes."""
    content = recorddict_to_proto(record)
    return recorddict_from_proto(content), int(content.ByteSize())


def serialised_size(record: RecordDict) -> int:
    """Returns the size of the record's protobuf message, in bytes."""
    return int(recorddict_to_proto(record).ByteSize())
