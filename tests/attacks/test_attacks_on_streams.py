"""What a stream is asked that a stand-in might answer differently."""

from __future__ import annotations

import asyncio
import collections.abc
import copy
import gc
import operator

import pytest

from llmtrack import ConfigurationError, flush, track_llm_call, tracked_stream
from llmtrack.nesting import open_calls, open_streams

ABSTRACT = [
    getattr(collections.abc, name)
    for name in collections.abc.__all__
    if name not in ("ByteString", "Buffer")
]


class Stream:
    word = "a"

    def __init__(self, chunks="abc"):
        self._chunks = iter(chunks)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._chunks)

    def another(self):
        return type(self)("xyz")

    def said(self):
        return type(self).word


class ListStream(list):
    def __iter__(self):
        return self

    def __next__(self):
        if not self:
            raise StopIteration
        return self.pop(0)

    def push(self, chunk):
        list.append(self, chunk)


class Awaitable:
    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        return "a"


@pytest.fixture
def stream(recorder):
    """Return a tracked stream of a class that knows nothing of llmtrack."""
    return track_llm_call(tracker=recorder)(Stream)()


@pytest.mark.parametrize("kind", ABSTRACT, ids=lambda kind: kind.__name__)
def test_abstract_classes_take_it_for_what_it_is(stream, kind):
    """`isinstance` of an abstract class says what it says of the stream."""
    assert isinstance(stream, kind) == isinstance(Stream(), kind)


def test_a_stream_without_a_length_has_none(stream):
    """Asked by name or by `len`, as `requests` asks a body that it sends."""
    assert not hasattr(stream, "__len__")
    with pytest.raises(TypeError, match=r"'Stream' has no len\(\)"):
        len(stream)
    assert operator.length_hint(stream, 7) == 7
    assert list(stream) == ["a", "b", "c"]


def test_a_streams_method_may_make_another_of_its_kind(stream):
    """`type(self)` in the stream's own code makes what it did before."""
    another = stream.another()

    assert (type(another), list(another)) == (Stream, ["x", "y", "z"])


def test_a_streams_method_may_ask_its_class(stream):
    """`type(self)` has what the stream's class has."""
    assert stream.said() == "a"


def test_a_streams_method_may_be_that_of_a_builtin(recorder):
    """A class made on `list` has methods that take nothing but a list."""
    stream = track_llm_call(tracker=recorder)(lambda: ListStream("ab"))()

    stream.push("c")

    assert list(stream) == ["a", "b", "c"]


def test_a_deep_copy_is_one_of_the_stream(recorder):
    """What could be copied deeply still can."""
    stream = track_llm_call(tracker=recorder)(lambda: ListStream("ab"))()

    copied = copy.deepcopy(stream)

    assert (type(copied), list(copied)) == (ListStream, ["a", "b"])


def test_what_a_stand_in_keeps_in_slots_is_not_seen(recorder):
    """A program that looks for `__slots__` finds those of its stream, or none."""
    stream = track_llm_call(tracker=recorder)(lambda: ListStream("ab"))()

    assert not hasattr(stream, "__slots__")


def test_an_awaitable_that_is_awaited_at_once_is_no_drop(recorder):
    """`await ask()` holds nothing but the awaiting; the call is still on."""
    ask = track_llm_call(tracker=recorder)(Awaitable)

    async def program():
        return await ask()

    answer = asyncio.run(program())

    flush()
    assert (answer, recorder.records[0].outcome) == ("a", "success")


@pytest.mark.parametrize("use", ["used", "unused"])
def test_a_handle_is_refused_after_its_block(recorder, use):
    """Nothing would end the call that began there."""
    before = dict(open_streams)
    with tracked_stream(recorder) as tracked:
        if use == "used":
            list(tracked(iter("ab")))

    with pytest.raises(ConfigurationError, match="outside of its block"):
        tracked(iter("ab"))

    gc.collect()
    flush()
    assert (len(recorder.records), dict(open_streams)) == (1, before)
    assert recorder.records[0].call_id not in open_calls


def test_a_handle_may_be_used_for_two_blocks(recorder):
    """Each block is a call of its own."""
    tracked = tracked_stream(recorder)
    for chunks in ("ab", "abc"):
        with tracked:
            list(tracked(iter(chunks)))

    flush()
    assert [record.chunks for record in tracked.records] == [2, 3]
