"""Google's `generate_content`, through the client or as raw JSON."""

from __future__ import annotations

from typing import Any

from llmtrack.dialects.openai_chat import error_in
from llmtrack.dialects.reading import Counts, Quick, Reading
from llmtrack.dialects.shapes import (
    Fields,
    arguments_in,
    class_names,
    count_in,
    fields,
    items,
    joined,
    quick_by,
    text_in,
    total_of,
    word_in,
)

name = "google.generate_content"
operation = "generate_content"
provider: str | None = "gcp.gemini"
has_terminator = True


def recognises(value: Any, /) -> bool:
    """Whether the value is a chunk or response: they have the same shape."""
    if "GenerateContentResponse" in class_names(value):
        return True
    field = fields(value)
    return isinstance(field("candidates"), list | tuple) or (
        _either(field, "usage_metadata", "usageMetadata") is not None
        and isinstance(_either(field, "response_id", "responseId"), str)
    )


def read(value: Any, /) -> Reading:
    """Return what a chunk or response says."""
    field = fields(value)
    reading = Reading(
        response_id=text_in(_either(field, "response_id", "responseId")),
        response_model=text_in(_either(field, "model_version", "modelVersion")),
        counts=_counts_in(_either(field, "usage_metadata", "usageMetadata")),
        error=error_in(field("error")),
    )
    for position, each in enumerate(items(field("candidates"))):
        candidate = fields(each)
        index = candidate("index")
        if (position if index is None else index) == 0:
            _read_candidate(reading, candidate)
        else:
            other = Reading()
            _read_candidate(other, candidate)
            reading.other_text = joined(
                (reading.other_text, other.text, other.reasoning, other.tool_text)
            )
            reading.tool_calls += other.tool_calls
    blocked = fields(_either(field, "prompt_feedback", "promptFeedback"))
    if reading.finish_reason is None:
        # A blocked prompt has no candidates at all.
        reading.finish_reason = word_in(_either(blocked, "block_reason", "blockReason"))
    return reading


def _either(field: Fields, snake: str, camel: str) -> Any:
    """Return a field by the client's name for it, or by that in the JSON."""
    value = field(snake)
    return field(camel) if value is None else value


def _read_candidate(reading: Reading, candidate: Fields) -> None:
    texts: list[str | None] = []
    thoughts: list[str | None] = []
    arguments: list[str | None] = []
    for each in items(fields(candidate("content"))("parts")):
        part = fields(each)
        into = thoughts if part("thought") else texts
        into.append(text_in(part("text")))
        call = _either(part, "function_call", "functionCall")
        if call is not None:
            called = text_in(fields(call)("name"))
            reading.tool_calls += (called,) if called else ()
            arguments.append(arguments_in(fields(call)("args")))
        code = _either(part, "executable_code", "executableCode")
        if code is not None:
            arguments.append(text_in(fields(code)("code")))
    reading.text = joined(texts)
    reading.reasoning = joined(thoughts)
    reading.tool_text = joined(arguments)
    reading.finish_reason = word_in(_either(candidate, "finish_reason", "finishReason"))


def _counts_in(usage: Any) -> Counts | None:
    """Read the counts; candidates are without thoughts, all are cumulative."""
    if usage is None:
        return None
    field = fields(usage)

    def count(snake: str, camel: str) -> int | None:
        return count_in(_either(field, snake, camel))

    thoughts = count("thoughts_token_count", "thoughtsTokenCount")
    return Counts(
        input=total_of(
            count("prompt_token_count", "promptTokenCount"),
            count("tool_use_prompt_token_count", "toolUsePromptTokenCount"),
        ),
        output=total_of(
            count("candidates_token_count", "candidatesTokenCount"), thoughts
        ),
        total=count("total_token_count", "totalTokenCount"),
        cache_read=count("cached_content_token_count", "cachedContentTokenCount"),
        reasoning=thoughts,
    )


def _text_of(chunk: Any) -> Any:
    """Return the text of a chunk that has no more to it."""
    (candidate,) = chunk.candidates
    (part,) = candidate.content.parts
    return None if part.thought or candidate.index else part.text


def _text_in_json(chunk: dict[str, Any]) -> Any:
    """Return the text of such a chunk as it is in the JSON."""
    (candidate,) = chunk["candidates"]
    (part,) = candidate["content"]["parts"]
    has_more = len(part) > 1 or candidate.get("index") or "finishReason" in candidate
    return None if has_more else part["text"]


quick: Quick = quick_by(_text_of)
quick_json: Quick = quick_by(_text_in_json)
