from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class RequestPart(_message.Message):
    __slots__ = ("protocol_version", "content")
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    protocol_version: int
    content: bytes
    def __init__(self, protocol_version: _Optional[int] = ..., content: _Optional[bytes] = ...) -> None: ...

class ReplyPart(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    def __init__(self, content: _Optional[bytes] = ...) -> None: ...
