"""Cohere v2 chat."""

from typing import Any

from .. import truth
from ..payload import Payload
from .framing import JSON, Query, Reply, json_reply, sse


def cohere_reply(query: Query) -> Reply:
    """Answer `POST .../v2/chat`."""
    payload = query.payload
    return _CohereStream(payload).reply() if query.stream else _plain_reply(payload)


def _finish_reason(payload: Payload) -> str:
    default = "TOOL_CALL" if payload.tool else "COMPLETE"
    return payload.pick(default, length="MAX_TOKENS")


def _usage(payload: Payload) -> JSON:
    """Return the usage object; the billed units differ from the tokens."""
    billed = {"input_tokens": 20, "output_tokens": payload.visible_tokens}
    tokens = {
        "input_tokens": truth.INPUT_TOKENS,
        "output_tokens": payload.output_tokens,
    }
    return {
        "billed_units": billed,
        "tokens": tokens,
        "cached_tokens": truth.CACHED_TOKENS,
    }


def _ending(payload: Payload) -> JSON:
    ending: JSON = {"finish_reason": _finish_reason(payload)}
    if payload.usage:
        ending["usage"] = _usage(payload)
    return ending


def _tool_call(arguments: str) -> JSON:
    function = {"name": truth.TOOL_NAME, "arguments": arguments}
    return {"id": truth.TOOL_ID, "type": "function", "function": function}


def _plain_reply(payload: Payload) -> Reply:
    content: list[JSON] = []
    if payload.reasoning:
        content.append({"type": "thinking", "thinking": truth.REASONING})
    if payload.text:
        content.append({"type": "text", "text": payload.whole_text})
    message: JSON = {"role": "assistant", "content": content}
    if payload.tool:
        message["tool_plan"] = truth.TOOL_PLAN
        message["tool_calls"] = [_tool_call(truth.TOOL_ARGUMENTS)]
    return json_reply(
        {"id": truth.IDS["cohere"], "message": message, **_ending(payload)}
    )


class _CohereStream:
    """The events of one stream."""

    def __init__(self, payload: Payload) -> None:
        self.payload = payload
        self.frames: list[bytes] = []
        self.blocks = 0

    def reply(self) -> Reply:
        blank = {
            "role": "assistant",
            "content": [],
            "tool_plan": "",
            "tool_calls": [],
            "citations": [],
        }
        start = {"id": truth.IDS["cohere"], "delta": {"message": blank}}
        self._event("message-start", **start)
        if self.payload.reasoning:
            self._block("thinking", truth.REASONING_PARTS)
        # The text's own `content-start` stands before its pieces.
        break_at = len(self.frames) + 1 + self.payload.parts_before_break
        if self.payload.text:
            self._block("text", self.payload.text_parts)
        if self.payload.tool:
            self._tool()
        self._event("message-end", delta=_ending(self.payload))
        self.frames.append(sse("[DONE]"))
        failed = {
            "finish_reason": "ERROR",
            "error": "internal server error",
            "usage": _usage(self.payload),
        }
        error = {"type": "message-end", "delta": failed}
        return Reply(
            self.frames,
            break_at=break_at,
            error_frame=sse(error, "message-end"),
            malformed_frame=b'event: content-delta\ndata: {"type":"content-del\n\n',
        )

    def _event(self, type_: str, **fields: Any) -> None:
        self.frames.append(sse({"type": type_, **fields}, type_))

    def _block(self, kind: str, pieces: tuple[str, ...]) -> None:
        at = self.blocks
        self.blocks += 1
        blank = {"content": {"type": kind, kind: ""}}
        self._event("content-start", index=at, delta={"message": blank})
        for piece in pieces:
            message = {"content": {kind: piece}}
            self._event("content-delta", index=at, delta={"message": message})
        self._event("content-end", index=at)

    def _tool(self) -> None:
        for piece in truth.TOOL_PLAN_PARTS:
            self._event("tool-plan-delta", delta={"message": {"tool_plan": piece}})
        message: JSON = {"tool_calls": _tool_call("")}
        self._event("tool-call-start", index=0, delta={"message": message})
        for piece in truth.TOOL_ARGUMENTS_PARTS:
            message = {"tool_calls": {"function": {"arguments": piece}}}
            self._event("tool-call-delta", index=0, delta={"message": message})
        self._event("tool-call-end", index=0)
