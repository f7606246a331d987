"""OpenAI's small neighbours: legacy completions and embeddings."""

import base64
import struct
from typing import Any

from .. import truth
from .framing import JSON, Query, Reply, json_reply, sse
from .openai_vendors import chat_usage, vendor_of


def completions_reply(query: Query) -> Reply:
    """Answer `POST .../completions`: text only, whatever the scenario."""
    payload = query.payload
    usage = chat_usage(vendor_of(query), payload)
    head = {
        "id": truth.IDS["legacy"],
        "object": "text_completion",
        "created": truth.CREATED,
        "model": truth.MODEL,
    }

    def saying(text: str, finish: str | None) -> JSON:
        choice = {"index": 0, "text": text, "finish_reason": finish, "logprobs": None}
        return {**head, "choices": [choice]}

    if not query.stream:
        plain = saying(payload.whole_text, "stop")
        return json_reply({**plain, "usage": usage} if payload.usage else plain)
    frames = [sse(saying(piece, None)) for piece in payload.text_parts]
    frames.append(sse(saying("", "stop")))
    if query.stream_usage and payload.usage:
        frames.append(sse({**head, "choices": [], "usage": usage}))
    frames.append(sse("[DONE]"))
    error = {"error": {"message": "boom", "type": "server_error"}}
    return Reply(
        frames,
        break_at=payload.parts_before_break,
        error_frame=sse(error),
        malformed_frame=b'data: {"id":"c\n\n',
    )


def embeddings_reply(query: Query) -> Reply:
    """Answer `POST .../embeddings`: one constant vector for each input."""
    asked = query.request.get("input", "")
    tokens = isinstance(asked, list) and asked and isinstance(asked[0], int)
    batch = isinstance(asked, list) and not tokens
    vector: Any = list(truth.EMBEDDING)
    if query.request.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack("<3f", *truth.EMBEDDING)).decode()
    count = truth.INPUT_TOKENS
    return json_reply(
        {
            "object": "list",
            "model": truth.MODEL,
            "usage": {"prompt_tokens": count, "total_tokens": count},
            "data": [
                {"object": "embedding", "index": index, "embedding": vector}
                for index in range(len(asked) if batch else 1)
            ],
        }
    )
