"""Ollama `/api/chat` and `/api/generate`: newline-delimited JSON."""

from typing import Final

from .. import truth
from ..payload import Payload
from .framing import JSON, NDJSON, Query, Reply, dumps, json_reply

_HEAD: Final = {"model": truth.MODEL, "created_at": truth.CREATED_ISO}
_TOOL_CALL: Final = {
    "function": {
        "index": 0,
        "name": truth.TOOL_NAME,
        "arguments": truth.TOOL_ARGUMENTS_OBJECT,
    }
}


def chat_reply(query: Query) -> Reply:
    """Answer `POST /api/chat`."""
    return _reply(query, generate=False)


def generate_reply(query: Query) -> Reply:
    """Answer `POST /api/generate`, which knows no tool calls."""
    return _reply(query, generate=True)


def _reply(query: Query, *, generate: bool) -> Reply:
    payload = query.payload

    def row(text: str = "", thinking: str = "", tool: bool = False) -> JSON:
        body: JSON = {"response": text}
        if not generate:
            body = {"role": "assistant", "content": text}
        if thinking:
            body["thinking"] = thinking
        if tool:
            body["tool_calls"] = [_TOOL_CALL]
        return {**_HEAD, **(body if generate else {"message": body})}

    tool = payload.tool and not generate
    # Unlike everybody else, Ollama streams unless it is told not to.
    if query.request.get("stream") is False:
        text = payload.whole_text if payload.text else ""
        thinking = truth.REASONING if payload.reasoning else ""
        return json_reply({**row(text, thinking, tool), **_tail(payload)})
    rows: list[JSON] = []
    if payload.reasoning:
        rows += [row(thinking=piece) for piece in truth.REASONING_PARTS]
    break_at = len(rows) + payload.parts_before_break
    if payload.text:
        rows += [row(piece) for piece in payload.text_parts]
    if tool:
        rows.append(row(tool=True))
    rows = [{**each, "done": False} for each in rows]
    rows.append({**row(), **_tail(payload)})
    return Reply(
        [f"{dumps(each)}\n".encode() for each in rows],
        content_type=NDJSON,
        break_at=break_at,
        error_frame=b'{"error":"an error was encountered while running the model"}\n',
        malformed_frame=b'{"model":"fake-mod\n',
    )


def _tail(payload: Payload) -> JSON:
    """Return what only the last row has."""
    tail: JSON = {
        "done": True,
        "done_reason": payload.pick("stop", length="length"),
        "total_duration": 5_000_000,
        "load_duration": 1_000_000,
        "prompt_eval_duration": 1_000_000,
        "eval_duration": 3_000_000,
    }
    if payload.usage:
        tail["prompt_eval_count"] = truth.INPUT_TOKENS
        tail["eval_count"] = payload.output_tokens
    return tail
