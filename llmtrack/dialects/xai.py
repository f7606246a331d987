"""xAI's chat over gRPC: pairs of the response so far and a chunk."""

from __future__ import annotations

from typing import Any, Final

from llmtrack.dialects.reading import Counts, Reading
from llmtrack.dialects.shapes import (
    arguments_in,
    count_in,
    fields,
    items,
    joined,
    origins,
    text_in,
    total_of,
)

name = "xai.chat"
operation = "chat"
provider: str | None = "x_ai"
has_terminator = True
# The response of the pair is one object that changes at each step.
quick = None

#: xAI's `FinishReason`; a protobuf message holds the number alone.
_REASONS: Final = {
    1: "REASON_MAX_LEN",
    2: "REASON_MAX_CONTEXT",
    3: "REASON_STOP",
    4: "REASON_TOOL_CALLS",
    5: "REASON_TIME_LIMIT",
}


def recognises(value: Any, /) -> bool:
    """Whether the value is such a pair, or a response."""
    if isinstance(value, tuple) and len(value) == 2:
        value = value[1]
    return "xai_sdk" in origins(value) and fields(value)("proto") is not None


def read(value: Any, /) -> Reading:
    """Return what a pair's chunk, or a response, says."""
    answer = value[1] if isinstance(value, tuple) else value
    field = fields(answer)
    proto = field("proto")
    reading = Reading(
        response_id=text_in(fields(proto)("id")),
        response_model=text_in(fields(proto)("model")),
        counts=_counts_in(proto),
    )
    for position, each in enumerate(items(fields(proto)("outputs"))):
        output = fields(each)
        message = fields(output("delta") or output("message"))
        calls = [fields(call) for call in items(message("tool_calls"))]
        functions = [fields(call("function")) for call in calls]
        names = [text_in(function("name")) for function in functions]
        reading.tool_calls += tuple(called for called in names if called)
        arguments = joined([arguments_in(each("arguments")) for each in functions])
        text = text_in(message("content"))
        reasoning = text_in(message("reasoning_content"))
        if (output("index") or 0) != 0 or position > 0:
            others = (reading.other_text, text, reasoning, arguments)
            reading.other_text = joined(others)
            continue
        reading.text = text
        reading.reasoning = reasoning
        reading.tool_text = arguments
        reading.finish_reason = _finish_reason(output("finish_reason"))
    return reading


def _finish_reason(number: Any) -> str | None:
    """Return the word for the enum's number; 0 is none."""
    if not isinstance(number, int) or not number:
        return None
    return _REASONS.get(number, f"REASON_{number}")


def _counts_in(proto: Any) -> Counts | None:
    """Read the counts; completion tokens are without reasoning."""
    if not proto.HasField("usage"):
        return None
    usage = fields(proto.usage)
    reasoning = count_in(usage("reasoning_tokens"))
    return Counts(
        input=count_in(usage("prompt_tokens")),
        output=total_of(count_in(usage("completion_tokens")), reasoning),
        total=count_in(usage("total_tokens")),
        cache_read=count_in(usage("cached_prompt_text_tokens")),
        reasoning=reasoning,
    )
