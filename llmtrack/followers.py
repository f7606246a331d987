"""Generators that stand in for a stream and tell its call what happens to it."""

from __future__ import annotations

import sys
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Iterator,
)
from functools import partial
from itertools import islice, repeat
from sys import getrefcount
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Final

from llmtrack.activation import ActiveAsyncSteps, ActiveSteps
from llmtrack.call import Call
from llmtrack.drops import Guard
from llmtrack.nesting import STEPS

# A follower's own references to its source, once it has let go of the methods: a
# variable, an argument, and the dict of variables that up to Python 3.12 stays with
# a frame that was looked at, so that one is made. With more of them the program
# reads on from the source itself.
_OURS: Final = 3

# The loops below run once a chunk, and there are four of them because a loop
# that asks which of the four it is costs more than what it does: a generator's
# `send` or an iterator's `next`, with the clock or without. Everything else is
# in `Call`. `call` must be a local variable of each: see `nesting.STEPS`.


def follow_generator(
    call: Call, source: Generator[Any, Any, Any], *, starts: bool = False
) -> Generator[Any, Any, Any]:
    """
    Return a generator that is the source's twin: `send`, `throw`, value and all.

    Args:
        call: What is told.
        source: A generator that nobody has started yet.
        starts: Whether the first step starts the call, as for generator
            functions, and not what went before.
    """
    guard = Guard(call)
    steps: Any = ActiveSteps(call, source) if call.outlets.activate else source
    follower = _follow_generator(call, steps, guard, starts)
    _imitate(follower, source, guard)
    return follower


def follow_async_generator(
    call: Call, source: AsyncGenerator[Any, Any], *, starts: bool = False
) -> AsyncGenerator[Any, Any]:
    """
    Return an async generator that is the source's twin: see `follow_generator`.

    The event loop lists the twin, and so must not list the source: it would close
    both at once when it shuts down.
    """
    guard = Guard(call)
    steps: Any = source
    first: Any = partial(_unlisted, source.asend, in_a_task=True)
    if call.outlets.activate:
        steps = ActiveAsyncSteps(call, source)
        first = partial(steps.step, first)
    follower = _follow_async_generator(call, source, steps, first, guard, starts)
    _imitate(follower, source, guard)
    return follower


def follow_iterator(call: Call, source: Iterator[Any], guard: Guard) -> Iterator[Any]:
    """Return a generator over an iterator; the guard is shared with its proxy."""
    steps: Any = ActiveSteps(call, source) if call.outlets.activate else source
    if isinstance(source, GeneratorType):
        follower: Iterator[Any] = _follow_generator(call, steps, guard, False)
    else:
        follower = _follow_iterator(call, steps, guard)
    guard.watch(follower)
    return follower


def follow_async_iterator(
    call: Call, source: AsyncIterator[Any], guard: Guard
) -> AsyncIterator[Any]:
    """
    Return an async generator over an async iterator; the guard is shared.

    The event loop does not get to know it. A loop closes an async generator that
    was dropped some turns later, in another task; without the loop's hooks it is
    finalized at once, and lets go of the source when the bare program would.
    """
    steps: Any = ActiveAsyncSteps(call, source) if call.outlets.activate else source
    follower = _follow_async_iterator(call, steps, guard)
    try:
        _unlisted(follower.asend, None, in_a_task=False).send(None)
    except StopIteration:
        # The follower stands at its first yield, which is not a chunk's.
        guard.watch(follower)
    return follower


def is_follower(value: Any) -> Call | None:
    """Return the call that a generator follows already, or None."""
    if isinstance(value, GeneratorType):
        code, frame = value.gi_code, value.gi_frame
    elif isinstance(value, AsyncGeneratorType):
        code, frame = value.ag_code, value.ag_frame
    else:
        return None
    return frame.f_locals["call"] if code in STEPS and frame is not None else None


def _unlisted(step: Callable[[Any], Any], sent: Any, *, in_a_task: bool) -> Any:
    """
    Return an async generator's first step, without the event loop listing it.

    A loop closes all that it has listed when it shuts down.

    Args:
        step: The generator's `asend`.
        sent: What is sent.
        in_a_task: Whether the loop still closes it when it is dropped, some turns
            later; otherwise it is finalized at once.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, hooks.finalizer if in_a_task else None)
    try:
        return step(sent)
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _imitate(follower: Any, source: Any, guard: Guard) -> None:
    follower.__name__ = source.__name__
    follower.__qualname__ = source.__qualname__
    guard.watch(follower)


def _follow_generator(
    call: Call, source: Any, guard: Guard, starts: bool
) -> Generator[Any, Any, Any]:
    send = step = source.send
    sent = chunk = None
    waited = longest = 0.0
    try:
        if starts:
            call.start_stream()
        clock = call.clock
        try:
            if call.is_timed:
                asked = clock()
                for keep, block in call.answer.lanes():
                    for _ in repeat(None, block):
                        chunk = step(sent)
                        waited += (wait := clock() - asked)
                        if wait > longest:
                            longest = wait
                        keep(chunk)
                        step = send
                        try:
                            sent = yield chunk
                        except GeneratorExit:
                            raise
                        except BaseException as thrown:
                            step, sent = source.throw, thrown
                        asked = clock()
            else:
                for keep, block in call.answer.lanes():
                    for _ in repeat(None, block):
                        chunk = step(sent)
                        keep(chunk)
                        step = send
                        try:
                            sent = yield chunk
                        except GeneratorExit:
                            raise
                        except BaseException as thrown:
                            step, sent = source.throw, thrown
        finally:
            # What was thrown in would hold this frame, and this frame it.
            sent = None
            call.stopped_at(chunk, waited, longest)
    except StopIteration as stop:
        call.exhausted()
        return stop.value
    except GeneratorExit as leaving:
        dropped = guard.is_dropped
        call.left(deferred=dropped)
        if dropped:
            raise
        return (yield from _rest(source, leaving))
    except BaseException as exc:
        guard.failed(exc)
        raise


def _rest(source: Generator[Any, Any, Any], sent: Any) -> Generator[Any, Any, Any]:
    """Throw into the source, and be its twin from there; the call is over."""
    step: Callable[[Any], Any] = source.throw
    while True:
        try:
            chunk = step(sent)
        except StopIteration as stop:
            return stop.value
        finally:
            sent = None
        step = source.send
        try:
            sent = yield chunk
        except BaseException as thrown:
            step, sent = source.throw, thrown


def _follow_iterator(
    call: Call, source: Iterator[Any], guard: Guard
) -> Generator[Any, Any, None]:
    clock = call.clock
    chunk = None
    waited = longest = 0.0
    try:
        try:
            if call.is_timed:
                asked = clock()
                for keep, block in call.answer.lanes():
                    for chunk in islice(source, block):
                        waited += (wait := clock() - asked)
                        if wait > longest:
                            longest = wait
                        keep(chunk)
                        yield chunk
                        asked = clock()
            else:
                for keep, block in call.answer.lanes():
                    for chunk in islice(source, block):
                        keep(chunk)
                        yield chunk
        finally:
            call.stopped_at(chunk, waited, longest)
    except GeneratorExit:
        call.left(deferred=guard.is_dropped)
        raise
    except BaseException as exc:
        guard.failed(exc)
        raise
    else:
        call.exhausted()


async def _follow_async_generator(
    call: Call,
    source: AsyncGenerator[Any, Any],
    steps: Any,
    first: Any,
    guard: Guard,
    starts: bool,
) -> AsyncGenerator[Any, Any]:
    step, send = first, steps.asend
    sent = chunk = None
    waited = longest = 0.0
    try:
        if starts:
            call.start_stream()
        clock = call.clock
        try:
            if call.is_timed:
                asked = clock()
                for keep, block in call.answer.lanes():
                    for _ in repeat(None, block):
                        chunk = await step(sent)
                        waited += (wait := clock() - asked)
                        if wait > longest:
                            longest = wait
                        keep(chunk)
                        step = send
                        try:
                            sent = yield chunk
                        except GeneratorExit:
                            raise
                        except BaseException as thrown:
                            step, sent = steps.athrow, thrown
                        asked = clock()
            else:
                for keep, block in call.answer.lanes():
                    for _ in repeat(None, block):
                        chunk = await step(sent)
                        keep(chunk)
                        step = send
                        try:
                            sent = yield chunk
                        except GeneratorExit:
                            raise
                        except BaseException as thrown:
                            step, sent = steps.athrow, thrown
        finally:
            sent = None
            call.stopped_at(chunk, waited, longest)
    except StopAsyncIteration:
        call.exhausted()
    except GeneratorExit as leaving:
        dropped = guard.is_dropped
        call.left(deferred=dropped)
        if dropped:
            # Dropped with the twin, the source would be closed a turn too late.
            del step, send, steps, first
            variables = locals()
            if getrefcount(variables["source"]) <= _OURS:
                await source.aclose()
            raise
        step, sent = steps.athrow, leaving
        # As `_rest`, to which an async generator cannot delegate.
        while True:
            try:
                chunk = await step(sent)
            except StopAsyncIteration:
                return
            finally:
                sent = None
            step = send
            try:
                sent = yield chunk
            except BaseException as thrown:
                step, sent = steps.athrow, thrown
    except BaseException as exc:
        guard.failed(exc)
        raise


async def _follow_async_iterator(
    call: Call, source: AsyncIterator[Any], guard: Guard
) -> AsyncGenerator[Any, None]:
    yield
    advance = source.__anext__
    clock = call.clock
    chunk = None
    waited = longest = 0.0
    try:
        try:
            if call.is_timed:
                asked = clock()
                for keep, block in call.answer.lanes():
                    for _ in repeat(None, block):
                        chunk = await advance()
                        waited += (wait := clock() - asked)
                        if wait > longest:
                            longest = wait
                        keep(chunk)
                        yield chunk
                        asked = clock()
            else:
                for keep, block in call.answer.lanes():
                    for _ in repeat(None, block):
                        chunk = await advance()
                        keep(chunk)
                        yield chunk
        finally:
            call.stopped_at(chunk, waited, longest)
    except StopAsyncIteration:
        call.exhausted()
    except GeneratorExit:
        call.left(deferred=guard.is_dropped)
        raise
    except BaseException as exc:
        guard.failed(exc)
        raise


STEPS.update(
    follower.__code__
    for follower in (
        _follow_generator,
        _follow_iterator,
        _follow_async_generator,
        _follow_async_iterator,
    )
)
