"""Metrics for Prometheus, under the names that OpenTelemetry's exporter gives them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, Literal, get_args
from weakref import WeakKeyDictionary

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, Event
from llmtrack.record import CallRecord

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

EstimatedTokens = Literal["own", "mark"]

#: Values of one label that are told apart; further ones are `OTHER`.
_VALUES_LIMIT: Final = 200
OTHER: Final = "other"

_SECONDS: Final = tuple(0.01 * 2**n for n in range(14))
_TOKENS: Final = tuple(float(4**n) for n in range(14))

_COMMON: Final = (
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
    "gen_ai_response_model",
    "server_address",
    "server_port",
)
_TOKEN_LABELS: Final = (*_COMMON, "gen_ai_token_type", "llmtrack_usage_estimated")


class PrometheusTracker:
    """
    Count calls, and measure how long they took and what they used.

    `gen_ai_client_operation_duration_seconds`,
    `gen_ai_client_operation_time_to_first_chunk_seconds` and
    `gen_ai_client_token_usage` are what OpenTelemetry's exporter for Prometheus
    makes of its conventions. Under names of our own there are
    `llmtrack_time_to_first_token_seconds`, `llmtrack_calls_total` by outcome and
    kind of error, `llmtrack_tokens_total`, estimated ones included and marked,
    and `llmtrack_cost_total` in US dollars. A call whose function made the
    request in another tracked call is not counted: that one is.

    Labels are what has few values: operation, provider, models, server, kind of
    error. `start_http_server` of `prometheus_client` shows them to Prometheus.

    Args:
        registry: Where the metrics are registered; None is the global one. Several
            trackers may share one.
        estimated_tokens: `"own"`: counts that no provider reported are in
            `llmtrack_tokens_total` only; `"mark"`: in `gen_ai_client_token_usage`
            too. Both have the label `llmtrack_usage_estimated`.

    Raises:
        ConfigurationError: prometheus_client is not installed, or the registry
            holds other metrics of these names.
    """

    events: frozenset[type[Event]] = frozenset({CallEnded})

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        estimated_tokens: EstimatedTokens = "own",
    ) -> None:
        if estimated_tokens not in get_args(EstimatedTokens):
            raise ConfigurationError(
                f'estimated_tokens must be "own" or "mark"; got {estimated_tokens!r}'
            )
        self._mark_estimates = estimated_tokens == "mark"
        self._metrics = _metrics_of(registry)
        self._known: dict[str, set[str]] = {}

    def track(self, event: Event, /) -> None:
        if isinstance(event, CallEnded) and event.record.cost_status != "nested":
            self._count(event.record)

    def _count(self, record: CallRecord) -> None:
        metrics = self._metrics
        common = {
            "gen_ai_operation_name": record.operation,
            "gen_ai_provider_name": record.provider,
            "gen_ai_request_model": record.request_model,
            "gen_ai_response_model": record.response_model,
            "server_address": record.server_address,
            "server_port": record.server_port,
        }
        error = record.error
        error_type = error.type if error is not None else None
        duration = max(0.0, record.duration)
        self._of(metrics.duration, common, error_type=error_type).observe(duration)
        self._of(
            metrics.calls,
            common,
            llmtrack_outcome=record.outcome.value,
            error_kind=error.kind if error is not None else None,
        ).inc()
        if (first_chunk := record.time_to_first_chunk) is not None:
            self._of(metrics.first_chunk, common).observe(max(0.0, first_chunk))
        if (first_token := record.time_to_first_token) is not None:
            self._of(metrics.first_token, common).observe(max(0.0, first_token))
        self._count_tokens(record, common)
        if record.cost is not None:
            estimated = "true" if record.usage.is_estimated else None
            self._of(metrics.cost, common, llmtrack_usage_estimated=estimated).inc(
                max(0.0, float(record.cost.usd))
            )

    def _count_tokens(self, record: CallRecord, common: dict[str, Any]) -> None:
        usage = record.usage
        for kind, tokens, source in (
            ("input", usage.input_tokens, usage.input_source),
            ("output", usage.output_tokens, usage.output_source),
        ):
            if tokens is None:
                continue
            is_reported = source == "reported"
            labels = {
                "gen_ai_token_type": kind,
                "llmtrack_usage_estimated": None if is_reported else "true",
            }
            self._of(self._metrics.tokens, common, **labels).inc(max(0, tokens))
            if is_reported or self._mark_estimates:
                self._of(self._metrics.usage, common, **labels).observe(max(0, tokens))

    def _of(self, metric: Any, common: dict[str, Any], **labels: Any) -> Any:
        """Return the series with these labels; one without a value is empty."""
        return metric.labels(
            **{
                name: "" if value is None else self._bounded(name, str(value))
                for name, value in {**common, **labels}.items()
            }
        )

    def _bounded(self, label: str, value: str) -> str:
        known = self._known.setdefault(label, set())
        if value in known or len(known) < _VALUES_LIMIT:
            known.add(value)
            return value
        return OTHER


class _Metrics:
    """The metrics in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        from prometheus_client import Counter, Histogram

        def seconds(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(
                name, text, (*_COMMON, *labels), buckets=_SECONDS, registry=registry
            )

        def counter(name: str, text: str, labels: tuple[str, ...]) -> Counter:
            return Counter(name, text, labels, registry=registry)

        self.duration = seconds(
            "gen_ai_client_operation_duration_seconds",
            "How long calls took.",
            "error_type",
        )
        self.first_chunk = seconds(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "From the start of a call to the first chunk of its stream.",
        )
        self.first_token = seconds(
            "llmtrack_time_to_first_token_seconds",
            "From the start of a call to the first content of its stream.",
        )
        self.usage = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of calls, by type.",
            _TOKEN_LABELS,
            buckets=_TOKENS,
            registry=registry,
        )
        self.tokens = counter("llmtrack_tokens", "Tokens, by type.", _TOKEN_LABELS)
        self.calls = counter(
            "llmtrack_calls",
            "Calls, by outcome and kind of error.",
            (*_COMMON, "llmtrack_outcome", "error_kind"),
        )
        self.cost = counter(
            "llmtrack_cost",
            "What calls cost, in US dollars.",
            (*_COMMON, "llmtrack_usage_estimated"),
        )


_made: WeakKeyDictionary[CollectorRegistry, _Metrics] = WeakKeyDictionary()
_making = threading.Lock()


def _metrics_of(registry: CollectorRegistry | None) -> _Metrics:
    """Return the metrics in a registry, which can hold each name once."""
    try:
        from prometheus_client import REGISTRY
    except ImportError as exc:
        raise ConfigurationError(
            "PrometheusTracker needs prometheus_client: "
            'pip install "llmtrack-instrument[prometheus]"'
        ) from exc
    registry = REGISTRY if registry is None else registry
    with _making:
        if registry not in _made:
            try:
                _made[registry] = _Metrics(registry)
            except (ValueError, AttributeError) as exc:
                raise ConfigurationError(
                    f"cannot register metrics in {registry!r}: {exc}"
                ) from exc
        return _made[registry]
