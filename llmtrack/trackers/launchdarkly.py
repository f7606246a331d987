"""LaunchDarkly AI Configs: the metrics of a call, on the tracker of its config."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args
from weakref import WeakSet

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, CallStarted, Event
from llmtrack.record import CallRecord, Outcome, TokenUsage
from llmtrack.trackers.isolation import logger
from llmtrack.trackers.protocol import LaunchDarklyLike
from llmtrack.trackers.signatures import accepts, describe

EarlyExit = Literal["by_token", "success", "error", "none"]

#: How many open calls are remembered; a call beyond gets its run when it ends.
_OPEN_LIMIT: Final = 50_000


@dataclass(frozen=True, slots=True)
class _Tokens:
    """What `track_tokens` reads; 0 where LaunchDarkly shall not send a metric."""

    total: int
    input: int
    output: int


class LaunchDarklyTracker:
    """
    Send each call to LaunchDarkly: duration, time to first token, outcome, tokens.

    Args:
        source: Where the tracker of a call comes from: an AI Config, the
            `(config, tracker)` pair of ldai before 0.11, LaunchDarkly's own
            tracker, or a function without arguments that returns one of these.
            From ldai 0.18 on a tracker is good for one call only: pass the
            config, of which each call gets a fresh run.
        early_exit: What a cancelled or abandoned call counts as. `"by_token"`:
            success once a token has arrived, error before. `"none"`: neither.
        estimated_tokens: Whether counts are sent that the provider did not
            report; LaunchDarkly cannot mark them.

    Attributes:
        dropped: Calls that could not be recorded because the one run of their
            tracker was used up.

    Raises:
        ConfigurationError: The source is none of these.
    """

    events: frozenset[type[Event]] = frozenset({CallStarted, CallEnded})

    def __init__(
        self,
        source: Any,
        *,
        early_exit: EarlyExit = "by_token",
        estimated_tokens: bool = True,
    ) -> None:
        if early_exit not in get_args(EarlyExit):
            raise ConfigurationError(
                f"early_exit must be one of {', '.join(get_args(EarlyExit))}; "
                f"got {early_exit!r}"
            )
        self._new_run = _runs_of(source)
        self._early_exit = early_exit
        self._estimated_tokens = estimated_tokens
        self._open: dict[str, Any] = {}
        self._used: WeakSet[Any] = WeakSet()
        self._lock = threading.Lock()
        self.dropped: int = 0

    def track(self, event: Event, /) -> None:
        call_id = event.call.call_id
        if isinstance(event, CallStarted):
            if len(self._open) < _OPEN_LIMIT:
                # None stays where the source fails: it is asked once a call.
                self._open[call_id] = None
                self._open[call_id] = self._new_run()
        elif isinstance(event, CallEnded):
            # A call that was filtered out at its start has its run from now.
            known = call_id in self._open
            tracker = self._open.pop(call_id) if known else self._new_run()
            if tracker is not None and self._claim(tracker, event.record):
                self._report(tracker, event.record)

    def _claim(self, tracker: Any, record: CallRecord) -> bool:
        """Whether the tracker can still take a call."""
        if not hasattr(type(tracker), "resumption_token"):
            return True  # Before ldai 0.18 a tracker takes any number of calls.
        with self._lock:
            if tracker not in self._used:
                self._used.add(tracker)
                return True
            # The inner call was it: the same generation need not be told twice.
            if record.cost_status == "nested":
                return False
            self.dropped += 1
            first = self.dropped == 1
        if first:
            logger.warning(
                "LaunchDarkly's tracker was given more than one call, and takes only "
                "the first; pass LaunchDarklyTracker(config) instead of "
                "config.create_tracker(), and each call gets a tracker of its own"
            )
        return False

    def _report(self, tracker: Any, record: CallRecord) -> None:
        """Send every metric, also when another one cannot be sent."""
        failure: Exception | None = None
        for name, *arguments in self._metrics(record):
            method = getattr(tracker, name, None)
            if method is None:
                continue
            try:
                method(*arguments)
            except Exception as exc:
                failure = failure or exc
        if failure is not None:
            raise failure

    def _metrics(self, record: CallRecord) -> Iterator[tuple[Any, ...]]:
        """Yield methods and arguments, in the order of LaunchDarkly's own SDK."""
        if record.time_to_first_token is not None:
            yield "track_time_to_first_token", _milliseconds(record.time_to_first_token)
        yield "track_duration", _milliseconds(record.duration)
        if (success := self._is_success(record)) is not None:
            yield ("track_success",) if success else ("track_error",)
        # A call of which nothing is known would use up the tracker's one shot.
        if (tokens := self._tokens(record.usage)) != _Tokens(0, 0, 0):
            yield "track_tokens", tokens
        if record.tool_calls:
            yield "track_tool_calls", list(record.tool_calls)

    def _is_success(self, record: CallRecord) -> bool | None:
        """Return None where neither success nor error shall be counted."""
        if record.outcome is Outcome.SUCCESS:
            return True
        if record.outcome is Outcome.ERROR:
            return False
        if self._early_exit == "by_token":
            return record.time_to_first_token is not None
        return {"success": True, "error": False}.get(self._early_exit)

    def _tokens(self, usage: TokenUsage) -> _Tokens:
        input_tokens, output_tokens = usage.input_tokens or 0, usage.output_tokens or 0
        total = usage.total_tokens or input_tokens + output_tokens
        if not self._estimated_tokens and usage.is_estimated:
            if usage.input_source != "reported":
                input_tokens = 0
            if usage.output_source != "reported":
                output_tokens = 0
            total = 0
        return _Tokens(total, input_tokens, output_tokens)


def speaks_launchdarkly(value: object, /) -> bool:
    """Return whether the value is a tracker of LaunchDarkly, of any version."""
    return not isinstance(value, type) and isinstance(value, LaunchDarklyLike)


def _runs_of(source: Any) -> Callable[[], Any]:
    """Return what gives the tracker of the next call."""
    if isinstance(source, tuple) and len(source) == 2:
        return _runs_of(source[1])
    if speaks_launchdarkly(source):
        return lambda: source
    create_tracker: Callable[[], Any] | None = getattr(source, "create_tracker", None)
    if callable(create_tracker):
        if accepts(create_tracker, 0):
            return create_tracker
        raise ConfigurationError(
            "LaunchDarklyTracker takes an AI Config, not the client that makes it; "
            f"got {describe(source)}. Pass what its completion_config(...) returns"
        )
    shared = getattr(source, "tracker", None)
    if speaks_launchdarkly(shared):
        return lambda: shared
    if callable(source) and not isinstance(source, type) and accepts(source, 0):
        return lambda: _runs_of(source())()
    raise ConfigurationError(
        "LaunchDarklyTracker takes an AI Config, a (config, tracker) pair, "
        "LaunchDarkly's tracker, or a function without arguments that returns one of "
        f"these; got {describe(source)}"
    )


def _milliseconds(seconds: float) -> int:
    return max(0, int(seconds * 1000))
