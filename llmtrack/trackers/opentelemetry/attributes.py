"""A call in the words of OpenTelemetry's conventions, and of our own beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from llmtrack.record import CallInfo, CallRecord, Outcome, TokenUsage
from llmtrack.trackers.opentelemetry.request import of_request

Attributes = dict[str, Any]

#: Marks what no provider reported, on spans and on points of metrics.
ESTIMATED: Final = "llmtrack.usage.estimated"
#: Stands for a provider that nobody knows, where the conventions require one.
_UNKNOWN: Final = "unknown"
#: Sources of counts that llmtrack made itself.
_COUNTED: Final = ("tokenizer", "estimate")
#: The range of OTLP's integers; one beyond would cost the whole batch.
_INTEGERS: Final = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Conventions:
    """
    How a call is told.

    Attributes:
        latest: Whether by the unreleased text of the conventions, or by 1.41.
        mark_estimates: Whether estimates are told under the names of what
            providers report, marked.
        content: Whether prompts and answers are told, where the record has them.
    """

    latest: bool = False
    mark_estimates: bool = False
    content: bool = False

    def of_start(self, call: CallInfo) -> Attributes:
        """Return what a sampler sees: what is known when the span starts."""
        return clean(
            {
                "gen_ai.operation.name": call.operation,
                "gen_ai.provider.name": call.provider,
                "gen_ai.request.model": call.request_model,
                "server.address": call.server_address,
                "server.port": call.server_port,
                "llmtrack.call_id": call.call_id,
                "llmtrack.parent_id": call.parent_id,
                "llmtrack.name": call.name,
            }
        )

    def of_end(self, record: CallRecord) -> Attributes:
        """Return everything that the span says in the end."""
        told = {
            **self.of_start(record),
            "gen_ai.provider.name": record.provider or _UNKNOWN,
            **of_request(record.request_parameters, latest=self.latest),
            # If and only if it is one.
            "gen_ai.request.stream": record.stream or None,
            "gen_ai.response.id": record.response_id,
            "gen_ai.response.model": record.response_model,
            "gen_ai.response.finish_reasons": self._finish_reasons(record),
            "gen_ai.response.time_to_first_chunk": record.time_to_first_chunk,
            "error.type": error_type(record),
            **self._of_usage(record.usage),
            **_of_outcome(record),
            **_of_cost(record),
        }
        if self.content:
            told.update(_of_content(record))
        return clean(told)

    def of_metrics(self, record: CallRecord) -> Attributes:
        """Return what all metrics of a call have in common: few different values."""
        return clean(
            {
                "gen_ai.operation.name": record.operation,
                "gen_ai.provider.name": record.provider or _UNKNOWN,
                "gen_ai.request.model": record.request_model,
                "gen_ai.response.model": record.response_model,
                "server.address": record.server_address,
                "server.port": record.server_port,
            }
        )

    def told_usage(self, usage: TokenUsage) -> TokenUsage:
        """Return the usage as a provider's, without what may not pass for that."""
        if self.mark_estimates:
            return usage
        if usage.input_source in _COUNTED:
            usage = replace(usage, input_tokens=None, input_source="unknown")
        if usage.output_source in _COUNTED:
            usage = replace(usage, output_tokens=None, output_source="unknown")
        return usage

    def _finish_reasons(self, record: CallRecord) -> list[str] | None:
        if record.finish_reason is not None:
            return [record.finish_reason]
        broke_off = record.chunks > 0 and record.outcome is not Outcome.SUCCESS
        return ["error"] if self.latest and broke_off else None

    def _of_usage(self, usage: TokenUsage) -> Attributes:
        told = self.told_usage(usage)
        # Langfuse would count one twice if both names were there.
        cache_write = "cache_write" if self.latest else "cache_creation"
        is_marked = self.mark_estimates and usage.is_estimated
        has_input, has_output = (
            usage.input_tokens is not None,
            usage.output_tokens is not None,
        )
        return {
            "gen_ai.usage.input_tokens": told.input_tokens,
            "gen_ai.usage.output_tokens": told.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": told.cache_read_tokens,
            f"gen_ai.usage.{cache_write}.input_tokens": told.cache_write_tokens,
            "gen_ai.usage.reasoning.output_tokens": told.reasoning_tokens,
            ESTIMATED: True if is_marked else None,
            "llmtrack.usage.input_tokens": usage.input_tokens,
            "llmtrack.usage.input_source": usage.input_source if has_input else None,
            "llmtrack.usage.output_tokens": usage.output_tokens,
            "llmtrack.usage.output_source": usage.output_source if has_output else None,
            "llmtrack.usage.confidence": usage.confidence,
            "llmtrack.usage.is_lower_bound": usage.is_lower_bound or None,
        }


def of_metadata(metadata: Mapping[str, Any]) -> Attributes:
    """Return the user's keys, and what of them has a name in the conventions."""
    return clean(
        {
            **{f"llmtrack.metadata.{name}": each for name, each in metadata.items()},
            # A session may hold many conversations, so it does not stand for one.
            "gen_ai.conversation.id": metadata.get("conversation_id"),
            "session.id": metadata.get("session_id"),
            "user.id": metadata.get("user_id"),
        }
    )


def name_of(call: CallInfo) -> str:
    """Return the name of the call's span."""
    name = f"{call.operation} {call.request_model or ''}".rstrip()
    return _encodable(name)


def error_type(record: CallRecord) -> str | None:
    """Return what kind of error it was; None for a call that did not fail."""
    if record.outcome is not Outcome.ERROR:
        return None
    return record.error.type if record.error else "_OTHER"


def sides(usage: TokenUsage) -> tuple[tuple[int | None, bool], ...]:
    """Return the count of input and output, each with whether it is an estimate."""
    return (
        (usage.input_tokens, usage.input_source in _COUNTED),
        (usage.output_tokens, usage.output_source in _COUNTED),
    )


def clean(attributes: Mapping[str, Any]) -> Attributes:
    """Return the attributes as OTLP can carry them, without those that are None."""
    return {
        _encodable(name): _plain(value)
        for name, value in attributes.items()
        if value is not None
    }


def _of_outcome(record: CallRecord) -> Attributes:
    error = record.error
    return {
        "llmtrack.outcome": record.outcome.value,
        "llmtrack.complete": record.complete,
        "llmtrack.dialect": record.dialect,
        "llmtrack.chunks": record.chunks if record.stream else None,
        "llmtrack.time_to_first_token": record.time_to_first_token,
        "llmtrack.provider_time": record.provider_time,
        "llmtrack.consumer_time": record.consumer_time,
        "llmtrack.longest_wait": record.longest_wait,
        "llmtrack.error.kind": error.kind if error else None,
        "llmtrack.error.status_code": error.status_code if error else None,
        "llmtrack.error.retryable": error.retryable if error else None,
    }


def _of_cost(record: CallRecord) -> Attributes:
    cost = record.cost
    return {
        "llmtrack.cost.usd": cost.usd if cost else None,
        "llmtrack.cost.source": cost.source if cost else None,
        "llmtrack.cost.version": cost.version if cost else None,
        "llmtrack.cost.complete": cost.complete if cost else None,
        "llmtrack.cost.status": record.cost_status,
    }


def _of_content(record: CallRecord) -> Attributes:
    """Return prompt and answer as messages; a record keeps the prompt as one text."""
    parts: list[dict[str, str]] = []
    if record.reasoning_text:
        parts.append({"type": "reasoning", "content": record.reasoning_text})
    if record.output_text:
        parts.append({"type": "text", "content": record.output_text})
    answer = {
        "role": "assistant",
        "parts": parts,
        "finish_reason": record.finish_reason or "error",
    }
    asked = [{"type": "text", "content": record.input_text}]
    return {
        "gen_ai.input.messages": None
        if record.input_text is None
        else json.dumps([{"role": "user", "parts": asked}]),
        "gen_ai.output.messages": json.dumps([answer]) if parts else None,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if value in _INTEGERS else str(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return [_encodable(each) for each in value]
    try:
        return json.dumps(value, default=str)
    except (TypeError, ValueError):
        # Keys that are no text, or a circle.
        return _encodable(str(value))


def _encodable(text: str) -> str:
    """Return a text without the lone surrogates that protobuf refuses."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
