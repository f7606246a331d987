"""What trackers want entered around a call's work, and around each single step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Self

from llmtrack.call import Call
from llmtrack.guard import guarded
from llmtrack.nesting import running


class Active:
    """
    The trackers' contexts of a call, entered and left together.

    They do not see what is raised inside: they could swallow it. A tracker reads
    how a call ended from `CallEnded`.
    """

    __slots__ = ("_call", "_entered")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._entered: list[AbstractContextManager[Any]] = []

    def __enter__(self) -> Self:
        for outlet in self._call.outlets.all:
            context = outlet.activate(self._call.info()) if outlet.activates else None
            if context is not None:
                where = f"activate of {outlet.name}"
                if guarded(where, _enter, context, default=False):
                    self._entered.append(context)
        if self._entered and not self._call.was_active:
            # A tracker may have made a span of the call current.
            self._call.was_active = True
            self._call.correlate()
        return self

    def __exit__(self, *_: object) -> None:
        while self._entered:
            leave = self._entered.pop().__exit__
            guarded("leaving activate", leave, None, None, None, default=None)


class Working:
    """Be inside of a call's function: it is the current call, its trackers active."""

    __slots__ = ("_active", "_call", "_token")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._active = Active(call) if call.outlets.activate else None

    def __enter__(self) -> None:
        self._token = running.set(self._call)
        if self._active is not None:
            self._active.__enter__()

    def __exit__(self, *_: object) -> None:
        if self._active is not None:
            self._active.__exit__()
        try:
            running.reset(self._token)
        except ValueError:
            # A coroutine that is collected is closed in another context, where
            # the call is not the current one.
            return


class ActiveSteps:
    """An iterator or generator, each step of which is taken inside `Active`."""

    __slots__ = ("_call", "_source")

    def __init__(self, call: Call, source: Any) -> None:
        self._call = call
        self._source = source

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return self._step(self._source.__next__)

    def send(self, value: Any) -> Any:
        """Send a value into the generator."""
        return self._step(self._source.send, value)

    def throw(self, exc: BaseException) -> Any:
        """Throw an exception into the generator."""
        return self._step(self._source.throw, exc)

    def close(self) -> Any:
        """Close the generator."""
        return self._step(self._source.close)

    def _step(self, step: Callable[..., Any], *args: Any) -> Any:
        with Active(self._call):
            return step(*args)


class ActiveAsyncSteps:
    """An async iterator or generator, each step of which is taken inside `Active`."""

    __slots__ = ("_call", "_source")

    def __init__(self, call: Call, source: Any) -> None:
        self._call = call
        self._source = source

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        return await self.step(self._source.__anext__)

    async def asend(self, value: Any) -> Any:
        """Send a value into the generator."""
        return await self.step(self._source.asend, value)

    async def athrow(self, exc: BaseException) -> Any:
        """Throw an exception into the generator."""
        return await self.step(self._source.athrow, exc)

    async def aclose(self) -> Any:
        """Close the generator."""
        return await self.step(self._source.aclose)

    async def step(self, step: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """Take one step, by a method of the source."""
        with Active(self._call):
            return await step(*args)


def _enter(context: AbstractContextManager[Any]) -> bool:
    context.__enter__()
    return True
