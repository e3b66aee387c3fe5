"""The envelope: what a message between server and site is while it travels.

A kind, arrays and scalars, with one canonical byte form whose SHA-256 keys the outbox.
The relay passes envelopes on without understanding them, so this module imports neither
torch, Opacus nor flwr.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from common.errors import InvalidReplyError
from common.run_plan import SCHEMA, Scalar

Array = NDArray[Any]


class MessageKind(Enum):
    """Flower message types that we use."""

    HELLO = "query.hello"
    TRANSFER = "query.transfer"
    ROUND = "train.distill"
    FINISH = "train.finish"


@dataclass(frozen=True, kw_only=True, eq=False)
class Envelope:
    """A message as it travels.

    Attributes:
        kind: message type, the same for a request and its reply.
        arrays: named NumPy arrays, never object arrays.
        fields: named scalars.
    """

    kind: MessageKind
    arrays: Mapping[str, Array] = field(default_factory=dict)
    fields: Mapping[str, Scalar] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Returns the canonical bytes: safetensors with sorted JSON as metadata."""
        header = json.dumps(
            [SCHEMA, self.kind.value, dict(self.fields)], sort_keys=True
        )
        arrays = {
            name: np.asarray(array, order="C")
            for name, array in sorted(self.arrays.items())
        }
        content: bytes = save(arrays, metadata={"envelope": header})
        return content

    @classmethod
    def from_bytes(cls, content: bytes) -> Envelope:
        """Returns the envelope in bytes made by :meth:`to_bytes`.

        Raises:
            InvalidReplyError: the bytes are not an envelope of this schema.
        """
        try:
            arrays = load(content)
            length = int.from_bytes(content[:8], "little")
            metadata = json.loads(content[8 : 8 + length])["__metadata__"]
            schema, kind, fields = json.loads(metadata["envelope"])
            if schema != SCHEMA:
                raise ValueError(f"schema {schema}")
            if not all(isinstance(value, Scalar) for value in dict(fields).values()):
                raise TypeError("a field that is no scalar")
            # Half a surrogate pair is no text; nothing behind here could store it.
            json.dumps(fields, ensure_ascii=False).encode()
            return cls(kind=MessageKind(kind), arrays=arrays, fields=dict(fields))
        except (
            SafetensorError,
            ValueError,
            KeyError,
            TypeError,
            RecursionError,  # from JSON nested a thousand deep
        ) as error:
            raise InvalidReplyError("The bytes are not an envelope.") from error

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical bytes, in hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


class SiteConnection(Protocol):
    """A site, wherever it is: in this process, or behind the custodian's socket."""

    def answer(self, request: Envelope) -> Envelope:
        """Returns the reply to a request; a refusal is a reply too, never raised."""
        ...


def expect(
    envelope: Envelope,
    kind: MessageKind,
    *,
    arrays: tuple[str, ...],
    fields: Mapping[str, type] | None = None,
) -> None:
    """Checks kind, names of arrays and, where given, names of fields.

    Raises:
        InvalidReplyError: naming what differs.
    """
    if envelope.kind is not kind:
        raise InvalidReplyError(
            f"The message is of kind {envelope.kind.value}, expected {kind.value}."
        )
    if set(envelope.arrays) != set(arrays):
        raise InvalidReplyError(
            f"The message has arrays {sorted(envelope.arrays)}, "
            f"expected {sorted(arrays)}."
        )
    if fields is not None and set(envelope.fields) != set(fields):
        raise InvalidReplyError(
            f"The message has fields {sorted(envelope.fields)}, "
            f"expected {sorted(fields)}."
        )


def typed_fields(envelope: Envelope, types: Mapping[str, type]) -> dict[str, Any]:
    """Returns the fields, each of exactly the type that the schema states.

    Raises:
        InvalidReplyError: naming the first field of another type.
    """
    for name, kind in types.items():
        if type(envelope.fields[name]) is not kind:
            raise InvalidReplyError(
                f"The message has {name} of {type(envelope.fields[name]).__name__}, "
                f"expected {kind.__name__}."
            )
    return {name: envelope.fields[name] for name in types}
