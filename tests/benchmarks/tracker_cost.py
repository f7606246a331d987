"""What each tracker adds to a call, beside llmtrack's own work."""

import io
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from contestants import Contestant, Unmoved, tracked
from sources import chunk_as_json, last_as_json, parsed
from timing import BARE, Case, timed

import llmtrack
from llmtrack import trackers

#: Streams in a pass, and chunks in one.
_STREAMS: Final = 4
_CHUNKS: Final = 20

Made = tuple[str, Callable[[Path], Any]]


def cases() -> Iterator[Case]:
    """Yield the case of all trackers that can be made here."""
    chunks = [parsed(chunk_as_json(number)) for number in range(_CHUNKS - 1)]
    chunks.append(parsed(last_as_json()))

    def stream(question: str) -> Iterator[Any]:
        yield from chunks

    with tempfile.TemporaryDirectory() as folder:
        passes = {BARE: _streams(tracked(tracker=Unmoved()), stream)}
        for name, make in _TRACKERS:
            try:
                tracker = make(Path(folder))
            except (ImportError, llmtrack.ConfigurationError) as missing:
                print(f"{name} is left out: {missing}")
                continue
            passes[name] = _streams(tracked(tracker=tracker), stream)
        yield Case(
            f"a tracker, stream of {_CHUNKS} chunks, over one that does nothing",
            passes,
            units=_STREAMS,
            unit="us",
        )


def _streams(each: Contestant, stream: Callable[[str], Iterator[Any]]) -> Any:
    assert each.generator is not None
    made = each.generator(stream)

    def run() -> None:
        for _ in range(_STREAMS):
            for _chunk in made("hi"):
                pass

    return timed(run, each.flush)


def _opentelemetry(_: Path) -> Any:
    from exporting import Exporting
    from opentelemetry.sdk.metrics import MeterProvider

    return trackers.OpenTelemetryTracker(
        tracer_provider=Exporting().provider(), meter_provider=MeterProvider()
    )


def _prometheus(_: Path) -> Any:
    from prometheus_client import CollectorRegistry

    return trackers.PrometheusTracker(registry=CollectorRegistry())


def _logging(_: Path) -> Any:
    logging.getLogger("llmtrack.calls").addHandler(logging.NullHandler())
    return trackers.LoggingTracker()


class _LaunchDarkly:
    """LaunchDarkly's tracker, doing nothing."""

    def track_duration(self, _: Any) -> None: ...
    def track_time_to_first_token(self, _: Any) -> None: ...
    def track_tokens(self, _: Any) -> None: ...
    def track_success(self) -> None: ...
    def track_error(self) -> None: ...


class _EveryChunk(Unmoved):
    """A tracker that wants every event, and does nothing."""

    events = frozenset(
        (
            *(llmtrack.CallStarted, llmtrack.FirstToken, llmtrack.Delta),
            *(llmtrack.UsageKnown, llmtrack.CallEnded),
        )
    )


_TRACKERS: Final[tuple[Made, ...]] = (
    ("every Delta, nothing done", lambda _: _EveryChunk()),
    ("StdoutTracker", lambda _: trackers.StdoutTracker(io.StringIO())),
    ("JSONLinesTracker", lambda at: trackers.JSONLinesTracker(at / "calls.jsonl")),
    ("SQLiteTracker", lambda at: trackers.SQLiteTracker(at / "calls.db")),
    ("LoggingTracker", _logging),
    ("OpenTelemetryTracker", _opentelemetry),
    ("PrometheusTracker", _prometheus),
    ("LaunchDarklyTracker", lambda _: trackers.LaunchDarklyTracker(_LaunchDarkly())),
    ("Callbacks(on_end)", lambda _: trackers.Callbacks(on_end=lambda event: None)),
    ("FanOut of three", lambda _: trackers.FanOut(Unmoved(), Unmoved(), Unmoved())),
    ("Background", lambda _: trackers.Background(Unmoved())),
    ("Batched", lambda _: trackers.Batched(lambda events: None)),
)
