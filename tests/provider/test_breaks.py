"""What a scenario does to an answer."""

import http.client
import re
import socket

import pytest

from llmtrack.testing.provider import truth

STREAMS = {
    "chat": "openai/v1/chat/completions",
    "legacy": "openai/v1/completions",
    "responses": "openai/v1/responses",
    "anthropic": "anthropic/v1/messages",
    "gemini": "gemini/v1/models/x:streamGenerateContent",
    "cohere": "cohere/v2/chat",
    "ollama": "ollama/api/chat",
    "converse": "bedrock/model/x/converse-stream",
    "invoke": "bedrock/model/x/invoke-with-response-stream",
}
PLAIN = {
    "chat": "openai/v1/chat/completions",
    "anthropic": "anthropic/v1/messages",
    "gemini": "gemini/v1/models/x:generateContent",
    "converse": "bedrock/model/x/converse",
}
every_stream = pytest.mark.parametrize("path", STREAMS.values(), ids=STREAMS)
every_plain = pytest.mark.parametrize("path", PLAIN.values(), ids=PLAIN)


@every_stream
def test_an_empty_stream_has_no_frame(ask, path):
    """
    The answer is 200 and has no byte.
    """
    answer = ask(f"/@empty/{path}", stream=True)

    assert (answer.status, answer.body, answer.error) == (200, b"", None)


@every_stream
def test_a_truncated_stream_is_the_beginning(ask, path):
    """
    The body ends properly, in the middle of the text.
    """
    whole = ask(f"/@text/{path}", stream=True)
    answer = ask(f"/@truncated/{path}", stream=True)

    assert answer.error is None
    assert 0 < len(answer.body) < len(whole.body)
    assert whole.body.startswith(answer.body)


@every_stream
def test_a_cut_stream_is_reset(ask, path):
    """
    The client gets what a truncated stream has, and then an error.
    """
    truncated = ask(f"/@truncated/{path}", stream=True)
    answer = ask(f"/@cut/{path}", stream=True)

    assert answer.body == truncated.body
    assert isinstance(answer.error, ConnectionResetError)


@every_stream
def test_a_malformed_stream_goes_on(ask, path):
    """
    One frame more than usual arrives, in the middle.
    """
    whole = ask(f"/@text/{path}", stream=True).body
    before = ask(f"/@truncated/{path}", stream=True).body
    answer = ask(f"/@malformed/{path}", stream=True)

    assert answer.body.startswith(before)
    assert answer.body.endswith(whole[len(before) :])
    assert len(answer.body) > len(whole)


@every_stream
def test_an_in_band_error_comes_after_the_text_so_far(ask, path):
    """
    A frame in the provider's own words follows what a truncated stream has.
    """
    before = ask(f"/@truncated/{path}", stream=True).body
    answer = ask(f"/@inband_error/{path}", stream=True)

    assert (answer.status, answer.error) == (200, None)
    assert answer.body.startswith(before)
    assert re.search(b"error|exception", answer.body[len(before) :], re.IGNORECASE)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("openrouter/v1/chat/completions", b'"code":502'),
        ("mistral/v1/chat/completions", b'"code":"3700"'),
        ("cerebras/v1/chat/completions", b'"status_code":500'),
        ("openai/v1/responses", b"event: response.failed"),
        ("errorevent/v1/responses", b"event: error"),
        ("bedrock/model/x/converse-stream", b"modelStreamErrorException"),
        ("bedrock/model/x/invoke-with-response-stream", b"throttlingException"),
        ("cohere/v2/chat", b'"finish_reason":"ERROR"'),
    ],
)
def test_in_band_errors_have_their_own_words(ask, path, words):
    """
    Each provider says in its own way that a stream has failed.
    """
    answer = ask(f"/@inband_error/{path}", stream=True)

    assert words in answer.body


@every_stream
def test_a_break_waits_for_more_text(ask, path):
    """
    With `frames` a stream breaks after the additional text.
    """
    short = ask(f"/@truncated/{path}", stream=True).body
    long = ask(f"/@truncated;frames=5/{path}", stream=True).body

    assert long.count(b"hello, ") or path == STREAMS["invoke"]
    assert len(long) > len(short)


@every_stream
def test_a_stalled_stream_says_no_more(ask, path):
    """
    It hangs where others break, and ends when its time is over.
    """
    truncated = ask(f"/@truncated/{path}", stream=True)
    answer = ask(f"/@stall;delay_ms=10/{path}", stream=True)

    assert (answer.body, answer.error) == (truncated.body, None)


@pytest.mark.parametrize("path", ["openai/v1/responses", "ollama/api/chat"])
def test_quirks_change_framing_alone(ask, path):
    """
    Odd writes, comments and line ends do not change what is said.
    """
    usual = ask(f"/@ok/{path}", stream=True)
    quirky = ask(f"/@quirks/{path}", stream=True)

    def lines(body):
        return [line for line in body.splitlines() if line and line[:1] != b":"]

    assert lines(quirky.body) == lines(usual.body)


def test_quirks_split_characters(provider):
    """
    Writes are small, and some end within a character.
    """
    request = f"POST /@quirks/{STREAMS['ollama']} HTTP/1.1\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", provider.port)) as client:
        client.sendall(request.encode())
        _, _, rest = client.makefile("rb").read().partition(b"\r\n\r\n")

    pieces = []
    while size := int(rest[:1], 16):
        pieces.append(rest[3 : 3 + size])
        rest = rest[5 + size :]
    assert {len(piece) for piece in pieces[:-1]} == {7}
    with pytest.raises(UnicodeDecodeError):
        [piece.decode() for piece in pieces]


def test_comments_stand_before_frames(ask):
    """
    Each frame has a comment of its own.
    """
    usual = ask("/@ok/openai/v1/chat/completions", stream=True)
    answer = ask("/@comments/openai/v1/chat/completions", stream=True)

    assert answer.body.count(b": keep-alive") == len(usual.events)
    assert answer.events == usual.events


@every_plain
def test_a_plain_answer_can_be_cut(ask, path):
    """
    Half of the promised body arrives.
    """
    whole = ask(f"/@ok/{path}")
    answer = ask(f"/@cut/{path}")

    assert isinstance(answer.error, (ConnectionResetError, http.client.IncompleteRead))
    assert len(answer.body) < len(whole.body)


@every_plain
def test_a_plain_answer_can_be_malformed_or_empty(ask, path):
    """
    The answer is 200, and its body is no JSON.
    """
    malformed = ask(f"/@malformed/{path}")
    empty = ask(f"/@empty/{path}")

    assert (malformed.status, empty.status, empty.body) == (200, 200, b"")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|Extra"):
        malformed.json


@pytest.mark.parametrize("status", ["400", "401", "404", "429", "500", "503", "529"])
@pytest.mark.parametrize("path", [*STREAMS.values(), *PLAIN.values()])
def test_http_errors_are_json(ask, path, status):
    """
    The status is as asked for, and the body tells the error.
    """
    answer = ask(f"/@{status}/{path}", stream=True)

    assert answer.status == int(status)
    assert "rror" in str(answer.json) or "message" in answer.json


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("openai/v1/chat/completions", ("error", "code", "rate_limit_exceeded")),
        ("anthropic/v1/messages", ("error", "type", "rate_limit_error")),
        (
            "gemini/v1/models/x:generateContent",
            ("error", "status", "RESOURCE_EXHAUSTED"),
        ),
    ],
)
def test_http_errors_have_their_own_words(ask, path, place):
    """
    Each provider names a rate limit in its own way, and when to come back.
    """
    answer = ask(f"/@429;retry_after=3/{path}")

    outer, inner, word = place
    assert answer.json[outer][inner] == word
    assert answer.headers["retry-after"] == "3"


def test_a_flaky_run_recovers(ask, provider):
    """
    The first requests of a run fail, the next one does not.
    """
    path = "/@flaky503;run=a;fails=2/openai/v1/chat/completions"

    statuses = [ask(path).status for _ in range(3)]

    assert statuses == [503, 503, 200]
    assert [row["status"] for row in provider.log("a")] == statuses


def test_runs_do_not_disturb_one_another(ask):
    """
    Each run has failures of its own.
    """
    path = "/@flaky429;run={};fails=1/openai/v1/chat/completions"

    statuses = [ask(path.format(run)).status for run in ("a", "b", "a", "b")]

    assert statuses == [429, 429, 200, 200]


def test_the_model_is_always_the_same(ask):
    """
    Whatever model was asked for, the truth's model answers.
    """
    answer = ask("/openai/v1/chat/completions", model="gpt-5")

    assert answer.json["model"] == truth.MODEL
