"""Amazon Bedrock: Converse, InvokeModel and their event streams."""

import base64
from typing import Any, Final

from .. import truth
from ..payload import Payload
from .anthropic import anthropic_events, anthropic_message, first_text
from .aws_eventstream import BAD_CHECKSUM, event, exception
from .framing import AWS_EVENT_STREAM, JSON, Query, Reply, dumps, json_reply

_HEADERS: Final = {"x-amzn-RequestId": truth.AWS_REQUEST_ID}
_SIGNATURE: Final = "c2ln"
_TOOL_USE: Final = {"toolUseId": "tooluse_1", "name": truth.TOOL_NAME}


def converse_reply(query: Query) -> Reply:
    """Answer `POST /model/{id}/converse`."""
    payload = query.payload
    content: list[JSON] = []
    if payload.reasoning:
        reasoning = {"text": truth.REASONING, "signature": _SIGNATURE}
        content.append({"reasoningContent": {"reasoningText": reasoning}})
    if payload.text:
        content.append({"text": payload.whole_text})
    if payload.tool:
        call = {**_TOOL_USE, "input": truth.TOOL_ARGUMENTS_OBJECT}
        content.append({"toolUse": call})
    answer: JSON = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": _stop_reason(payload),
    }
    if payload.usage:
        answer["usage"] = _usage(payload)
    answer["metrics"] = {"latencyMs": 12}
    return json_reply(answer, _HEADERS)


def converse_stream_reply(query: Query) -> Reply:
    """Answer `POST /model/{id}/converse-stream`."""
    return _ConverseStream(query.payload).reply()


def invoke_reply(query: Query) -> Reply:
    """Answer `POST /model/{id}/invoke` in the model's own format (Anthropic's)."""
    payload = query.payload
    counts = {
        "X-Amzn-Bedrock-Input-Token-Count": str(truth.INPUT_TOKENS),
        "X-Amzn-Bedrock-Output-Token-Count": str(payload.output_tokens),
    }
    return json_reply(anthropic_message(payload), {**_HEADERS, **counts})


def invoke_stream_reply(query: Query) -> Reply:
    """Answer `POST /model/{id}/invoke-with-response-stream`."""
    payload = query.payload
    events = [each for each in anthropic_events(payload) if each["type"] != "ping"]
    events[-1]["amazon-bedrock-invocationMetrics"] = {
        "inputTokenCount": truth.INPUT_TOKENS,
        "outputTokenCount": payload.output_tokens,
        "invocationLatency": 900,
        "firstByteLatency": 100,
    }
    encoded = [base64.b64encode(dumps(each).encode()).decode() for each in events]
    return Reply(
        [event("chunk", {"bytes": each}) for each in encoded],
        content_type=AWS_EVENT_STREAM,
        break_at=first_text(events) + payload.parts_before_break,
        headers={**_HEADERS, "X-Amzn-Bedrock-Content-Type": "application/json"},
        malformed_frame=BAD_CHECKSUM,
        error_frame=exception("throttlingException", "Too many requests, please wait"),
    )


class _ConverseStream:
    """The events of one stream."""

    def __init__(self, payload: Payload) -> None:
        self.payload = payload
        self.frames = [event("messageStart", {"role": "assistant"})]
        self.block = 0

    def reply(self) -> Reply:
        payload = self.payload
        if payload.reasoning:
            for piece in truth.REASONING_PARTS:
                self._delta(reasoningContent={"text": piece})
            self._delta(reasoningContent={"signature": _SIGNATURE})
            self._end_block()
        break_at = len(self.frames) + payload.parts_before_break
        if payload.text:
            for piece in payload.text_parts:
                self._delta(text=piece)
            self._end_block()
        if payload.tool:
            self._add("contentBlockStart", start={"toolUse": _TOOL_USE})
            for piece in truth.TOOL_ARGUMENTS_PARTS:
                self._delta(toolUse={"input": piece})
            self._end_block()
        self.frames.append(event("messageStop", {"stopReason": _stop_reason(payload)}))
        if payload.usage:
            # Usage comes after the stop reason.
            metadata = {"usage": _usage(payload), "metrics": {"latencyMs": 12}}
            self.frames.append(event("metadata", metadata))
        failure = exception("modelStreamErrorException", "The model stream failed")
        return Reply(
            self.frames,
            content_type=AWS_EVENT_STREAM,
            break_at=break_at,
            headers=_HEADERS,
            malformed_frame=BAD_CHECKSUM,
            error_frame=failure,
        )

    def _add(self, type_: str, **fields: Any) -> None:
        self.frames.append(event(type_, {"contentBlockIndex": self.block, **fields}))

    def _delta(self, **delta: Any) -> None:
        self._add("contentBlockDelta", delta=delta)

    def _end_block(self) -> None:
        self._add("contentBlockStop")
        self.block += 1


def _usage(payload: Payload) -> JSON:
    """Return Converse's usage; `inputTokens` excludes cache reads."""
    return {
        "inputTokens": truth.INPUT_TOKENS - truth.CACHED_TOKENS,
        "outputTokens": payload.output_tokens,
        "totalTokens": payload.total_tokens,
        "cacheReadInputTokens": truth.CACHED_TOKENS,
        "cacheWriteInputTokens": 0,
    }


def _stop_reason(payload: Payload) -> str:
    default = "tool_use" if payload.tool else "end_turn"
    return payload.pick(default, length="max_tokens", refusal="guardrail_intervened")
