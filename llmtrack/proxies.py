"""Transparent stand-ins for what a client returns, and who gets which."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache, wraps
from itertools import repeat
from types import AsyncGeneratorType, CoroutineType, GeneratorType, MethodType
from typing import Any, Final, cast

from llmtrack.activation import Working
from llmtrack.bodies import BodyProxy, is_body
from llmtrack.call import Call
from llmtrack.dialects import bedrock_converse
from llmtrack.dialects.request import is_clients_own
from llmtrack.drops import AwaitGuard, Guard, closing
from llmtrack.followers import (
    follow_async_generator,
    follow_async_iterator,
    follow_generator,
    follow_iterator,
    is_follower,
)
from llmtrack.guard import guarded, report
from llmtrack.hidden import ReadingProxy, StandIn, hidden_from, reading
from llmtrack.kinds import (
    gives_answer,
    gives_streams,
    is_manager_class,
    is_named_stream,
    is_pure_python,
    is_raw_response_class,
    is_stream_class,
    is_unread,
)

#: Keys under which botocore's dict holds its stream.
_BEDROCK_KEYS: Final = ("stream", "body")


def attach(call: Call, value: Any) -> Any:
    """
    Return what the program gets for what its function returned.

    A response is read, and is the very same object. A stream, a generator, a
    stream manager or an awaitable comes back as a stand-in, and the call stays
    open until that ends.
    """
    cls: Any = type(value)
    try:
        way = _way_to_attach(cls)
        if way is not None:
            return way(call, value)
        call.responded(value)
        return value
    except Exception as exc:
        report("following a value", exc)
        call.exhausted()
        return value


@lru_cache(maxsize=512)
def _way_to_attach(cls: Any) -> Callable[[Call, Any], Any] | None:
    """
    Return what to do with values of a class; looked up once for each.

    None for responses, which are read and left alone.
    """
    if issubclass(cls, StreamProxy):
        return _attach_proxy
    if issubclass(cls, GeneratorType | AsyncGeneratorType):
        return _attach_generator
    if issubclass(cls, CoroutineType):
        return await_for
    if is_stream_class(cls) or gives_streams(cls):
        return _open
    if is_manager_class(cls) or hasattr(cls, "__await__"):
        return proxy
    if is_raw_response_class(cls):
        return _attach_raw_response
    if issubclass(cls, dict):
        return _attach_dict
    return None


def _attach_proxy(call: Call, value: StreamProxy) -> StreamProxy:
    call.link(value._self_call)
    return value


def _attach_generator(call: Call, value: Any) -> Any:
    inner = is_follower(value)
    if inner is not None:
        call.link(inner)
        return value
    call.is_of_client = is_clients_own(value)
    call.opened(value)
    if isinstance(value, GeneratorType):
        return follow_generator(call, value)
    return follow_async_generator(call, value)


def _attach_raw_response(call: Call, value: Any) -> Any:
    if is_unread(value):
        return proxy(call, value)
    call.responded(value)
    return value


def _attach_dict(call: Call, value: dict[Any, Any]) -> dict[Any, Any]:
    body = value.get("body")
    if body is not None and is_body(body):
        value["body"] = BodyProxy(body, call, value)
        return value
    for key in _BEDROCK_KEYS:
        stream = value.get(key)
        if stream is not None and is_stream_class(type(stream)):
            value[key] = _open(call, stream)
            if key == "stream":
                # The events of Converse do not have the id.
                find_id = bedrock_converse.request_id
                call.answer.response_id = guarded(
                    "the id", find_id, value, default=None
                )
            return value
    call.responded(value)
    return value


def _open(call: Call, stream: Any, guard: Guard | None = None) -> StreamProxy:
    call.is_of_client = is_named_stream(type(stream))
    call.opened(stream)
    return proxy(call, stream, guard)


def await_for(
    call: Call, pending: Coroutine[Any, Any, Any], *, starts: bool = False
) -> Coroutine[Any, Any, Any]:
    """
    Return a coroutine that stands in for another one.

    Args:
        call: What is told.
        pending: A coroutine that nobody has awaited yet.
        starts: Whether the first step starts the call.
    """
    guard = AwaitGuard(call, pending)
    waiting: Any = _await(call, pending, guard, starts)
    waiting.__name__ = getattr(pending, "__name__", waiting.__name__)
    waiting.__qualname__ = getattr(pending, "__qualname__", waiting.__qualname__)
    guard.watch(waiting)
    return cast(Coroutine[Any, Any, Any], waiting)


async def _await(
    call: Call, pending: Awaitable[Any], guard: Guard, starts: bool
) -> Any:
    if isinstance(guard, AwaitGuard):
        guard.pending = None
    try:
        if starts:
            call.start()
        with Working(call):
            value = await pending
    except GeneratorExit:
        call.left(deferred=guard.is_dropped)
        raise
    except BaseException as exc:
        call.failed(exc)
        raise
    attached = attach(call, value)
    guard.relieve()
    return attached


class StreamProxy(ReadingProxy):
    """
    Stands in for a client's stream or stream manager.

    It passes `isinstance`, and shows exactly the protocols of what it stands for:
    see `_class_for`. Methods of the stream run on the proxy instead, so that what
    they iterate is followed: `get_final_message()`, `until_done()`. Nothing is
    written on the client's classes or objects.
    """

    _self_runs_methods = True

    def __init__(self, wrapped: Any, call: Call, guard: Guard | None) -> None:
        super().__init__(wrapped)
        self._self_call = call
        # A manager and the stream in it share theirs: one may outlive the other.
        self._self_guard = guard or Guard(call)
        self._self_reading = (), None
        self._self_made: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        made = self._self_made.get(name)
        if made is not None:
            return made
        wrapped = self.__wrapped__
        value = getattr(wrapped, name)
        if name in ("close", "aclose") and callable(value):
            return closing(value, self._self_call)
        if gives_answer(type(wrapped), name):
            return _giving(value, self._self_guard)
        if isinstance(value, MethodType) and value.__self__ is wrapped:
            runs = self._self_runs_methods
            return MethodType(value.__func__, self) if runs else value
        if isinstance(value, GeneratorType | AsyncGeneratorType):
            return self._self_remade(name, value)
        return value

    def _self_remade(self, name: str, value: Any) -> Any:
        """
        Return a stream that the client derived from this one, made from the proxy.

        Anthropic's `text_stream` is made in the constructor, from the real stream,
        by a method of the class. A generator tells which by its code.
        """
        code = value.gi_code if isinstance(value, GeneratorType) else value.ag_code
        maker = getattr(type(self.__wrapped__), code.co_name, None)
        if getattr(maker, "__code__", None) is not code:
            return value
        self._self_made[name] = made = cast(Callable[..., Any], maker)(self)
        return made

    def __copy__(self) -> Any:
        from copy import copy

        return copy(self.__wrapped__)

    def __deepcopy__(self, memo: Any) -> Any:
        from copy import deepcopy

        return deepcopy(self.__wrapped__, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


#: Makes an instance of a class, whatever the class's class makes of a call.
_make: Final[Callable[..., Any]] = type.__call__


def proxy(call: Call, value: Any, guard: Guard | None = None) -> StreamProxy:
    """Return a stand-in for a stream or stream manager."""
    cls: Any = type(value)
    return cast(StreamProxy, _make(_class_for(cls), value, call, guard))


def _iter(self: StreamProxy) -> Any:
    call, wrapped = self._self_call, self.__wrapped__
    if call.is_over:
        return iter(wrapped)
    _, steps = reading(self)
    if steps is None or steps.gi_frame is None:
        # Not begun, or interrupted in a block: the client may go on from there.
        has_iter = hasattr(type(wrapped), "__iter__")
        source = iter(wrapped) if has_iter else map(next, repeat(wrapped))
        steps = follow_iterator(call, source, self._self_guard)
        self._self_reading = call.latch, steps
    return steps


def _next(self: StreamProxy) -> Any:
    is_open, steps = reading(self)
    if is_open:
        return next(steps)
    return next(self.__wrapped__ if self._self_call.is_over else _iter(self))


def _aiter(self: StreamProxy) -> Any:
    call, wrapped = self._self_call, self.__wrapped__
    if call.is_over:
        return aiter(wrapped)
    _, steps = reading(self)
    if steps is None or steps.ag_frame is None:
        has_aiter = hasattr(type(wrapped), "__aiter__")
        source = aiter(wrapped) if has_aiter else wrapped
        steps = follow_async_iterator(call, source, self._self_guard)
        self._self_reading = call.latch, steps
    return steps


def _anext(self: StreamProxy) -> Any:
    is_open, steps = reading(self)
    if is_open:
        return anext(steps)
    return anext(self.__wrapped__ if self._self_call.is_over else _aiter(self))


def _enter(self: StreamProxy) -> Any:
    guard = self._self_guard
    guard.enter_block()
    try:
        entered = self.__wrapped__.__enter__()
    except BaseException as exc:
        guard.leave_block(exc)
        raise
    return _entered(self, entered)


def _exit(self: StreamProxy, *exc_info: Any) -> Any:
    try:
        swallowed = self.__wrapped__.__exit__(*exc_info)
    except BaseException as exc:
        self._self_guard.leave_block(exc)
        raise
    self._self_guard.leave_block(exc_info[1])
    return swallowed


async def _aenter(self: StreamProxy) -> Any:
    guard = self._self_guard
    guard.enter_block()
    try:
        entered = await self.__wrapped__.__aenter__()
    except BaseException as exc:
        guard.leave_block(exc)
        raise
    return _entered(self, entered)


async def _aexit(self: StreamProxy, *exc_info: Any) -> Any:
    try:
        swallowed = await self.__wrapped__.__aexit__(*exc_info)
    except BaseException as exc:
        self._self_guard.leave_block(exc)
        raise
    self._self_guard.leave_block(exc_info[1])
    return swallowed


def _await_proxy(self: StreamProxy) -> Any:
    # Who awaits a stand-in drops it then; the guard lives as long as it waits.
    guard = self._self_guard
    return _await(self._self_call, self.__wrapped__, guard, False).__await__()


def _entered(self: StreamProxy, entered: Any) -> Any:
    if entered is self.__wrapped__:
        return self
    call, guard = self._self_call, self._self_guard
    if is_raw_response_class(type(entered)):
        return proxy(call, entered, guard)
    return _open(call, entered, guard)


_PROTOCOLS: Final[dict[str, Callable[..., Any]]] = {
    "__iter__": _iter,
    "__next__": _next,
    "__aiter__": _aiter,
    "__anext__": _anext,
    "__enter__": _enter,
    "__exit__": _exit,
    "__aenter__": _aenter,
    "__aexit__": _aexit,
    "__await__": _await_proxy,
}


@lru_cache(maxsize=512)
def _class_for(cls: Any) -> type[StreamProxy]:
    """
    Return the proxy class for a client's class.

    A protocol is looked up on the type, so a proxy that serves all streams would
    have `__anext__` on a sync one.
    """
    shown: dict[str, Any] = {
        name: method for name, method in _PROTOCOLS.items() if hasattr(cls, name)
    }
    facts = {"_self_stands_for": cls, "_self_runs_methods": is_pure_python(cls)}
    namespace = {**hidden_from(cls), **shown, **facts}
    return cast(
        type[StreamProxy], StandIn(StreamProxy.__name__, (StreamProxy,), namespace)
    )


def _giving(method: Callable[..., Any], guard: Guard) -> Callable[..., Any]:
    """Return a method whose stream, or answer, is that of the call."""

    @wraps(method)
    def giving(*args: Any, **kwargs: Any) -> Any:
        given = method(*args, **kwargs)
        if guard.call.is_over:
            return given
        attached = attach(guard.call, given)
        guard.relieve()
        return attached

    return giving
