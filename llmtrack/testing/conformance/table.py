"""Each shape by each ending: run it bare, run it tracked, hold the two together."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Iterable, Iterator
from contextvars import copy_context
from dataclasses import dataclass

from llmtrack import FirstToken, flush
from llmtrack.testing.assertions import misordered

from .async_programs import HAS_ANYIO
from .endings import ENDINGS, Absent, Ending, Expected
from .instrumentation import Bare, Instrumentation, Llmtrack
from .shapes import SHAPES, Session, Shape
from .world import Witness, World


@dataclass(frozen=True)
class Cell:
    """
    One shape, ended in one way.

    Attributes:
        shape: Its name.
        ending: Its name.
        outcome: How the call ended; None where there was no call.
        absent: Why there is no such cell; None where there is.
        wrong: What was not as it should be, a sentence each.
    """

    shape: str
    ending: str
    outcome: str | None = None
    absent: str | None = None
    wrong: tuple[str, ...] = ()


def run(
    instrumentation: Instrumentation | None = None,
    *,
    shapes: Iterable[Shape] = SHAPES,
    endings: Iterable[Ending] = ENDINGS,
) -> list[Cell]:
    """
    Return all cells of the table, ending by ending.

    Args:
        instrumentation: What is tested; None is llmtrack.
        shapes: The columns.
        endings: The rows.
    """
    tested = instrumentation or Llmtrack()
    columns = tuple(shapes)
    gc.collect()
    # Each cell collects garbage; what is here already is none.
    gc.freeze()
    try:
        return [run_cell(tested, shape, end) for end in endings for shape in columns]
    finally:
        gc.unfreeze()


def run_cell(instrumentation: Instrumentation, shape: Shape, ending: Ending) -> Cell:
    """Return one cell."""
    program = ending.program(shape)
    expected = program if isinstance(program, Absent) else ending.expects(shape)
    if "anyio" in ending.name and not HAS_ANYIO and not isinstance(program, Absent):
        expected = Absent("anyio is not installed")
    if isinstance(expected, Absent):
        return Cell(shape.name, ending.name, absent=expected.reason)
    bare, _ = _run_once(Bare(), shape, ending)
    tracked, witness = _run_once(instrumentation, shape, ending)
    outcomes = [record.outcome.value for record in witness.records]
    wrong = (
        *_wrong_events(witness, tracked, expected),
        *_differences(bare.log, tracked.log),
    )
    return Cell(
        shape.name, ending.name, ", ".join(outcomes) or None, wrong=tuple(wrong)
    )


def _run_once(
    instrumentation: Instrumentation, shape: Shape, ending: Ending
) -> tuple[World, Witness]:
    script = ending.script()
    world = World(script, times_out=ending.times_out)
    if script.error is not None:
        world.know(script.error)
    witness = Witness(world)
    session = Session(shape, instrumentation, world, witness)
    program = ending.program(shape)
    assert not isinstance(program, Absent)
    if inspect.iscoroutinefunction(program):

        async def main() -> None:
            # What leaves the program must not end the loop, as Ctrl-C would.
            try:
                await program(world, session)
            except BaseException as exc:
                world.raised(exc)

        asyncio.run(main())
    else:
        try:
            # As asyncio.run does: what one run leaves in its context is its own.
            copy_context().run(program, world, session)
        except BaseException as exc:
            world.raised(exc)
    world.look("at the end")
    if script.error is not None:
        # Its traceback holds the stream.
        script.error.__traceback__ = None
    world.forget()
    gc.collect()
    world.look("collected")
    if not flush(10.0):
        witness.complaints.append("events were not delivered within 10 s")
    return world, witness


def _wrong_events(witness: Witness, world: World, expected: Expected) -> Iterator[str]:
    yield from witness.complaints
    yield from misordered(witness.history)
    records = witness.records
    if len(records) != (expected.outcome is not None):
        yield f"{len(records)} calls ended"
    for record in records:
        kind = record.error.kind if record.error else None
        if record.outcome != expected.outcome:
            yield f"outcome {record.outcome.value}, not {expected.outcome}"
        if kind != expected.error_kind:
            yield f"error of kind {kind}, not {expected.error_kind}"
        if record.stream and record.chunks != world.count:
            yield f"{record.chunks} chunks, not {world.count}"
        has_token = any(isinstance(each, FirstToken) for each in witness.history)
        if record.stream and has_token != (world.count > 0):
            yield "a first token without a chunk, or the other way round"
        if (witness.exception_id is not None) != expected.is_raised:
            yield "an exception on CallEnded that was not raised, or none"
        if witness.exception_id not in {None, *world.raised_ids}:
            yield "not the exception that the program got"


def _differences(bare: list[str], tracked: list[str]) -> Iterator[str]:
    if bare == tracked:
        return
    for number in range(max(len(bare), len(tracked))):
        here = bare[number] if number < len(bare) else "nothing more"
        there = tracked[number] if number < len(tracked) else "nothing more"
        if here != there:
            yield f"the program notices: {there}; without tracking: {here}"
            return
