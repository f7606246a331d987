"""The spans of calls: started where a call starts, ended from anywhere."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, Final

from opentelemetry.context import (
    Context,
    attach,
    detach,
    get_current,
    set_value,
)
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    set_span_in_context,
)

from llmtrack.record import CallInfo, CallRecord, Outcome
from llmtrack.trackers.isolation import logger
from llmtrack.trackers.opentelemetry.attributes import Conventions, name_of

#: How many open calls are remembered. An older one gets its span when it ends.
OPEN_LIMIT: Final = 50_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_here: ContextVar[None] = ContextVar("llmtrack_opentelemetry_step")


@dataclass(slots=True)
class OpenSpan:
    """
    The span of a call that is open.

    Attributes:
        span: The span; an invalid one where it could not be started.
        name: Its name at the start.
        context: The context at the start, with this span as the current one.
        resumed: What the next step sees: what the one before it left, so that a
            generator that opened a span of its own finds it again.
    """

    span: Span
    name: str
    context: Context
    resumed: Context

    def end(
        self, record: CallRecord, describe: Callable[[Span, CallRecord], None]
    ) -> None:
        """End the span, unless the program did, at the record's own time."""
        span = self.span
        if not span.is_recording():
            return
        try:
            # The model may have become known after the start.
            if (name := name_of(record)) != self.name:
                span.update_name(name)
            if record.outcome is Outcome.ERROR:
                # Not the message: it may quote the prompt.
                kind = record.error.kind if record.error else None
                span.set_status(Status(StatusCode.ERROR, kind))
            describe(span, record)
        finally:
            lasted = max(0, round(record.duration * 1e9))
            span.end(end_time=_nanoseconds(record.started_at) + lasted)


class Activation:
    """Makes the span of a call the current one, for a single step."""

    __slots__ = ("_mark", "_opened", "_token")

    def __init__(self, opened: OpenSpan) -> None:
        self._opened = opened

    def __enter__(self) -> None:
        self._mark: Token[None] = _here.set(None)
        self._token = attach(self._opened.resumed)

    def __exit__(self, *_: object) -> None:
        try:
            _here.reset(self._mark)
        except ValueError:
            # A coroutine that is collected is closed in another context, where
            # nothing was attached; `detach` would log that as an error.
            return
        self._opened.resumed = get_current()
        detach(self._token)


class Spans:
    """
    Starts the spans of calls and keeps those that are open.

    Args:
        tracer: Starts them.
        conventions: How a call is described.
        suppress_duplicates: Whether the instrumentations that stand on
            `opentelemetry.util.genai` keep silent inside of these spans.
    """

    def __init__(
        self, tracer: Tracer, conventions: Conventions, *, suppress_duplicates: bool
    ) -> None:
        self._tracer = tracer
        self._conventions = conventions
        self._silence = _silence() if suppress_duplicates else lambda context: context
        # Its methods are atomic, and events come from many threads.
        self._open: OrderedDict[str, OpenSpan] = OrderedDict()

    def start(self, call: CallInfo) -> None:
        """Start the span of a call, as a child of what is current here."""
        parent = get_current()
        # This stays where a processor of the program's raises: it is asked once.
        self._open[call.call_id] = OpenSpan(INVALID_SPAN, "", parent, parent)
        self._open[call.call_id] = self._begin(call, parent)
        while len(self._open) > OPEN_LIMIT:
            self._open.popitem(last=False)

    def activate(self, call_id: str) -> Activation | None:
        """Return what makes the span the current one, or None without a span."""
        opened = self._open.get(call_id)
        return None if opened is None else Activation(opened)

    def take(self, record: CallRecord) -> OpenSpan:
        """
        Return the span of a call that has ended, and forget it.

        A call whose start was never told has its span from now. What is current
        here has nothing to do with it: without an outer call it is a root.
        """
        opened = self._open.pop(record.call_id, None)
        if opened is not None:
            return opened
        outer = self._open.get(record.parent_id) if record.parent_id else None
        return self._begin(record, outer.context if outer else Context())

    def _begin(self, call: CallInfo, parent: Context) -> OpenSpan:
        name = name_of(call)
        span = self._tracer.start_span(
            name,
            context=parent,
            kind=SpanKind.CLIENT,
            attributes=self._conventions.of_start(call),
            start_time=_nanoseconds(call.started_at),
        )
        context = self._silence(set_span_in_context(span, parent))
        return OpenSpan(span, name, context, context)


def _silence() -> Callable[[Context], Context]:
    """Return what puts into a context that an inference is being told already."""
    try:
        # By its name, for a type checker finds it in few places.
        invocation: Any = import_module("opentelemetry.util.genai.invocation")
        key: str = invocation.CLIENT_INFERENCE_CONTEXT_KEY
        new: Callable[[], Any] = invocation.InferenceData
    except (ImportError, AttributeError) as exc:
        logger.debug("no instrumentation of OpenTelemetry's to silence: %s", exc)
        return lambda context: context
    # What the inner one would have told lands in `new()`, which goes with the call.
    return lambda context: set_value(key, new(), context)


def _nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000
