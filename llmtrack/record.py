"""What is known of a call: while it runs, and when it is over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from llmtrack.exportable import Exportable

ContentKind = Literal["text", "reasoning", "tool_call"]
TokenSource = Literal["reported", "tokenizer", "estimate", "unknown"]
CostStatus = Literal[
    "priced", "unknown_model", "unpriced_unit", "no_prices", "no_usage", "nested"
]
ErrorKind = Literal[
    "rate_limit",
    "overloaded",
    "timeout",
    "network",
    "auth",
    "permission",
    "not_found",
    "invalid_request",
    "context_length",
    "content_filter",
    "server",
    "incomplete",
    "cancelled",
    "unknown",
]


class Outcome(StrEnum):
    """
    How a call ended.

    Attributes:
        SUCCESS: The function returned, the stream ended by itself, or the
            consumer left after the finish reason had arrived.
        ERROR: An exception, an error inside the stream, or a stream that
            stopped without its terminator.
        CANCELLED: `CancelledError`, `KeyboardInterrupt` or `SystemExit`.
        ABANDONED: The consumer left early: break, close, drop, never read,
            or the process ended.
    """

    SUCCESS = "success"
    ERROR = "error"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class TokenUsage(Exportable):
    """
    The tokens of one call, normalised over all providers.

    Attributes:
        input_tokens: Prompt tokens, cache reads and writes included; None
            where unknown.
        output_tokens: Generated tokens, reasoning included; None where unknown.
        total_tokens: The provider's own total, else input plus output; None
            where either is unknown.
        cache_read_tokens: Part of the input that was read from a cache.
        cache_write_tokens: Part of the input that was written to a cache.
        reasoning_tokens: Part of the output that was reasoning.
        input_source: Where `input_tokens` comes from.
        output_source: Where `output_tokens` comes from.
        confidence: 0 to 1, of the worse side; None where nothing is known.
        is_lower_bound: Whether the true numbers may be higher.
        uncounted: What could not be counted, such as `"image"` or `"tools"`.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_source: TokenSource = "unknown"
    output_source: TokenSource = "unknown"
    confidence: float | None = None
    is_lower_bound: bool = False
    uncounted: tuple[str, ...] = ()

    @property
    def is_estimated(self) -> bool:
        """Whether either side was counted or estimated, not reported."""
        counted = ("tokenizer", "estimate")
        return self.input_source in counted or self.output_source in counted

    def to_dict(self) -> dict[str, Any]:
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "total_tokens": self.total_tokens,
            "cache_read_tokens": self.cache_read_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            "input_source": self.input_source,
            "output_source": self.output_source,
            "is_estimated": self.is_estimated,
            "confidence": self.confidence,
            "is_lower_bound": self.is_lower_bound,
            "uncounted": list(self.uncounted),
        }


@dataclass(frozen=True, slots=True)
class Cost(Exportable):
    """
    What a call cost.

    Attributes:
        usd: US dollars.
        complete: False where the stream was left early, so that only what
            arrived is priced.
        source: `"user"`, or the name of the price list.
        version: The version of the price list.
    """

    usd: Decimal
    complete: bool
    source: str
    version: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "cost_usd": float(self.usd),
            "cost_complete": self.complete,
            "pricing_source": self.source,
            "pricing_version": self.version,
        }


@dataclass(frozen=True, slots=True)
class ErrorInfo(Exportable):
    """
    What went wrong, without the exception itself.

    The exception object is on `CallEnded.exception` only: its traceback holds
    frames and through them the stream.

    Attributes:
        type: `module.QualName` of the exception, or the provider's own code
            for an error that arrived inside the stream.
        message: The exception's text.
        kind: What to do about it, the same words for every client.
        status_code: HTTP status, or None.
        retryable: Whether the same request may succeed later.
        retry_after: Seconds that the provider asked to wait, or None.
    """

    type: str
    message: str
    kind: ErrorKind = "unknown"
    status_code: int | None = None
    retryable: bool = False
    retry_after: float | None = None

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type

    def to_dict(self) -> dict[str, Any]:
        return {
            "error": str(self),
            "error_type": self.type,
            "error_kind": self.kind,
            "status_code": self.status_code,
            "retryable": self.retryable,
            "retry_after_seconds": self.retry_after,
        }


_NO_COST: dict[str, Any] = dict.fromkeys(
    ("cost_usd", "cost_complete", "pricing_source", "pricing_version")
)
_NO_ERROR: dict[str, Any] = dict.fromkeys(
    (
        "error",
        "error_type",
        "error_kind",
        "status_code",
        "retryable",
        "retry_after_seconds",
    )
)


@dataclass(frozen=True, slots=True)
class CallInfo(Exportable):
    """
    What is known of a call while it runs.

    Attributes:
        call_id: Unique to this call.
        parent_id: The `call_id` of the call inside which this one started, or
            None.
        name: The function's name, or what the user chose.
        operation: OpenTelemetry's `gen_ai.operation.name`: `chat`,
            `text_completion`, `generate_content`, `embeddings`, ...
        provider: OpenTelemetry's `gen_ai.provider.name`, or None.
        dialect: How chunks are read, such as `openai.chat`; None until the
            first chunk or response was recognised.
        request_model: The model that was asked for, or None.
        server_address: Host name, or None.
        server_port: Port, or None.
        stream: Whether the answer comes in chunks; None until known.
        started_at: When the call started (aware, UTC).
        metadata: The user's own keys.
        request_parameters: How to answer, in the client's own words:
            `temperature`, `max_tokens`, ...; empty where none were seen.
    """

    call_id: str
    parent_id: str | None
    name: str
    operation: str
    provider: str | None
    dialect: str | None
    request_model: str | None
    server_address: str | None
    server_port: int | None
    stream: bool | None
    started_at: datetime
    metadata: Mapping[str, Any]
    request_parameters: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    def to_dict(self) -> dict[str, Any]:
        return {
            "call_id": self.call_id,
            "parent_id": self.parent_id,
            "name": self.name,
            "operation": self.operation,
            "provider": self.provider,
            "dialect": self.dialect,
            "request_model": self.request_model,
            "server_address": self.server_address,
            "server_port": self.server_port,
            "stream": self.stream,
            "started_at": self.started_at.isoformat(),
            "metadata": dict(self.metadata),
            "request_parameters": dict(self.request_parameters),
        }


@dataclass(frozen=True, slots=True)
class CallRecord(CallInfo):
    """
    A finished call.

    Times are seconds on a monotonic clock. Unknown is None, never 0.

    Attributes:
        duration: From the start to the end.
        outcome: How it ended.
        complete: Whether the whole answer arrived.
        response_model: The model that answered, or None.
        response_id: The provider's id of the answer, or None.
        time_to_first_chunk: Until the first chunk of any kind; None for a
            plain response and where none arrived.
        time_to_first_token: Until the first generated content of any kind:
            text, reasoning or a tool-call fragment.
        time_to_first_text: Until the first text.
        provider_time: Spent waiting for the provider; None with
            `chunk_timing=False`.
        consumer_time: Spent in the consumer between steps; likewise.
        longest_wait: The longest single wait for a chunk; likewise.
        chunks: How many chunks the consumer got.
        finish_reason: The provider's own word, or None.
        error: What went wrong, or None.
        usage: The tokens.
        cost: What it cost, or None: `cost_status` says why.
        cost_status: Whether there is a price, and if not, why.
        tool_calls: Names of the tools that the model called, in order.
        input_text: With `capture_content` only.
        output_text: The text of choice 0, with `capture_content` only.
        reasoning_text: With `capture_content` only.
    """

    duration: float
    outcome: Outcome
    complete: bool
    response_model: str | None = None
    response_id: str | None = None
    time_to_first_chunk: float | None = None
    time_to_first_token: float | None = None
    time_to_first_text: float | None = None
    provider_time: float | None = None
    consumer_time: float | None = None
    longest_wait: float | None = None
    chunks: int = 0
    finish_reason: str | None = None
    error: ErrorInfo | None = None
    usage: TokenUsage = TokenUsage()
    cost: Cost | None = None
    cost_status: CostStatus = "no_usage"
    tool_calls: tuple[str, ...] = ()
    input_text: str | None = None
    output_text: str | None = None
    reasoning_text: str | None = None

    @property
    def model(self) -> str | None:
        """The most exact model name known, or None."""
        return self.response_model or self.request_model

    @property
    def tokens_per_second(self) -> float | None:
        """
        How fast the answer was written once it had begun.

        Output tokens per second between the first token and the end; None
        where the call was no stream or its output tokens are unknown.
        """
        if self.time_to_first_token is None or self.usage.output_tokens is None:
            return None
        writing = self.duration - self.time_to_first_token
        return self.usage.output_tokens / writing if writing > 0 else None

    def json(self) -> Any:
        """
        Return the captured answer, parsed as JSON.

        Raises:
            ValueError: The content was not captured, or is not JSON.
        """
        if self.output_text is None:
            raise ValueError(
                "the answer was not captured; track the call with capture_content=True"
            )
        return json.loads(self.output_text)

    def to_dict(self) -> dict[str, Any]:
        """
        Return the record as one flat dict of plain JSON types.

        Beside the record's own names it has `model`, `prompt_tokens`,
        `completion_tokens` and `timestamp`, which comparable systems use.
        """
        usage = self.usage.to_dict()
        return {
            # A zero-argument super() does not survive the copy of the class
            # that dataclass(slots=True) makes on CPython before 3.14.
            **CallInfo.to_dict(self),
            "timestamp": self.started_at.isoformat(),
            "duration_seconds": self.duration,
            "outcome": self.outcome.value,
            "complete": self.complete,
            "model": self.model,
            "response_model": self.response_model,
            "response_id": self.response_id,
            "time_to_first_chunk_seconds": self.time_to_first_chunk,
            "time_to_first_token_seconds": self.time_to_first_token,
            "time_to_first_text_seconds": self.time_to_first_text,
            "provider_time_seconds": self.provider_time,
            "consumer_time_seconds": self.consumer_time,
            "longest_wait_seconds": self.longest_wait,
            "tokens_per_second": self.tokens_per_second,
            "chunks": self.chunks,
            "finish_reason": self.finish_reason,
            **(self.error.to_dict() if self.error else _NO_ERROR),
            **usage,
            "prompt_tokens": usage["input_tokens"],
            "completion_tokens": usage["output_tokens"],
            **(self.cost.to_dict() if self.cost else _NO_COST),
            "cost_status": self.cost_status,
            "tool_calls": list(self.tool_calls),
            "input_text": self.input_text,
            "output_text": self.output_text,
            "reasoning_text": self.reasoning_text,
        }
