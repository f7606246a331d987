"""What a value looks like from outside: for checks at set-up, and their errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

_REPR_LIMIT = 60


def describe(value: object, /) -> str:
    """Return the value and its class, short, whatever its `repr` does."""
    cls = type(value)
    where = "" if cls.__module__ == "builtins" else f"{cls.__module__}."
    try:
        text = " ".join(repr(value).split())
    except Exception as exc:
        text = f"<a value whose repr raises {type(exc).__name__}>"
    if len(text) > _REPR_LIMIT:
        text = text[: _REPR_LIMIT - 3] + "..."
    return f"{text} ({where}{cls.__qualname__})"


def accepts(function: Callable[..., Any], arguments: int, /) -> bool:
    """
    Return whether a callable can be called with so many positional arguments.

    True as well where that cannot be known, as for some functions written in C.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*[None] * arguments)
    except TypeError:
        return False
    return True


def yields(function: Callable[..., Any], /) -> bool:
    """Return whether calling the function would only make a generator."""
    while isinstance(function, partial):
        function = function.func
    call = getattr(type(function), "__call__", None)  # noqa: B004 - the method itself
    return any(
        inspect.isgeneratorfunction(each) or inspect.isasyncgenfunction(each)
        for each in (function, call)
    )
