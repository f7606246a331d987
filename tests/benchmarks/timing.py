"""
Timing in pairs: what the machine does meanwhile strikes all contestants alike.

All contestants of a case run in one process and in the same rounds, in random
order. A cost is the median of the differences within a round, and a ratio the
median of the ratios within a round, not those of medians.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any, Final, TypeVar

F = TypeVar("F")

#: Runs once, and returns the nanoseconds that it took.
Pass = Callable[[], float]

BARE: Final = "bare"
BY_HAND: Final = "by hand"
LLMTRACK: Final = "llmtrack"
UNTIMED: Final = "llmtrack, chunk_timing=False"


@dataclass(frozen=True, slots=True)
class Case:
    """
    One line of work, done by several contestants.

    Attributes:
        passes: By contestant; the one called `bare` is what all are compared to.
        units: Chunks or calls in a pass.
        unit: In which the cost of one is told: ns, us or ms.
        limits: The most that a contestant may cost, in that unit.
        rounds: How often, as a share of the rounds asked for.
    """

    what: str
    passes: Mapping[str, Pass]
    units: int = 1
    unit: str = "ns"
    limits: Mapping[str, float] = field(default_factory=dict)
    rounds: float = 1.0


@dataclass(frozen=True, slots=True)
class Spread:
    """A median, and the quartiles beside it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """
    What one contestant costs in one case.

    Attributes:
        extra: Over the bare program.
        ratios: Its whole time as a multiple of another's, by the other's name.
        limit: The most that it may cost, or None.
    """

    what: str
    who: str
    unit: str
    extra: Spread
    ratios: Mapping[str, float]
    limit: float | None = None


#: Seconds for a case, unless so many rounds take longer. Calls of some peers take a
#: hundred times as long as those of others.
_SECONDS: Final = 30
_ENOUGH: Final = 5

_NANOSECONDS: Final = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
_COMPARED: Final = (BARE, BY_HAND, LLMTRACK)


def rows_of(case: Case, rounds: int) -> Iterator[Row]:
    """Run a case, and yield a row for every contestant but the bare one."""
    times = _interleaved(case.passes, max(3, round(rounds * case.rounds)))
    per = _NANOSECONDS[case.unit] * case.units
    for who, own in times.items():
        if who == BARE:
            continue
        yield Row(
            what=case.what,
            who=who,
            unit=case.unit,
            extra=spread((a - b) / per for a, b in zip(own, times[BARE], strict=True)),
            ratios={
                other: statistics.median(
                    a / b for a, b in zip(own, times[other], strict=True)
                )
                for other in _COMPARED
                if other in times and other != who
            },
            limit=case.limits.get(who),
        )


def spread(values: Iterable[float]) -> Spread:
    """Return the median and the quartiles of some values."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def timed(run: Callable[[], object], then: Callable[[], object] | None = None) -> Pass:
    """Return a pass that times a callable, and does something else afterwards."""

    def timed_pass() -> float:
        start = time.perf_counter_ns()
        run()
        taken = time.perf_counter_ns() - start
        if then is not None:
            then()
        return taken

    return timed_pass


def fresh(function: F) -> F:
    """
    Return a copy of a function with code of its own.

    Code remembers the types that it met, so that contestants that share a loop
    would share what it has learnt from one of them.
    """
    given: Any = function
    code: CodeType = given.__code__
    copied: Any = FunctionType(
        code.replace(),
        given.__globals__,
        given.__name__,
        given.__defaults__,
        given.__closure__,
    )
    return copied


def _interleaved(passes: Mapping[str, Pass], rounds: int) -> dict[str, list[float]]:
    shuffled = random.Random(0)
    end = time.monotonic() + _SECONDS
    names = list(passes)
    times: dict[str, list[float]] = {name: [] for name in names}
    for warming_up in passes.values():
        warming_up()
    for done in range(rounds):
        if done >= _ENOUGH and time.monotonic() > end:
            break
        shuffled.shuffle(names)
        for name in names:
            gc.collect(0)
            times[name].append(passes[name]())
    return times
