"""How a client that has no package is called, told by what it has."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from llmtrack import ConfigurationError, Outcome, acall_llm, call_llm
from llmtrack.testing import chat_chunks

MESSAGES = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]},
]
CHUNKS = chat_chunks("Hel", "lo")
WHOLE = {
    "choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


def client_at(path, method):
    """Return a client that has one method, at a dotted path."""
    for name in reversed(path.split(".")):
        method = SimpleNamespace(**{name: method})
    return method


class Asked:
    """What a method was given, and how it answers: in chunks if it may."""

    def __init__(self):
        self.given = []

    def anything(self, **given):
        self.given.append(given)
        return iter(CHUNKS) if given.get("stream") else WHOLE

    def streaming(self, **given):
        self.given.append(given)
        yield from CHUNKS

    def plain(self, **given):
        if "stream" in given:
            raise TypeError("plain() got an unexpected keyword argument 'stream'")
        return self.anything(**given)


@pytest.fixture
def asked():
    return Asked()


@pytest.mark.parametrize(
    "path",
    [
        "chat.completions.create",
        "chat_completion",
        "chat",
        "completion",
        "completions.create",
        "create",
        "generate",
        "complete",
    ],
)
def test_the_keyword_streams_where_there_is_no_method_for_it(path, asked, recorder):
    """
    `stream=True`, the model and the messages as they are.
    """
    client = client_at(path, asked.anything)

    record = call_llm(client, model="m", messages=MESSAGES, tracker=recorder, seed=1)

    expected = {"model": "m", "messages": MESSAGES, "seed": 1, "stream": True}
    assert [expected] == asked.given
    assert (True, "Hello") == (record.stream, record.output_text)


@pytest.mark.parametrize(
    ("plain", "streaming"),
    [
        ("chat.complete", "chat.stream"),
        ("models.generate_content", "models.generate_content_stream"),
        ("converse", "converse_stream"),
        ("chat", "chat_stream"),
        ("chat", "stream_chat"),
        ("invoke", "stream"),
    ],
)
def test_a_method_for_streaming_is_used(plain, streaming, asked, recorder):
    """
    It is given no `stream`; the other one serves `stream=False`.
    """
    owner, _, name = plain.rpartition(".")
    other = streaming.rpartition(".")[2]
    both = SimpleNamespace(**{name: asked.anything, other: asked.streaming})
    client = client_at(owner, both) if owner else both

    streamed = call_llm(client, model="m", messages="Hi", tracker=recorder)
    whole = call_llm(client, model="m", messages="Hi", tracker=recorder, stream=False)

    assert [True, False] == [streamed.stream, whole.stream]
    assert ["Hello", "Hello"] == [streamed.output_text, whole.output_text]
    assert not any("stream" in given for given in asked.given)


def test_anthropic_gets_instructions_apart_and_a_limit(asked, recorder):
    """
    `system` is an argument, and `max_tokens` has a default.
    """
    client = client_at("messages.create", asked.anything)

    call_llm(client, model="m", messages=MESSAGES, tracker=recorder, stop="x")

    (given,) = asked.given
    assert "Be kind." == given["system"]
    assert MESSAGES[1:] == given["messages"]
    assert 4096 == given["max_tokens"]
    assert ["x"] == given["stop_sequences"]


def test_responses_get_input(asked, recorder):
    """
    OpenAI's Responses call messages `input`, and `max_tokens` otherwise.
    """
    client = client_at("responses.create", asked.anything)

    call_llm(client, model="m", messages=MESSAGES, tracker=recorder, max_tokens=5)

    (given,) = asked.given
    assert MESSAGES == given["input"]
    assert 5 == given["max_output_tokens"]


def test_google_gets_contents_of_parts(asked, recorder):
    """
    Roles, parts, and a configuration with the rest.
    """
    client = client_at("models.generate_content", asked.anything)
    config = {"candidate_count": 1}

    call_llm(
        client,
        model="m",
        messages=MESSAGES,
        tracker=recorder,
        stream=False,
        config=config,
        temperature=0.5,
        max_tokens=9,
    )

    contents = [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [{"text": "Hello"}]},
    ]
    assert [
        {
            "model": "m",
            "contents": contents,
            "config": {
                "system_instruction": "Be kind.",
                "temperature": 0.5,
                "max_output_tokens": 9,
                "candidate_count": 1,
            },
        }
    ] == asked.given
    assert {"candidate_count": 1} == config


def test_bedrock_gets_content_blocks(asked, recorder):
    """
    Converse's lists, and its own names in `inferenceConfig`.
    """
    client = client_at("converse", asked.anything)

    call_llm(
        client,
        model="m",
        messages=MESSAGES,
        tracker=recorder,
        stream=False,
        max_tokens=9,
        stop="x",
    )

    assert [
        {
            "modelId": "m",
            "system": [{"text": "Be kind."}],
            "messages": [
                {"role": "user", "content": [{"text": "Hi"}]},
                {"role": "assistant", "content": [{"text": "Hello"}]},
            ],
            "inferenceConfig": {"maxTokens": 9, "stopSequences": ["x"]},
        }
    ] == asked.given


def test_bedrocks_stream_is_read_inside_of_its_dict(asked, recorder):
    """
    The dict keeps its shape, and the stream in it is followed.
    """

    class EventStream:
        def __iter__(self):
            yield {"contentBlockDelta": {"delta": {"text": "Hello"}}}
            yield {"messageStop": {"stopReason": "end_turn"}}
            yield {"metadata": {"usage": {"inputTokens": 1, "outputTokens": 2}}}

    def converse_stream(**_):
        return {"ResponseMetadata": {"RequestId": "r"}, "stream": EventStream()}

    client = SimpleNamespace(converse=asked.plain, converse_stream=converse_stream)

    record = call_llm(client, model="m", messages="Hi", tracker=recorder)

    assert ("Hello", "end_turn") == (record.output_text, record.finish_reason)
    assert (1, 2) == (record.usage.input_tokens, record.usage.output_tokens)


def test_ollama_gets_options(recorder):
    """
    What shapes the answer goes into `options` where the method has them.
    """
    given = {}

    def chat(model, messages, *, stream=False, options=None):
        given.update(model=model, messages=messages, options=options)
        return iter(CHUNKS)

    client = SimpleNamespace(chat=chat)

    call_llm(client, model="m", messages=MESSAGES, tracker=recorder, max_tokens=5)

    assert {"model": "m", "messages": MESSAGES, "options": {"num_predict": 5}} == given


def test_a_method_that_takes_a_prompt_gets_text(recorder):
    """
    A conversation becomes one text; a model is named only where it can be.
    """
    prompts = []
    client = SimpleNamespace(generate=lambda prompt: prompts.append(prompt) or "Hello")

    one = call_llm(client, model="m", messages="Hi", tracker=recorder)
    call_llm(client, model="m", messages=MESSAGES, tracker=recorder)

    assert ["Hi", "system: Be kind.\nuser: Hi\nassistant: Hello"] == prompts
    assert ("Hello", "m") == (one.output_text, one.request_model)


def test_a_chain_is_not_told_the_model_and_a_model_only_another(asked, recorder):
    """
    LangChain's chains take no model; its models have one of their own.
    """
    chain = SimpleNamespace(invoke=asked.plain, stream=asked.streaming)
    model = SimpleNamespace(model_name="m", **vars(chain))

    for client, name in ((chain, "m"), (model, "m"), (model, "other")):
        call_llm(client, model=name, messages="Hi", tracker=recorder)

    assert [None, None, "other"] == [given.get("model") for given in asked.given]


def test_a_part_of_a_client_and_a_method_will_do(asked, recorder):
    """
    `client.messages` and `client.messages.create` are called too.
    """

    def create(*, model, messages, system=None, max_tokens=1, stream=False):
        return asked.anything(messages=messages, system=system, stream=stream)

    for client in (SimpleNamespace(create=create), create):
        call_llm(client, model="m", messages=MESSAGES, tracker=recorder)

    assert ["Be kind."] * 2 == [given["system"] for given in asked.given]
    assert [Outcome.SUCCESS] * 2 == [record.outcome for record in recorder.records]


@pytest.mark.parametrize("call", [call_llm, acall_llm])
@pytest.mark.parametrize("client", [object(), None, "client", 42, SimpleNamespace()])
def test_what_cannot_be_called_is_said_at_once(call, client, recorder):
    """
    The message has the ways that there are; no call starts.
    """
    with pytest.raises(ConfigurationError, match=r"chat\.completions\.create"):
        asked = call(client, model="m", messages="Hi", tracker=recorder)
        asyncio.run(asked)

    assert [] == recorder.history


def test_a_client_that_raises_when_looked_at_is_looked_at_further(asked, recorder):
    """
    One property that fails does not hide the others.
    """

    class Client:
        complete = staticmethod(asked.anything)

        @property
        def chat(self):
            raise RuntimeError("not configured")

    record = call_llm(Client(), model="m", messages="Hi", tracker=recorder)

    assert "Hello" == record.output_text


@pytest.mark.parametrize("stream", [None, True, False])
def test_a_sync_call_of_an_async_client_is_refused(stream, recorder):
    """
    The message says what to write instead.
    """

    async def create(**_):
        return WHOLE

    client = client_at("chat.completions.create", create)

    with pytest.raises(ConfigurationError, match="acall_llm"):
        call_llm(client, model="m", messages="Hi", tracker=recorder, stream=stream)


def test_an_async_client_that_does_not_look_like_one_is_refused_too(recorder):
    """
    A plain function that returns a coroutine: the call ends as an error.
    """

    async def answer():
        return WHOLE

    client = client_at("create", lambda **_: answer())

    with pytest.raises(ConfigurationError, match="acall_llm"):
        call_llm(client, model="m", messages="Hi", tracker=recorder)

    assert Outcome.ERROR is recorder.record.outcome


async def test_the_async_half_of_a_client_is_preferred(asked, recorder):
    """
    Clients that are sync and async in one are called on the loop.
    """
    threads = []

    async def ainvoke(**_):
        return WHOLE

    async def astream(**given):
        threads.append(threading.current_thread())
        for chunk in CHUNKS:
            yield chunk

    client = SimpleNamespace(
        invoke=asked.plain, stream=asked.streaming, ainvoke=ainvoke, astream=astream
    )

    record = await acall_llm(client, model="m", messages="Hi", tracker=recorder)

    assert "Hello" == record.output_text
    assert [threading.current_thread()] == threads
    assert [] == asked.given


async def test_a_sync_client_is_called_on_another_thread(asked, recorder):
    """
    The loop goes on while a sync client waits, and while its stream is read.
    """
    threads = set()

    def create(**_):
        threads.add(threading.current_thread())
        for chunk in CHUNKS:
            threads.add(threading.current_thread())
            yield chunk

    client = client_at("chat.completions.create", create)

    record = await acall_llm(client, model="m", messages="Hi", tracker=recorder)

    assert (True, "Hello") == (record.stream, record.output_text)
    assert threading.current_thread() not in threads


@pytest.mark.parametrize(
    ("stream", "word"), [(True, "stream"), (False, "answer in one piece")]
)
def test_what_a_client_cannot_do_is_said_at_once(stream, word, recorder):
    """
    `stream=True` of a client that cannot, and `stream=False` likewise.
    """
    only = {
        True: SimpleNamespace(create=lambda model, messages: WHOLE),
        False: SimpleNamespace(stream=lambda model, messages: iter(CHUNKS)),
    }

    with pytest.raises(ConfigurationError, match=word):
        call_llm(
            only[stream], model="m", messages="Hi", tracker=recorder, stream=stream
        )

    assert [] == recorder.history
