"""Which dialect is found: by shape, by class, by the user's own, by name."""

import logging
import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace as Thing

import pytest
from dialects.answers import answer_of

from llmtrack import dialects
from llmtrack.dialects import Reading
from llmtrack.errors import ConfigurationError


@dataclass
class Slotted:
    __slots__ = ("fin", "piece")
    piece: str
    fin: bool


class Lazy:
    """Has its text behind a property, as wrappers of protobuf have."""

    def __init__(self, said):
        self._said = said

    @property
    def text(self):
        return self._said

    @property
    def usage(self):
        return Thing(num_prompt_tokens=None, input_tokens=3, output_tokens=4)


@pytest.mark.parametrize(
    ("chunks", "text", "finish", "counts"),
    [
        (
            [{"text": "Hel"}, {"text": "lo", "finish_reason": "end"}],
            "Hello",
            "end",
            None,
        ),
        ([Slotted("Hel", False), Slotted("lo", True)], "Hello", None, None),
        ([Lazy("Hel"), Lazy("lo")], "Hello", None, (3, 4)),
        (
            [
                Thing(data=Thing(token="Hel"), stats=None),
                Thing(data=Thing(token="lo"), stats={"prompt": 3, "completion": 4}),
            ],
            *("Hello", None, (3, 4)),
        ),
        (
            [
                {"event": "chunk", "payload": {"delta": {"content": "Hello"}}},
                {"event": "end", "payload": {"stopReason": "eos"}},
                {"event": "usage", "usage": {"tokensIn": 1, "inputTokens": 3}},
            ],
            *("Hello", "eos", (3, None)),
        ),
        (
            [{"results": [{"outputText": "Hello", "completionReason": "FINISH"}]}],
            *("Hello", "FINISH", None),
        ),
    ],
)
def test_a_shape_never_seen_before_is_read_by_names_and_types(
    chunks, text, finish, counts
):
    """
    Text, ending, and usage where something like it is found.
    """
    name, answer = answer_of(chunks)

    assert (name, answer.text, answer.finish_reason) == ("generic", text, finish)
    assert counts is None or (answer.counts[0], answer.counts[2]) == counts


def test_an_unknown_shape_says_when_it_is_done():
    """
    Some only have a flag for it.
    """
    _, answer = answer_of([{"token": "Hi"}, {"token": "", "done": True}])

    assert (answer.text, answer.is_terminated) == ("Hi", True)


def test_an_unknown_shape_tells_its_tools_id_and_model():
    """
    As far as they are called what everybody calls them.
    """
    chunk = {
        "request_id": "r-1",
        "model_name": "house-1",
        "output": {"tool_calls": [{"name": "look", "arguments": {"at": 1}}]},
    }

    _, answer = answer_of([chunk])

    assert (answer.response_id, answer.model) == ("r-1", "house-1")
    assert (answer.tool_calls, answer.tool_text) == (("look",), '{"at": 1}')


def test_only_plain_properties_of_strange_objects_are_read():
    """
    Other descriptors may ask a database.
    """

    class Column:
        def __get__(self, instance, owner=None):
            raise AssertionError("asked the database")

    class Row:
        text = Column()

        def __init__(self):
            self.content = "Hi"

    assert dialects.find(Row()).read(Row()).text == "Hi"


class Own:
    """A dialect of the user's."""

    name = "own.words"
    operation = "chat"
    provider = "own"
    has_terminator = True
    quick = None

    def recognises(self, value, /):
        return isinstance(value, dict) and "wort" in value

    def read(self, value, /):
        return Reading(text=value["wort"])


@dataclass
class Entry:
    """An entry point as importlib has it."""

    value: str
    loaded: object

    def load(self):
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


@pytest.fixture
def entries(monkeypatch):
    """Pretend that these entry points are installed."""

    def install(*found):
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: found)
        dialects._external.cache_clear()

    yield install
    dialects._external.cache_clear()


def test_a_users_dialect_is_asked_first(entries):
    """
    Also about what a built-in one would recognise.
    """
    entries(Entry("own:OWN", Own()))

    both = {"wort": "Ja", "choices": [{"delta": {"content": "Yes"}}]}
    name, answer = answer_of([both])

    assert (name, answer.text) == ("own.words", "Ja")
    assert dialects.by_name("own.words").provider == "own"


def test_a_broken_entry_point_is_logged_once_and_skipped(entries, caplog):
    """
    One that cannot be imported, and one that is no dialect.
    """
    entries(Entry("gone:X", ImportError("gone")), Entry("own:INT", 7))

    with caplog.at_level(logging.WARNING, "llmtrack"):
        names = [dialects.find("Hi").name for _ in range(3)]

    assert names == ["text"] * 3
    assert [record.args[0] for record in caplog.records] == ["gone:X", "own:INT"]


@pytest.mark.parametrize(
    "value",
    [
        {"type": "chunk", "chunk": {}},
        {"object": "chat.completion.chunk"},
        {"choices": [{"delta": {}}]},
        {"choices": [], "object": ""},
        {"type": "response.created"},
        {"type": "error", "sequence_number": 1},
        {"object": "response"},
        {"type": "ping"},
        {"type": "error", "error": {}},
        {"type": "message", "content": []},
        {"candidates": []},
        {"usage_metadata": {}, "response_id": "r"},
        {"usageMetadata": {}, "responseId": "r"},
        {"messageStop": {}},
        {"metadata": {"usage": {"inputTokens": 1}}},
        {"output": {}, "stopReason": "x"},
        {"ResponseMetadata": {}, "stream": None},
        {"ResponseMetadata": {}, "body": b""},
        {"chunk": {"bytes": b"{}"}},
        {"object": "text_completion"},
        {"choices": [{"text": "x"}]},
        {"done": False, "message": {}},
        {"done": False, "response": ""},
        {"type": "content-delta"},
        {"finish_reason": "x", "message": {"content": []}},
        {"embeddings": []},
        {"data": [{"embedding": []}]},
        {"text": "x"},
        {"type": 7, "text": "x"},
        {},
        {"nothing": "known"},
    ],
    ids=lambda value: " ".join(value) or "empty",
)
def test_no_dialect_that_knows_a_dict_is_left_out(value):
    """
    By a dict's keys most of them need not be asked.
    """
    known = [each.name for each in dialects.built_in() if each.recognises(value)]

    found = dialects.find(value)

    assert (found and found.name) == (known[0] if known else None)


class Prickly:
    """A key that hides among the others, and refuses to be compared with them."""

    def __hash__(self):
        return hash("choices")

    def __eq__(self, other):
        raise RuntimeError("not to be compared")


def test_keys_that_refuse_to_be_compared_break_nothing():
    """
    Such a dict has no dialect.
    """
    assert dialects.find({Prickly(): 1, "text": "x"}) is None


class Hashless(type):
    """Makes classes that no cache can have for a key."""

    def __eq__(cls, other):
        return cls is other

    __hash__ = None


def test_the_ending_of_a_stream_whose_class_has_no_hash_is_its_own():
    """
    And nothing is raised.
    """
    stream = Hashless("Stream", (), {})()

    assert not dialects.has_invented_ending(stream)
    assert not dialects.has_invented_usage(stream)


def test_dialects_are_found_by_name():
    """
    Each by its own.
    """
    for dialect in dialects.built_in():
        assert dialects.by_name(dialect.name) is dialect


def test_an_unknown_name_is_answered_with_those_there_are():
    """
    And with how to add one.
    """
    with pytest.raises(ConfigurationError, match=r"anthropic\.messages.*entry point"):
        dialects.by_name("antropic.messages")


def test_a_dialect_is_loaded_when_it_is_first_asked():
    """
    One that is not in use costs nothing; and no client is ever imported.
    """
    script = (
        "import sys\n"
        "from llmtrack import dialects\n"
        "dialects.find({'choices': [{'delta': {'content': 'Hi'}}]})\n"
        "loaded = sorted(sys.modules)\n"
        "print('llmtrack.dialects.openai_chat' in loaded,\n"
        "      'llmtrack.dialects.cohere' in loaded,\n"
        "      'openai' in loaded)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["True", "False", "False"]


def test_bytes_that_cut_a_character_in_two_are_put_together():
    """
    Each stream has a memory of its own.
    """
    pieces = [bytes([byte]) for byte in "wörld 👋".encode()]

    read = [answer_of(pieces)[1].text for _ in range(2)]

    assert read == ["wörld 👋"] * 2


async def stream_text(delta):
    """Stand in for pydantic-ai's method: its arguments are in its frame."""
    for text in ("Hel", "lo") if delta else ("Hel", "Hello"):
        yield text


@pytest.mark.parametrize("delta", [True, False])
async def test_text_that_repeats_itself_is_counted_once(delta, monkeypatch):
    """
    pydantic-ai gives all text so far, unless it is asked for what is new.
    """
    code = stream_text.__code__.replace(co_filename="/x/pydantic_ai/result.py")
    monkeypatch.setattr(stream_text, "__code__", code)

    stream = stream_text(delta=delta)
    first = await anext(stream)
    dialect = dialects.find(first, stream=stream)
    texts = [dialect.read(first).text, dialect.read(await anext(stream)).text]
    await stream.aclose()

    assert texts == ["Hel", "lo"]
    assert dialect.name == ("text" if delta else "pydantic_ai.text")


def made(path, **fields):
    """Return an object of a class of this path."""
    module, _, name = path.rpartition(".")
    value = type(name, (), {"__module__": module})()
    vars(value).update(fields)
    return value


def response(text, **fields):
    part = made("pydantic_ai.messages.TextPart", part_kind="text", content=text)
    return made(
        "pydantic_ai.messages.ModelResponse", kind="response", parts=[part], **fields
    )


def test_snapshots_of_a_response_are_counted_once():
    """
    The last one comes twice, with the usage.
    """
    usage = made("pydantic_ai.usage.RequestUsage", input_tokens=3, output_tokens=4)
    last = response("Hello", finish_reason="stop", model_name="m", usage=usage)

    _, answer = answer_of([response("Hel"), response("Hello"), last, last])

    assert (answer.text, answer.finish_reason) == ("Hello", "stop")
    assert (answer.counts[0], answer.counts[2]) == (3, 4)


def test_events_of_a_run_are_counted_once():
    """
    The part's end and the run's result repeat the deltas.
    """
    text = made("pydantic_ai.messages.TextPart", part_kind="text", content="Hel")
    delta = made("x.Delta", part_delta_kind="text", content_delta="lo")
    whole = made("pydantic_ai.messages.TextPart", part_kind="text", content="Hello")
    result = made(
        "pydantic_ai.run.AgentRunResult",
        output="Hello",
        response=response("Hello", finish_reason="stop"),
    )

    def event(kind, **fields):
        return made("pydantic_ai.messages.Event", event_kind=kind, **fields)

    name, answer = answer_of(
        [
            event("part_start", part=text),
            event("part_delta", delta=delta),
            event("part_end", part=whole),
            event("agent_run_result", result=result),
        ]
    )

    assert (name, answer.text) == ("pydantic_ai.events", "Hello")
    assert (answer.finish_reason, answer.is_terminated) == ("stop", True)


def test_models_that_name_nobody_need_not_say_why_they_stop():
    """
    LangChain's and LlamaIndex's fakes for tests do not.
    """
    bases = (type("AIMessage", (), {"__module__": "langchain_core.messages"}),)
    kind = type("AIMessageChunk", bases, {"__module__": "langchain_core.messages"})
    plain, named = kind(), kind()
    vars(plain).update(content="Hi", response_metadata={})
    vars(named).update(content="Hi", response_metadata={"model_provider": "openai"})
    mock = made("llama_index.core.base.llms.types.ChatResponse", message=1, raw=None)

    found = [dialects.find(value) for value in (plain, named, mock)]

    assert [each.has_terminator for each in found] == [False, True, False]
    assert dialects.find((plain, {"langgraph_node": "x"})).name == "langchain.plain"


def litellms(**fields):
    return made("litellm.utils.CustomStreamWrapper", **fields)


def test_litellms_inventions_are_told_from_what_the_provider_said():
    """
    A finish reason of a stream that had none, and an estimate of its usage.
    """
    honest = litellms(received_finish_reason="stop", chunks=[Thing(usage=1)])
    invented = litellms(received_finish_reason=None, chunks=[Thing(usage=None)])
    # Gemini's is in a chunk alone.
    said = {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {}}
    gemini = litellms(received_finish_reason=None, chunks=[said, {"choices": []}])
    other = Thing(received_finish_reason=None, chunks=[])

    assert not dialects.has_invented_ending(honest)
    assert not dialects.has_invented_usage(honest)
    assert not dialects.has_invented_ending(gemini)
    assert not dialects.has_invented_usage(gemini)
    assert dialects.has_invented_ending(invented)
    assert dialects.has_invented_usage(invented)
    assert not dialects.has_invented_ending(other)
    assert not dialects.has_invented_usage(other)
