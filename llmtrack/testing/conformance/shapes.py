"""The shapes of things that make a call, and how a program gets at the stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from .instrumentation import Instrumentation
from .world import Witness, World

Kind = Literal["response", "coroutine", "generator", "stream", "manager", "block"]

#: Returns what the program calls.
Make = Callable[[Instrumentation, World, Witness], Callable[[], Any]]


@dataclass(frozen=True)
class Shape:
    """
    A way to make a call.

    Attributes:
        name: What the table calls it.
        kind: What the program gets.
        is_async: Whether the stream is read with `async for`.
        make: Returns the function that the program calls, tracked.
        starts: Whether the call starts with the first step, as a generator
            function's does, and not when it is called.
        of_generator: Whether the stream is a generator, which has `throw`.
    """

    name: str
    kind: Kind
    is_async: bool
    make: Make
    starts: bool = False
    of_generator: bool = False


class Session:
    """
    One run of one shape: what the program of an ending writes down.

        with session.block() as open_:
            for chunk in open_():
                ...

    is `for chunk in answer()` of a function that returns a stream, and what a
    manager or `tracked_stream` look like in a program otherwise.
    """

    def __init__(
        self,
        shape: Shape,
        instrumentation: Instrumentation,
        world: World,
        witness: Witness,
    ) -> None:
        self.shape = shape
        self._block = partial(instrumentation.block, witness)
        self.call: Callable[[], Any] = shape.make(instrumentation, world, witness)

    def block(self, *, own: bool = False) -> Any:
        """
        Return the `with` block that the shape is read in, if any.

        Args:
            own: Whether a stream that needs no block is its own, as clients'
                streams are.
        """
        if self.shape.kind == "block":
            return _Tracked(self._block(), self.call)
        if self.shape.kind == "manager" or own:
            return _Own(self.call)
        return _None(self.call)


class _None:
    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call

    def __enter__(self) -> Callable[[], Any]:
        return self._call

    def __exit__(self, *_: object) -> None:
        """There is nothing to leave."""

    async def __aenter__(self) -> Callable[[], Any]:
        return partial(_awaited, self._call)

    async def __aexit__(self, *_: object) -> None:
        """There is nothing to leave."""


class _Own:
    """The manager's own block, or the stream's."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._manager: Any = None

    def __enter__(self) -> Callable[[], Any]:
        self._manager = self._call()
        return _Once(self._manager.__enter__()).take

    def __exit__(self, *exc_info: Any) -> Any:
        return self._manager.__exit__(*exc_info)

    async def __aenter__(self) -> Callable[[], Any]:
        self._manager = await _awaited(self._call)
        return _Once(await self._manager.__aenter__()).take_async

    async def __aexit__(self, *exc_info: Any) -> Any:
        return await self._manager.__aexit__(*exc_info)


class _Tracked:
    """The instrumentation's block around a stream that is opened inside of it."""

    def __init__(self, block: Any, call: Callable[[], Any]) -> None:
        self._block = block
        self._call = call

    def __enter__(self) -> Callable[[], Any]:
        tracked = self._block.__enter__()
        return lambda: tracked(self._call())

    def __exit__(self, *exc_info: Any) -> Any:
        return self._block.__exit__(*exc_info)

    async def __aenter__(self) -> Callable[[], Any]:
        tracked = await self._block.__aenter__()
        return partial(_awaited, lambda: tracked(self._call()))

    async def __aexit__(self, *exc_info: Any) -> Any:
        return await self._block.__aexit__(*exc_info)


class _Once:
    """Gives a stream away, and does not hold it after that."""

    def __init__(self, stream: Any) -> None:
        self._streams = [stream]

    def take(self) -> Any:
        return self._streams.pop()

    async def take_async(self) -> Any:
        return self._streams.pop()


async def _awaited(call: Callable[[], Any]) -> Any:
    value = call()
    return await value if hasattr(type(value), "__await__") else value


def _function(of: str) -> Make:
    def make(instrumentation: Instrumentation, world: World, witness: Witness) -> Any:
        source = getattr(world, of)

        def answer() -> Any:
            return source()

        return instrumentation.decorate(answer, witness)

    return make


def _coroutine_function(of: str) -> Make:
    def make(instrumentation: Instrumentation, world: World, witness: Witness) -> Any:
        source = getattr(world, of)

        async def answer() -> Any:
            value = source()
            return await value if hasattr(type(value), "__await__") else value

        return instrumentation.decorate(answer, witness)

    return make


def _itself(of: str) -> Make:
    """Decorate the generator function itself."""

    def make(instrumentation: Instrumentation, world: World, witness: Witness) -> Any:
        return instrumentation.decorate(getattr(type(world), of), witness).__get__(
            world, type(world)
        )

    return make


def _returning_a_coroutine(
    instrumentation: Instrumentation, world: World, witness: Witness
) -> Any:
    async def create() -> Any:
        return world.async_stream()

    def answer() -> Any:
        return create()

    return instrumentation.decorate(answer, witness)


def _callable_object(
    instrumentation: Instrumentation, world: World, witness: Witness
) -> Any:
    class Answer:
        def __call__(self) -> Any:
            return world.stream()

    return instrumentation.decorate(Answer(), witness)


def _method(instrumentation: Instrumentation, world: World, witness: Witness) -> Any:
    class Assistant:
        def answer(self) -> Any:
            return world.stream()

    assistant: Any = Assistant
    assistant.answer = instrumentation.decorate(Assistant.answer, witness)
    return Assistant().answer


def _coroutine_method(
    instrumentation: Instrumentation, world: World, witness: Witness
) -> Any:
    class Assistant:
        async def answer(self) -> Any:
            return world.async_stream()

    assistant: Any = Assistant
    assistant.answer = instrumentation.decorate(Assistant.answer, witness)
    return Assistant().answer


def _class_method(
    instrumentation: Instrumentation, world: World, witness: Witness
) -> Any:
    def answer(cls: type) -> Any:
        return (yield from world.generator())

    decorated = instrumentation.decorate(classmethod(answer), witness)
    assistant: Any = type("Assistant", (), {"answer": decorated})
    return assistant.answer


def _static_method(
    instrumentation: Instrumentation, world: World, witness: Witness
) -> Any:
    def answer() -> Any:
        return world.async_stream()

    decorated = instrumentation.decorate(staticmethod(answer), witness)
    assistant: Any = type("Assistant", (), {"answer": decorated})
    return assistant.answer


def _partial(instrumentation: Instrumentation, world: World, witness: Witness) -> Any:
    def answer(question: str) -> Any:
        return world.stream()

    return instrumentation.decorate(partial(answer, "why?"), witness)


def _undecorated(of: str) -> Make:
    def make(instrumentation: Instrumentation, world: World, witness: Witness) -> Any:
        return getattr(world, of)

    return make


#: All shapes, in the order of the table's columns.
SHAPES: Final = (
    Shape("function", "response", False, _function("respond")),
    Shape(
        "coroutine", "coroutine", True, _coroutine_function("respond_async"),
        starts=True,
    ),
    Shape(
        "generator", "generator", False, _itself("generator"), starts=True,
        of_generator=True,
    ),
    Shape(
        "async generator", "generator", True, _itself("async_generator"), starts=True,
        of_generator=True,
    ),
    Shape(
        "function returning a generator", "generator", False, _function("generator"),
        of_generator=True,
    ),
    Shape(
        "function returning an async generator", "generator", True,
        _function("async_generator"), of_generator=True,
    ),
    Shape("function returning a stream", "stream", False, _function("stream")),
    Shape(
        "function returning an async stream", "stream", True, _function("async_stream")
    ),
    Shape(
        "coroutine returning an async stream", "stream", True,
        _coroutine_function("async_stream"), starts=True,
    ),
    Shape(
        "function returning a coroutine of a stream", "stream", True,
        _returning_a_coroutine,
    ),
    Shape("stream manager", "manager", False, _function("manager")),
    Shape("async stream manager", "manager", True, _function("async_manager")),
    Shape("stream in tracked_stream", "block", False, _undecorated("stream")),
    Shape(
        "async stream in tracked_stream", "block", True, _undecorated("async_stream")
    ),
    Shape(
        "generator in tracked_stream", "block", False, _undecorated("generator"),
        of_generator=True,
    ),
    Shape(
        "async generator in tracked_stream", "block", True,
        _undecorated("async_generator"), of_generator=True,
    ),
    Shape("callable object", "stream", False, _callable_object),
    Shape("method", "stream", False, _method),
    Shape("coroutine method", "stream", True, _coroutine_method, starts=True),
    Shape(
        "class method, a generator", "generator", False, _class_method, starts=True,
        of_generator=True,
    ),
    Shape("static method", "stream", True, _static_method),
    Shape("partial", "stream", False, _partial),
)  # fmt: skip
