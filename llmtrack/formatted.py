"""The stream behind a format: read step by step, ended, closed."""

from __future__ import annotations

import inspect
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from types import CoroutineType
from typing import Any, Final, Generic, TypeVar

from llmtrack import delivery
from llmtrack.call import Call
from llmtrack.dialects.reading import Reading
from llmtrack.dialects.request import Request
from llmtrack.errors import ConfigurationError
from llmtrack.followers import is_follower
from llmtrack.guard import guarded
from llmtrack.outlets import Outlets
from llmtrack.plan import Plan
from llmtrack.proxies import StreamProxy

T = TypeVar("T")

#: Seconds that the last piece waits for tokens that are still being counted.
_PATIENCE: Final = 10.0
_END: Final[Any] = object()
_SYNC: Final = ("__iter__", "__next__", "__enter__")
_ASYNC: Final = ("__aiter__", "__anext__", "__aenter__", "__await__")


class _Alone(Call):
    """
    A bare stream's call: read like any, told to nobody, part of no other.

    It is not among the open calls, so that a tracked call around it keeps its
    tokens.
    """

    def __init__(self) -> None:
        super().__init__(Plan(name="stream", outlets=Outlets), Request())
        self.stream = True
        # Nobody measures the single steps.
        self.is_timed = False
        self.begin()

    def see(self, chunk: Any) -> None:
        """Read a chunk."""
        self.answer.keep(chunk)
        self.answer.fold()


class Source:
    """
    A stream that is being formatted, and the call that it belongs to.

    Attributes:
        call: The call that tracks the stream, else one of its own.
    """

    def __init__(self, stream: Any) -> None:
        self.call: Call = _call_of(stream) or _Alone()
        self._last: Any = None

    def open(self, stream: Any, steps: T) -> T:
        """Take the stream that is there now, and return its steps."""
        tracked = _call_of(stream) or _call_of(steps)
        if tracked is not None:
            self.call = tracked
        elif isinstance(self.call, _Alone):
            self.call.learn_from(stream)
        return steps

    def read(self, chunk: Any) -> Reading:
        """Return what a chunk says."""
        call = self.call
        if isinstance(call, _Alone):
            call.see(chunk)
            self._last = chunk
        dialect = call.answer.dialect
        if dialect is None:
            return Reading()
        return guarded("reading", dialect.read, chunk, default=Reading())

    def end(self, exc: Exception | None) -> None:
        """End a call of one's own; a tracked one has ended by itself."""
        if isinstance(self.call, _Alone):
            self.call.stopped_at(self._last, 0.0, 0.0)
            if exc is None:
                self.call.exhausted()
        if exc is not None:
            self.call.failed(exc)


@dataclass(frozen=True, slots=True)
class Format(Generic[T]):
    """
    A shape that a stream is given.

    Attributes:
        pieces: What a chunk becomes.
        ending: What the end becomes, with the exception that brought it; None is
            nothing, and the exception is raised.
    """

    pieces: Callable[[Source, Any], list[T]]
    ending: Callable[[Source, Exception | None], list[T]] | None = None


class _Pieces(Generic[T]):
    """What is ready to be handed out, of a stream that may be sync or async."""

    def __init__(self, stream: Any, shape: Format[T]) -> None:
        self._is_inside = False
        self._given = stream
        self._shape = shape
        self._source = Source(stream)
        self._ready: deque[T] = deque()
        self._steps: Any = None
        self._is_done = False

    def __del__(self) -> None:
        # A manager that is left open would keep its call open for ever.
        if self._is_inside and not self._is_done:
            call = self._source.call
            delivery.later(lambda: call.leave_block(None))

    def _take(self, chunk: Any) -> None:
        self._ready.extend(self._shape.pieces(self._source, chunk))

    def _stop(self) -> None:
        self._is_done = True
        self._ready.clear()

    def _end(self, exc: Exception | None) -> None:
        self._is_done = True
        self._source.end(exc)

    def _finish(self, exc: Exception | None) -> None:
        if self._shape.ending is not None:
            self._ready.extend(self._shape.ending(self._source, exc))
        elif exc is not None:
            raise exc

    @property
    def _must_wait(self) -> bool:
        return self._shape.ending is not None and self._source.call.record is None


class Formatted(_Pieces[T], Iterator[T]):
    """A sync stream in another shape."""

    def __init__(self, stream: Any, shape: Format[T]) -> None:
        super().__init__(stream, shape)
        self._entered = ExitStack()

    def __next__(self) -> T:
        while not self._ready:
            if self._is_done:
                raise StopIteration
            self._advance()
        return self._ready.popleft()

    def close(self) -> None:
        """Stop, and close the stream."""
        self._stop()
        self._entered.close()
        close = getattr(self._given, "close", None)
        if callable(close):
            close()

    def _advance(self) -> None:
        failure = None
        chunk = _END
        try:
            # Left by whatever is raised, and when the stream is over.
            with self._entered.pop_all() as entered:
                chunk = next(self._steps_of(entered), _END)
                if chunk is not _END:
                    self._entered = entered.pop_all()
        except Exception as exc:
            failure = exc
        if chunk is not _END and failure is None:
            self._take(chunk)
            return
        self._end(failure)
        if self._must_wait:
            delivery.wait(_PATIENCE)
        self._finish(failure)

    def _steps_of(self, entered: ExitStack) -> Iterator[Any]:
        if self._steps is None:
            stream = _inside(self._given)
            if not hasattr(stream, "__iter__"):
                stream = entered.enter_context(stream)
                self._is_inside = True
            self._steps = self._source.open(stream, iter(stream))
        steps: Iterator[Any] = self._steps
        return steps


class FormattedAsync(_Pieces[T], AsyncIterator[T]):
    """An async stream in another shape."""

    def __init__(self, stream: Any, shape: Format[T]) -> None:
        super().__init__(stream, shape)
        self._entered = AsyncExitStack()

    async def __anext__(self) -> T:
        while not self._ready:
            if self._is_done:
                raise StopAsyncIteration
            await self._advance()
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Stop, and close the stream."""
        self._stop()
        await self._entered.aclose()
        for name in ("aclose", "close"):
            close = getattr(self._given, name, None)
            if callable(close):
                closing = close()
                if inspect.isawaitable(closing):
                    await closing
                return

    async def _advance(self) -> None:
        failure = None
        chunk = _END
        try:
            async with self._entered.pop_all() as entered:
                chunk = await anext(await self._steps_of(entered), _END)
                if chunk is not _END:
                    self._entered = entered.pop_all()
        except Exception as exc:
            failure = exc
        if chunk is not _END and failure is None:
            self._take(chunk)
            return
        self._end(failure)
        if self._must_wait:
            # asyncio takes longer to import than all of llmtrack.
            from asyncio import to_thread

            await to_thread(delivery.wait, _PATIENCE)
        self._finish(failure)

    async def _steps_of(self, entered: AsyncExitStack) -> AsyncIterator[Any]:
        if self._steps is None:
            stream = self._given
            if hasattr(stream, "__await__") and not hasattr(stream, "__aiter__"):
                self._given = stream = await stream
            stream = _inside(stream)
            if not hasattr(stream, "__aiter__"):
                stream = await entered.enter_async_context(stream)
                self._is_inside = True
            self._steps = self._source.open(stream, aiter(stream))
        steps: AsyncIterator[Any] = self._steps
        return steps


def formatted(stream: Any, shape: Format[T]) -> Formatted[T] | FormattedAsync[T]:
    """
    Return a stream in a shape, sync or async by what the stream is.

    Raises:
        ConfigurationError: Not a stream.
    """
    inside = _inside(stream)
    is_sync = any(hasattr(inside, name) for name in _SYNC)
    is_async = any(hasattr(inside, name) for name in _ASYNC)
    is_value = isinstance(inside, str | bytes) or hasattr(type(inside), "model_fields")
    if is_value or not (is_sync or is_async):
        raise ConfigurationError(
            f"not a stream: {stream!r}. Give what the client returns with stream=True"
        )
    # litellm has one class for both, and so has `tracked_stream`.
    if is_async and (not is_sync or _is_in_a_loop()):
        return FormattedAsync(stream, shape)
    return Formatted(stream, shape)


def _is_in_a_loop() -> bool:
    # Without asyncio being loaded there is no loop.
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _inside(stream: Any) -> Any:
    """Return the stream in Bedrock's dict, or what is no such dict."""
    if isinstance(stream, dict):
        return stream.get("stream", stream.get("body"))
    return stream


def _call_of(stream: Any) -> Call | None:
    """Return the call that tracks a stream, or a coroutine that gives one."""
    if issubclass(type(stream), StreamProxy):
        followed: Call = stream._self_call
        return followed
    if isinstance(stream, CoroutineType) and stream.cr_frame is not None:
        call = stream.cr_frame.f_locals.get("call")
        return call if isinstance(call, Call) else None
    return is_follower(stream)
