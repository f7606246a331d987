"""What of a prompt is text, in the shapes of all clients."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from llmtrack.tokens.content import Content
from llmtrack.tokens.prompt import prompt_of

#: The six messages of OpenAI's guide; the service counted 129 tokens.
GUIDE = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant that "
        "translates corporate jargon into plain English.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "New synergies will help drive top-line growth.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Things working well together will increase revenue.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch "
        "base on opportunities for increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the "
        "ocean for the client deliverable.",
    },
]
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


class Slotted:
    """A message without a `__dict__`."""

    __slots__ = ("content", "role")

    def __init__(self, role, content):
        self.role = role
        self.content = content


@pytest.mark.parametrize(
    ("value", "texts", "messages"),
    [
        ("hello", ["hello"], 0),
        (["one", "two"], ["one", "two"], 0),
        ([{"role": "user", "content": "hello"}], ["hello"], 1),
        ({"role": "user", "content": "hello"}, ["hello"], 1),
        ([SimpleNamespace(role="user", content="hello")], ["hello"], 1),
        ([Slotted("user", "hello")], ["hello"], 1),
        (
            [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
            ["hello"],
            1,
        ),
        (
            [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
            ["hello"],
            1,
        ),
        ([("system", "be nice"), ("human", "hello")], ["be nice", "hello"], 2),
        ([SimpleNamespace(type="human", content="hello")], ["hello"], 1),
        (
            SimpleNamespace(messages=[SimpleNamespace(type="ai", content="hello")]),
            ["hello"],
            1,
        ),
        ([{"role": "user", "parts": [{"text": "hello"}]}], ["hello"], 1),
        (
            [SimpleNamespace(role="user", parts=[SimpleNamespace(text="hello")])],
            ["hello"],
            1,
        ),
        ([{"role": "user", "content": [{"text": "hello"}]}], ["hello"], 1),
        (
            {
                "system": [{"text": "be nice"}],
                "messages": [{"role": "user", "content": "hello"}],
            },
            ["be nice", "hello"],
            2,
        ),
        ({"instructions": "be nice", "input": "hello"}, ["be nice", "hello"], 1),
        (
            {"contents": "hello", "config": {"system_instruction": "be nice"}},
            ["hello", "be nice"],
            1,
        ),
        (
            {
                "preamble": "be nice",
                "chat_history": [{"role": "USER", "message": "hello"}],
                "message": "again",
            },
            ["be nice", "hello", "again"],
            2,
        ),
        ({"model": "x", "prompt": "hello", "stream": True}, ["hello"], 0),
    ],
)
def test_text_is_found_in_every_shape(value, texts, messages):
    """
    Strings, messages, parts and whole requests, as dicts or as objects.
    """
    prompt = prompt_of(value)

    assert (texts, messages) == (prompt.texts, prompt.messages)
    assert () == prompt.uncounted


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"function": {"name": "find", "arguments": '{"q":1}'}}],
            },
            ["find", '{"q":1}'],
        ),
        (
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "name": "find", "input": {"q": 1}}],
            },
            ["find", '{"q":1}'],
        ),
        (
            {"role": "user", "content": [{"type": "tool_result", "content": "42"}]},
            ["42"],
        ),
        ({"type": "function_call", "name": "f", "arguments": "{}"}, ["f", "{}"]),
        ({"type": "function_call_output", "output": "42"}, ["42"]),
        (
            {
                "role": "user",
                "content": [{"toolResult": {"content": [{"json": {"a": 1}}]}}],
            },
            ['{"a":1}'],
        ),
        (
            {
                "role": "model",
                "parts": [{"functionCall": {"name": "f", "args": {"q": "ü"}}}],
            },
            ["f", '{"q":"ü"}'],
        ),
    ],
)
def test_tool_calls_and_results_are_text(value, texts):
    """
    What a model once called, with what, and what came back, is in the prompt.
    """
    assert texts == prompt_of([value]).texts


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        (IMAGE, "image"),
        ({"type": "image", "source": {"type": "base64", "data": "AAAA"}}, "image"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA"}}, "audio"),
        ({"type": "file", "file": {"file_id": "1"}}, "file"),
        ({"type": "document", "source": {"type": "url", "url": "x"}}, "file"),
        ({"inline_data": {"mime_type": "audio/wav", "data": b""}}, "audio"),
        ({"fileData": {"mimeType": "video/mp4", "fileUri": "x"}}, "video"),
        ({"image": {"format": "png", "source": {"bytes": b""}}}, "image"),
        (SimpleNamespace(uri="x", mime_type="application/pdf"), "file"),
        (b"raw", "file"),
    ],
)
def test_media_are_named_and_not_counted(part, kind):
    """
    Their bytes are no text: what could not be counted is said instead.
    """
    prompt = prompt_of([{"role": "user", "content": ["look", part, part]}])

    assert (["look"], (kind,)) == (prompt.texts, prompt.uncounted)


def test_a_document_of_text_is_text():
    """
    Anthropic's documents may hold plain text.
    """
    source = {"type": "text", "data": "once upon a time"}

    prompt = prompt_of(
        [{"role": "user", "content": [{"type": "document", "source": source}]}]
    )

    assert (["once upon a time"], ()) == (prompt.texts, prompt.uncounted)


def test_what_lies_at_the_provider_is_named():
    """
    An earlier response that is continued is billed, and not seen here.
    """
    prompt = prompt_of({"input": "go on", "previous_response_id": "resp_1"})

    assert ("previous_response",) == prompt.uncounted


def test_images_beside_a_message_are_named():
    """
    Ollama's messages have them in a key of their own.
    """
    prompt = prompt_of([{"role": "user", "content": "look", "images": ["AAAA"]}])

    assert (["look"], ("image",)) == (prompt.texts, prompt.uncounted)


def test_token_ids_are_counted_as_they_are(no_vocabulary):
    """
    An embedding's input may be tokens already.
    """
    prompt = prompt_of([101, 102, 103])

    assert 3 == prompt.count("text-embedding-3-small").tokens


def test_the_documented_example_is_counted_exactly(real_vocabularies):
    """
    OpenAI's guide records 129 tokens for its messages; o200k_base makes it 124.
    """
    prompt = prompt_of(GUIDE)

    assert 129 == prompt.count("gpt-4").tokens
    assert 124 == prompt.count("gpt-4o").tokens
    assert 0.97 == prompt.count("gpt-4o").confidence


def test_a_bare_text_has_no_frame(byte_vocabulary):
    """
    Messages cost a few tokens each beside their text; a text does not.
    """
    assert 5 == prompt_of("hello").count("gpt-4o").tokens
    assert 5 + 4 + 3 == prompt_of([("user", "hello")]).count("gpt-4o").tokens


def test_tools_are_counted_roughly(byte_vocabulary):
    """
    Their definitions are counted as JSON, and trusted less.
    """
    tools = [{"name": "find"}]

    prompt = prompt_of("hello", tools=tools)

    assert len('hello[{"name":"find"}]') == prompt.count("gpt-4o").tokens
    assert (("tools",), 0.6) == (prompt.uncounted, prompt.count("gpt-4o").confidence)
    assert "hello" == prompt.text


def test_tools_that_are_functions_do_no_harm(byte_vocabulary):
    """
    Google's client takes functions as tools.
    """
    prompt = prompt_of("hello", tools=[len, MagicMock(), object()])

    assert prompt.count("gpt-4o").tokens >= 5


def test_media_make_a_count_doubtful(byte_vocabulary):
    """
    With an image in it, the count of the text says little.
    """
    prompt = prompt_of([{"role": "user", "content": ["look", IMAGE]}])

    assert 0.3 == prompt.count("gpt-4o").confidence


def test_a_users_counter_counts_prompts(no_vocabulary):
    """
    Each piece of text is given to it.
    """

    class Tens:
        def count(self, text, model, /):
            return 10

    counted = prompt_of(["one", "two"]).count("gpt-4o", Tens())

    assert (20, "user") == (counted.tokens, counted.source)


class Text(str):
    """A text with more to it."""


class Raises:
    """An object whose attributes raise."""

    __slots__ = ()

    @property
    def content(self):
        raise RuntimeError

    role = text = type = content


class BadDict(dict):
    """A dict that raises when asked."""

    def get(self, *_args):
        raise RuntimeError

    def items(self):
        raise RuntimeError


def _endless():
    messages = []
    messages.extend([messages] * 10)
    return messages


def _nested():
    message = {"role": "user"}
    message["content"] = [message] * 10
    return message


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        float("nan"),
        object(),
        Raises(),
        [Raises(), None, {}],
        BadDict(role="user"),
        [BadDict(content=1)],
        {1: 2, None: 3},
        [{"role": ["x"], "content": {"type": ["y"]}}],
        [{"type": {}, "content": 5}],
        MagicMock(),
        [MagicMock()],
        _endless(),
        _nested(),
        [[[[[["deep"]]]]]],
        type,
    ],
)
def test_nothing_strange_raises(value):
    """
    Whatever is passed for a prompt, the call goes on.
    """
    assert prompt_of(value, tools=Raises()).count("gpt-4o").tokens >= 0


@pytest.mark.parametrize(
    "value",
    [
        "",
        "hello",
        [],
        [{"role": "user", "content": "hello"}],
        [{"role": "user", "content": ""}, {"role": "system", "content": "kind"}],
        [{"role": None, "content": "hello"}, {"content": "you", "role": 5}],
        [{"role": "user", "content": None}],
        [{"role": "user", "name": "Ada", "content": "hello"}],
        [{"role": "user", "text": "hello"}],
        [{"role": "user", "content": "hello"}, "and you"],
        [{"role": "user", "content": ["hello", {"type": "image"}]}],
        [Text("hello")],
        Text("hello"),
        [1, 2, 3],
    ],
)
def test_the_short_way_reads_what_the_long_way_does(value):
    """
    A prompt is the same whether or not it is plain enough to be read quickly.
    """
    found = Content()

    found.read(value)

    prompt = prompt_of(value)
    assert (found.texts, found.messages, found.names, found.token_ids) == (
        prompt.texts,
        prompt.messages,
        prompt.names,
        prompt.token_ids,
    )
    assert found.uncounted == prompt.uncounted


def test_a_key_that_cannot_be_compared_is_no_obstacle():
    """
    Even a dict may raise when it is asked for a key.
    """

    class Alike:
        def __hash__(self):
            return hash("role")

        def __eq__(self, other):
            raise RuntimeError

    prompt = prompt_of([{Alike(): 1, "content": "hello"}])

    assert [] == prompt.texts


def test_an_iterator_is_not_consumed():
    """
    Messages that can be read once belong to the program.
    """
    messages = iter([{"role": "user", "content": "hello"}])

    prompt = prompt_of(messages)

    assert [] == prompt.texts
    assert "hello" == next(messages)["content"]
