"""LangChain's messages, of a model that says who made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmtrack.dialects.reading import Counts, Quick, Reading
from llmtrack.dialects.shapes import (
    Fields,
    arguments_in,
    class_names,
    count_in,
    fields,
    items,
    joined,
    origins,
    quick_by,
    text_in,
    word_in,
)

name = "langchain.messages"
operation = "chat"
provider: str | None = None
has_terminator = True

_REASONING: Final = frozenset(("thinking", "reasoning", "reasoning_content"))
#: LangChain's own ids, which it makes where the provider's is not at hand.
_RUN_IDS: Final = ("lc_run-", "run-")


def recognises(value: Any, /) -> bool:
    """Whether the value is such a message, or a part of one."""
    return is_message(value) and _says_who(value)


def is_message(value: Any, /) -> bool:
    """Whether the value is a model's message, alone or with its metadata."""
    # LangGraph's streams have pairs of a message and its metadata.
    if isinstance(value, tuple) and len(value) == 2:
        value = value[0]
    if "langchain_core" not in origins(value):
        return False
    return "AIMessage" in class_names(value)


def _says_who(value: Any) -> bool:
    message = value[0] if isinstance(value, tuple) else value
    metadata = fields(fields(message)("response_metadata"))
    return any(metadata(key) for key in ("model_provider", "model_name", "model", "id"))


def read(value: Any, /) -> Reading:
    """Return what a message, or a part of one, says."""
    field = fields(value[0] if isinstance(value, tuple) else value)
    extra = fields(field("additional_kwargs"))
    metadata = fields(field("response_metadata"))
    reading = _read_content(field("content"))
    refusal = text_in(extra("refusal"))
    reading.text = joined((reading.text, refusal))
    reading.reasoning = reading.reasoning or text_in(extra("reasoning_content"))
    _add_calls(reading, field)
    reading.finish_reason = next(
        filter(None, (word_in(metadata(each)) for each in _FINISH)), None
    )
    reading.response_model = text_in(metadata("model_name")) or text_in(
        metadata("model")
    )
    own_id = text_in(field("id"))
    if own_id is not None and own_id.startswith(_RUN_IDS):
        own_id = None
    reading.response_id = text_in(metadata("id")) or own_id
    reading.counts = _counts_in(field("usage_metadata"))
    return reading


_FINISH: Final = ("finish_reason", "stop_reason", "stopReason", "done_reason", "status")


def _read_content(content: Any) -> Reading:
    """Read a content that switches between a string and a list of blocks."""
    if content is None or isinstance(content, str):
        return Reading(text=content or None)
    texts: list[str | None] = []
    thoughts: list[str | None] = []
    for block in items(content):
        if isinstance(block, str):
            texts.append(block)
            continue
        field = fields(block)
        if field("type") in _REASONING:
            thoughts += _thoughts_in(field)
        else:
            texts += (text_in(field("text")), text_in(field("refusal")))
    return Reading(text=joined(texts), reasoning=joined(thoughts))


def _thoughts_in(block: Fields) -> list[str | None]:
    inner = fields(block("reasoning_content"))
    summary = [text_in(fields(part)("text")) for part in items(block("summary"))]
    return [
        text_in(block("thinking")),
        text_in(block("reasoning")),
        text_in(inner("text")),
        *summary,
    ]


def _add_calls(reading: Reading, message: Fields) -> None:
    # In a part of a message the calls are in pieces; `tool_calls` then holds
    # what can be made of one piece alone.
    pieces = items(message("tool_call_chunks"))
    calls = pieces or items(message("tool_calls"))
    names = [text_in(fields(call)("name")) for call in calls]
    reading.tool_calls = tuple(called for called in names if called)
    reading.tool_text = joined([arguments_in(fields(call)("args")) for call in calls])


def _counts_in(usage: Any) -> Counts | None:
    """Read the counts, which add up over the parts of a message."""
    if not isinstance(usage, Mapping):
        return None
    into = fields(usage.get("input_token_details"))
    out = fields(usage.get("output_token_details"))
    return Counts(
        input=count_in(usage.get("input_tokens")),
        output=count_in(usage.get("output_tokens")),
        total=count_in(usage.get("total_tokens")),
        cache_read=count_in(into("cache_read")),
        cache_write=count_in(into("cache_creation")),
        reasoning=count_in(out("reasoning")),
        additive=True,
    )


def _text_of(chunk: Any) -> Any:
    """Return the content of a part that has no more to it."""
    return chunk.content


quick: Quick = quick_by(_text_of)
