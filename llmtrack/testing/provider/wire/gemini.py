"""Gemini `generateContent` and `streamGenerateContent`."""

from .. import truth
from ..payload import Payload
from .framing import JSON, Query, Reply, dumps, json_reply, sse


def gemini_reply(query: Query) -> Reply:
    """Answer `POST ...:generateContent`."""
    payload = query.payload
    parts: list[JSON] = []
    if payload.reasoning:
        parts.append({"text": truth.REASONING, "thought": True})
    if payload.text:
        parts.append({"text": payload.whole_text})
    if payload.tool:
        parts.append(_function_call())
    finish = _finish_reason(payload)
    answer = _chunk(parts, _usage(payload), payload, finish)
    if payload.name == "multi":
        second = {**_candidate([{"text": truth.TEXT2}], 1), "finishReason": finish}
        answer["candidates"].append(second)
    return json_reply(answer)


def gemini_stream_reply(query: Query) -> Reply:
    """Answer `POST ...:streamGenerateContent`, which is always a stream."""
    payload = query.payload
    chunks = _reasoning_chunks(payload) if payload.reasoning else []
    break_at = len(chunks) + payload.parts_before_break
    if payload.text:
        chunks += _text_chunks(payload)
    if payload.tool:
        chunks.append(_chunk([_function_call()], _usage(payload), payload))
    finish = _finish_reason(payload)
    last = _chunk([{"text": ""}], _usage(payload), payload, finish)
    if payload.name == "multi":
        last["candidates"].append({"index": 1, "finishReason": finish})
    chunks.append(last)
    error = {
        "code": 503,
        "message": "The model is overloaded. Please try again later.",
        "status": "UNAVAILABLE",
    }
    return Reply(
        # Gemini ends its lines with CRLF.
        [f"data: {dumps(chunk)}\r\n\r\n".encode() for chunk in chunks],
        break_at=break_at,
        error_frame=sse({"error": error}),
        malformed_frame=b'data: {"candidates": [{"content"\r\n\r\n',
    )


def _usage(
    payload: Payload, part: float = 1.0, thoughts: int = truth.REASONING_TOKENS
) -> JSON:
    """Return the usage so far; `candidatesTokenCount` excludes thoughts."""
    candidates = int(payload.visible_tokens * part)
    details = {"modality": "TEXT", "tokenCount": truth.INPUT_TOKENS}
    usage: JSON = {
        "promptTokenCount": truth.INPUT_TOKENS,
        "cachedContentTokenCount": truth.CACHED_TOKENS,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": truth.INPUT_TOKENS + candidates + thoughts,
        "promptTokensDetails": [details],
    }
    if candidates:
        usage["candidatesTokenCount"] = candidates
    return usage


def _reasoning_chunks(payload: Payload) -> list[JSON]:
    chunks = []
    for number, piece in enumerate(truth.REASONING_PARTS, start=1):
        thoughts = truth.REASONING_TOKENS * number // len(truth.REASONING_PARTS)
        part = {"text": piece, "thought": True}
        chunks.append(_chunk([part], _usage(payload, 0, thoughts), payload))
    return chunks


def _text_chunks(payload: Payload) -> list[JSON]:
    chunks = []
    for position, piece in enumerate(payload.text_parts):
        usage = _usage(payload, (position + 1) / len(payload.text_parts))
        chunk = _chunk([{"text": piece}], usage, payload)
        if payload.name == "multi" and position < len(truth.TEXT2_PARTS):
            second = _candidate([{"text": truth.TEXT2_PARTS[position]}], 1)
            chunk["candidates"].append(second)
        chunks.append(chunk)
    return chunks


def _candidate(parts: list[JSON], index: int) -> JSON:
    return {"content": {"role": "model", "parts": parts}, "index": index}


def _chunk(
    parts: list[JSON], usage: JSON, payload: Payload, finish: str | None = None
) -> JSON:
    candidate = _candidate(parts, 0)
    if finish:
        candidate["finishReason"] = finish
    chunk: JSON = {"candidates": [candidate]}
    if payload.usage:
        chunk["usageMetadata"] = usage
    return {
        **chunk,
        "modelVersion": truth.MODEL,
        "responseId": truth.IDS["gemini"],
        "createTime": truth.CREATED_ISO,
    }


def _finish_reason(payload: Payload) -> str:
    return payload.pick("STOP", length="MAX_TOKENS", refusal="SAFETY")


def _function_call() -> JSON:
    call = {
        "id": truth.TOOL_ID,
        "name": truth.TOOL_NAME,
        "args": truth.TOOL_ARGUMENTS_OBJECT,
    }
    return {"functionCall": call, "thoughtSignature": "c2ln"}
