from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace

import pytest

import llmtrack


class Unmoved:
    """A tracker that takes every event but `Delta`, and does nothing."""

    def track(self, event: llmtrack.Event, /) -> None:
        """Do nothing."""


class Chunk(SimpleNamespace):
    """A chunk of OpenAI's shape, to which weak references are possible."""


def chunk_of(text: str) -> Chunk:
    """Return a chunk with some text."""
    delta = SimpleNamespace(content=text)
    choice = SimpleNamespace(index=0, delta=delta, finish_reason=None)
    return Chunk(object="chat.completion.chunk", choices=[choice], usage=None)


def texts(length: int) -> Iterator[str]:
    """Yield a text in words."""
    for number in range(length):
        yield f" word{number % 100}"


def chunks(length: int) -> Iterator[Chunk]:
    """Yield chunks, each an object of its own."""
    for text in texts(length):
        yield chunk_of(text)


async def async_chunks(length: int) -> AsyncIterator[Chunk]:
    """Yield chunks, each an object of its own."""
    for text in texts(length):
        yield chunk_of(text)


class Stream:
    """A provider's stream."""

    def __init__(self, source: Iterator[object]) -> None:
        self._source = source

    def __iter__(self) -> Iterator[object]:
        yield from self._source

    def __next__(self) -> object:
        return next(self._source)


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    """Put the settings back, and leave nothing to the next test."""
    yield
    llmtrack.flush()
    llmtrack.configure(chunk_timing=None, counter=None)


@pytest.fixture
def tracked():
    """Return the decorator, with a tracker that does nothing."""
    return llmtrack.track_llm_call(tracker=Unmoved())


@pytest.fixture
def sources() -> dict[str, object]:
    """Return functions of a length that give streams, by what they are."""
    return {
        "generator of str": texts,
        "generator of chunks": chunks,
        "provider's stream": lambda length: Stream(chunks(length)),
    }


@pytest.fixture
def async_source() -> object:
    """Return an async generator function of a length."""
    return async_chunks
