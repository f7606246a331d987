"""Values that raise when they are looked at: the program gets them all the same."""

import pytest

from llmtrack import Outcome, track_llm_call, tracked_stream
from llmtrack.testing import chat_chunks


class Raising:
    """Every attribute raises."""

    def __getattr__(self, name):
        raise RuntimeError(name)


class RaisingDict(dict):
    """Nothing can be looked up."""

    def get(self, *args):
        raise RuntimeError("get")

    __getitem__ = get


class LegacyAPIResponse:
    """A raw response that is broken."""

    @property
    def http_response(self):
        raise RuntimeError("http_response")


class Unequal:
    """It cannot be compared or hashed."""

    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError("==")


class Lying:
    """It has no truth, no length and no name."""

    def __bool__(self):
        raise RuntimeError("bool")

    def __len__(self):
        raise RuntimeError("len")

    def __repr__(self):
        raise RuntimeError("repr")


class LyingText(str):
    """A string that has no truth and no length."""

    __slots__ = ()
    __bool__ = Lying.__bool__
    __len__ = Lying.__len__


class Unhashable(type):
    """Classes of this class cannot be looked up."""

    __hash__ = None

    def __eq__(cls, other):
        raise RuntimeError("==")


class OfUnhashable(metaclass=Unhashable):
    """Its class cannot be looked up."""


VALUES = [Raising, RaisingDict, LegacyAPIResponse, Unequal, Lying, OfUnhashable]
each_class = pytest.mark.parametrize("number", range(len(VALUES)))


@each_class
def test_a_hostile_response_is_returned(recorder, number):
    """
    The very same object comes back, and the call was a success.
    """
    value = VALUES[number]()

    returned = track_llm_call(tracker=recorder)(lambda: value)()
    with tracked_stream(recorder) as tracked:
        again = tracked(value)

    assert returned is value
    assert again is value
    assert [Outcome.SUCCESS] * 2 == [record.outcome for record in recorder.records]


@each_class
def test_hostile_arguments_reach_the_function(recorder, number):
    """
    What is looked for among the arguments may not be found, and no more.
    """
    value = VALUES[number]()
    got = []

    @track_llm_call(tracker=recorder)
    def answer(model, messages, **rest):
        got.append((model, messages, rest["client"], rest["stream"]))

    answer(value, value, client=value, stream=value)

    assert all(each is value for each in got[0])
    assert Outcome.SUCCESS is recorder.record.outcome


@each_class
def test_a_stream_of_hostile_chunks_flows(recorder, number):
    """
    Chunks that cannot be read are passed on.
    """
    value = VALUES[number]()

    chunks = list(track_llm_call(tracker=recorder)(lambda: iter([value] * 3))())

    assert all(chunk is value for chunk in chunks)
    assert 3 == recorder.record.chunks


@pytest.mark.parametrize("length", [1, 2_000], ids=["soon over", "going on"])
@pytest.mark.parametrize(
    "value",
    [None, 7, ["part"], Raising(), Unequal(), Lying(), LyingText("lo")],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("shape", ["text", "content of a chunk"])
def test_a_stream_flows_that_holds_other_things_after_its_text(
    recorder, shape, value, length
):
    """
    Once chunks are read the quick way, what is no text is passed on as well.
    """
    start = ["Hel", "lo"]
    rest = [value] * length
    if shape != "text":
        start, rest = chat_chunks(*start), [with_content(value)] * length

    @track_llm_call(tracker=recorder)
    def answer():
        yield from (*start, *rest)

    chunks = list(answer())

    assert all(a is b for a, b in zip(chunks, [*start, *rest], strict=True))
    assert len(chunks) == recorder.record.chunks
    assert recorder.record.usage.output_tokens >= 1


def with_content(value):
    """Return a chunk with some content, whatever that is."""
    chunk = chat_chunks("text")[0]
    chunk.choices[0].delta.content = value
    return chunk
