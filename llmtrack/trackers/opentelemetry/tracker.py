"""The tracker: what a call is to OpenTelemetry, and when."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, CallStarted, Event
from llmtrack.record import CallInfo, CallRecord
from llmtrack.trackers.isolation import logger
from llmtrack.trackers.opentelemetry.attributes import Conventions, clean, of_metadata
from llmtrack.trackers.signatures import accepts, describe

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

Semconv = Literal["1.41", "latest"]
EstimatedTokens = Literal["own", "mark"]

_SCOPE: Final = "llmtrack"
_SCHEMAS: Final[Mapping[str, str | None]] = {
    "1.41": "https://opentelemetry.io/schemas/1.41.0",
    # Not released, so it has none.
    "latest": None,
}
_CONTENT_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_CONTENT_ON_SPANS: Final = ("span_only", "span_and_event", "true")


class OpenTelemetryTracker:
    """
    Make a span of each call, and record the metrics of OpenTelemetry's GenAI text.

    The span is the current one in the call's function and in each step of its
    stream, never while the program holds a chunk. It starts and ends at the
    record's own times. Without an SDK everything here does nothing.

    Prompts and answers are on the span where both llmtrack's `capture_content` and
    `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` (`span_only` or
    `span_and_event`) say so; the variable is read once, here.

    Args:
        tracer_provider: Makes the spans; None is the global one, also when it is
            set later.
        meter_provider: Makes the metrics; likewise.
        semconv: Which text of the conventions names things: `"1.41"`, which
            dashboards read, or `"latest"`, which is unreleased and may change.
        estimated_tokens: Where counts go that no provider reported: `"own"` is
            only under `llmtrack.usage.*` on the span; `"mark"` is beside that
            also in `gen_ai.usage.*` and the metrics, with
            `llmtrack.usage.estimated` on both.
        suppress_duplicates: Whether OpenTelemetry's own instrumentations of
            clients keep silent inside a call that is tracked here.
        extra_attributes: Returns further attributes of the span of a call that
            has ended; None and absent are none.

    Raises:
        ConfigurationError: An argument is none of these.
    """

    events: frozenset[type[Event]] = frozenset({CallStarted, CallEnded})

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        semconv: Semconv = "1.41",
        estimated_tokens: EstimatedTokens = "own",
        suppress_duplicates: bool = True,
        extra_attributes: Callable[[CallRecord], Mapping[str, Any]] | None = None,
    ) -> None:
        _check_word("semconv", semconv, Semconv)
        _check_word("estimated_tokens", estimated_tokens, EstimatedTokens)
        _check_provider("tracer_provider", tracer_provider, "get_tracer")
        _check_provider("meter_provider", meter_provider, "get_meter")
        if extra_attributes is not None and (
            not callable(extra_attributes) or not accepts(extra_attributes, 1)
        ):
            raise ConfigurationError(
                "extra_attributes must be a function of one record that returns a "
                f"dict; got {describe(extra_attributes)}"
            )
        # Only who makes this tracker pays for the import of OpenTelemetry.
        from opentelemetry import metrics, trace

        from llmtrack.trackers.opentelemetry.metrics import Metrics
        from llmtrack.trackers.opentelemetry.spans import Spans

        self._conventions = Conventions(
            latest=semconv == "latest",
            mark_estimates=estimated_tokens == "mark",
            content=os.environ.get(_CONTENT_VARIABLE, "").lower() in _CONTENT_ON_SPANS,
        )
        self._extra_attributes = extra_attributes
        scope = (_SCOPE, _own_version())
        schema = _SCHEMAS[semconv]
        self._spans = Spans(
            trace.get_tracer(*scope, tracer_provider, schema),
            self._conventions,
            suppress_duplicates=suppress_duplicates,
        )
        self._metrics = Metrics(
            metrics.get_meter(*scope, meter_provider, schema), self._conventions
        )
        self._providers: tuple[Callable[[], Any], ...] = (
            lambda: tracer_provider or trace.get_tracer_provider(),
            lambda: meter_provider or metrics.get_meter_provider(),
        )

    def track(self, event: Event, /) -> None:
        if isinstance(event, CallStarted):
            self._spans.start(event.call)
        elif isinstance(event, CallEnded):
            self._end(event.record)

    def activate(self, call: CallInfo, /) -> AbstractContextManager[Any]:
        """Return what makes the span of a call the current one."""
        return self._spans.activate(call.call_id) or nullcontext()

    def flush(self, timeout: float, /) -> bool:
        """
        Let the providers export what they have; return whether they were in time.

        Providers cannot be trusted to keep a timeout, so each runs on a thread. At
        the exit of the process they export by themselves, and may have done so.
        """
        if not threading.main_thread().is_alive():
            return True
        deadline = time.monotonic() + timeout
        threads = [
            threading.Thread(target=_force_flush, args=(find(), timeout), daemon=True)
            for find in self._providers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _end(self, record: CallRecord) -> None:
        opened = self._spans.take(record)
        try:
            # Metrics count requests, of which the inner call made the one.
            if record.cost_status != "nested":
                self._metrics.record(record, opened.context)
        finally:
            opened.end(record, self._describe)

    def _describe(self, span: Span, record: CallRecord) -> None:
        span.set_attributes(self._conventions.of_end(record))
        # Last what is the program's: it may be anything.
        span.set_attributes(of_metadata(record.metadata))
        if self._extra_attributes is not None:
            span.set_attributes(clean(self._extra_attributes(record)))


def _force_flush(provider: Any, timeout: float) -> None:
    force_flush = getattr(provider, "force_flush", None)
    if force_flush is None:
        return  # The API's own, which has nothing to flush.
    try:
        force_flush(int(timeout * 1000))
    except Exception:
        logger.warning("%s could not flush", describe(provider), exc_info=True)


def _own_version() -> str:
    try:
        return version("llmtrack-instrument")
    except PackageNotFoundError:
        logger.debug("llmtrack runs from files that were never installed")
        return ""


def _check_word(name: str, value: object, words: Any) -> None:
    if value not in get_args(words):
        raise ConfigurationError(
            f"{name} must be one of {', '.join(get_args(words))}; got {value!r}"
        )


def _check_provider(name: str, value: object, method: str) -> None:
    if value is not None and not callable(getattr(value, method, None)):
        raise ConfigurationError(
            f"{name} must have {method}(), as OpenTelemetry's providers do; got "
            f"{describe(value)}. Leave it out for the global one"
        )
