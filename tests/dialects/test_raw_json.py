"""What comes without a client, as parsed JSON, is read like a client's objects."""

import base64
import json
import urllib.request
from collections import OrderedDict
from types import SimpleNamespace as Thing

import pytest
from dialects.answers import ALL, NO_REASONING, NO_TOTAL, answer_of

from llmtrack import dialects
from llmtrack.testing.provider import LoopbackProvider, truth

ASKED = {"stream": True, "stream_options": {"include_usage": True}}
APIS = {
    "openai/v1/chat/completions": ("openai.chat", "tool_calls", ALL),
    "deepseek/v1/chat/completions": ("openai.chat", "tool_calls", ALL),
    "azure/v1/chat/completions": ("openai.chat", "tool_calls", ALL),
    "openai/v1/responses": ("openai.responses", "completed", ALL),
    "openai/v1/completions": ("openai.completions", "stop", ALL),
    "anthropic/v1/messages": ("anthropic.messages", "tool_use", NO_TOTAL),
    "gemini/v1beta/models/m:streamGenerateContent": (
        *("google.generate_content", "STOP", ALL),
    ),
    "cohere/v2/chat": ("cohere.chat", "TOOL_CALL", (25, 10, 42, None, None)),
    "ollama/api/chat": ("ollama.chat", "stop", (25, None, 42, None, None)),
    "ollama/api/generate": ("ollama.generate", "stop", (25, None, 42, None, None)),
}


@pytest.fixture(scope="module")
def provider():
    with LoopbackProvider() as provider:
        yield provider


def ask(provider, path, scenario="ok", **body):
    """Return the JSON objects of an answer, of a stream or a plain one."""
    request = urllib.request.Request(
        provider.url(scenario, path), json.dumps(body).encode(), method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request) as answer:
        text = answer.read().decode()
    lines = [line.removeprefix("data: ").strip() for line in text.splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.mark.parametrize("path", APIS)
def test_streamed_json_is_read(provider, path):
    """
    Text, ending and usage are the same as through the client.
    """
    dialect, finish, counts = APIS[path]

    chunks = ask(provider, path, model="m", **ASKED)

    name, answer = answer_of(chunks)
    assert (name, answer.text) == (dialect, truth.TEXT)
    assert (answer.finish_reason, answer.counts) == (finish, counts)


@pytest.mark.parametrize("path", APIS)
def test_streamed_json_is_recognised_by_exactly_one_dialect(provider, path):
    """
    Every chunk of it, but for the generic dialect.
    """
    chunks = ask(provider, path, model="m", **ASKED)

    *exact, _ = dialects.built_in()
    named = [[each.name for each in exact if each.recognises(c)] for c in chunks]
    assert named == [[APIS[path][0]]] * len(chunks)


@pytest.mark.parametrize("path", APIS)
def test_plain_json_is_read(provider, path):
    """
    A whole response too.
    """
    dialect, finish, counts = APIS[path]
    plain = path.replace("streamGenerateContent", "generateContent")

    chunks = ask(provider, plain, model="m", stream=False)

    name, answer = answer_of(chunks)
    assert (name, answer.text) == (dialect, truth.TEXT)
    assert (answer.finish_reason, answer.counts) == (finish, counts)


@pytest.mark.parametrize("path", APIS)
def test_the_quick_way_reads_json_too(provider, path):
    """
    If only by handing it to the full reading.
    """
    chunks = ask(provider, path, model="m", **ASKED)
    dialect = dialects.find(chunks[0])
    texts = []

    keep = dialect.quick(
        texts.append, lambda chunk, _: texts.append(dialect.read(chunk).text or "")
    )
    for chunk in chunks:
        keep(chunk)

    assert "".join(texts) == truth.TEXT


@pytest.mark.parametrize("path", APIS)
def test_text_in_json_is_read_by_its_key(provider, path):
    """
    Only a chunk that has none is read in full.
    """
    chunks = ask(provider, path, model="m", **ASKED)
    texts = []

    keep = dialects.find(chunks[0]).quick(texts.append, lambda *handed: None)
    for chunk in chunks:
        keep(chunk)

    assert "".join(texts) == truth.TEXT


def test_objects_that_follow_json_are_read_too():
    """
    In full, as the quick way of the JSON does not know them.
    """
    first, *_ = chunks = [
        {"choices": [{"delta": {"content": "Hel"}}]},
        Thing(choices=[Thing(delta=Thing(content="lo"))]),
    ]
    texts = []
    dialect = dialects.find(first)

    keep = dialect.quick(texts.append, lambda *handed: texts.append(handed))
    for chunk in chunks:
        keep(chunk)

    assert texts == ["Hel", (chunks[1], first)]


def test_a_dict_of_another_class_is_read_by_its_keys_too():
    """
    Such as one that keeps its keys in order.
    """
    chunk = OrderedDict({"choices": [{"delta": {"content": "Hello"}}]})
    texts = []

    keep = dialects.find(chunk).quick(texts.append, lambda *handed: None)
    keep(chunk)

    assert texts == ["Hello"]


def test_bedrocks_invoke_is_read_with_any_vendor_inside():
    """
    Its bytes are the vendor's JSON; an unknown vendor's is read by names.
    """
    unknown = [
        {"generation": "Hello", "stop_reason": None},
        {"generation": "!", "stop_reason": "stop", "generation_token_count": 2},
        {
            "amazon-bedrock-invocationMetrics": {
                "inputTokenCount": 7,
                "outputTokenCount": 2,
            }
        },
    ]

    chunks = [{"chunk": {"bytes": json.dumps(each).encode()}} for each in unknown]

    name, answer = answer_of(chunks)
    assert (name, answer.text) == ("bedrock.invoke", "Hello!")
    assert (answer.finish_reason, answer.counts[:3]) == ("stop", (7, None, 2))
    assert answer.is_terminated


def test_bedrocks_invoke_is_read_once_the_body_is_bytes():
    """
    What was read of a response's body says everything.
    """
    message = {
        "type": "message",
        "id": "msg_1",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }
    response = {"ResponseMetadata": {}, "body": json.dumps(message).encode()}

    name, answer = answer_of([response])

    assert (name, answer.text, answer.finish_reason) == (
        *("bedrock.invoke", "Hi", "end_turn"),
    )
    assert answer.counts[:3] == (3, None, 1)


def test_the_dict_round_bedrocks_stream_is_recognised():
    """
    It has the response's id, and the events to come.
    """
    metadata = {"RequestId": "r-1"}

    outer = [
        {"ResponseMetadata": metadata, "stream": iter(())},
        {"ResponseMetadata": metadata, "body": iter(()), "contentType": "x"},
    ]

    assert [answer_of([each])[0] for each in outer] == [
        *("bedrock.converse", "bedrock.invoke"),
    ]
    assert {answer_of([each])[1].response_id for each in outer} == {"r-1"}


@pytest.mark.parametrize(
    ("start", "delta", "expected"),
    [
        # As Anthropic sends it.
        (
            {"input_tokens": 15, "cache_read_input_tokens": 10, "output_tokens": 1},
            {"output_tokens": 42},
            (25, 10, 42),
        ),
        # All of it again at the end: last one wins, nothing is added.
        (
            {"input_tokens": 15, "cache_read_input_tokens": 10, "output_tokens": 1},
            {
                "input_tokens": 15,
                "cache_read_input_tokens": 10,
                "output_tokens": 42,
            },
            (25, 10, 42),
        ),
        # Kimi and Qwen: the whole prompt first, then what was not cached.
        (
            {"input_tokens": 25, "output_tokens": 0},
            {
                "input_tokens": 15,
                "cache_read_input_tokens": 10,
                "output_tokens": 42,
            },
            (25, 10, 42),
        ),
        # Nothing first, all in the end.
        (
            {"input_tokens": 0, "output_tokens": 0},
            {
                "input_tokens": 15,
                "cache_read_input_tokens": 10,
                "output_tokens": 42,
            },
            (25, 10, 42),
        ),
        # Input only in the end.
        (
            {"output_tokens": 1},
            {
                "input_tokens": 15,
                "cache_read_input_tokens": 10,
                "output_tokens": 42,
            },
            (25, 10, 42),
        ),
        # The cache's part not repeated.
        (
            {"input_tokens": 15, "cache_read_input_tokens": 10, "output_tokens": 1},
            {"input_tokens": 15, "output_tokens": 42},
            (25, 10, 42),
        ),
        # Written to the cache is input as well.
        (
            {
                "input_tokens": 15,
                "cache_creation_input_tokens": 10,
                "output_tokens": 1,
            },
            {"output_tokens": 42},
            (25, None, 42),
        ),
    ],
)
def test_anthropics_imitators_report_usage_as_they_please(start, delta, expected):
    """
    Later values replace earlier ones, field by field, and none is added twice.
    """
    chunks = [
        {"type": "message_start", "message": {"content": [], "usage": start}},
        {"type": "message_delta", "delta": {}, "usage": delta},
    ]

    _, answer = answer_of(chunks)

    assert answer.counts[:3] == expected


@pytest.mark.parametrize(
    ("chunk", "error"),
    [
        (
            {"error": {"message": "boom", "type": "server_error", "code": "x"}},
            ("server_error", "boom", "x"),
        ),
        (
            {
                "object": "chat.completion.chunk",
                "error": {"code": 502, "message": "Upstream overloaded"},
                "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}],
            },
            ("502", "Upstream overloaded", "502"),
        ),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "O"}},
            ("overloaded_error", "O", None),
        ),
        (
            {
                "type": "error",
                "sequence_number": 9,
                "code": "rate_limit_exceeded",
                "message": "Slow down",
            },
            ("error", "Slow down", "rate_limit_exceeded"),
        ),
        (
            {
                "type": "response.failed",
                "response": {
                    "status": "failed",
                    "error": {"code": "server_error", "message": "no"},
                },
            },
            ("server_error", "no", "server_error"),
        ),
        (
            {
                "type": "message-end",
                "delta": {"finish_reason": "ERROR", "error": "internal"},
            },
            ("ERROR", "internal", None),
        ),
        (
            {"throttlingException": {"message": "wait"}},
            ("throttlingException", "wait", None),
        ),
        (
            {"error": "an error was encountered"},
            ("error", "an error was encountered", None),
        ),
    ],
)
def test_errors_that_no_client_raises_are_found(chunk, error):
    """
    An ordinary chunk to the client, the end of the answer to everybody else.
    """
    dialect = dialects.find(chunk)

    found = dialect.read(chunk).error

    assert (found.type, found.message, found.code) == error


def test_vectors_in_base64_are_embeddings():
    """
    As they are vectors in a list.
    """
    vector = base64.b64encode(b"1234").decode()

    value = {"object": "list", "data": [{"embedding": vector}], "model": "m"}

    assert dialects.find(value).name == "embeddings"


def test_converse_counts_the_cache_as_input():
    """
    Its `inputTokens` are without it.
    """
    usage = {"inputTokens": 15, "cacheReadInputTokens": 10, "outputTokens": 42}

    _, answer = answer_of([{"metadata": {"usage": {**usage, "totalTokens": 67}}}])

    assert answer.counts == NO_REASONING
