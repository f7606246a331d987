"""Whether the cost of a chunk stays what it is in a stream of a million."""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Final

from contestants import Contestant
from reading import read
from sources import WORDS
from timing import BARE, Case, fresh, timed

LENGTHS: Final = (1_000, 10_000, 100_000, 1_000_000)


def cases(contestants: Sequence[Contestant], *, quick: bool = False) -> Iterator[Case]:
    """Yield a case for each length; the counting on the other thread is in it."""
    for length in LENGTHS[: 3 if quick else None]:

        def stream(length: int = length) -> Iterator[str]:
            yield from islice(cycle(WORDS), length)

        times = max(1, 2_000 // length)

        def run(make: object, times: int = times) -> None:
            for _ in range(times):
                read(make())  # type: ignore[operator]

        bare = fresh(stream)
        passes = {BARE: timed(lambda make=bare, run=run: run(make))}
        for each in contestants:
            if each.generator is not None:
                made = each.generator(fresh(stream))
                passes[each.name] = timed(
                    lambda make=made, run=run: run(make), each.flush
                )
        yield Case(
            f"a stream of {length:,} str chunks, a chunk",
            passes,
            units=length * times,
            rounds=1.0 if length < 100_000 else 0.2,
        )
