"""What frameworks do with the answers that they pass on."""

from types import SimpleNamespace as Thing

import pytest
from dialects.answers import answer_of

from llmtrack import dialects
from llmtrack.dialects.shapes import items, word_in


def made(path, *bases, **fields):
    """Return an object of a class of this path."""
    module, _, name = path.rpartition(".")
    value = type(name, bases, {"__module__": module})()
    vars(value).update(fields)
    return value


def langchains(usage, **fields):
    base = type("AIMessage", (), {"__module__": "langchain_core.messages.ai"})
    metadata = {"model_provider": "openai"}
    usual = {"content": "", "response_metadata": metadata, "usage_metadata": usage}
    return made("langchain_core.messages.ai.AIMessageChunk", base, **(usual | fields))


def test_langchains_counts_add_up():
    """
    Its parts of a message are made to be added, with their usage.
    """
    parts = [
        langchains({"input_tokens": 25, "output_tokens": 0, "total_tokens": 25}),
        langchains(None, content="Hi"),
        langchains({"input_tokens": 0, "output_tokens": 42, "total_tokens": 42}),
    ]

    _, answer = answer_of(parts)

    assert answer.counts == (25, None, 42, None, 67)


def test_langchains_own_ids_are_left_out():
    """
    They are a run's; the provider's is elsewhere, if anywhere.
    """
    run = langchains(None, id="lc_run--1", content="Hi")
    own = langchains(None, id="run-1", response_metadata={"id": "msg_1"})

    assert answer_of([run])[1].response_id is None
    assert answer_of([run, own])[1].response_id == "msg_1"


def agents_event(data):
    return made(
        "agents.stream_events.RawResponsesStreamEvent",
        type="raw_response_event",
        data=data,
    )


def test_the_turns_of_a_run_add_up():
    """
    Each is a response of its own, with its own usage.
    """
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    ended = {"type": "response.completed", "response": {"id": "r", "usage": usage}}

    _, answer = answer_of([agents_event(ended), agents_event(ended)])

    assert answer.counts == (20, None, 10, None, 30)


def test_an_id_that_is_none_is_left_out():
    """
    openai-agents makes one up for chat models.
    """
    created = {
        "type": "response.created",
        "response": {"id": "__fake_id__", "model": "m"},
    }

    _, answer = answer_of([agents_event(created)])

    assert (answer.response_id, answer.model) == (None, "m")


def test_the_result_of_a_run_is_read():
    """
    Its text, the tools of all turns, and the usage of the whole.
    """
    usage = Thing(input_tokens=10, output_tokens=5, total_tokens=15)
    call = {"type": "function_call", "name": "look"}
    result = made(
        "agents.result.RunResult",
        final_output="Hi",
        raw_responses=[
            Thing(response_id="r-1", output=[call]),
            Thing(response_id="r-2", output=[]),
        ],
        context_wrapper=Thing(usage=usage),
    )

    name, answer = answer_of([result])

    assert (name, answer.text, answer.tool_calls) == (
        *("openai_agents.events", "Hi", ("look",)),
    )
    assert (answer.response_id, answer.counts) == ("r-2", (10, None, 5, None, 15))


def test_huggingfaces_text_generation_is_read():
    """
    Special tokens are no text, and the last chunk repeats everything.
    """

    def chunk(text, special=False, **fields):
        usual = {"generated_text": None, "details": None}
        token = Thing(text=text, special=special)
        return made(
            "huggingface_hub.TextGenerationStreamOutput",
            **(usual | {"token": token} | fields),
        )

    details = Thing(finish_reason="eos_token", generated_tokens=3)
    end = chunk("</s>", special=True, generated_text="Hello", details=details)

    name, answer = answer_of([chunk("Hel"), chunk("lo"), end])

    assert (name, answer.text, answer.finish_reason) == (
        *("huggingface.chat", "Hello", "eos_token"),
    )
    assert answer.counts == (None, None, 3, None, None)


def test_ollama_is_done_when_it_says_so():
    """
    Before that there is no usage, and no ending.
    """
    chunk = {"done": False, "message": {"content": "Hi"}, "eval_count": None}

    _, answer = answer_of([chunk])

    assert (answer.is_terminated, answer.counts) == (False, (None,) * 5)


def test_tool_calls_of_snapshots_are_counted_once():
    """
    The call is in each snapshot from where it begins.
    """

    def snapshot(args):
        part = Thing(part_kind="tool-call", tool_name="look", args=args)
        return made("pydantic_ai.messages.ModelResponse", kind="response", parts=[part])

    _, answer = answer_of([snapshot('{"at"'), snapshot('{"at": 1}')])

    assert (answer.tool_calls, answer.tool_text) == (("look",), '{"at": 1}')


def test_llamaindex_reads_the_providers_answer_inside():
    """
    Whoever made it, and text that is merged comes once.
    """
    raw = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    chunk = made("llama_index.core.ChatResponse", message=Thing(), raw=raw, delta="Hi")

    name, answer = answer_of([chunk])

    assert (name, answer.text, answer.finish_reason) == (
        *("llama_index.chat", "Hi", "end_turn"),
    )


class Word:
    """An enum's member, as clients have them."""

    def __init__(self, name, value):
        self.name = name
        self.value = value


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("stop", "stop"),
        (Word("STOP", "stop"), "stop"),
        (Word("STOP", 1), "STOP"),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_word_may_be_an_enums_member(value, word):
    """
    Its value if that is a word, else its name.
    """
    assert word_in(value) == word


class Repeated:
    """A sequence of protobuf's, which is neither list nor tuple."""

    def __getitem__(self, index):
        return (1, 2)[index]

    def __len__(self):
        return 2


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ([1], [1]),
        ((1,), (1,)),
        (Repeated(), (1, 2)),
        ({"a": 1}, ()),
        ("ab", ()),
        (None, ()),
        (7, ()),
    ],
)
def test_items_are_those_of_sequences_only(value, held):
    """
    A dict's keys and a string's letters are none.
    """
    assert items(value) == held


def test_cohere_has_one_object_where_others_have_a_list():
    """
    Its tool calls in pieces.
    """
    call = {"id": "c", "function": {"name": "look", "arguments": ""}}
    event = {"type": "tool-call-start", "delta": {"message": {"tool_calls": call}}}

    assert dialects.find(event).read(event).tool_calls == ("look",)
