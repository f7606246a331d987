"""Generators that stand in for a stream and tell its call what happens to it."""

from __future__ import annotations

import sys
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Coroutine,
    Generator,
    Iterator,
)
from itertools import islice
from types import AsyncGeneratorType, GeneratorType
from typing import Any
from weakref import ref

from llmtrack.activation import ActiveAsyncSteps, ActiveSteps
from llmtrack.call import Call
from llmtrack.nesting import STEPS

# The loops below run once a chunk, and there are four of them because a loop
# that asks which of the four it is costs more than what it does: a generator's
# `send` or an iterator's `next`, with the clock or without. Everything else is
# in `Call`. `call` must be a local variable of each: see `nesting.STEPS`.


class Guard:
    """
    Ends a call whose stream was dropped.

    A follower holds it, and so does the proxy that holds the follower: when
    nobody can read the stream any more, nobody holds the guard. That also covers
    a generator that was never started, whose `finally` never runs. It holds the
    call, never the stream.
    """

    __slots__ = ("_handed_out", "call")

    def __init__(self, call: Call) -> None:
        self.call = call
        self._handed_out: ref[Any] | None = None

    def watch(self, follower: Any) -> None:
        """Remember the follower, without holding it."""
        self._handed_out = ref(follower)

    @property
    def is_dropped(self) -> bool:
        """
        Whether the follower is being finalized, and not closed by somebody.

        Weak references are cleared before the finalizer runs, by reference count
        and by the collector alike: `GeneratorExit` alone does not tell the two.
        """
        return self._handed_out is None or self._handed_out() is None

    def __del__(self) -> None:
        if not self.call.is_over:
            self.call.left(deferred=True)


class AwaitGuard(Guard):
    """
    Ends a call whose coroutine nobody awaited.

    Attributes:
        pending: The coroutine, until somebody awaits it. Closing it says that
            Python need not warn of two coroutines where the program made one.
    """

    __slots__ = ("pending",)

    def __init__(self, call: Call, pending: Coroutine[Any, Any, Any]) -> None:
        super().__init__(call)
        self.pending: Coroutine[Any, Any, Any] | None = pending

    def __del__(self) -> None:
        if self.pending is not None:
            self.pending.close()
            super().__del__()


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
    """Return an async generator that is the source's twin: see `follow_generator`."""
    guard = Guard(call)
    steps: Any = ActiveAsyncSteps(call, source) if call.outlets.activate else source
    follower = _follow_async_generator(call, steps, guard, starts)
    _imitate(follower, source, guard)
    return follower


def follow_iterator(call: Call, source: Iterator[Any], guard: Guard) -> Iterator[Any]:
    """Return a generator over an iterator; the guard is shared with its proxy."""
    steps: Any = ActiveSteps(call, source) if call.outlets.activate else source
    if isinstance(source, GeneratorType):
        follower: Any = _follow_generator(call, steps, guard, False)
    else:
        follower = _follow_iterator(call, steps, guard)
    guard.watch(follower)
    return follower  # type: ignore[no-any-return]


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
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        follower.asend(None).send(None)
    except StopIteration:
        # The follower stands at its first yield, which is not a chunk's.
        guard.watch(follower)
    finally:
        sys.set_asyncgen_hooks(*hooks)
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


def _imitate(follower: Any, source: Any, guard: Guard) -> None:
    follower.__name__ = source.__name__
    follower.__qualname__ = source.__qualname__
    guard.watch(follower)


def _follow_generator(
    call: Call, source: Generator[Any, Any, Any], guard: Guard, starts: bool
) -> Generator[Any, Any, Any]:
    send = step = source.send
    sent = chunk = None
    waited = longest = 0.0
    try:
        if starts:
            call.start(stream=True)
        clock = call.clock
        try:
            if call.is_timed:
                asked = clock()
                for keep, block in call.answer.lanes():
                    for _ in range(block):
                        chunk = step(sent)
                        wait = clock() - asked
                        waited += wait
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
                    for _ in range(block):
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
    except GeneratorExit:
        dropped = guard.is_dropped
        call.left(deferred=dropped)
        if dropped:
            raise
        return source.close()
    except BaseException as exc:
        call.failed(exc)
        raise


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
                        wait = clock() - asked
                        waited += wait
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
        call.failed(exc)
        raise
    else:
        call.exhausted()


async def _follow_async_generator(
    call: Call, source: AsyncGenerator[Any, Any], guard: Guard, starts: bool
) -> AsyncGenerator[Any, Any]:
    send: Any = source.asend
    step = send
    sent = chunk = None
    waited = longest = 0.0
    try:
        if starts:
            call.start(stream=True)
        clock = call.clock
        try:
            if call.is_timed:
                asked = clock()
                for keep, block in call.answer.lanes():
                    for _ in range(block):
                        chunk = await step(sent)
                        wait = clock() - asked
                        waited += wait
                        if wait > longest:
                            longest = wait
                        keep(chunk)
                        step = send
                        try:
                            sent = yield chunk
                        except GeneratorExit:
                            raise
                        except BaseException as thrown:
                            step, sent = source.athrow, thrown
                        asked = clock()
            else:
                for keep, block in call.answer.lanes():
                    for _ in range(block):
                        chunk = await step(sent)
                        keep(chunk)
                        step = send
                        try:
                            sent = yield chunk
                        except GeneratorExit:
                            raise
                        except BaseException as thrown:
                            step, sent = source.athrow, thrown
        finally:
            sent = None
            call.stopped_at(chunk, waited, longest)
    except StopAsyncIteration:
        call.exhausted()
    except GeneratorExit:
        dropped = guard.is_dropped
        call.left(deferred=dropped)
        if not dropped:
            await source.aclose()
        raise
    except BaseException as exc:
        call.failed(exc)
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
                    for _ in range(block):
                        chunk = await advance()
                        wait = clock() - asked
                        waited += wait
                        if wait > longest:
                            longest = wait
                        keep(chunk)
                        yield chunk
                        asked = clock()
            else:
                for keep, block in call.answer.lanes():
                    for _ in range(block):
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
        call.failed(exc)
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
