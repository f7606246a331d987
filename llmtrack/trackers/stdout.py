"""One line a call, where the program prints."""

from __future__ import annotations

import io
import os
import shutil
import sys
from typing import Any, Literal, TextIO

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, Event
from llmtrack.record import CallRecord
from llmtrack.trackers.isolation import logger
from llmtrack.trackers.lines import encoded, json_line, text_line
from llmtrack.trackers.signatures import describe


class StdoutTracker:
    """
    Print a line for each call that has ended.

    A closed or broken stream costs the line and nothing else.

    Args:
        file: A text stream; None is the `sys.stdout` of the moment.
        format: `"text"` for people, coloured on a terminal unless `NO_COLOR`
            is set; `"json"` for machines.

    Attributes:
        dropped: Lines that could not be written.

    Raises:
        ConfigurationError: The file is no text stream, or the format unknown.
    """

    events = frozenset({CallEnded})

    def __init__(
        self, file: TextIO | None = None, format: Literal["text", "json"] = "text"
    ) -> None:
        if format not in ("text", "json"):
            raise ConfigurationError(f'format must be "text" or "json"; got {format!r}')
        binary = isinstance(file, io.RawIOBase | io.BufferedIOBase)
        if file is not None and (binary or not hasattr(file, "write")):
            raise ConfigurationError(
                f"file must be an open text stream; got {describe(file)}. To append to "
                "a path use JSONLinesTracker(path)"
            )
        self._file = file
        self._format = format
        self.dropped = 0

    def track(self, event: Event, /) -> None:
        if not isinstance(event, CallEnded):
            return
        file = sys.stdout if self._file is None else self._file
        # Under pythonw, and in a daemon, there is no stdout.
        if file is None:
            self.dropped += 1
            return
        try:
            _write(file, self._line(event.record, file))
        except (OSError, ValueError):
            self.dropped += 1
            logger.debug("cannot write a line to %s", describe(file), exc_info=True)

    def _line(self, record: CallRecord, file: TextIO) -> bytes:
        encoding = getattr(file, "encoding", None) or "utf-8"
        if self._format == "json":
            return json_line(record, encoding)
        if not _is_terminal(file):
            return encoded(f"{text_line(record)}\n", encoding)
        colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        width = shutil.get_terminal_size().columns
        return encoded(f"{text_line(record, colour=colour, width=width)}\n", encoding)


def _is_terminal(file: Any) -> bool:
    isatty = getattr(file, "isatty", None)
    return bool(isatty is not None and isatty())


def _write(file: TextIO, line: bytes) -> None:
    """
    Write a line, in one piece and at once.

    Past the buffer where there is one: a line that stays in the buffer of a
    broken stdout would fail once more at exit, and change the exit status.
    """
    raw = _unbuffered(file)
    file_flush = getattr(file, "flush", None)
    if raw is None:
        file.write(line.decode(getattr(file, "encoding", None) or "utf-8"))
        if file_flush is not None:
            file_flush()
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
