"""How a program reads a stream: bare, or with tracking that it wrote by hand."""

from collections.abc import AsyncIterable, Iterable, Iterator
from time import perf_counter
from typing import Any

#: First token, duration and tokens: what the loop by hand finds out.
Found = tuple[float | None, float, int]


def read(stream: Iterable[Any]) -> None:
    """Read to the end."""
    for _ in stream:
        pass


def read_by_next(stream: Iterator[Any]) -> None:
    """Read to the end, each chunk by a call of `next`."""
    try:
        while True:
            next(stream)
    except StopIteration:
        return


async def read_async(stream: AsyncIterable[Any]) -> None:
    """Read to the end."""
    async for _ in stream:
        pass


def track_by_hand(stream: Iterable[Any]) -> Found:
    """Read OpenAI's chunks as many programs do to measure them."""
    start = perf_counter()
    first = None
    parts: list[str] = []
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            if first is None:
                first = perf_counter() - start
            parts.append(chunk.choices[0].delta.content)
    return first, perf_counter() - start, _tokens(parts)


async def track_by_hand_async(stream: AsyncIterable[Any]) -> Found:
    """Read OpenAI's chunks as many programs do to measure them."""
    start = perf_counter()
    first = None
    parts: list[str] = []
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            if first is None:
                first = perf_counter() - start
            parts.append(chunk.choices[0].delta.content)
    return first, perf_counter() - start, _tokens(parts)


def track_texts_by_hand(stream: Iterable[str]) -> Found:
    """Read strings, and measure them."""
    start = perf_counter()
    first = None
    parts: list[str] = []
    for text in stream:
        if text:
            if first is None:
                first = perf_counter() - start
            parts.append(text)
    return first, perf_counter() - start, _tokens(parts)


async def track_texts_by_hand_async(stream: AsyncIterable[str]) -> Found:
    """Read strings, and measure them."""
    start = perf_counter()
    first = None
    parts: list[str] = []
    async for text in stream:
        if text:
            if first is None:
                first = perf_counter() - start
            parts.append(text)
    return first, perf_counter() - start, _tokens(parts)


def _tokens(parts: list[str]) -> int:
    # The cheapest count that is written by hand, and a poor one.
    return len("".join(parts)) // 4
