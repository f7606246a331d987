"""Amazon Bedrock's Converse: plain dicts with one key each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from llmtrack.dialects.reading import Counts, InBandError, Quick, Reading
from llmtrack.dialects.shapes import (
    Fields,
    arguments_in,
    count_in,
    fields,
    items,
    joined,
    quick_by,
    text_in,
    total_of,
    word_in,
)

name = "bedrock.converse"
operation = "chat"
provider: str | None = "aws.bedrock"
has_terminator = True

_EVENTS: Final = frozenset(
    (
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "internalServerException",
        "modelStreamErrorException",
        "serviceUnavailableException",
        "throttlingException",
        "validationException",
    )
)
_NOTHING: Final[dict[str, Any]] = {}


def recognises(value: Any, /) -> bool:
    """Whether the value is an event, a response, or the dict round a stream."""
    if not isinstance(value, dict):
        return False
    if len(value) == 1:
        usage = fields(fields(value.get("metadata"))("usage"))
        return not _EVENTS.isdisjoint(value) or usage("inputTokens") is not None
    if "stopReason" in value and "output" in value:
        return True
    return "ResponseMetadata" in value and "stream" in value


def read(value: Any, /) -> Reading:
    """Return what an event or response says."""
    if len(value) > 1 or "output" in value:
        return _read_response(value)
    (kind, inner), *_ = value.items()
    field = fields(inner)
    match kind:
        case "contentBlockDelta":
            return _read_delta(fields(field("delta")))
        case "contentBlockStart":
            return _read_blocks((field("start"),))
        case "messageStop":
            return Reading(finish_reason=word_in(field("stopReason")))
        case "metadata":
            return Reading(counts=_counts_in(field("usage")))
        case "messageStart" | "contentBlockStop":
            return Reading()
        case _:
            said = text_in(field("message")) or "the stream failed"
            return Reading(error=InBandError(str(kind), said))


def _read_delta(delta: Fields) -> Reading:
    return Reading(
        text=text_in(delta("text")),
        reasoning=text_in(fields(delta("reasoningContent"))("text")),
        tool_text=text_in(fields(delta("toolUse"))("input")),
    )


def _read_response(value: Mapping[str, Any]) -> Reading:
    message = fields(fields(value.get("output"))("message"))
    reading = _read_blocks(items(message("content")))
    reading.response_id = request_id(value)
    reading.finish_reason = word_in(value.get("stopReason"))
    reading.counts = _counts_in(value.get("usage"))
    return reading


def request_id(value: Any, /) -> str | None:
    """Return the id in the dict that botocore returns, streaming or not."""
    return text_in(fields(fields(value)("ResponseMetadata"))("RequestId"))


def _read_blocks(blocks: Sequence[Any]) -> Reading:
    reading = Reading()
    texts: list[str | None] = []
    thoughts: list[str | None] = []
    arguments: list[str | None] = []
    for each in blocks:
        block = fields(each)
        texts.append(text_in(block("text")))
        thought = fields(fields(block("reasoningContent"))("reasoningText"))
        thoughts.append(text_in(thought("text")))
        use = fields(block("toolUse"))
        called = text_in(use("name"))
        reading.tool_calls += (called,) if called else ()
        arguments.append(arguments_in(use("input")))
    reading.text = joined(texts)
    reading.reasoning = joined(thoughts)
    reading.tool_text = joined(arguments)
    return reading


def _counts_in(usage: Any) -> Counts | None:
    """Read the counts; `inputTokens` is without the cache's."""
    if usage is None:
        return None
    field = fields(usage)
    uncached = count_in(field("inputTokens"))
    cached = count_in(field("cacheReadInputTokens"))
    written = count_in(field("cacheWriteInputTokens"))
    return Counts(
        input=None if uncached is None else total_of(uncached, cached, written),
        uncached_input=uncached,
        cache_read=cached,
        cache_write=written,
        output=count_in(field("outputTokens")),
        total=count_in(field("totalTokens")),
    )


def _text_of(chunk: Any) -> Any:
    """Return the text of an event that has no more to it."""
    return chunk["contentBlockDelta"]["delta"]["text"]


quick: Quick = quick_by(_text_of)
