"""Chunks that are not what they seem; the program's stream goes on."""

import logging
import re
from types import SimpleNamespace as Thing
from unittest.mock import MagicMock

import pytest

from llmtrack import dialects
from llmtrack.dialects import Reading


class Exploding:
    """Every property raises, as those of a closed connection may."""

    def __getattr__(self, name):
        raise RuntimeError(name)


class Bottomless:
    """Every attribute is another one of these."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Bottomless()


def chunk(**choice):
    return Thing(id="x", choices=[Thing(**choice)])


def name_of(value):
    """Return what tells a value apart, without its address."""
    return re.sub(r" at 0x\w+| id='\d+'", "", repr(value))[:60]


SAY_NOTHING = [None, 0, 3.5, True, object(), [], {}, (), set(), "", b"", int, len]

HOSTILE = [
    Thing(choices=None),
    Thing(choices=[]),
    Thing(choices=[None]),
    Thing(choices="abc"),
    Thing(choices=7),
    Thing(choices={}),
    Thing(object="chat.completion.chunk"),
    Thing(object="chat.completion.chunk", choices=7, usage=7, error=7),
    {"choices": [{"delta": "abc"}]},
    {"choices": [{"delta": {"content": 7, "tool_calls": "abc"}}]},
    {"choices": [{"delta": {"content": [None, 7, "x", {"type": "text"}]}}]},
    {"choices": [{"delta": {"tool_calls": [None, 7, {"function": None}]}}]},
    {"choices": [{"delta": {}, "index": "abc"}]},
    {"type": "response.completed"},
    {"type": "response.completed", "response": 7},
    {"type": "response.output_item.added", "item": None},
    {"object": "response", "output": [None, {"content": 7}]},
    {"type": "message_start"},
    {"type": "message_start", "message": []},
    {"type": "content_block_delta", "delta": "abc"},
    {"type": "message_delta", "usage": "abc"},
    {"type": "message", "content": [None]},
    {"candidates": [None, {"content": {"parts": 7}}]},
    {"candidates": [], "usageMetadata": {"promptTokenCount": "many"}},
    {"type": "content-delta", "delta": {"message": None}},
    {"contentBlockDelta": None},
    {"contentBlockDelta": {"delta": []}},
    {"metadata": {"usage": {"inputTokens": -1}}},
    {"chunk": {"bytes": b"{"}},
    {"chunk": {"bytes": b"[]"}},
    {"done": True, "message": 7},
    {"done": False, "response": "x", "eval_count": True},
    {"text": "x", "usage": {"input_tokens": float("inf")}},
    {"delta": {"delta": {"delta": {"delta": {"delta": {"delta": "deep"}}}}}},
    Exploding(),
    Bottomless(),
    MagicMock(),
]


@pytest.mark.parametrize("value", SAY_NOTHING, ids=name_of)
def test_what_says_nothing_has_no_dialect_or_an_empty_reading(value):
    """
    A stream of numbers is a stream, and no answer of a model.
    """
    dialect = dialects.find(value)

    assert dialect is None or dialect.read(value) == Reading()


@pytest.mark.parametrize("value", HOSTILE, ids=name_of)
def test_recognising_survives_anything(value):
    """
    No dialect is the answer, not an exception.
    """
    dialects.find(value)


@pytest.mark.parametrize("value", HOSTILE, ids=name_of)
def test_reading_gives_text_and_counts_or_raises_an_ordinary_exception(value):
    """
    The caller guards it; whatever comes back is of the right type.
    """
    dialect = dialects.find(value)
    if dialect is None:
        return

    try:
        reading = dialect.read(value)
    except Exception:
        return

    texts = (reading.text, reading.reasoning, reading.tool_text, reading.other_text)
    assert all(text is None or isinstance(text, str) for text in texts)
    assert reading.finish_reason is None or isinstance(reading.finish_reason, str)
    if reading.counts is not None:
        numbers = (reading.counts.input, reading.counts.output, reading.counts.total)
        assert all(n is None or (isinstance(n, int) and n >= 0) for n in numbers)


@pytest.mark.parametrize("index", [1, -1, 10**9])
def test_a_choice_of_any_other_index_is_not_the_answer(index):
    """
    And nothing is allocated by it.
    """
    value = chunk(index=index, delta=Thing(content="x"))

    reading = dialects.find(value).read(value)

    assert (reading.text, reading.other_text) == (None, "x")


def test_half_mocked_chunks_are_read():
    """
    Many a test suite has them.
    """
    mocked = MagicMock()
    mocked.choices = [MagicMock()]
    mocked.choices[0].index = 0
    mocked.choices[0].delta.content = "Hi"

    dialect = dialects.find(mocked)
    reading = dialect.read(mocked)

    assert (dialect.name, reading.text) == ("openai.chat", "Hi")
    assert (reading.finish_reason, reading.counts, reading.error) == (None, None, None)


def test_a_dialect_that_raises_is_logged_once_and_passed_over(caplog, monkeypatch):
    """
    The next ones are asked.
    """
    broken = Thing(name="broken", recognises=lambda value: 1 / 0, read=None)
    monkeypatch.setattr(dialects, "_external", lambda: (broken,))

    with caplog.at_level(logging.WARNING, "llmtrack"):
        found = [dialects.find("Hi") for _ in range(3)]

    assert [each.name for each in found] == ["text"] * 3
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("way", ["quick", "quick_json"])
@pytest.mark.parametrize("dialect", dialects.built_in(), ids=lambda d: d.name)
def test_the_quick_way_hands_on_what_it_cannot_read(dialect, way):
    """
    With the chunk before it, of which only the text was read.
    """
    quick = getattr(dialect, way, None)
    if quick is None or dialect.name == "text":
        pytest.skip("has none, or keeps whatever comes, to be sorted out later")
    texts, handed = [], []

    keep = quick(texts.append, lambda *args: handed.append(args))
    values = [Thing(), None, Exploding(), 7, {}, {"type": 1, "choices": [None]}]
    for value in values:
        keep(value)

    assert texts == []
    assert handed == [(value, None) for value in values]
