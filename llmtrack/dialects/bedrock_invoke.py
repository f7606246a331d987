"""Amazon Bedrock's InvokeModel: each vendor's own JSON, in bytes."""

from __future__ import annotations

import json
from typing import Any

from llmtrack import dialects
from llmtrack.dialects.reading import Counts, Reading
from llmtrack.dialects.shapes import count_in, fields, text_in

name = "bedrock.invoke"
operation = "chat"
provider: str | None = "aws.bedrock"
has_terminator = True
# The JSON has to be parsed anyway.
quick = None

_HEADER = "x-amzn-bedrock-{}-token-count"


def recognises(value: Any, /) -> bool:
    """Whether the value is a chunk, a response, or the dict round a stream."""
    if not isinstance(value, dict):
        return False
    if "ResponseMetadata" in value:
        return "body" in value
    return isinstance(fields(value.get("chunk"))("bytes"), bytes)


def read(value: Any, /) -> Reading:
    """
    Return what a chunk or response says.

    A response's body can be read once, and is the program's: it is read here
    only where it is bytes already. The counts are in the headers.
    """
    if "ResponseMetadata" in value:
        return _read_response(value)
    return _read_json(fields(value.get("chunk"))("bytes"))


def _read_response(value: dict[str, Any]) -> Reading:
    body = value.get("body")
    reading = _read_json(body) if isinstance(body, bytes) else Reading()
    metadata = fields(value["ResponseMetadata"])
    headers = fields(metadata("HTTPHeaders"))
    reading.response_id = reading.response_id or text_in(metadata("RequestId"))
    if reading.counts is None:
        reading.counts = Counts(
            input=_number(headers(_HEADER.format("input"))),
            output=_number(headers(_HEADER.format("output"))),
        )
    return reading


def _number(header: Any) -> int | None:
    digits = text_in(header)
    return int(digits) if digits and digits.isdecimal() else None


def _read_json(raw: bytes) -> Reading:
    value = json.loads(raw)
    if not isinstance(value, dict):
        return Reading()
    dialect = dialects.find(value)
    reading = Reading() if dialect is None else dialect.read(value)
    # Amazon adds its own counts to a vendor's last event.
    metrics = value.get("amazon-bedrock-invocationMetrics")
    if metrics is not None and reading.counts is None:
        field = fields(metrics)
        reading.terminated = True
        reading.counts = Counts(
            input=count_in(field("inputTokenCount")),
            output=count_in(field("outputTokenCount")),
        )
    return reading
