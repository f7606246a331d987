"""What the calls are doing right now, for somebody who waits for them."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, CallStarted, Delta, Event, FirstToken
from llmtrack.record import CallRecord
from llmtrack.trackers.isolation import logger
from llmtrack.trackers.lines import dollars, encoded, printable, text_line
from llmtrack.trackers.signatures import describe
from llmtrack.trackers.streams import is_dumb, is_terminal, write

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: Calls that are shown at once.
_SHOWN_LIMIT: Final = 1_000
#: Seconds of a call between two of its lines, where there is no live display.
_LINE_SECONDS: Final = 1.0


@dataclass(slots=True)
class _Running:
    """A call that is open, as it is shown."""

    name: str
    model: str
    first_token: float | None = None
    elapsed: float = 0.0
    tokens: int | None = None
    cost: Decimal | None = None
    shown_at: float = 0.0
    task: TaskID | None = None

    def __str__(self) -> str:
        if self.first_token is None:
            return f"{self.name} {self.model} waiting"
        parts = [self.name, self.model]
        if self.tokens is not None:
            parts.append(f"~{self.tokens} tok")
            writing = self.elapsed - self.first_token
            if writing > 0:
                parts.append(f"{self.tokens / writing:.0f} tok/s")
        if self.cost is not None:
            parts.append(f"~{dollars(self.cost)}")
        return " ".join(parts)


class _Display(Protocol):
    def begin(self, running: _Running) -> None: ...

    def show(self, running: _Running) -> None: ...

    def end(self, running: _Running, record: CallRecord) -> None: ...


class ProgressTracker:
    """
    Show what is coming in: tokens so far, tokens a second, cost so far.

    On a terminal each open call has a line with a spinner, if rich is installed
    (`pip install "llmtrack-instrument[cli]"`). Elsewhere a streamed call tells a
    line a second. A call that has ended leaves the line of `StdoutTracker`.
    Tokens and cost of an open call are estimates.

    Args:
        file: A text stream; None is the `sys.stderr` of the moment.

    Attributes:
        dropped: Lines that could not be written.

    Raises:
        ConfigurationError: The file is no text stream.
    """

    events: frozenset[type[Event]] = frozenset(
        {CallStarted, FirstToken, Delta, CallEnded}
    )

    def __init__(self, file: TextIO | None = None) -> None:
        if file is not None and not hasattr(file, "write"):
            raise ConfigurationError(
                f"file must be an open text stream; got {describe(file)}"
            )
        self._file = file
        self.dropped: int = 0
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._running: dict[str, _Running] = {}
        self._display: _Display | None = None
        self._lock = threading.RLock()
        self._process = os.getpid()

    def track(self, event: Event, /) -> None:
        if self._process != os.getpid():
            # A forked child has neither the thread nor the calls of its parent.
            self._start_afresh()
        file = sys.stderr if self._file is None else self._file
        if file is None:
            return  # Under pythonw, and in a daemon, there is no stderr.
        try:
            self._show(event, file)
        except (OSError, ValueError):
            self.dropped += 1
            logger.debug("cannot write a line to %s", describe(file), exc_info=True)

    def _show(self, event: Event, file: TextIO) -> None:
        call_id = event.call.call_id
        if isinstance(event, CallStarted):
            self._begin(event, file)
            return
        running = self._running.get(call_id)
        if running is None or self._display is None:
            return
        if isinstance(event, FirstToken):
            running.first_token = event.time_to_first_token
            running.model = printable(event.call.request_model or running.model)
            self._display.show(running)
        elif isinstance(event, Delta):
            running.elapsed = event.elapsed
            running.tokens, running.cost = event.tokens, event.cost
            self._display.show(running)
        elif isinstance(event, CallEnded):
            with self._lock:
                del self._running[call_id]
                self._display.end(running, event.record)

    def _begin(self, event: CallStarted, file: TextIO) -> None:
        call = event.call
        running = _Running(printable(call.name), printable(call.request_model or "?"))
        with self._lock:
            if len(self._running) >= _SHOWN_LIMIT:
                return
            if not self._running:
                self._display = _display_for(file)
            self._running[call.call_id] = running
            if self._display is not None:
                self._display.begin(running)


class _Lines:
    """A line now and then."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def begin(self, running: _Running) -> None:
        """Say nothing yet: most calls are over soon."""

    def show(self, running: _Running) -> None:
        if running.elapsed - running.shown_at >= _LINE_SECONDS:
            running.shown_at = running.elapsed
            self._write(f"… {running}")

    def end(self, running: _Running, record: CallRecord) -> None:
        self._write(text_line(record))

    def _write(self, line: str) -> None:
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        write(self._file, encoded(f"{line}\n", encoding))


class _Live:
    """A spinner for each open call, drawn by rich on a thread of its own."""

    def __init__(self, file: TextIO) -> None:
        from rich.console import Console
        from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task
        from rich.text import Text

        class Told(ProgressColumn):
            """What is known when it is drawn, so that a chunk draws nothing."""

            def render(self, task: Task) -> Text:
                return Text(str(task.fields["running"]), overflow="ellipsis")

        self._console = Console(file=file)
        # The program's own streams stay what they are.
        self._progress: Progress = Progress(
            SpinnerColumn(),
            Told(),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._open = 0

    def begin(self, running: _Running) -> None:
        if self._open == 0:
            self._progress.start()
        self._open += 1
        running.task = self._progress.add_task("", total=None, running=running)

    def show(self, running: _Running) -> None:
        """Leave it to the next drawing."""

    def end(self, running: _Running, record: CallRecord) -> None:
        if running.task is not None:
            self._progress.remove_task(running.task)
        self._open -= 1
        if self._open == 0:
            self._progress.stop()
        line = text_line(record, width=self._console.width)
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _display_for(file: TextIO) -> _Display:
    if is_terminal(file) and not is_dumb():
        try:
            return _Live(file)
        except ImportError:
            logger.debug("no live display without rich", exc_info=True)
    return _Lines(file)
