"""What happens in one run of one cell, seen from both sides of the call."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from llmtrack import CallEnded, CallRecord, Event
from llmtrack.testing.scripts import Script, ScriptedResponse

#: Set by the consumer before each step, and looked at inside of it.
_consumers: ContextVar[str] = ContextVar("llmtrack_conformance_consumers", default="-")
#: Set inside of each step, and looked at by the consumer after it.
_sources: ContextVar[str] = ContextVar("llmtrack_conformance_sources", default="-")


class World:
    """
    The source of a stream, and a log of all that its consumer can notice.

    Two runs of one cell, bare and tracked, must write the same log: the same
    chunks at the same steps, the same exceptions, in the same tasks, threads and
    contexts, the connection closed by the same time.
    """

    def __init__(self, script: Script, *, times_out: bool = False) -> None:
        self.script: Script = replace(script, on_step=self._stepped)
        self.times_out = times_out
        self.log: list[str] = []
        self.count: int = 0
        self.raised_ids: set[int] = set()
        self.finalizing: int | None = None
        self._steps = 0
        self._responses: list[ScriptedResponse] = []
        self._is_closed = False
        self._tasks: list[Any] = []
        self._known: list[BaseException] = []

    # What the consumer notices.

    def saw(self, chunk: Any) -> None:
        """Note a chunk, and what can be noticed when it arrives."""
        self.count += 1
        same = [n for n, each in enumerate(self.script.chunks) if each is chunk]
        self.note(f"got chunk {same[0] if same else 'of somebody else'}")
        self.look(f"after {self._steps} steps")
        _consumers.set(f"consumer {self.count}")

    def raised(self, exc: BaseException) -> None:
        """Note an exception that the consumer got, and what it was made from."""
        self._met(exc)
        known = [n for n, each in enumerate(self._known) if each is exc]
        which = f"known {known[0]}" if known else type(exc).__name__
        # anyio writes addresses into its cancellations.
        args = exc.args if isinstance(exc, Exception) else ()
        self.note(f"raised {which}: {args}")

    def _met(self, exc: BaseException | None) -> None:
        while exc is not None:
            self.raised_ids.add(id(exc))
            exc = exc.__cause__

    def look(self, when: str) -> None:
        """Note what can be noticed at any time."""
        closed = "closed" if self.is_closed else "open"
        self.note(f"{when}: {closed}, context {_sources.get()}")

    def note(self, line: str) -> None:
        """Add a line to the log, with the task and thread that it came from."""
        self.log.append(f"{line} [{self._where()}]")

    def know(self, exc: BaseException) -> BaseException:
        """Return an exception that will be recognised, as the very same object."""
        self._known.append(exc)
        return exc

    def forget(self) -> None:
        """Let go of the exceptions, whose tracebacks hold streams."""
        self._known.clear()

    @property
    def is_closed(self) -> bool:
        """Whether the source was closed, and its connection given back."""
        return self._is_closed or any(each.is_closed for each in self._responses)

    @contextmanager
    def dropping(self) -> Iterator[None]:
        """Collect what the block drops; no tracker may be told on this thread."""
        self.finalizing = threading.get_ident()
        try:
            yield
            gc.collect()
        finally:
            self.finalizing = None

    # What is called.

    def generator(self) -> Generator[Any, Any, Any]:
        """Be a generator that makes a call."""
        try:
            return (yield from self.script.generator())
        finally:
            self._is_closed = True

    async def async_generator(self) -> AsyncGenerator[Any, Any]:
        """Be an async generator that makes a call."""
        steps = self.script.async_generator()
        try:
            for number in range(len(self.script.chunks) + 1):
                if self.times_out and number == 2:
                    await self._time_out()
                try:
                    chunk = await anext(steps)
                except StopAsyncIteration:
                    return
                yield chunk
        finally:
            self._is_closed = True
            await steps.aclose()

    def stream(self) -> Any:
        """Return a stream, as a sync client does."""
        return self._opened(self.script.stream())

    def async_stream(self) -> Any:
        """Return a stream, as an async client does."""
        stream = self.script.async_stream()
        if self.times_out:
            stream._steps = self.async_generator()
        return self._opened(stream)

    def manager(self) -> Any:
        """Return a stream manager, as a sync client does."""
        return self._opened(self.script.manager())

    def async_manager(self) -> Any:
        """Return a stream manager, as an async client does."""
        manager = self.script.async_manager()
        if self.times_out:
            manager._stream._steps = self.async_generator()
        return self._opened(manager)

    def respond(self) -> Any:
        """Return a response that comes back whole."""
        for number in range(len(self.script.chunks) + 1):
            self.script._step(number)
        return self.script.chunks[-1]

    async def respond_async(self) -> Any:
        """Return a response that comes back whole, after some waiting."""
        for number in range(len(self.script.chunks) + 1):
            if self.times_out and number == 2:
                await self._time_out()
            await self.script._async_step(number)
        return self.script.chunks[-1]

    async def _time_out(self) -> None:
        async with asyncio.timeout(0):
            await forever()

    def _opened(self, source: Any) -> Any:
        self._responses.append(source.response)
        return source

    def _stepped(self, number: int) -> None:
        self._steps += 1
        self.note(f"step {number}: context {_consumers.get()}")
        _sources.set(f"source {number}")

    def _where(self) -> str:
        try:
            task: Any = asyncio.current_task()
        except RuntimeError:
            task = None
        here = task or threading.current_thread()
        if here not in self._tasks:
            self._tasks.append(here)
        return f"{type(here).__name__} {self._tasks.index(here)}"


class Witness:
    """
    A tracker that holds what it was told against what the program saw.

    Attributes:
        history: All events, without their exceptions.
        complaints: What no tracker should see.
    """

    def __init__(self, world: World) -> None:
        self.history: list[Event] = []
        self.complaints: list[str] = []
        self.exception_id: int | None = None
        self._world = world

    def track(self, event: Event, /) -> None:
        """Remember an event, but not the exception, which holds the stream."""
        if isinstance(event, CallEnded):
            exc = event.exception
            self.exception_id = None if exc is None else id(exc)
            event = replace(event, exception=None)
        if self._world.finalizing == threading.get_ident():
            self.complaints.append("a tracker was told inside of a finalizer")
        self.history.append(event)

    @property
    def records(self) -> list[CallRecord]:
        """The records of the calls that ended."""
        return [each.record for each in self.history if isinstance(each, CallEnded)]


async def forever() -> None:
    """Wait for what never comes; ends by cancellation only."""
    await asyncio.get_running_loop().create_future()


async def turns(world: World, look: Callable[[str], object] | None = None) -> None:
    """Let the loop go on until all that can go on has done so."""
    for number in range(8):
        if look is not None:
            look(f"turn {number}")
        await asyncio.sleep(0)
