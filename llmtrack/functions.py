"""What was decorated: its kind, its name, and what its arguments are called."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial, partialmethod
from types import MethodType
from typing import Any


def name_of(function: Any) -> str:
    """Return what calls of the function are called."""
    # Not by its attribute `func`: a mock has every attribute.
    is_partial = isinstance(function, partial | partialmethod)
    inner = function.func if is_partial else function
    found = getattr(inner, "__qualname__", None) or type(inner).__qualname__
    return str(found).replace("<locals>.", "")


def callable_in(function: Any) -> Any:
    """Return the function inside of a partial, a descriptor or a callable object."""
    while True:
        if isinstance(function, staticmethod | classmethod):
            function = function.__func__
        elif isinstance(function, partial | partialmethod):
            function = function.func
        elif inspect.isroutine(function) or inspect.isclass(function):
            return function
        else:
            return type(function).__call__


def is_awaited_generator(function: Any) -> bool:
    """Return whether `types.coroutine` made a generator function awaitable."""
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return bool(flags & inspect.CO_ITERABLE_COROUTINE)


class Arguments:
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
        # To say `strict=False` takes half as long again.
        given = dict(zip(names, args))  # noqa: B905
        if kwargs or self._defaults:
            return {**self._defaults, **given, **kwargs}
        return given
