"""What the wire formats share: the query, the reply and its framing."""

import json
from dataclasses import dataclass, field
from typing import Any

from ..payload import Payload

JSON = dict[str, Any]

SSE = "text/event-stream"
NDJSON = "application/x-ndjson"
AWS_EVENT_STREAM = "application/vnd.amazon.eventstream"


@dataclass(frozen=True, slots=True)
class Query:
    """
    What a wire format has to answer.

    Attributes:
        request: The parsed body of the request.
        payload: What to say.
        dialect: The first segment of the path.
    """

    request: JSON
    payload: Payload
    dialect: str

    @property
    def stream(self) -> bool:
        """Whether the body asks for a stream."""
        return bool(self.request.get("stream"))

    @property
    def stream_usage(self) -> bool:
        """Whether the body asks for usage in the stream, as OpenAI wants it."""
        options = self.request.get("stream_options") or {}
        return bool(options.get("include_usage"))


@dataclass(slots=True)
class Reply:
    """
    One HTTP answer, before a scenario disturbs it.

    Attributes:
        frames: The pieces of a stream; None where the answer is plain.
        body: The plain answer.
        content_type: How a stream is framed; a plain answer is always JSON.
        headers: What the provider sends besides.
        break_at: The index of the frame before which things go wrong.
        error_frame: The provider's own way to report an error in mid-stream.
        malformed_frame: A frame that no parser accepts.
    """

    frames: list[bytes] | None = None
    body: bytes = b""
    content_type: str = SSE
    headers: dict[str, str] = field(default_factory=dict)
    break_at: int = 3
    error_frame: bytes = b""
    malformed_frame: bytes = b""


def dumps(value: Any) -> str:
    """Return compact JSON that keeps non-ASCII characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_reply(value: Any, headers: dict[str, str] | None = None) -> Reply:
    """Return a plain JSON answer."""
    return Reply(body=dumps(value).encode(), headers=headers or {})


def sse(data: Any, event: str | None = None) -> bytes:
    """Return one server-sent event; a str is sent as it is."""
    text = data if isinstance(data, str) else dumps(data)
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {text}\n\n".encode()
