"""The binary framing of AWS: `application/vnd.amazon.eventstream`."""

import struct
import zlib
from typing import Any, Final

from .framing import dumps

_STRING: Final = 7
BAD_CHECKSUM: Final = b"\x00\x00\x00\x20\x00\x00\x00\x08\xde\xad\xbe\xef" + b"\x00" * 20


def event(type_: str, value: Any) -> bytes:
    """Return one event with a JSON payload."""
    return _message("event", type_, value)


def exception(type_: str, text: str) -> bytes:
    """Return one exception, which ends a stream."""
    return _message("exception", type_, {"message": text})


def _message(kind: str, type_: str, value: Any) -> bytes:
    """
    Return one message.

    Total length, length of the headers and a checksum of these two; headers;
    payload; a checksum of the whole.
    """
    headers = {
        f":{kind}-type": type_,
        ":content-type": "application/json",
        ":message-type": kind,
    }
    payload = dumps(value).encode()
    packed = b"".join(
        struct.pack("!B", len(name))
        + name.encode()
        + struct.pack("!BH", _STRING, len(text))
        + text.encode()
        for name, text in headers.items()
    )
    total = 16 + len(packed) + len(payload)
    prelude = struct.pack("!II", total, len(packed))
    message = prelude + _checksum(prelude) + packed + payload
    return message + _checksum(message)


def _checksum(data: bytes) -> bytes:
    return struct.pack("!I", zlib.crc32(data))
