"""One line a call, where the program prints."""

from __future__ import annotations

import io
import os
import shutil
import sys
from typing import Literal, TextIO

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, Event
from llmtrack.record import CallRecord
from llmtrack.trackers.isolation import logger
from llmtrack.trackers.lines import encoded, json_line, text_line
from llmtrack.trackers.signatures import describe
from llmtrack.trackers.streams import is_dumb, is_terminal, write


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

    events: frozenset[type[Event]] = frozenset({CallEnded})

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
        self.dropped: int = 0

    def track(self, event: Event, /) -> None:
        if not isinstance(event, CallEnded):
            return
        file = sys.stdout if self._file is None else self._file
        # Under pythonw, and in a daemon, there is no stdout.
        if file is None:
            self.dropped += 1
            return
        try:
            write(file, self._line(event.record, file))
        except (OSError, ValueError):
            self.dropped += 1
            logger.debug("cannot write a line to %s", describe(file), exc_info=True)

    def _line(self, record: CallRecord, file: TextIO) -> bytes:
        encoding = getattr(file, "encoding", None) or "utf-8"
        if self._format == "json":
            return json_line(record, encoding)
        if not is_terminal(file):
            return encoded(f"{text_line(record)}\n", encoding)
        colour = not os.environ.get("NO_COLOR") and not is_dumb()
        width = shutil.get_terminal_size().columns
        return encoded(f"{text_line(record, colour=colour, width=width)}\n", encoding)
