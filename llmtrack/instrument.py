"""`track_llm_call` and `tracked_stream`: which calls there are, and who is told."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MethodType, TracebackType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Self, TypeVar, overload

import wrapt

from llmtrack import delivery
from llmtrack.activation import Working
from llmtrack.call import Call, Plan
from llmtrack.current import Progress
from llmtrack.delivery import Outlet, guarded
from llmtrack.dialects.request import Request, from_arguments
from llmtrack.errors import ConfigurationError
from llmtrack.followers import follow_async_generator, follow_generator
from llmtrack.proxies import attach, await_for, is_followable
from llmtrack.record import CallRecord
from llmtrack.settings import is_disabled, settings

if TYPE_CHECKING:
    from llmtrack.trackers.protocol import TrackerLike

P = ParamSpec("P")
R = TypeVar("R")

#: Seconds that `tracked.record` waits for tokens that are still being counted.
_RECORD_TIMEOUT: Final = 10.0

_default: tuple[Any, tuple[Outlet, ...]] = (object(), ())


@overload
def track_llm_call(fn: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def track_llm_call(
    *,
    tracker: TrackerLike | None = None,
    name: str | None = None,
    provider: str | None = None,
    model: str | Callable[..., str | None] | None = None,
    input: Any = None,
    metadata: Mapping[str, Any] | Callable[..., Mapping[str, Any]] | None = None,
    capture_content: bool | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def track_llm_call(
    fn: Callable[P, R] | None = None,
    /,
    *,
    tracker: TrackerLike | None = None,
    name: str | None = None,
    provider: str | None = None,
    model: str | Callable[..., str | None] | None = None,
    input: Any = None,
    metadata: Mapping[str, Any] | Callable[..., Mapping[str, Any]] | None = None,
    capture_content: bool | None = None,
) -> Any:
    """
    Track every call of a function that talks to a language model.

    The function may be of any kind, sync or async, and may return a response, a
    client's stream, a stream manager, or be a generator itself. What the caller
    gets behaves as it would without the decorator.

    Args:
        fn: The function.
        tracker: Where events go; None is what `configure` says.
        name: The name on the record; None is the function's qualified name.
        provider: Who serves the call, where it cannot be found.
        model: The model, or a callable on the function's arguments.
        input: The prompt, or a callable on the function's arguments.
        metadata: Added to the record, or a callable on the arguments.
        capture_content: Whether prompt and answer are on the record; None is
            what `configure` says.

    Raises:
        ConfigurationError: Not a function, or not a tracker.
    """

    def decorate(function: Any) -> Any:
        if not callable(function) and not hasattr(function, "__func__"):
            raise ConfigurationError(
                f"track_llm_call takes a function; got {function!r}. Write "
                "@track_llm_call above the function that makes the call, or "
                "@track_llm_call(tracker=...) with options"
            )
        plan = Plan(
            name=name or _name_of(function),
            outlets=outlets_for(tracker),
            function=function,
            provider=provider,
            model=model,
            input=input,
            metadata=metadata,
            capture_content=capture_content,
        )
        if is_disabled():
            return function
        return wrapt.FunctionWrapper(function, _wrapper_for(function, plan))

    return decorate if fn is None else decorate(fn)


class tracked_stream:  # noqa: N801 - reads as a verb in a `with` statement
    """
    Track the streams that are read inside a block.

    The call starts with the block, so that the request inside it counts. Call
    the handle with a stream, generator, stream manager, awaitable or response, and
    use what it returns in its place. A second one in the same block, such as a
    retry, is a second call.

        with tracked_stream(tracker) as tracked:
            for chunk in tracked(client.messages.create(..., stream=True)):
                ...
        print(tracked.record.time_to_first_token)

    Args:
        tracker: Where events go; None is what `configure` says.
        stream: A stream to read by iterating the handle itself.
        name: The name on the record; None is `"stream"`.
        provider: Who serves the call, where it cannot be found.
        model: The model, where it cannot be found.
        input: The prompt, where it cannot be found.
        metadata: Added to the record.
        capture_content: Whether prompt and answer are on the record; None is
            what `configure` says.

    Raises:
        ConfigurationError: Not a tracker, or not a stream.
    """

    def __init__(
        self,
        tracker: TrackerLike | None = None,
        stream: Any = None,
        /,
        *,
        name: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        input: Any = None,
        metadata: Mapping[str, Any] | None = None,
        capture_content: bool | None = None,
    ) -> None:
        if stream is not None and not is_followable(stream):
            raise ConfigurationError(
                f"tracked_stream takes a tracker and then a stream; got {stream!r}, "
                "which cannot be iterated, entered or awaited"
            )
        self._plan = Plan(
            name=name or "stream",
            outlets=outlets_for(tracker),
            provider=provider,
            capture_content=capture_content,
        )
        self._request = Request(model=model, input=input)
        self._metadata = metadata
        self._given = stream
        self._followed: Any = None
        self._calls: list[Call] = []
        self._is_fresh = False
        self._disabled = is_disabled()

    def __call__(self, stream: Any, /) -> Any:
        """
        Return a stand-in for a stream, or the response itself.

        Raises:
            ConfigurationError: Called outside of the block.
        """
        if self._disabled:
            return stream
        if not self._calls:
            raise ConfigurationError(
                "tracked(stream) was called outside of its block; write "
                "`with tracked_stream(tracker) as tracked:` around it"
            )
        if not self._is_fresh:
            self._begin()
        self._is_fresh = False
        return attach(self._calls[-1], stream)

    def __iter__(self) -> Any:
        return iter(self._own_stream())

    def __next__(self) -> Any:
        return next(self._own_stream())

    def __aiter__(self) -> Any:
        return aiter(self._own_stream())

    def __anext__(self) -> Any:
        return anext(self._own_stream())

    def __enter__(self) -> Self:
        if not self._disabled:
            self._begin()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for call in self._calls:
            if not call.is_over:
                call.leave_block(exc)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(exc_type, exc, traceback)

    @property
    def record(self) -> CallRecord | None:
        """
        The record of the last call in the block, once it is over.

        It waits for tokens that are still being counted elsewhere. None while the
        call runs, and when llmtrack is disabled.
        """
        return self._record_of(self._calls[-1]) if self._calls else None

    @property
    def records(self) -> list[CallRecord]:
        """The records of all calls in the block that are over, in order."""
        found = (self._record_of(call) for call in self._calls)
        return [record for record in found if record is not None]

    def progress(self) -> Progress:
        """Return how far the last call in the block has come."""
        return Progress.of(self._calls[-1] if self._calls else None)

    def _begin(self) -> None:
        call = Call(self._plan, self._request, self._metadata)
        self._calls.append(call)
        self._is_fresh = True
        call.enter_block()
        call.start()

    def _own_stream(self) -> Any:
        if self._given is None:
            raise ConfigurationError(
                "there is no stream to iterate; write `for chunk in tracked(stream)`, "
                "or give the stream to tracked_stream(tracker, stream)"
            )
        if self._followed is None:
            self._followed = self(self._given)
        return self._followed

    @staticmethod
    def _record_of(call: Call) -> CallRecord | None:
        if call.record is None and call.is_over:
            delivery.wait(_RECORD_TIMEOUT)
        return call.record


def outlets_for(tracker: Any) -> Callable[[], tuple[Outlet, ...]]:
    """
    Return what tells where events go.

    Raises:
        ConfigurationError: Not a tracker.
    """
    if tracker is None:
        return _default_outlets
    from llmtrack.trackers.tracker import as_tracker

    outlets = (Outlet(as_tracker(tracker)),)
    return lambda: outlets


def _default_outlets() -> tuple[Outlet, ...]:
    global _default
    chosen = settings().tracker
    if _default[0] is not chosen:
        from llmtrack.trackers.tracker import as_tracker

        if chosen is None:
            from llmtrack.trackers.stdout import StdoutTracker

            outlet = Outlet(StdoutTracker())
        else:
            outlet = Outlet(as_tracker(chosen))
        _default = (chosen, (outlet,))
    return _default[1]


def _name_of(function: Any) -> str:
    inner = getattr(function, "func", function)
    found = getattr(inner, "__qualname__", None) or type(inner).__qualname__
    return str(found).replace("<locals>.", "")


def _wrapper_for(function: Any, plan: Plan) -> Callable[..., Any]:
    """Return what runs in the function's place; chosen by the function's shape."""
    arguments = _Arguments(function)
    shape = _callable_in(function)

    def new_call(instance: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
        bound = arguments.bind(instance, args, kwargs)
        request = guarded("the arguments", from_arguments, bound, default=Request())
        metadata = _override(plan.metadata, args, kwargs)
        if plan.model is not None:
            request.model = _override(plan.model, args, kwargs) or request.model
        if plan.input is not None:
            request.input = _override(plan.input, args, kwargs)
        return Call(plan, request, metadata)

    def call_generator(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        source = wrapped(*args, **kwargs)
        return follow_generator(new_call(instance, args, kwargs), source, starts=True)

    def call_async_generator(
        wrapped: Any, instance: Any, args: Any, kwargs: Any
    ) -> Any:
        source = wrapped(*args, **kwargs)
        call = new_call(instance, args, kwargs)
        return follow_async_generator(call, source, starts=True)

    def call_coroutine(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        pending = wrapped(*args, **kwargs)
        return await_for(new_call(instance, args, kwargs), pending, starts=True)

    def call_function(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        call = new_call(instance, args, kwargs)
        call.start()
        try:
            with Working(call):
                value = wrapped(*args, **kwargs)
        except BaseException as exc:
            call.failed(exc)
            raise
        return attach(call, value)

    if inspect.isgeneratorfunction(shape):
        return call_generator
    if inspect.isasyncgenfunction(shape):
        return call_async_generator
    if inspect.iscoroutinefunction(shape):
        return call_coroutine
    return call_function


def _callable_in(function: Any) -> Any:
    """Return the function inside of a partial, a descriptor or a callable object."""
    while True:
        if isinstance(function, staticmethod | classmethod):
            function = function.__func__
        elif hasattr(function, "func") and hasattr(function, "keywords"):
            function = function.func
        elif inspect.isroutine(function) or inspect.isclass(function):
            return function
        else:
            return type(function).__call__


class _Arguments:
    """The names of a function's parameters, looked up once."""

    __slots__ = ("_defaults", "_is_bound", "_names")

    def __init__(self, function: Any) -> None:
        self._is_bound = isinstance(function, MethodType)
        self._names: list[str] = []
        self._defaults: dict[str, Any] = {}
        inner = getattr(function, "__func__", function)
        try:
            parameters = inspect.signature(
                function if self._is_bound else inner
            ).parameters
        except (TypeError, ValueError):
            return
        for parameter in parameters.values():
            if parameter.kind in (
                parameter.POSITIONAL_ONLY,
                parameter.POSITIONAL_OR_KEYWORD,
            ):
                self._names.append(parameter.name)
            if parameter.default is not parameter.empty:
                self._defaults[parameter.name] = parameter.default

    def bind(
        self, instance: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the arguments by name, defaults included."""
        names = self._names
        if instance is not None and not self._is_bound:
            names = names[1:]
        return {**self._defaults, **dict(zip(names, args, strict=False)), **kwargs}


def _override(value: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if not callable(value):
        return value
    return guarded("an override", lambda: value(*args, **kwargs), default=None)
