"""One call: start, first token, end, once. The only clock, the only sender."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final
from weakref import ReferenceType, ref

from llmtrack import delivery
from llmtrack.answer import kind_of
from llmtrack.correlation import TRACES
from llmtrack.dialects import has_invented_ending, has_invented_usage
from llmtrack.dialects.reading import InBandError, Reading
from llmtrack.errors import error_info, in_band_error, incomplete
from llmtrack.events import CallEnded, CallStarted, Delta, Event, FirstToken, UsageKnown
from llmtrack.frozen import maker_of
from llmtrack.guard import guarded, report
from llmtrack.nesting import innermost, open_calls, open_streams
from llmtrack.record import CallRecord, ErrorInfo, Outcome
from llmtrack.settings import with_ambient
from llmtrack.state import CallState
from llmtrack.summary import is_slow_to_count, running_cost, summarise

#: To look it up in its class takes as long as to call a function.
_SUCCESS: Final = Outcome.SUCCESS

#: Values that say nothing of the request that led to them.
_TELL_NOTHING: Final = frozenset((str, bytes, dict, list, type(None), int, float))

#: A provider's error that makes no sense.
_UNREADABLE: Final = ErrorInfo("error", "", "server", retryable=True)

_started: Final = maker_of(CallStarted)
_first_token: Final = maker_of(FirstToken)
_made_delta: Final = maker_of(Delta)
_usage_known: Final = maker_of(UsageKnown)
_ended: Final = maker_of(CallEnded)


class Call(CallState):
    """
    A call from its start to its end.

    Whatever happens, and however often, the first ending is the one that is
    sent. Inside a block an ending that the consumer brought about is put off:
    what leaves the block decides.
    """

    __slots__ = ()

    # Type checkers take an assignment in a subclass for a declaration of its own.
    _linked: list[Call]
    clock: Callable[[], float]
    first_chunk: float | None
    first_text: float | None
    first_token: float | None
    follower: ReferenceType[Any] | None
    is_telling: bool
    longest_wait: float
    metadata: dict[str, Any]
    opened_after: float
    parent: Any
    record: CallRecord | None
    started_at: datetime
    stream: bool | None
    waited: float

    def start_stream(self) -> None:
        """Start what is known to be a stream by now."""
        self.stream = True
        self.start()

    def start(self) -> None:
        """Start the clock, and say so."""
        if delivery.armed != delivery.generation:
            delivery.arm()
        self.parent = innermost(self)
        if self.parent is not None:
            self.parent.is_nested = True
        self.metadata = with_ambient(self.metadata)
        self.begin()
        open_calls[self.call_id] = self
        if self.stream:
            self._become_stream()
        self.identify()
        if TRACES in sys.modules:
            self.correlate()
        try:
            self._send(_started(self.info(), 0.0))
        except BaseException as exc:
            # Only what must pass comes here, such as Ctrl-C inside a tracker.
            self.failed(exc)
            raise

    # What happens.

    def opened(self, stream: Any) -> None:
        """Take it that the stream is there; the wait for it was the provider's."""
        self._become_stream()
        self.opened_after = self.elapsed()
        self.answer.came_from = _weakly(stream)
        self.learn_from(stream)

    def stopped_at(self, chunk: Any, waited: float, longest_wait: float) -> None:
        """Take what a follower knows when it is done, before the ending."""
        self.follower = None
        self.waited += waited
        if self.longest_wait < longest_wait:
            self.longest_wait = longest_wait
        answer = self.answer
        try:
            answer.look_again(chunk)
        except Exception as exc:
            report("reading", exc)
        stream = answer.came_from()
        if stream is not None and has_invented_usage(stream):
            answer.counts = None

    def enter_block(self) -> None:
        """From here on, what leaves the block decides how the call ended."""
        self._blocks += 1

    def leave_block(self, exc: BaseException | None) -> None:
        """Settle an ending that was put off, with what leaves the block."""
        self._blocks -= 1
        if exc is None:
            self.left()
        else:
            self._was_left = False
            self.failed(exc)

    def forget_block(self) -> None:
        """Take it that nobody can leave a block any more, which was dropped."""
        self._blocks -= 1
        if self._was_left or not self.stream:
            self.left(deferred=True)

    def left(self, *, deferred: bool = False) -> None:
        """Take it that the consumer left: break, close, drop, never read, or exit."""
        if self._blocks > 0:
            self._was_left = True
            return
        self._catch_up()
        if self.answer.error is not None:
            self._end(Outcome.ERROR, deferred=deferred)
        elif self.answer.is_whole():
            self._end(_SUCCESS, deferred=deferred)
        else:
            self._end(Outcome.ABANDONED, deferred=deferred)

    def left_by_exit(self) -> None:
        """Take it that the process ends, inside of blocks or not."""
        self._blocks = 0
        self.left()

    def failed(self, exc: BaseException) -> None:
        """Take an exception that came out of the call, or left its block."""
        if isinstance(exc, GeneratorExit):
            return self.left()
        if self.is_over or (self._was_left and self._blocks > 0):
            # Reading on after one's own close() is no failure of the provider.
            return None
        self._catch_up()
        error = error_info(exc)
        if error.kind != "cancelled":
            # A refused request is behind the exception that says so.
            unknown = self.served.address is None or self.request.model is None
            if unknown and (hasattr(exc, "response") or hasattr(exc, "request")):
                self.learn_from(exc)
            self._end(Outcome.ERROR, exc, error)
        elif self._blocks <= 0:
            self._end(Outcome.CANCELLED, exc, error)
        return None

    def exhausted(self) -> None:
        """Take it that the stream ended by itself."""
        answer = self.answer
        if self._was_left:
            self.left()
        elif answer.error is not None:
            self._end(Outcome.ERROR)
        elif has_invented_ending(answer.came_from()):
            answer.finish_reason = None
            self._end(Outcome.ERROR, error=incomplete("the client made up its ending"))
        elif self._expects_more():
            error = incomplete("the stream stopped without a finish reason")
            self._end(Outcome.ERROR, error=error)
        else:
            self._end(_SUCCESS)

    def responded(self, value: Any) -> None:
        """Read a response that came back whole, the first time it does."""
        if not self._latch:
            return
        self.stream = False
        self.answer.see_response(value)
        if type(value) not in _TELL_NOTHING:
            self.learn_from(value)
        self._end(Outcome.ERROR if self.answer.error else _SUCCESS)

    def link(self, inner: Call) -> None:
        """End as another call ends, which follows the same stream already."""
        self.is_nested = True
        if inner.is_over:
            self._end(inner.record.outcome if inner.record else _SUCCESS)
        else:
            inner._linked.append(self)

    def _catch_up(self) -> None:
        """Take what a follower knows that stands at a chunk, and is not read on."""
        follower = self.follower and self.follower()
        frame = getattr(follower, "gi_frame", getattr(follower, "ag_frame", None))
        known = {} if frame is None else frame.f_locals
        if "chunk" in known:
            self.stopped_at(known["chunk"], known["waited"], known["longest"])
        elif self.follower is not None:
            # Dropped, and told to stop some turns of the loop later.
            guarded("reading", self.answer.look_at_last, default=None)

    def _expects_more(self) -> bool:
        dialect = self.answer.dialect
        if dialect is None:
            return self.is_of_client and self.answer.chunks() == 0
        return dialect.has_terminator and not self.answer.is_whole()

    def _become_stream(self) -> None:
        self.stream = True
        open_streams[self.call_id] = self
        delivery.start()

    # How it is told.

    def _on_reading(self, chunk: Any, reading: Reading) -> None:
        kind = kind_of(reading)
        now = self.elapsed()
        if self.first_chunk is None:
            self.first_chunk = now
            if self.served.provider is None:
                self.identify(None, chunk)
            self._info = None
        if kind is None and reading.finish_reason is None:
            return
        if reading.text and self.first_text is None:
            self.first_text = now
        if self.first_token is None and kind is not None:
            self.first_token = now
            self._send(_first_token(self.info(), now, now, kind))
        if self.outlets.want_deltas:
            self._send(self._delta(chunk, reading, now))

    def _delta(self, chunk: Any, reading: Reading, now: float) -> Delta:
        tokens = self.answer.tokens_so_far()
        return _made_delta(
            self.info(),
            now,
            self.answer.chunks() - 1,
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
        tell = self.outlets.tell[type(event)]
        self.is_telling = True
        passing = tell(event)
        self.is_telling = False
        if passing is not None:
            raise passing

    def _end(
        self,
        outcome: Outcome,
        exc: BaseException | None = None,
        error: ErrorInfo | None = None,
        deferred: bool = False,
    ) -> None:
        """Settle the ending, unless there was one; tell it here or elsewhere."""
        try:
            self._latch.pop()
        except IndexError:
            return
        open_calls.pop(self.call_id, None)
        if self.stream:
            open_streams.pop(self.call_id, None)
        duration = self.elapsed()
        if self._generation != delivery.generation:
            # Forked with this call open: it is the parent process's to report.
            return
        if not deferred:
            # Whoever waits for what was handed over does not wait for what that hands
            # over in turn: the exit, and a call that ends as the one inside of it.
            try:
                is_slow = is_slow_to_count(self)
                deferred = is_slow and not delivery.is_here() and delivery.start()
            except Exception as failure:
                report("counting", failure)
        if deferred:
            delivery.later(partial(self._finish, outcome, exc, error, duration))
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
            error = guarded("reading", _as_error, in_band, default=_UNREADABLE)
        self._info = None
        self.record = record = summarise(self, outcome, error, duration)
        answer.close()
        info = self.info()
        try:
            try:
                self._send(_usage_known(info, duration, record.usage))
            finally:
                self._send(_ended(info, duration, record, exc))
        finally:
            for other in self._linked:
                other._end(outcome, exc, error)
            # What outlives this call, such as a task, is inside of what is still open.
            while self.parent is not None and self.parent.is_over:
                self.parent = self.parent.parent


def _as_error(told: InBandError) -> ErrorInfo:
    return in_band_error(told.type, told.message, told.code, told.status_code)


def _weakly(stream: Any) -> Callable[[], Any]:
    """Return what gives the stream as long as somebody else holds it."""
    try:
        return ref(stream)
    except TypeError:
        return _gone


def _gone() -> None:
    """Give nothing: the stream cannot be referred to weakly."""


def _end_what_is_open() -> None:
    for call in list(open_calls.values()):
        call.left_by_exit()


delivery.before_exit(_end_what_is_open)
