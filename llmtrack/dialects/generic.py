"""Shapes never seen before: names and types tell what is what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView, Mapping
from functools import lru_cache
from inspect import getattr_static
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final, TypeVar

from llmtrack.dialects.openai_chat import error_in
from llmtrack.dialects.reading import NOTHING_COUNTED, Counts, Reading
from llmtrack.dialects.shapes import (
    arguments_in,
    count_in,
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

Names = KeysView[str]

_NOTHING: Final = Reading()


def _names(*names: str) -> Names:
    """
    Return names in their order, which are quickly told to be all absent.

    The keys of two dicts are compared by the shorter; with a frozenset, the names
    here would all be looked up.
    """
    return dict.fromkeys(names).keys()


_TEXT: Final = _names(
    *("delta", "text", "content", "output_text", "token", "piece", "fragment"),
    *("generated_text", "completion", "generation", "response", "answer", "reply"),
    *("message", "output", "outputText", "chunk", "data", "value", "body"),
)
_REASONING: Final = _names(
    *("reasoning_content", "reasoning", "reasoning_text", "reasoningContent"),
    *("thinking", "thought", "thoughts"),
)
_FINISH: Final = _names(
    *("finish_reason", "stop_reason", "finishReason", "stopReason", "done_reason"),
    *("completion_reason", "completionReason", "finish", "stop"),
)
_DONE: Final = _names("done", "finished", "is_finished", "is_final", "is_last", "stop")
_MODEL: Final = _names(
    "model", "model_name", "model_id", "modelVersion", "model_version"
)
_ID: Final = _names("response_id", "responseId", "id", "request_id", "message_id")
_CALLS: Final = ("tool_calls", "tool_call", "function_call", "functionCall", "toolUse")

_USAGE: Final = _names(
    *("usage", "usage_metadata", "usageMetadata", "token_usage", "tokenUsage"),
    *("tokens", "token_count", "meta", "metrics", "stats"),
)
#: Names of counts: those that are clear anywhere, and those that are so only
#: within a usage object.
_INPUT: Final = _names(
    *("input_tokens", "prompt_tokens", "inputTokens", "promptTokens"),
    *("prompt_token_count", "promptTokenCount", "input_token_count"),
    *("inputTokenCount", "inputTextTokenCount", "prompt_eval_count", "tokens_in"),
)
_OUTPUT: Final = _names(
    *("output_tokens", "completion_tokens", "outputTokens", "completionTokens"),
    *("output_token_count", "outputTokenCount", "generation_token_count"),
    *("candidates_token_count", "candidatesTokenCount", "eval_count"),
    *("generated_tokens", "tokens_out"),
)
_LOOSE_INPUT: Final = _names(*_INPUT, "input", "prompt")
_LOOSE_OUTPUT: Final = _names(*_OUTPUT, "output", "completion", "generated")
_TOTAL: Final = _names(
    "total_tokens", "totalTokens", "total_token_count", "totalTokenCount"
)
_CACHED: Final = _names(
    "cached_tokens", "cache_read_input_tokens", "cacheReadInputTokens"
)
_THOUGHT: Final = _names("reasoning_tokens", "thinking_tokens", "thoughts_token_count")
_COUNTS: Final = _names(*_LOOSE_INPUT, *_LOOSE_OUTPUT, *_TOTAL, *_CACHED, *_THOUGHT)

#: What an answer may be wrapped in.
_WRAPPERS: Final = _names(
    *("choices", "candidates", "outputs", "results", "generations", "choice"),
    *("delta", "message", "chunk", "event", "data", "content", "parts", "part"),
    *("output", "response", "result", "answer", "generation", "completion"),
    *("block", "item", "payload", "body", "token"),
)
_NAMES: Final = _names(
    *(*_TEXT, *_REASONING, *_FINISH, *_DONE, *_MODEL, *_ID, *_CALLS, *_WRAPPERS),
    *(*_USAGE, *_LOOSE_INPUT, *_LOOSE_OUTPUT, *_TOTAL, *_CACHED, *_THOUGHT),
    *("error", "name", "arguments", "function"),
)
#: The types of most fields, which hold nothing.
_SIMPLE: Final = frozenset((str, int, float, bool, type(None)))
#: How many values are looked at in one chunk, and how deep.
_VALUES_LIMIT: Final = 40
_DEPTH_LIMIT: Final = 5


#: The fields of a value that mean something here.
Known = Mapping[str, Any]
#: Adds something to a reading that a value says.
Look = Callable[[Reading, Known], None]


def recognises(value: Any, /) -> bool:
    """Whether anything like text, usage or an ending is found in the value."""
    for known in _nodes(value):
        reading = Reading()
        for look in _looks(frozenset(known)):
            look(reading, known)
            if reading != _NOTHING:
                return True
    return False


def read(value: Any, /) -> Reading:
    """Return what a value of any shape seems to say."""
    reading = Reading()
    for known in _nodes(value):
        for look in _looks(frozenset(known)):
            look(reading, known)
    return reading


def _look_for_text(reading: Reading, known: Known) -> None:
    reading.text = reading.text or _first(known, _TEXT, text_in)


def _look_for_reasoning(reading: Reading, known: Known) -> None:
    reading.reasoning = reading.reasoning or _first(known, _REASONING, text_in)


def _look_for_ending(reading: Reading, known: Known) -> None:
    reading.finish_reason = reading.finish_reason or _first(known, _FINISH, word_in)
    reading.terminated |= _first(known, _DONE, _true) is True


def _look_for_origin(reading: Reading, known: Known) -> None:
    reading.response_id = reading.response_id or _first(known, _ID, text_in)
    reading.response_model = reading.response_model or _first(known, _MODEL, text_in)


def _look_for_counts(reading: Reading, known: Known) -> None:
    reading.counts = reading.counts or _counts_near(known)


def _look_for_error(reading: Reading, known: Known) -> None:
    reading.error = reading.error or error_in(known.get("error"))


def _look_for_calls(reading: Reading, known: Known) -> None:
    for called, arguments in _calls_in(known):
        reading.tool_calls += (called,)
        reading.tool_text = (reading.tool_text or "") + arguments or None


#: What is looked for, and the names of which one is needed for it.
_LOOKS: Final[tuple[tuple[Look, frozenset[str]], ...]] = (
    (_look_for_text, frozenset(_TEXT)),
    (_look_for_reasoning, frozenset(_REASONING)),
    (_look_for_ending, frozenset((*_FINISH, *_DONE))),
    (_look_for_origin, frozenset((*_ID, *_MODEL))),
    (
        _look_for_counts,
        frozenset((*_USAGE, *_INPUT, *_OUTPUT, *_TOTAL, *_CACHED, *_THOUGHT)),
    ),
    (_look_for_error, frozenset(("error",))),
    (_look_for_calls, frozenset(_CALLS)),
)


@lru_cache(maxsize=256)
def _looks(names: frozenset[str]) -> tuple[Look, ...]:
    """Return what to look for in a value that has these names."""
    return tuple(look for look, needed in _LOOKS if not needed.isdisjoint(names))


def _nodes(value: Any) -> Iterator[Known]:
    """Yield what is known of a value and of what it wraps, the outermost first."""
    level = [value]
    left = _VALUES_LIMIT
    for _ in range(_DEPTH_LIMIT):
        below: list[Any] = []
        for node in level[:left]:
            known = _known(node)
            if not known:
                continue
            yield known
            for wrapper in () if _WRAPPERS.isdisjoint(known.keys()) else _WRAPPERS:
                inner = known.get(wrapper)
                if inner is None:
                    continue
                if isinstance(inner, list | tuple):
                    # Of several choices the first is the answer.
                    inner = inner[0] if inner else None
                if _is_composite(inner):
                    below.append(inner)
        if not below:
            return
        left -= len(level)
        level = below


def _known(value: Any) -> Known:
    """Return a value's fields without asking descriptors of strange classes."""
    if isinstance(value, dict):
        names: Any = value.keys() & _NAMES
        return {each: value[each] for each in names if value[each] is not None}
    stored = getattr(value, "__dict__", {})
    extra = getattr(value, "__pydantic_extra__", None)
    if extra:
        stored = {**stored, **extra}
    cls: Any = type(value)
    found = {each: stored[each] for each in stored.keys() & _NAMES}
    for each in _computed(cls):
        found.setdefault(each, getattr(value, each, None))
    return {each: known for each, known in found.items() if known is not None}


@lru_cache(maxsize=256)
def _computed(cls: Any) -> tuple[str, ...]:
    """
    Return the names that a class computes by a plain property or slot.

    Other descriptors are left alone: an object-relational mapper's ask the
    database. Classes that are not written in Python have no other way.
    """
    plain = (property, MemberDescriptorType, GetSetDescriptorType)
    found = ((each, getattr_static(cls, each, None)) for each in _NAMES)
    return tuple(each for each, member in found if isinstance(member, plain))


def _is_composite(value: Any) -> bool:
    if type(value) in _SIMPLE:
        return False
    return isinstance(value, Mapping) or (
        hasattr(value, "__dict__") or hasattr(value, "__slots__")
    )


def _first(known: Known, names: Names, take: Callable[[Any], T]) -> T | None:
    """Return the first of some fields that holds what is looked for."""
    if names.isdisjoint(known.keys()):
        return None
    for each in names:
        if each in known and (value := take(known[each])) is not None:
            return value
    return None


def _true(value: Any) -> bool | None:
    return True if value is True else None


def _counts_near(known: Known) -> Counts | None:
    """Return the counts of a usage-like field, or those lying about."""
    for each in () if _USAGE.isdisjoint(known.keys()) else _USAGE:
        found = known.get(each)
        if found is None or not _is_composite(found):
            continue
        usage = _known(found)
        for inner in (usage, _known(usage.get("tokens"))):
            counts = _counts(inner, _LOOSE_INPUT, _LOOSE_OUTPUT)
            if counts is not None:
                return counts
    return _counts(known, _INPUT, _OUTPUT)


def _counts(known: Known, inputs: Names, outputs: Names) -> Counts | None:
    if _COUNTS.isdisjoint(known.keys()):
        return None
    counts = Counts(
        input=_first(known, inputs, count_in),
        output=_first(known, outputs, count_in),
        total=_first(known, _TOTAL, count_in),
        cache_read=_first(known, _CACHED, count_in),
        reasoning=_first(known, _THOUGHT, count_in),
    )
    return None if counts == NOTHING_COUNTED else counts


def _calls_in(known: Known) -> Iterator[tuple[str, str]]:
    for each in _CALLS:
        found = known.get(each)
        if found is None:
            continue
        for call in items(found) or ((found,) if _is_composite(found) else ()):
            outer = _known(call)
            inner = _known(outer.get("function"))
            called = text_in(outer.get("name")) or text_in(inner.get("name"))
            if called:
                given = (outer.get("arguments"), inner.get("arguments"))
                yield called, next(filter(None, map(arguments_in, given)), "")
