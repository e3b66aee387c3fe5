"""What a safetensors file says of itself, in a canonical order.

The safetensors library keeps metadata in a hash map and writes them in another order
every time, so that equal content had several hashes; here the keys are sorted. The
format: eight bytes with the length of the header, the header as JSON, the tensors,
whose positions count from the end of the header
(https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_LENGTH_BYTES = 8
_METADATA = "__metadata__"


def with_metadata(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """Returns the same tensors with ``metadata`` and no other metadata.

    Args:
        content: of a safetensors file.
        metadata: text by name; equal metadata give equal bytes.
    """
    header, tensors = _split(content)
    entries = {name: value for name, value in header.items() if name != _METADATA}
    text = json.dumps(
        {_METADATA: dict(sorted(metadata.items())), **entries}, separators=(",", ":")
    )
    # The tensors begin at a multiple of 8, as the library's own files have it.
    padded = text.encode() + b" " * (-len(text) % _LENGTH_BYTES)
    return len(padded).to_bytes(_LENGTH_BYTES, "little") + padded + tensors


def metadata_of(content: bytes) -> dict[str, str]:
    """Returns the metadata of a safetensors file that the library could load."""
    header, _ = _split(content)
    return dict(header.get(_METADATA) or {})


def _split(content: bytes) -> tuple[dict[str, Any], bytes]:
    end = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    return json.loads(content[_LENGTH_BYTES:end]), content[end:]
