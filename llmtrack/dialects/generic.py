"""Shapes never seen before: names and types tell what is what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from inspect import getattr_static
from types import MemberDescriptorType
from typing import Any, Final, TypeVar

from llmtrack.dialects.openai_chat import error_in
from llmtrack.dialects.reading import Counts, Reading
from llmtrack.dialects.shapes import (
    Fields,
    arguments_in,
    count_in,
    fields,
    items,
    text_in,
    word_in,
)

T = TypeVar("T")

name = "generic"
operation = "chat"
provider: str | None = None
# Nothing is known of how such a stream ends.
has_terminator = False
# No path can be known for the fast way.
quick = None

_TEXT: Final = (
    *("delta", "text", "content", "output_text", "token", "piece", "fragment"),
    *("generated_text", "completion", "generation", "response", "answer", "reply"),
    *("message", "output", "outputText", "chunk", "data", "value", "body"),
)
_REASONING: Final = (
    *("reasoning_content", "reasoning", "reasoning_text", "reasoningContent"),
    *("thinking", "thought", "thoughts"),
)
_FINISH: Final = (
    *("finish_reason", "stop_reason", "finishReason", "stopReason", "done_reason"),
    *("completion_reason", "completionReason", "finish", "stop"),
)
_DONE: Final = ("done", "finished", "is_finished", "is_final", "is_last", "stop")
_MODEL: Final = ("model", "model_name", "model_id", "modelVersion", "model_version")
_ID: Final = ("response_id", "responseId", "id", "request_id", "message_id")
_CALLS: Final = ("tool_calls", "tool_call", "function_call", "functionCall", "toolUse")

_USAGE: Final = (
    *("usage", "usage_metadata", "usageMetadata", "token_usage", "tokenUsage"),
    *("tokens", "token_count", "meta", "metrics", "stats"),
)
#: Names of counts: those that are clear anywhere, and those that are so only
#: within a usage object.
_INPUT: Final = (
    *("input_tokens", "prompt_tokens", "inputTokens", "promptTokens"),
    *("prompt_token_count", "promptTokenCount", "input_token_count"),
    *("inputTokenCount", "inputTextTokenCount", "prompt_eval_count", "tokens_in"),
)
_OUTPUT: Final = (
    *("output_tokens", "completion_tokens", "outputTokens", "completionTokens"),
    *("output_token_count", "outputTokenCount", "generation_token_count"),
    *("candidates_token_count", "candidatesTokenCount", "eval_count"),
    *("generated_tokens", "tokens_out"),
)
_LOOSE_INPUT: Final = (*_INPUT, "input", "prompt")
_LOOSE_OUTPUT: Final = (*_OUTPUT, "output", "completion", "generated")
_TOTAL: Final = ("total_tokens", "totalTokens", "total_token_count", "totalTokenCount")
_CACHED: Final = ("cached_tokens", "cache_read_input_tokens", "cacheReadInputTokens")
_THOUGHT: Final = ("reasoning_tokens", "thinking_tokens", "thoughts_token_count")

#: What an answer may be wrapped in.
_WRAPPERS: Final = (
    *("choices", "candidates", "outputs", "results", "generations", "choice"),
    *("delta", "message", "chunk", "event", "data", "content", "parts", "part"),
    *("output", "response", "result", "answer", "generation", "completion"),
    *("block", "item", "payload", "body", "token"),
)
_NAMES: Final = frozenset(
    (
        *(*_TEXT, *_REASONING, *_FINISH, *_DONE, *_MODEL, *_ID, *_CALLS, *_WRAPPERS),
        *(*_USAGE, *_LOOSE_INPUT, *_LOOSE_OUTPUT, *_TOTAL, *_CACHED, *_THOUGHT),
        *("error", "name", "arguments", "function"),
    )
)
#: How many values are looked at in one chunk, and how deep.
_VALUES_LIMIT: Final = 40
_DEPTH_LIMIT: Final = 5


def recognises(value: Any, /) -> bool:
    """Whether anything like text, usage or an ending is found in the value."""
    return read(value) != Reading()


def read(value: Any, /) -> Reading:
    """Return what a value of any shape seems to say."""
    reading = Reading()
    for field in _nodes(value):
        reading.text = reading.text or _first(field, _TEXT, text_in)
        reading.reasoning = reading.reasoning or _first(field, _REASONING, text_in)
        reading.finish_reason = reading.finish_reason or _first(field, _FINISH, word_in)
        reading.terminated |= any(field(flag) is True for flag in _DONE)
        reading.response_id = reading.response_id or _first(field, _ID, text_in)
        reading.response_model = reading.response_model or _first(
            field, _MODEL, text_in
        )
        reading.counts = reading.counts or _counts_near(field)
        reading.error = reading.error or error_in(field("error"))
        for called, arguments in _calls_in(field):
            reading.tool_calls += (called,)
            reading.tool_text = (reading.tool_text or "") + arguments or None
    return reading


def _nodes(value: Any) -> Iterator[Fields]:
    """Yield the fields of a value and of what it wraps, the outermost first."""
    level = [value]
    left = _VALUES_LIMIT
    for _ in range(_DEPTH_LIMIT):
        below: list[Any] = []
        for node in level[:left]:
            field = _fields(node)
            yield field
            for wrapper in _WRAPPERS:
                inner = field(wrapper)
                if isinstance(inner, list | tuple):
                    # Of several choices the first is the answer.
                    below += inner[:1]
                elif _is_composite(inner):
                    below.append(inner)
        left -= len(level)
        level = [node for node in below if _is_composite(node)]


def _fields(value: Any) -> Fields:
    """Look a value's fields up without asking descriptors of strange classes."""
    if isinstance(value, dict) or not hasattr(value, "__dict__"):
        return fields(value)
    if hasattr(value, "__pydantic_extra__"):
        return fields(value)
    cls: Any = type(value)
    computed = {each: getattr(value, each) for each in _computed(cls)}
    return {**computed, **value.__dict__}.get


@lru_cache(maxsize=256)
def _computed(cls: Any) -> tuple[str, ...]:
    """
    Return the names that a class computes by a plain property or slot.

    Other descriptors are left alone: an object-relational mapper's ask the
    database.
    """
    plain = (property, MemberDescriptorType)
    found = ((each, getattr_static(cls, each, None)) for each in _NAMES)
    return tuple(each for each, member in found if isinstance(member, plain))


def _is_composite(value: Any) -> bool:
    return isinstance(value, Mapping) or hasattr(value, "__dict__")


def _first(field: Fields, names: tuple[str, ...], take: Callable[[Any], T]) -> T | None:
    """Return the first of some fields that holds what is looked for."""
    found = (take(field(each)) for each in names)
    return next((value for value in found if value is not None), None)


def _counts_near(field: Fields) -> Counts | None:
    """Return the counts of a usage-like field, or those lying about."""
    for each in _USAGE:
        usage = _fields(field(each))
        for inner in (usage, _fields(usage("tokens"))):
            counts = _counts(inner, _LOOSE_INPUT, _LOOSE_OUTPUT)
            if counts is not None:
                return counts
    return _counts(field, _INPUT, _OUTPUT)


def _counts(
    field: Fields, inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> Counts | None:
    counts = Counts(
        input=_first(field, inputs, count_in),
        output=_first(field, outputs, count_in),
        total=_first(field, _TOTAL, count_in),
        cache_read=_first(field, _CACHED, count_in),
        reasoning=_first(field, _THOUGHT, count_in),
    )
    return None if counts == Counts() else counts


def _calls_in(field: Fields) -> Iterator[tuple[str, str]]:
    for each in _CALLS:
        found = field(each)
        for call in items(found) or ((found,) if _is_composite(found) else ()):
            outer = _fields(call)
            inner = _fields(outer("function"))
            called = text_in(outer("name")) or text_in(inner("name"))
            if called:
                given = (outer("arguments"), inner("arguments"), outer("input"))
                yield called, next(filter(None, map(arguments_in, given)), "")
