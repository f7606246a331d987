"""What was asked, from arguments and from what came back."""

import json
from types import SimpleNamespace as Thing
from typing import Any

import pytest

from llmtrack.dialects.behind import url_behind
from llmtrack.dialects.request import (
    Request,
    client_behind,
    from_arguments,
    from_response,
    is_clients_own,
    looks_like_client,
)

MESSAGES = [{"role": "user", "content": "Hi"}]


class FakeClient:
    """A client of no package that is known."""

    def chat(self):
        """Do what clients do."""


class NotGiven:
    """What clients take for an argument that was left out."""


@pytest.mark.parametrize("name", ["messages", "prompt", "input", "contents"])
def test_model_and_input_are_found_by_name(name):
    """
    Under the names that clients use, as they were given.
    """
    request = from_arguments({"model": "m", name: MESSAGES})

    assert (request.model, request.input) == ("m", MESSAGES)
    assert request.input is MESSAGES


def test_nothing_is_guessed():
    """
    A question may be a database's.
    """
    request = from_arguments({"question": "Hi", "query": "x", "model": 7})

    assert request == Request()


def test_what_belongs_to_the_prompt_is_folded_in():
    """
    So that all of it can be counted.
    """
    tools = [{"name": "look"}]

    request = from_arguments({"messages": MESSAGES, "system": "Be", "tools": tools})

    assert request.input == {"system": "Be", "messages": MESSAGES, "tools": tools}
    assert request.tools is tools


def test_googles_and_bedrocks_configurations_are_unfolded():
    """
    They hold instructions, tools and parameters.
    """
    google = from_arguments(
        {
            "model": "gemini",
            "contents": "Hi",
            "config": Thing(
                system_instruction="Be",
                temperature=0.5,
                response_mime_type="application/json",
            ),
        }
    )
    bedrock = from_arguments(
        {"modelId": "x", "messages": MESSAGES, "inferenceConfig": {"maxTokens": 5}}
    )

    assert google.input == {"system_instruction": "Be", "contents": "Hi"}
    assert (google.parameters, google.wants_json) == ({"temperature": 0.5}, True)
    assert (bedrock.model, bedrock.parameters) == ("x", {"maxTokens": 5})


@pytest.mark.parametrize(
    ("arguments", "wants"),
    [
        ({"response_format": {"type": "json_object"}}, True),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, True),
        ({"response_format": dict}, True),
        ({"text": {"format": {"type": "json_schema"}}}, True),
        ({"format": "json"}, True),
        ({"format": {"type": "object", "properties": {}}}, True),
        ({"response_format": {"type": "text"}}, False),
        ({"text": "a text to translate"}, False),
        ({"text": {"format": {"type": "text"}}}, False),
        ({}, False),
    ],
)
def test_json_is_wanted_in_many_words(arguments, wants):
    """
    Each client has its own; a `text` of the program's is none of them.
    """
    assert from_arguments({"prompt": "Hi", **arguments}).wants_json is wants


def test_parameters_choices_and_streaming_are_kept():
    """
    As given, those that OpenTelemetry has names for.
    """
    request = from_arguments(
        {"model": "m", "n": 2, "stream": True, "temperature": 0, "user": "x"}
    )

    assert (request.n, request.stream) == (2, True)
    assert request.parameters == {"n": 2, "temperature": 0}


@pytest.mark.parametrize("missing", [NotGiven(), ..., None])
def test_what_was_not_given_is_left_out(missing):
    """
    Clients have objects for it.
    """
    request = from_arguments(
        {"model": "m", "messages": missing, "temperature": missing}
    )

    assert (request.input, request.parameters) == (None, {})


def test_a_client_among_the_arguments_is_found():
    """
    Or the one that `self` keeps.
    """
    client = FakeClient()
    owner = Thing(client=client, name="x")

    assert from_arguments({"llm": client, "x": 1}).client is client
    assert from_arguments({"self": owner}).client is client
    assert from_arguments({"other": owner}).client is None


def test_two_clients_of_self_are_not_chosen_from():
    """
    Nobody knows which one it will be.
    """
    owner = Thing(a=FakeClient(), b=FakeClient())

    assert from_arguments({"self": owner}).client is None


class Exploding:
    """Every attribute raises."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize("make", [Exploding, object, lambda: type, lambda: "x" * 10**6])
def test_arguments_are_not_looked_into(make):
    """
    Their class says whether they are clients.
    """
    assert from_arguments({"x": make()}) == Request()


def test_what_is_no_client_does_not_look_like_one():
    """
    Responses have fields called `model` and `messages` too.
    """
    response = type("ChatCompletion", (), {"__module__": "openai", "model_fields": {}})

    assert not looks_like_client(response())
    assert not looks_like_client([])
    assert not looks_like_client(None)


def http(url="https://api.x/v1/chat/completions", **body):
    return Thing(url=url, content=json.dumps(body).encode())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda sent: Thing(response=Thing(request=sent)),
        lambda sent: Thing(request=sent),
        lambda sent: Thing(http_request=sent),
        lambda sent: Thing(http_response=Thing(request=sent)),
    ],
)
def test_the_request_behind_a_stream_is_read(wrap):
    """
    Its body is what a client made of the arguments.
    """
    stream = wrap(http(model="m", messages=MESSAGES, stream=True))

    request = from_response(stream)

    assert (request.model, request.input, request.stream) == ("m", MESSAGES, True)
    assert request.operation == "chat"
    assert url_behind(stream) == "https://api.x/v1/chat/completions"


@pytest.mark.parametrize(
    ("url", "model", "operation"),
    [
        ("https://x/v1beta/models/gemini-2:streamGenerateContent", "gemini-2", None),
        ("https://x/model/anthropic.claude/converse-stream", "anthropic.claude", None),
        ("https://x/openai/deployments/mine/chat/completions?v=1", "mine", "chat"),
        ("https://x/v1/completions", None, "text_completion"),
        ("https://x/v1/embeddings", None, "embeddings"),
    ],
)
def test_the_address_tells_the_model_and_what_was_done(url, model, operation):
    """
    Where the body does not.
    """
    request = from_response(Thing(request=http(url, contents="Hi")))

    assert request.model == model
    assert request.operation == (operation or request.operation)


def test_a_huge_body_is_not_parsed():
    """
    The model is found all the same.
    """
    body = b'{"model": "m", "messages": "' + b"x" * 2_000_000 + b'"}'

    request = from_response(Thing(request=Thing(url="https://x", content=body)))

    assert (request.model, request.input) == ("m", None)


class Unread:
    """A request of an upload, whose content must not be asked for."""

    url = "https://x/v1/chat/completions"

    @property
    def content(self):
        raise RuntimeError("the request's content was not read")


@pytest.mark.parametrize(
    "sent", [Unread(), Thing(url="https://x", content=b"\xff{"), Thing(url="https://x")]
)
def test_a_body_that_cannot_be_read_says_nothing(sent):
    """
    And breaks nothing.
    """
    request = from_response(Thing(request=sent))

    assert request is None or request.model is None


@pytest.mark.parametrize("value", [None, "x", {"request": 7}, 7, object(), []])
def test_what_has_no_request_behind_it_says_nothing(value):
    """
    Most responses are like this.
    """
    assert from_response(value) is None
    assert url_behind(value) is None


SENT = Thing(url="https://api.x/v1", content=b'{"model": "m"}')


class ByProperty:
    """Computes the request that it came from."""

    @property
    def request(self):
        return SENT


class OnClass:
    """Has the request for all of its objects."""

    _request = SENT


class ByGetattr:
    """Passes on what it is asked for, as a proxy does."""

    def __getattr__(self, name):
        return getattr(Thing(response=Thing(request=SENT)), name)


class Slotted:
    """Has no `__dict__`."""

    __slots__ = ("http_request",)

    def __init__(self):
        self.http_request = SENT


@pytest.mark.parametrize(
    "value",
    [
        *(ByProperty(), OnClass(), ByGetattr(), Slotted(), Thing(request=SENT)),
        Thing(http_response=Thing(http_request=SENT)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_request_is_found_wherever_an_object_has_it(value):
    """
    A response that plainly has none is not searched; these are.
    """
    assert from_response(value).model == "m"
    assert url_behind(value) == "https://api.x/v1"


def test_a_request_is_found_wherever_a_model_has_it():
    """
    As a field, an extra field, a private one, or computed.
    """
    pydantic = pytest.importorskip("pydantic")

    class Open(pydantic.BaseModel, extra="allow"):
        pass

    class Private(pydantic.BaseModel):
        _request: Any = pydantic.PrivateAttr(default=SENT)

    class Passing(pydantic.BaseModel):
        def __getattr__(self, name):
            return SENT if name == "request" else super().__getattr__(name)

    responses = Open(request=SENT), Open(response=Thing(request=SENT)), Private()

    found = [from_response(value).model for value in (*responses, Passing())]
    assert found == ["m"] * 4
    assert from_response(Open(text="x")) is None


class OllamaLikeClient(FakeClient):
    """A client whose streams are plain generators."""

    def stream(self, model, messages):
        """Give chunks."""
        yield model, messages

    def inner(self):
        """Give chunks from within, as ollama does."""
        kwargs = {"json": {"model": "m", "messages": MESSAGES}}

        def generate():
            yield self, kwargs

        return generate()

    async def later(self, model, messages):
        """Give chunks, asynchronously."""
        yield model, messages


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.stream("m", MESSAGES),
        lambda client: client.inner(),
        lambda client: client.later("m", MESSAGES),
    ],
)
def test_a_clients_generator_holds_its_arguments(call):
    """
    Half of all streams are nothing but a generator.
    """
    client = OllamaLikeClient()

    stream = call(client)
    request = from_response(stream)

    assert (request.model, request.input) == ("m", MESSAGES)
    assert client_behind(stream) is client


def test_a_generator_that_has_ended_holds_nothing():
    """
    Its frame is gone.
    """
    stream = OllamaLikeClient().stream("m", MESSAGES)

    list(stream)

    assert from_response(stream) is None
    assert client_behind(stream) is None


def lines_of(response):
    """Give the lines of an answer, as httpx does."""
    yield response


def parsed(lines):
    """Give chunks made of lines, as Hugging Face's client does."""
    yield from lines


def test_generators_within_generators_are_looked_through():
    """
    At the bottom is the answer, which knows its request.
    """
    response = Thing(request=http(model="m", messages=MESSAGES, stream=True))

    stream = parsed(lines_of(response))

    assert from_response(stream).model == "m"
    assert url_behind(stream) == "https://api.x/v1/chat/completions"


def test_a_clients_generator_is_told_from_the_programs():
    """
    By its client, its request, or where its code is.
    """
    response = Thing(request=http(model="m"))
    code = "def stream():\n    yield 1"
    namespace = {"__name__": "huggingface_hub.inference._common"}
    exec(code, namespace)

    own = [
        OllamaLikeClient().inner(),
        parsed(lines_of(response)),
        namespace["stream"](),
    ]
    programs = [lines_of(7), (each for each in "abc"), iter([]), None]

    assert all(map(is_clients_own, own))
    assert not any(map(is_clients_own, programs))


def test_a_framework_s_client_is_made_for_one_model():
    """
    Which is not among the arguments then.
    """
    chat = type("ChatX", (), {"__module__": "langchain_core.x", "stream": None})
    chat.invoke = None
    model = chat()
    model.model_name = "m"

    assert from_arguments({"llm": model}).model == "m"


def test_a_generator_of_a_decorator_is_looked_through():
    """
    LlamaIndex wraps a client's generator in one of its own.
    """
    client = OllamaLikeClient()

    def wrapped(f_return_val, messages):
        yield f_return_val, messages

    stream = wrapped(client.inner(), MESSAGES)
    request = from_response(stream)

    assert (request.model, request.input) == ("m", MESSAGES)
    assert client_behind(stream) is client


@pytest.mark.parametrize("name", ["CustomStreamWrapper", "ModelResponse"])
def test_litellms_streams_and_responses_remember_what_was_asked(name):
    """
    The model with its provider, the messages, and the address.
    """
    hidden = {"litellm_model_name": "gemini/g", "api_base": "http://h:1/v1"}
    value = type(name, (), {"__module__": "litellm.utils"})()
    vars(value).update(_hidden_params=hidden, messages=MESSAGES)

    request = from_response(value)

    assert (request.model, request.input) == ("gemini/g", MESSAGES)
    assert url_behind(value) == "http://h:1/v1"


def test_a_stream_is_no_client():
    """
    Who holds it keeps its connection open.
    """
    stream_class = type("MessageStream", (), {"__module__": "anthropic.lib"})
    models_class = type("Models", (), {"__module__": "google.genai.models"})

    def texts(self):
        yield self

    assert client_behind(texts(stream_class())) is None
    assert client_behind(texts(models_class())) is not None
