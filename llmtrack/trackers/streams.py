"""Text streams of the program, which may be closed, broken, or none at all."""

from __future__ import annotations

import io
import os
from typing import Any, TextIO


def is_terminal(file: Any) -> bool:
    """Return whether somebody watches the stream."""
    isatty = getattr(file, "isatty", None)
    return bool(isatty is not None and isatty())


def is_dumb() -> bool:
    """Return whether the terminal can do nothing but show characters."""
    return os.environ.get("TERM") == "dumb"


def write(file: TextIO, line: bytes) -> None:
    """
    Write a line, in one piece and at once.

    Past the buffer where there is one: a line that stays in the buffer of a
    broken stdout would fail once more at exit, and change the exit status.
    """
    raw = _unbuffered(file)
    if raw is None:
        file.write(line.decode(getattr(file, "encoding", None) or "utf-8"))
        if hasattr(file, "flush"):
            file.flush()
        return
    file.flush()
    while line:
        written = raw.write(line)
        if written is None:
            raise BlockingIOError("the stream is full, and does not block")
        line = line[written:]


def _unbuffered(file: TextIO) -> io.FileIO | None:
    """Return the file below the buffers, where bytes can be written as they are."""
    if type(file) is not io.TextIOWrapper or os.linesep != "\n":
        return None
    # Encodings of more bytes a character begin with a mark.
    if "\n".encode(file.encoding) != b"\n":
        return None
    raw = getattr(file.buffer, "raw", None)
    return raw if isinstance(raw, io.FileIO) else None
