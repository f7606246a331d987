"""OpenAI Responses."""

from typing import Any, Final

from .. import truth
from ..payload import Payload
from .framing import JSON, Query, Reply, json_reply, sse

#: The dialect that fails in mid-stream with an `error` event.
ERROR_EVENT: Final = "errorevent"

_SUMMARY: Final = {"type": "summary_text", "text": truth.REASONING}


def responses_reply(query: Query) -> Reply:
    """Answer `POST .../responses`."""
    payload = query.payload
    status = payload.pick("completed", length="incomplete")
    usage = _usage(payload) if payload.usage else None
    final = _response(status, _output(payload), usage)
    if payload.name == "length":
        final["incomplete_details"] = {"reason": "max_output_tokens"}
    if not query.stream:
        return json_reply(final)
    return _ResponseStream(final, payload).reply(query.dialect)


def _usage(payload: Payload) -> JSON:
    cached = {"cached_tokens": truth.CACHED_TOKENS, "cache_write_tokens": 0}
    return {
        "input_tokens": truth.INPUT_TOKENS,
        "input_tokens_details": cached,
        "output_tokens": payload.output_tokens,
        "output_tokens_details": {"reasoning_tokens": truth.REASONING_TOKENS},
        "total_tokens": payload.total_tokens,
    }


def _response(status: str, output: list[JSON], usage: JSON | None = None) -> JSON:
    return {
        "id": truth.IDS["responses"],
        "object": "response",
        "created_at": truth.CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": truth.MODEL,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "store": True,
        "text": {"format": {"type": "text"}},
        "truncation": "disabled",
        "usage": usage,
    }


def _output(payload: Payload) -> list[JSON]:
    text = {
        "type": "output_text",
        "text": payload.whole_text,
        "annotations": [],
        "logprobs": [],
    }
    refusal = {"type": "refusal", "refusal": truth.REFUSAL}
    reasoning = {"id": "rs_1", "type": "reasoning", "summary": [_SUMMARY]}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [refusal if payload.name == "refusal" else text],
    }
    call = {
        "id": "fc_1",
        "type": "function_call",
        "status": "completed",
        "call_id": truth.TOOL_ID,
        "name": truth.TOOL_NAME,
        "arguments": truth.TOOL_ARGUMENTS,
    }
    items = (
        (payload.reasoning, reasoning),
        (payload.text, message),
        (payload.tool, call),
    )
    return [item for wanted, item in items if wanted]


class _ResponseStream:
    """The events that lead up to one final response."""

    def __init__(self, final: JSON, payload: Payload) -> None:
        self.final = final
        self.payload = payload
        self.frames: list[bytes] = []
        self.break_at = 5

    def reply(self, dialect: str) -> Reply:
        started = _response("in_progress", [])
        self._event("response.created", response=started)
        self._event("response.in_progress", response=started)
        for index, item in enumerate(self.final["output"]):
            match item["type"]:
                case "reasoning":
                    self._reasoning(index, item)
                case "message":
                    self._message(index, item)
                case _:
                    self._call(index, item)
            self._event("response.output_item.done", output_index=index, item=item)
        self._event(f"response.{self.final['status']}", response=self.final)
        return Reply(
            self.frames,
            break_at=self.break_at,
            error_frame=_error_frame(dialect),
            malformed_frame=b"event: response.output_text.delta\n"
            b'data: {"type":"response.output_text.del\n\n',
        )

    def _event(self, type_: str, **fields: Any) -> None:
        number = len(self.frames)
        event = {"type": type_, "sequence_number": number, **fields}
        self.frames.append(sse(event, type_))

    def _added(self, index: int, item: JSON) -> None:
        self._event("response.output_item.added", output_index=index, item=item)

    def _reasoning(self, index: int, item: JSON) -> None:
        at = {"output_index": index, "item_id": item["id"], "summary_index": 0}
        prefix = "response.reasoning_summary"
        blank = {"type": "summary_text", "text": ""}
        self._added(index, {**item, "summary": []})
        self._event(f"{prefix}_part.added", **at, part=blank)
        for piece in truth.REASONING_PARTS:
            self._event(f"{prefix}_text.delta", **at, delta=piece)
        self._event(f"{prefix}_text.done", **at, text=truth.REASONING)
        self._event(f"{prefix}_part.done", **at, part=_SUMMARY)

    def _message(self, index: int, item: JSON) -> None:
        at = {"output_index": index, "item_id": item["id"], "content_index": 0}
        part = item["content"][0]
        refused = part["type"] == "refusal"
        self._added(index, {**item, "status": "in_progress", "content": []})
        blank = {**part, "refusal" if refused else "text": ""}
        self._event("response.content_part.added", **at, part=blank)
        self.break_at = len(self.frames) + self.payload.parts_before_break
        if refused:
            for piece in truth.REFUSAL_PARTS:
                self._event("response.refusal.delta", **at, delta=piece)
            self._event("response.refusal.done", **at, refusal=truth.REFUSAL)
        else:
            name = "response.output_text"
            for piece in self.payload.text_parts:
                self._event(f"{name}.delta", **at, delta=piece, logprobs=[])
            self._event(f"{name}.done", **at, text=part["text"], logprobs=[])
        self._event("response.content_part.done", **at, part=part)

    def _call(self, index: int, item: JSON) -> None:
        at = {"output_index": index, "item_id": item["id"]}
        name = "response.function_call_arguments"
        self._added(index, {**item, "status": "in_progress", "arguments": ""})
        for piece in truth.TOOL_ARGUMENTS_PARTS:
            self._event(f"{name}.delta", **at, delta=piece)
        done = {"name": truth.TOOL_NAME, "arguments": truth.TOOL_ARGUMENTS}
        self._event(f"{name}.done", **at, **done)


def _error_frame(dialect: str) -> bytes:
    """Return `response.failed`, or `error` in the dialect for that."""
    type_ = "error" if dialect == ERROR_EVENT else "response.failed"
    event: JSON = {"type": type_, "sequence_number": 99}
    if type_ == "error":
        event.update(code="rate_limit_exceeded", message="Slow down", param=None)
    else:
        failed = _response("failed", [])
        failed["error"] = {
            "code": "server_error",
            "message": "The model failed to generate a response.",
        }
        event["response"] = failed
    return sse(event, type_)
