"""The metrics of calls, in either text of the conventions."""

from __future__ import annotations

from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.metrics import Counter, Histogram, Meter

from llmtrack.record import CallRecord, Outcome, TokenUsage
from llmtrack.trackers.opentelemetry.attributes import (
    ESTIMATED,
    Attributes,
    Conventions,
    clean,
    error_type,
    sides,
)

_SECONDS: Final = [0.01 * 2**n for n in range(14)]
_TOKENS: Final = [4**n for n in range(14)]
_TYPES: Final = ("input", "output")


class Metrics:
    """
    Records the metrics of a call that has ended.

    `time_per_output_chunk` is meant to have a point for each chunk after the
    first. A record keeps no time of each chunk, so here it has one point a
    stream, their mean, marked `llmtrack.aggregation="mean"`, and only of streams
    that arrived whole: of others the end says nothing about the last chunk.
    """

    def __init__(self, meter: Meter, conventions: Conventions) -> None:
        self._conventions = conventions
        prefix = "gen_ai.client.operation"
        if conventions.latest:
            prefix = "gen_ai.client.inference"
        self._duration = _seconds(meter, f"{prefix}.duration", "How long calls took.")
        self._first_chunk = _seconds(
            meter,
            f"{prefix}.time_to_first_chunk",
            "From the start of a call to the first chunk of its stream.",
        )
        self._per_chunk = _seconds(
            meter,
            f"{prefix}.time_per_output_chunk",
            "Between two chunks of a stream, the mean of each stream.",
        )
        self._tokens = (_LatestTokens if conventions.latest else _Tokens)(meter)
        self._cost = meter.create_counter(
            "llmtrack.cost", "{USD}", "What calls cost, by llmtrack's price list."
        )

    def record(self, record: CallRecord, context: Context) -> None:
        """
        Record a call.

        Args:
            record: The call.
            context: Whose span the exemplars link to.
        """
        common = self._conventions.of_metrics(record)
        failed = clean({**common, "error.type": error_type(record)})
        self._duration.record(_positive(record.duration), failed, context)
        if record.time_to_first_chunk is not None:
            first = _positive(record.time_to_first_chunk)
            self._first_chunk.record(first, common, context)
            if record.chunks > 1 and record.outcome is Outcome.SUCCESS:
                each = _positive(record.duration - first) / (record.chunks - 1)
                marked = {**common, "llmtrack.aggregation": "mean"}
                self._per_chunk.record(each, marked, context)
        usage = self._conventions.told_usage(record.usage)
        self._tokens.record(usage, common, failed, context)
        if record.cost is not None:
            # Under a name of our own an estimate cannot be taken for a bill.
            marked = {**common, **_mark(record.usage.is_estimated)}
            self._cost.add(_positive(float(record.cost.usd)), marked, context)


class _Tokens:
    """1.41: one histogram, and nothing where nothing is known."""

    def __init__(self, meter: Meter) -> None:
        self._usage = _token_histogram(
            meter, "gen_ai.client.token.usage", "Tokens of calls, by type."
        )

    def record(
        self, usage: TokenUsage, common: Attributes, _: Attributes, context: Context
    ) -> None:
        for kind, (tokens, is_estimated) in zip(_TYPES, sides(usage), strict=True):
            if tokens is not None:
                marked = {
                    **common,
                    "gen_ai.token.type": kind,
                    **_mark(is_estimated),
                }
                self._usage.record(_positive(tokens), marked, context)


class _LatestTokens:
    """Latest: counters to sum, histograms for percentiles, 0 where unknown."""

    def __init__(self, meter: Meter) -> None:
        def counter(name: str, description: str) -> Counter:
            name = f"gen_ai.client.inference.usage.{name}"
            return meter.create_counter(name, "{token}", description)

        def histogram(name: str, description: str) -> Histogram:
            name = f"gen_ai.client.inference.operation.{name}"
            return _token_histogram(meter, name, description)

        self._input = (
            counter("input_tokens", "Input tokens, cached ones included."),
            histogram("input_tokens", "Input tokens of each call."),
        )
        self._output = (
            counter("output_tokens", "Output tokens, reasoning included."),
            histogram("output_tokens", "Output tokens of each call."),
        )
        self._parts = {
            "cache_read_tokens": counter(
                "cache_read.input_tokens", "Input tokens read from a cache."
            ),
            "cache_write_tokens": counter(
                "cache_write.input_tokens", "Input tokens written to a cache."
            ),
            "reasoning_tokens": counter(
                "reasoning.output_tokens", "Output tokens that were reasoning."
            ),
        }

    def record(
        self,
        usage: TokenUsage,
        common: Attributes,
        failed: Attributes,
        context: Context,
    ) -> None:
        # Providers report images and audio inside the same number.
        common = {**common, "gen_ai.token.modality": "unknown"}
        for (total, of_call), (tokens, is_estimated) in zip(
            (self._input, self._output), sides(usage), strict=True
        ):
            # Zero as well: these metrics have a point for every call.
            count = _positive(tokens or 0)
            mark = _mark(is_estimated)
            total.add(count, {**common, **mark}, context)
            of_call.record(count, {**failed, **mark}, context)
        for name, part in self._parts.items():
            part.add(_positive(getattr(usage, name) or 0), common, context)


def _mark(is_estimated: bool) -> Attributes:
    return {ESTIMATED: True} if is_estimated else {}


def _positive(value: float) -> Any:
    # The SDK logs a warning for each negative value or NaN, and drops it.
    return max(0, value)


def _seconds(meter: Meter, name: str, description: str) -> Histogram:
    return meter.create_histogram(
        name, "s", description, explicit_bucket_boundaries_advisory=_SECONDS
    )


def _token_histogram(meter: Meter, name: str, description: str) -> Histogram:
    return meter.create_histogram(
        name, "{token}", description, explicit_bucket_boundaries_advisory=_TOKENS
    )
