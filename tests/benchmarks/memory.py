"""Bytes that are kept while chunks flow, as `tracemalloc` counts them."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from contestants import Contestant
from sources import chunk_as_json, parsed
from timing import LLMTRACK, Row, Spread

_PEER_CHUNKS: Final = 2_000
_LONG: Final = 10_000, 1_000_000
_REPETITIONS: Final = 3


def rows(contestants: Sequence[Contestant], *, quick: bool = False) -> Iterator[Row]:
    """Yield what is held before the last chunk, over the bare program."""
    for each in contestants:
        if each.generator is not None:
            yield _held(each, _PEER_CHUNKS)
    ours = next(each for each in contestants if each.name == LLMTRACK)
    yield _growth(ours, *((2_000, 20_000) if quick else _LONG))


def _held(each: Contestant, length: int) -> Row:
    def fresh() -> Iterator[Any]:
        for number in range(length):
            yield parsed(chunk_as_json(number))

    assert each.generator is not None
    tracked = each.generator(fresh)
    bare = [_bytes_held(fresh, length) for _ in range(_REPETITIONS + 1)][1:]
    held = [_bytes_held(tracked, length, each.flush) for _ in range(_REPETITIONS + 1)][
        1:
    ]
    extra = [(b - a) / length for a, b in zip(bare, held, strict=True)]
    return Row(
        f"kept a chunk, stream of {length:,}", each.name, "bytes", _range(extra), {}
    )


def _growth(each: Contestant, short: int, long: int) -> Row:
    """Return how many more bytes are held late in a long stream than early."""

    def texts() -> Iterator[str]:
        for number in range(long):
            yield f" word{number % 100}"

    assert each.generator is not None
    found = []
    for _ in range(_REPETITIONS):
        early, late = _held_at(each.generator(texts), (short, long - 2))
        each.flush()
        found.append(float(late - early))
    return Row(
        f"growth from {short:,} to {long:,} chunks",
        each.name,
        "bytes",
        _range(found),
        {},
        # Text waits to be counted, in five blocks of 16 KiB and a list of pieces.
        limit=131_072,
    )


def _held_at(make: Callable[[], Any], numbers: tuple[int, int]) -> list[int]:
    gc.collect()
    tracemalloc.start()
    held = []
    for number, _ in enumerate(make()):
        if number in numbers:
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return held


def _bytes_held(
    make: Callable[[], Any], length: int, flush: Callable[[], object] | None = None
) -> int:
    gc.collect()
    tracemalloc.start()
    held = 0
    for number, _ in enumerate(make()):
        if number == length - 2:
            held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    if flush is not None:
        flush()
    return held


def _range(values: list[float]) -> Spread:
    ordered = sorted(values)
    return Spread(ordered[len(ordered) // 2], ordered[0], ordered[-1])
