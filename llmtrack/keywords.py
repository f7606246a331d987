"""A misspelt keyword is told with what it may have been meant to be."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def explains_keywords(function: Callable[P, R], /) -> Callable[P, R]:
    """
    Return the function with a better `TypeError` for an unknown keyword.

    It says which keywords there are, and which one looks like the one given.
    """
    kinds = signature(function).parameters.values()
    known = [each.name for each in kinds if each.kind is each.KEYWORD_ONLY]

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                raise TypeError(_explain(function.__qualname__, name, known))
        return function(*args, **kwargs)

    return checked


def _explain(function: str, name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    meant = get_close_matches(name, known, n=1)
    hint = f"; did you mean {meant[0]!r}?" if meant else ""
    where = function.removesuffix(".__init__")
    return f"{where} takes the keywords {', '.join(known)}; got {name!r}{hint}"
