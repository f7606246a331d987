"""How a scenario disturbs a stream: which frames are sent, in which writes."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from .scenarios import Scenario
from .wire.framing import SSE, Reply

#: Odd on purpose: it splits UTF-8 sequences and CRLF pairs.
_QUIRKY_WRITE: Final = 7


class Write(NamedTuple):
    """Bytes that are written at once, and how many frames they complete."""

    data: bytes
    frames: int


def arrange(reply: Reply, frames: list[bytes], scenario: Scenario) -> list[bytes]:
    """Return the frames that the scenario lets through."""
    middle = min(reply.break_at, max(1, len(frames) - 1))
    before, after = frames[:middle], frames[middle:]
    match scenario.name:
        case "empty":
            return []
        case "cut" | "truncated" | "stall":
            return before
        case "inband_error":
            return [*before, reply.error_frame]
        case "malformed":
            return [*before, reply.malformed_frame, *after]
        case _:
            return frames


def writes(frames: list[bytes], reply: Reply, scenario: Scenario) -> Iterator[Write]:
    """Yield what is written at once."""
    sse = reply.content_type == SSE
    match scenario.name:
        case "quirks":
            blob = b"".join(_with_crlf_and_comments(frames) if sse else frames)
            for start in range(0, len(blob), _QUIRKY_WRITE):
                end = start + _QUIRKY_WRITE
                yield Write(blob[start:end], len(frames) if end >= len(blob) else 0)
        case "comments" if sse:
            for frame in frames:
                yield Write(b": keep-alive\n\n", 0)
                yield Write(frame, 1)
        case _:
            for frame in frames:
                yield Write(frame, 1)


def _with_crlf_and_comments(frames: list[bytes]) -> Iterator[bytes]:
    yield b": keep-alive\r\n\r\n"
    for frame in frames:
        yield frame.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        yield b": ping\r\n\r\n"
