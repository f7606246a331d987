"""The formats that are not OpenAI's chat completions."""

import base64
import json
import struct
import zlib

import pytest

from llmtrack.testing.provider import truth


def aws_messages(body):
    """Take an AWS event stream apart; the checksums must be right."""
    while body:
        total, size = struct.unpack("!II", body[:8])
        message, body = body[:total], body[total:]
        assert struct.unpack("!I", message[8:12]) == (zlib.crc32(message[:8]),)
        assert struct.unpack("!I", message[-4:]) == (zlib.crc32(message[:-4]),)
        headers, packed = {}, message[12 : 12 + size]
        while packed:
            name, packed = packed[1 : 1 + packed[0]], packed[1 + packed[0] :]
            (length,) = struct.unpack("!H", packed[1:3])
            headers[name.decode()] = packed[3 : 3 + length].decode()
            packed = packed[3 + length :]
        yield headers, json.loads(message[12 + size : -4])


def test_responses_stream_ends_with_the_whole_response(ask):
    """
    The deltas add up to the text of the final response, which has the usage.
    """
    events = ask("/openai/v1/responses", stream=True).events

    final = events[-1]["response"]
    deltas = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
    assert "".join(deltas) == final["output"][1]["content"][0]["text"] == truth.TEXT
    assert final["usage"]["total_tokens"] == 67
    assert [e["sequence_number"] for e in events] == list(range(len(events)))


def test_a_plain_response_is_the_final_one(ask):
    """
    A response that is no stream equals the one that ends a stream.
    """
    events = ask("/@length/openai/v1/responses", stream=True).events
    plain = ask("/@length/openai/v1/responses").json

    assert events[-1] == {
        "type": "response.incomplete",
        "sequence_number": len(events) - 1,
        "response": plain,
    }


def test_anthropic_streams_blocks(ask):
    """
    Thinking, text and tool use come as blocks, the usage at both ends.
    """
    events = ask("/anthropic/v1/messages", stream=True).events

    deltas = [e["delta"] for e in events if e["type"] == "content_block_delta"]
    assert "".join(d.get("thinking", "") for d in deltas) == truth.REASONING
    assert "".join(d.get("text", "") for d in deltas) == truth.TEXT
    assert "".join(d.get("partial_json", "") for d in deltas) == truth.TOOL_ARGUMENTS
    assert events[0]["message"]["usage"]["output_tokens"] == 1
    assert events[-2]["usage"]["output_tokens"] == 42


def test_anthropic_counts_cached_tokens_apart(ask):
    """
    `input_tokens` and the cache reads make up the input.
    """
    usage = ask("/anthropic/v1/messages").json["usage"]

    assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (15, 10)


def test_gemini_streams_parts_with_running_usage(ask):
    """
    Thoughts and text come as parts; each chunk has the usage so far.
    """
    answer = ask("/gemini/v1beta/models/x:streamGenerateContent")

    chunks = answer.events
    parts = [part for c in chunks for part in c["candidates"][0]["content"]["parts"]]
    text = [p["text"] for p in parts if "text" in p and not p.get("thought")]
    assert "".join(text) == truth.TEXT
    assert chunks[0]["usageMetadata"]["totalTokenCount"] == 30
    assert chunks[-1]["usageMetadata"]["totalTokenCount"] == 67
    assert b"\r\n\r\n" in answer.body


def test_gemini_answers_plainly(ask):
    """
    `generateContent` gives both candidates of `multi`.
    """
    answer = ask("/@multi/gemini/v1beta/models/x:generateContent").json

    texts = [each["content"]["parts"][0]["text"] for each in answer["candidates"]]
    assert texts == [truth.TEXT, truth.TEXT2]


def test_cohere_streams_events(ask):
    """
    The text comes in `content-delta`, the usage with the end.
    """
    *events, done = ask("/cohere/v2/chat", stream=True).events

    contents = [
        event["delta"]["message"]["content"]
        for event in events
        if event["type"] == "content-delta"
    ]
    assert "".join(each.get("text", "") for each in contents) == truth.TEXT
    assert events[-1]["delta"]["usage"]["tokens"]["output_tokens"] == 42
    assert done == "[DONE]"


def test_cohere_answers_plainly(ask):
    """
    A plain answer has thinking, text, a plan and a tool call.
    """
    message = ask("/cohere/v2/chat").json["message"]

    assert [each["type"] for each in message["content"]] == ["thinking", "text"]
    assert message["tool_plan"] == truth.TOOL_PLAN
    assert message["tool_calls"][0]["function"]["arguments"] == truth.TOOL_ARGUMENTS


@pytest.mark.parametrize("path", ["/ollama/api/chat", "/ollama/api/generate"])
def test_ollama_streams_unless_told_not_to(ask, path):
    """
    Lines of JSON without `stream`, one JSON value with `stream: false`.
    """
    rows = ask(path).rows
    plain = ask(path, stream=False).json

    def text(row):
        return row["response"] if "response" in row else row["message"]["content"]

    assert "".join(map(text, rows)) == text(plain) == truth.TEXT
    assert [row["done"] for row in rows] == [False] * (len(rows) - 1) + [True]
    assert rows[-1]["eval_count"] == plain["eval_count"] == 42


def test_converse_streams_usage_after_the_stop(ask):
    """
    Bedrock's events carry checksums, and the usage comes last.
    """
    answer = ask("/bedrock/model/anthropic.claude/converse-stream")

    messages = list(aws_messages(answer.body))
    kinds = [headers[":event-type"] for headers, _ in messages]
    deltas = [value["delta"] for _, value in messages if "delta" in value]
    assert kinds[-2:] == ["messageStop", "metadata"]
    assert "".join(delta.get("text", "") for delta in deltas) == truth.TEXT
    assert messages[-1][1]["usage"]["outputTokens"] == 42


def test_converse_answers_plainly(ask):
    """
    A plain answer has the same usage as a stream.
    """
    answer = ask("/bedrock/model/anthropic.claude/converse").json

    assert answer["stopReason"] == "tool_use"
    assert answer["usage"]["cacheReadInputTokens"] == 10


def test_invoke_wraps_the_model_s_own_events(ask):
    """
    InvokeModel holds Anthropic's events, base64-encoded.
    """
    path = "/bedrock/model/anthropic.claude/invoke-with-response-stream"

    messages = aws_messages(ask(path).body)
    events = [json.loads(base64.b64decode(value["bytes"])) for _, value in messages]
    deltas = [e["delta"] for e in events if e["type"] == "content_block_delta"]
    assert "".join(delta.get("text", "") for delta in deltas) == truth.TEXT
    assert "amazon-bedrock-invocationMetrics" in events[-1]


def test_invoke_counts_tokens_in_headers(ask):
    """
    The plain InvokeModel tells its token counts beside the body.
    """
    answer = ask("/bedrock/model/anthropic.claude/invoke")

    assert answer.headers["x-amzn-bedrock-output-token-count"] == "42"
    assert answer.json["usage"]["output_tokens"] == 42


#: For each format, a path and what a piece of text looks like in its bytes.
STREAMS = {
    "chat": ("openai/v1/chat/completions", b'"content":"hello, "'),
    "legacy": ("openai/v1/completions", b'"text":"hello, "'),
    "responses": ("openai/v1/responses", b'"delta":"hello, "'),
    "anthropic": ("anthropic/v1/messages", b'"text":"hello, "'),
    "gemini": ("gemini/v1/models/x:streamGenerateContent", b'"text":"hello, "'),
    "cohere": ("cohere/v2/chat", b'"text":"hello, "'),
    "ollama": ("ollama/api/chat", b'"content":"hello, "'),
    "bedrock": ("bedrock/model/x/converse-stream", b'"text":"hello, "'),
}


@pytest.mark.parametrize("scenario", ["ok", "text", "nousage", "slow", "length"])
@pytest.mark.parametrize(("path", "piece"), STREAMS.values(), ids=STREAMS)
def test_any_text_can_be_made_longer(ask, path, piece, scenario):
    """
    The option `frames` adds so many pieces of text to a stream.
    """
    answer = ask(f"/@{scenario};frames=7;delay_ms=0/{path}", stream=True)

    assert answer.body.count(piece) == 7


def test_a_longer_text_costs_more_tokens(ask):
    """
    Each additional piece is one more token, in a stream and in a plain answer.
    """
    path = "/@ok;frames=8/openai/v1/responses"

    streamed = ask(path, stream=True).events[-1]["response"]
    plain = ask(path).json

    assert streamed == plain
    assert plain["usage"]["output_tokens"] == 50
    assert plain["output"][1]["content"][0]["text"] == truth.text(8)
