"""`track_llm_call`: a function's shape picks the follower, its arguments the facts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from llmtrack.activation import Active
from llmtrack.call import Call
from llmtrack.dialects.request import Request, from_arguments
from llmtrack.directory import Directory
from llmtrack.errors import ConfigurationError
from llmtrack.followers import follow_async_generator, follow_generator
from llmtrack.functions import Arguments, callable_in, is_awaited_generator, name_of
from llmtrack.guard import guarded, of_kind, report
from llmtrack.keywords import explains_keywords
from llmtrack.nesting import running
from llmtrack.plan import Plan, outlets_for
from llmtrack.settings import is_disabled

if TYPE_CHECKING:
    from llmtrack.trackers.protocol import TrackerLike

P = ParamSpec("P")
R = TypeVar("R")


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


@explains_keywords
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
        ConfigurationError: Not a function, not a tracker, or an option of the
            wrong kind.
        TypeError: An unknown keyword.
    """
    outlets = outlets_for(tracker)
    _check_options(model=model, metadata=metadata)

    def decorate(function: Any) -> Any:
        if not callable(function) and not hasattr(function, "__func__"):
            raise ConfigurationError(
                f"track_llm_call takes a function; got {function!r}. Write "
                "@track_llm_call above the function that makes the call, or "
                "@track_llm_call(tracker=...) with options"
            )
        plan = Plan(
            name=name or name_of(function),
            outlets=outlets,
            directory=Directory(function),
            provider=provider,
            model=model,
            input=input,
            metadata=metadata,
            capture_content=capture_content,
        )
        if is_disabled():
            return function
        # wrapt takes longer to import than all of llmtrack.
        from llmtrack.wrapping import Tracked

        return Tracked(function, _wrapper_for(function, plan))

    return decorate if fn is None else decorate(fn)


def _check_options(*, model: Any, metadata: Any) -> None:
    if not (model is None or isinstance(model, str) or callable(model)):
        raise ConfigurationError(
            "model takes a name, or a function of the call's arguments; got "
            f"{model!r}. Leave it out where the call itself names the model"
        )
    if not (metadata is None or isinstance(metadata, Mapping) or callable(metadata)):
        raise ConfigurationError(
            "metadata takes a mapping of names to values, or a function of the "
            f"call's arguments; got {metadata!r}"
        )


def _wrapper_for(function: Any, plan: Plan) -> Callable[..., Any]:
    """Return what runs in the function's place; chosen by the function's shape."""
    from llmtrack.proxies import attach, await_for

    arguments = Arguments(function)
    shape = callable_in(function)

    def new_call(instance: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
        bound = arguments.bind(instance, args, kwargs)
        try:
            request = from_arguments(bound)
        except Exception as exc:
            report("the arguments", exc)
            request = Request()
        metadata = plan.metadata
        if metadata is not None:
            metadata = _override(metadata, args, kwargs)
        if plan.model is not None:
            model = of_kind(str, "model", _override(plan.model, args, kwargs))
            request.model = model or request.model
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
        # As `Working` does, without an object and three functions more.
        token = running.set(call)
        try:
            if call.outlets.activate:
                with Active(call):
                    value = wrapped(*args, **kwargs)
            else:
                value = wrapped(*args, **kwargs)
        except BaseException as exc:
            call.failed(exc)
            raise
        finally:
            running.reset(token)
        return attach(call, value)

    if inspect.iscoroutinefunction(shape) or is_awaited_generator(shape):
        return call_coroutine
    if inspect.isgeneratorfunction(shape):
        return call_generator
    if inspect.isasyncgenfunction(shape):
        return call_async_generator
    return call_function


def _override(value: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if not callable(value):
        return value
    return guarded("an override", lambda: value(*args, **kwargs), default=None)
