"""One line of JSON a call, in a file."""

from __future__ import annotations

import os
import weakref

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, Event
from llmtrack.trackers.ledger import MAGIC
from llmtrack.trackers.lines import json_line
from llmtrack.trackers.signatures import describe

_FLAGS = (
    os.O_RDWR
    | os.O_APPEND
    | os.O_CREAT
    # Which of these a system has is its own affair.
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class JSONLinesTracker:
    """
    Append each call that has ended to a file: one line, the record's dict.

    A line is one append of the operating system, so that any number of threads
    and processes may share the file, forked ones too. Rotation is left to the
    system: `logrotate` with `copytruncate`.

    Args:
        path: The file; made where it does not exist.

    Raises:
        ConfigurationError: The file cannot be written, or is a SQLite database.
    """

    events: frozenset[type[Event]] = frozenset({CallEnded})

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self._file = os.open(path, _FLAGS, 0o666)
        except (OSError, TypeError, ValueError) as exc:
            raise ConfigurationError(
                f"cannot append to {_told(path)}: {getattr(exc, 'strerror', exc)}. "
                "Name a file in a directory that exists and may be written"
            ) from exc
        if _begins(self._file, MAGIC):
            os.close(self._file)
            raise ConfigurationError(
                f"{_told(path)} is a SQLite database; name a file of its own, or "
                "give it to SQLiteTracker"
            )
        # What a full disk or a power cut left of a line stays alone.
        self._torn = not _ends_a_line(self._file)
        # Not at exit, when the last calls are still to come.
        self._close = weakref.finalize(self, os.close, self._file)
        self._close.atexit = False

    def track(self, event: Event, /) -> None:
        if not isinstance(event, CallEnded):
            return
        if not self._close.alive:
            raise ValueError("the tracker is closed")
        line = json_line(event.record)
        if self._torn:
            line = b"\n" + line
        written = os.write(self._file, line)
        self._torn = written < len(line)
        if self._torn:
            raise OSError(f"only {written} of {len(line)} bytes could be written")

    def close(self) -> None:
        """Close the file; calls that end after that are not written."""
        self._close()


def _told(path: object) -> str:
    """Return a path as it is, and anything else with its class."""
    return str(path) if isinstance(path, str | os.PathLike) else describe(path)


def _begins(file: int, start: bytes) -> bool:
    try:
        os.lseek(file, 0, os.SEEK_SET)
    except OSError:
        return False  # No file with a beginning, such as a pipe.
    return os.read(file, len(start)) == start


def _ends_a_line(file: int) -> bool:
    try:
        os.lseek(file, -1, os.SEEK_END)
    except OSError:
        return True  # Empty, or no file with an end, such as a pipe.
    return os.read(file, 1) in (b"\n", b"")
