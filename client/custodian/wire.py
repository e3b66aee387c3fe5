"""What both sides of the custodian's protocol agree on: names, sizes and versions."""

from __future__ import annotations

from collections.abc import Iterator

PROTOCOL_VERSION = 1
SERVICE = "fedstill.custodian.v1.Custodian"
ANSWER = "Answer"
METHOD = f"/{SERVICE}/{ANSWER}"

PART_BYTES = 2**20  # of content in one part
# gRPC's own limit of a message leaves room for the other fields. It cuts off without
# a word what is larger, so that the smaller limit above is the one that explains.
GRPC_MESSAGE_BYTES = PART_BYTES + 2**16
# Of a whole request or reply: labels of 10,000 examples in 1,000 classes take 20 MB as
# float16 and 40 MB as float32.
MOST_BYTES = 64 * 2**20
MOST_HEADER_BYTES = 2**20  # of an envelope: parsed JSON takes many times its length
LONGEST_DEADLINE_SECONDS = 86_400.0
DEFAULT_DEADLINE_SECONDS = 3_600.0

# What a refusal says where nobody could ask the site for its name.
UNKNOWN_SITE = "unknown"


def in_parts(content: bytes) -> Iterator[bytes]:
    """Yields a message's content in parts of :data:`PART_BYTES` at most, in order."""
    for start in range(0, len(content), PART_BYTES):
        yield content[start : start + PART_BYTES]


def version_words(*, custodian: int, relay: int) -> str:
    """Returns the text of a version mismatch, which names both versions."""
    return f"The custodian speaks protocol version {custodian}, the relay {relay}."
