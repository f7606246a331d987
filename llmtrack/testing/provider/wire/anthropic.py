"""Anthropic messages."""

from typing import Final

from .. import truth
from ..payload import Payload
from .framing import JSON, Query, Reply, json_reply, sse

_SIGNATURE: Final = "c2lnbmF0dXJl"
_TOOL_USE_ID: Final = "toolu_fake1"


def anthropic_reply(query: Query) -> Reply:
    """Answer `POST .../v1/messages`."""
    headers = {"request-id": truth.REQUEST_ID, "anthropic-organization-id": "org-fake"}
    payload = query.payload
    if not query.stream:
        return json_reply(anthropic_message(payload), headers)
    events = anthropic_events(payload)
    error = {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Overloaded"},
        "request_id": truth.REQUEST_ID,
    }
    return Reply(
        [sse(event, event["type"]) for event in events],
        break_at=first_text(events) + payload.parts_before_break,
        headers=headers,
        error_frame=sse(error, "error"),
        malformed_frame=b"event: content_block_delta\n"
        b'data: {"type":"content_block_del\n\n',
    )


def anthropic_message(payload: Payload) -> JSON:
    """Return the whole message, as sent when not streaming."""
    return {
        **_head(),
        "content": _blocks(payload),
        "stop_reason": _stop_reason(payload),
        "stop_sequence": None,
        "usage": {**_final_usage(payload), "service_tier": "standard"},
    }


def anthropic_events(payload: Payload) -> list[JSON]:
    """Return the events of a stream."""
    start = {
        **_head(),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**_usage(1), "service_tier": "standard"},
    }
    events: list[JSON] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(_blocks(payload)):
        opening, deltas = _pieces(block, payload)
        events.append(
            {"type": "content_block_start", "index": index, "content_block": opening}
        )
        if index == 0:
            events.append({"type": "ping"})
        events += [
            {"type": "content_block_delta", "index": index, "delta": delta}
            for delta in deltas
        ]
        events.append({"type": "content_block_stop", "index": index})
    stop = {"stop_reason": _stop_reason(payload), "stop_sequence": None}
    events.append(
        {"type": "message_delta", "delta": stop, "usage": _final_usage(payload)}
    )
    events.append({"type": "message_stop"})
    return events


def first_text(events: list[JSON]) -> int:
    """Return the index of the first piece of text, or 3 where there is none."""
    for index, event in enumerate(events):
        if event.get("delta", {}).get("type") == "text_delta":
            return index
    return 3


def _head() -> JSON:
    return {
        "id": truth.IDS["anthropic"],
        "type": "message",
        "role": "assistant",
        "model": truth.MODEL,
    }


def _usage(output: int) -> JSON:
    """Return the usage object; `input_tokens` excludes cache reads."""
    return {
        "input_tokens": truth.INPUT_TOKENS - truth.CACHED_TOKENS,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": truth.CACHED_TOKENS,
        "output_tokens": output,
    }


def _final_usage(payload: Payload) -> JSON:
    details = {"thinking_tokens": truth.REASONING_TOKENS}
    return {**_usage(payload.output_tokens), "output_tokens_details": details}


def _stop_reason(payload: Payload) -> str:
    default = "tool_use" if payload.tool else "end_turn"
    return payload.pick(default, length="max_tokens", refusal="refusal")


def _blocks(payload: Payload) -> list[JSON]:
    thinking = {
        "type": "thinking",
        "thinking": truth.REASONING,
        "signature": _SIGNATURE,
    }
    text = {"type": "text", "text": payload.whole_text}
    tool_use = {
        "type": "tool_use",
        "id": _TOOL_USE_ID,
        "name": truth.TOOL_NAME,
        "input": truth.TOOL_ARGUMENTS_OBJECT,
    }
    blocks = (
        (payload.reasoning, thinking),
        (payload.text, text),
        (payload.tool, tool_use),
    )
    return [block for wanted, block in blocks if wanted]


def _pieces(block: JSON, payload: Payload) -> tuple[JSON, list[JSON]]:
    """Return the block's opening and the deltas that fill it."""
    deltas: list[JSON]
    match block["type"]:
        case "thinking":
            deltas = [
                {"type": "thinking_delta", "thinking": piece}
                for piece in truth.REASONING_PARTS
            ]
            deltas.append({"type": "signature_delta", "signature": _SIGNATURE})
            return {**block, "thinking": "", "signature": ""}, deltas
        case "text":
            deltas = [
                {"type": "text_delta", "text": piece} for piece in payload.text_parts
            ]
            return {**block, "text": ""}, deltas
        case _:
            deltas = [
                {"type": "input_json_delta", "partial_json": piece}
                for piece in ("", *truth.TOOL_ARGUMENTS_PARTS)
            ]
            return {**block, "input": {}}, deltas
