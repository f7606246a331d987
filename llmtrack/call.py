"""One call: start, first token, end, once. The only clock, the only sender."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from sys import _getframe
from types import CodeType
from typing import Any, Final

from llmtrack import delivery
from llmtrack.answer import Answer, kind_of
from llmtrack.delivery import Outlet, guarded
from llmtrack.dialects.reading import Reading
from llmtrack.dialects.request import Request
from llmtrack.errors import error_info, in_band_error, incomplete
from llmtrack.events import CallEnded, CallStarted, Delta, Event, FirstToken, UsageKnown
from llmtrack.providers import Served, served_by
from llmtrack.record import CallInfo, CallRecord, ErrorInfo, Outcome, TokenUsage
from llmtrack.settings import ambient_metadata, clock, settings
from llmtrack.summary import is_slow_to_count, running_cost, summarise

#: Followers' code objects: a frame of one of these is inside of a step, and has
#: its call in the local variable `call`.
STEPS: Final[set[CodeType]] = set()

#: The call whose function body is running here.
running: ContextVar[Call | None] = ContextVar("llmtrack_call", default=None)
# What is open, for the exit of the process. A call holds no stream.
_open: dict[str, Call] = {}
_numbers = count(1)
_prefix = (-1, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    What is decided about calls before the first one is made.

    Attributes:
        name: The name on the record.
        outlets: Returns where events go.
        function: The function that makes the call, or None.
        provider: Overrides what would be found.
        model: Overrides what would be found; or a callable on the arguments.
        input: Likewise.
        metadata: Added to the call; or a callable on the arguments.
        capture_content: None is what `configure` says.
    """

    name: str
    outlets: Callable[[], tuple[Outlet, ...]]
    function: Any = None
    provider: str | None = None
    model: Any = None
    input: Any = None
    metadata: Any = None
    capture_content: bool | None = None


class Call:
    """
    A call from its start to its end.

    Whatever happens, and however often, the first ending is the one that is
    sent. Inside a block an ending that the consumer brought about is put off:
    what leaves the block decides.
    """

    __slots__ = (
        "__weakref__",
        "_blocks",
        "_generation",
        "_info",
        "_latch",
        "_linked",
        "_started",
        "activates",
        "answer",
        "call_id",
        "capture",
        "clock",
        "first_chunk",
        "first_text",
        "first_token",
        "is_nested",
        "is_telling",
        "is_timed",
        "longest_wait",
        "metadata",
        "opened_after",
        "outlets",
        "parent",
        "plan",
        "prompt",
        "record",
        "request",
        "served",
        "settings",
        "started_at",
        "stream",
        "usage_by_hand",
        "waited",
    )

    def __init__(
        self, plan: Plan, request: Request, metadata: Mapping[str, Any] | None = None
    ) -> None:
        chosen = settings()
        self.plan = plan
        self.settings = chosen
        self.request = request
        # The program may append to its messages while the answer flows.
        self.prompt = request.input[:] if type(request.input) is list else request.input
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.outlets = plan.outlets()
        self.activates = any(outlet.activates for outlet in self.outlets)
        capture = plan.capture_content
        self.capture = chosen.capture_content if capture is None else capture
        self.answer = Answer(
            request.model,
            chosen.counter,
            capture=self.capture,
            on_reading=self._on_reading,
            deltas=any(Delta in outlet.wants for outlet in self.outlets),
        )
        self.call_id = _new_id()
        self.served = Served(None, None, None)
        self.stream: bool | None = None
        self.is_timed = chosen.chunk_timing
        self.waited = self.longest_wait = self.opened_after = 0.0
        self.first_chunk: float | None = None
        self.first_token: float | None = None
        self.first_text: float | None = None
        self.record: CallRecord | None = None
        self.usage_by_hand: TokenUsage | None = None
        self.is_nested = self.is_telling = False
        self.parent: Call | None = None
        self._blocks = 0
        self._info: CallInfo | None = None
        self._linked: list[Call] = []
        # Its one pop is the ending. Popping a list is atomic, a flag is not. A
        # call that has not started has nothing to end.
        self._latch: list[None] = []
        self._generation = delivery.generation
        self.clock = clock()

    def start(self, *, stream: bool | None = None) -> None:
        """
        Start the clock, and say so; nothing else has happened before.

        Args:
            stream: Whether the call is known to be a stream by now.
        """
        self.stream = stream
        if stream:
            delivery.start()
        self.parent = innermost()
        if self.parent is not None:
            self.parent.is_nested = True
        self.metadata = ambient_metadata(self.metadata)
        self._generation = delivery.generation
        self.clock = clock()
        self.started_at = datetime.now(UTC)
        self._started = self.clock()
        self._latch.append(None)
        _open[self.call_id] = self
        self.identify(None)
        try:
            self._send(CallStarted(self.info, 0.0))
        except BaseException as exc:
            # Only what must pass comes here, such as Ctrl-C inside a tracker.
            self.failed(exc)
            raise

    # What is known.

    @property
    def is_over(self) -> bool:
        """Whether the ending is settled."""
        return not self._latch

    @property
    def elapsed(self) -> float:
        """Seconds since the start; never negative, whatever the clock does."""
        return max(0.0, self.clock() - self._started)

    @property
    def info(self) -> CallInfo:
        """What is known of the call by now."""
        if self._info is None:
            dialect = self.answer.dialect
            self._info = CallInfo(
                self.call_id,
                self.parent.call_id if self.parent else None,
                self.plan.name,
                dialect.operation if dialect else self.request.operation or "chat",
                self.served.provider,
                dialect.name if dialect else None,
                self.request.model,
                self.served.address,
                self.served.port,
                self.stream if self.stream is not None else self.request.stream,
                self.started_at,
                dict(self.metadata),
            )
        return self._info

    def forget_info(self) -> None:
        """Something that `info` tells has changed."""
        self._info = None

    def identify(self, value: Any) -> None:
        """Find out who serves the call, from a stream or response too."""
        dialect = self.answer.dialect
        found: Served = guarded(
            "finding the provider",
            lambda: served_by(
                client=self.request.client,
                value=value,
                function=self.plan.function,
                model=self.request.model,
                dialect=dialect.name if dialect else None,
            ),
            default=Served(None, None, None),
        )
        self.served = Served(
            self.plan.provider or found.provider or self.served.provider,
            found.address or self.served.address,
            found.port or self.served.port,
        )
        self._info = None

    # What happens.

    def opened(self) -> None:
        """The stream is there; what was waited for it counts as the provider's."""
        self.stream = True
        self.opened_after = self.elapsed
        self._info = None
        delivery.start()

    def stopped_at(self, chunk: Any, waited: float, longest_wait: float) -> None:
        """Take what a follower knows when it is done, before the ending."""
        self.waited += waited
        self.longest_wait = max(self.longest_wait, longest_wait)
        guarded("reading", self.answer.look_again, chunk, default=None)

    def enter_block(self) -> None:
        """From here on, what leaves the block decides how the call ended."""
        self._blocks += 1

    def leave_block(self, exc: BaseException | None) -> None:
        """Settle an ending that was put off, with what leaves the block."""
        self._blocks -= 1
        if exc is None:
            self.left()
        else:
            self.failed(exc)

    def left(self, *, deferred: bool = False) -> None:
        """The consumer left: break, close, drop, never read, or exit."""
        if self._blocks > 0:
            return
        if self.answer.error is not None:
            self._end(Outcome.ERROR, deferred=deferred)
        elif self.answer.is_whole:
            self._end(Outcome.SUCCESS, deferred=deferred)
        else:
            self._end(Outcome.ABANDONED, deferred=deferred)

    def failed(self, exc: BaseException) -> None:
        """An exception came out of the call, or left its block."""
        if isinstance(exc, GeneratorExit):
            return self.left()
        if self.is_over:
            return None
        error = error_info(exc)
        if error.kind != "cancelled":
            self._end(Outcome.ERROR, exc, error)
        elif self._blocks <= 0:
            self._end(Outcome.CANCELLED, exc, error)
        return None

    def exhausted(self) -> None:
        """The stream ended by itself."""
        answer = self.answer
        if answer.error is not None:
            self._end(Outcome.ERROR)
        elif answer.dialect and answer.dialect.has_terminator and not answer.is_whole:
            error = incomplete("the stream stopped without a finish reason")
            self._end(Outcome.ERROR, error=error)
        else:
            self._end(Outcome.SUCCESS)

    def responded(self, value: Any) -> None:
        """The function returned a response, whole."""
        self.stream = False
        self.answer.see_response(value)
        self.identify(value)
        self._end(Outcome.ERROR if self.answer.error else Outcome.SUCCESS)

    def link(self, inner: Call) -> None:
        """End as another call ends, which follows the same stream already."""
        self.is_nested = True
        if inner.is_over:
            self._end(inner.record.outcome if inner.record else Outcome.SUCCESS)
        else:
            inner._linked.append(self)

    # How it is told.

    def _on_reading(self, chunk: Any, reading: Reading) -> None:
        kind = kind_of(reading)
        now = self.elapsed
        if self.first_chunk is None:
            self.first_chunk = now
        if self.answer.dialect is not None and self.info.dialect is None:
            self.identify(None)
        if kind is None:
            return
        if reading.text and self.first_text is None:
            self.first_text = now
        if self.first_token is None:
            self.first_token = now
            self._send(FirstToken(self.info, now, now, kind))
        if any(Delta in outlet.wants for outlet in self.outlets):
            self._send(self._delta(chunk, reading, now))

    def _delta(self, chunk: Any, reading: Reading, now: float) -> Delta:
        tokens = self.answer.tokens_so_far()
        return Delta(
            self.info,
            now,
            self.answer.chunks,
            kind_of(reading) or "text",
            reading.text or reading.other_text or reading.reasoning
            or reading.tool_text or "".join(reading.tool_calls),
            self.request.wants_json,
            reading.finish_reason,
            chunk,
            tokens,
            guarded("prices", running_cost, self, tokens, default=None),
        )  # fmt: skip

    def _send(self, event: Event) -> None:
        passing = None
        self.is_telling = True
        for outlet in self.outlets:
            if type(event) in outlet.wants:
                passing = outlet.send(event) or passing
        self.is_telling = False
        if passing is not None:
            raise passing

    def _end(
        self,
        outcome: Outcome,
        exc: BaseException | None = None,
        error: ErrorInfo | None = None,
        *,
        deferred: bool = False,
    ) -> None:
        """Settle the ending, unless there was one; tell it here or elsewhere."""
        try:
            self._latch.pop()
        except IndexError:
            return
        _open.pop(self.call_id, None)
        duration = self.elapsed
        if self._generation != delivery.generation:
            # Forked with this call open: it is the parent process's to report.
            return
        if deferred:
            delivery.later(lambda: self._finish(outcome, exc, error, duration))
        elif is_slow_to_count(self) and delivery.start():
            delivery.later(lambda: self._finish(outcome, exc, error, duration))
        else:
            self._finish(outcome, exc, error, duration)

    def _finish(
        self,
        outcome: Outcome,
        exc: BaseException | None,
        error: ErrorInfo | None,
        duration: float,
    ) -> None:
        answer = self.answer
        answer.fold()
        in_band = answer.error
        if error is None and in_band is not None:
            error = in_band_error(
                in_band.type, in_band.message, in_band.code, in_band.status_code
            )
        self.forget_info()
        self.record = record = summarise(self, outcome, error, duration)
        answer.close()
        try:
            self._send_both(record, duration, exc)
        finally:
            for other in self._linked:
                other._end(outcome, exc, error)
            self.parent = None

    def _send_both(
        self, record: CallRecord, duration: float, exc: BaseException | None
    ) -> None:
        try:
            self._send(UsageKnown(self.info, duration, record.usage))
        finally:
            self._send(CallEnded(self.info, duration, record, exc))


def innermost() -> Call | None:
    """
    Return the innermost call that is open here, or None.

    A step of a stream sets no context variable: it would cost more than all the
    rest of the step. It is found on the stack instead, when somebody asks.
    """
    current = running.get()
    stepping = _on_the_stack() if _open else None
    if stepping is not None and not _is_inside(current, stepping):
        current = stepping
    # A call that a tracker makes while it is told of another is not part of it.
    while current is not None and (current.is_over or current.is_telling):
        current = current.parent
    return current


def _on_the_stack() -> Call | None:
    frame: Any = _getframe(1)
    while frame is not None:
        if frame.f_code in STEPS:
            found: Call | None = frame.f_locals["call"]
            return found
        frame = frame.f_back
    return None


def _is_inside(call: Call | None, outer: Call) -> bool:
    while call is not None and call is not outer:
        call = call.parent
    return call is outer


def _new_id() -> str:
    """Return an id that no other call of any process has."""
    global _prefix
    if _prefix[0] != delivery.generation:
        _prefix = (delivery.generation, os.urandom(10).hex())
    return f"{_prefix[1]}{next(_numbers):012x}"


def _end_what_is_open() -> None:
    for call in list(_open.values()):
        call._blocks = 0
        call.left()


def _forget_the_parents_calls() -> None:
    _open.clear()


delivery.before_exit(_end_what_is_open)
os.register_at_fork(after_in_child=_forget_the_parents_calls)
