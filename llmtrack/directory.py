"""Who serves the calls of a function or block, looked up once and remembered."""

from __future__ import annotations

from functools import partial
from types import CellType, FunctionType
from typing import Any, Final

from llmtrack.dialects.behind import tells_nothing, url_behind
from llmtrack.dialects.request import client_behind
from llmtrack.guard import guarded
from llmtrack.providers import Served, served_by

UNKNOWN: Final = Served(None, None, None)
#: Answers that are remembered; a program that makes a client for each call would
#: fill the memory otherwise.
_LIMIT: Final = 16


class Directory:
    """
    Remembers who serves a function's calls.

    The answer depends on the client, on the model, on what the function's code
    names, and on the class of what came back. Looking it up takes longer than the
    rest of a short call; so it is done once for each combination.

    Args:
        function: The function that makes the calls, or None.
    """

    __slots__ = ("_cells", "_code", "_function", "_known", "_named")

    def __init__(self, function: Any) -> None:
        self._function = function
        inner = getattr(function, "__wrapped__", function)
        # What the function's code names may be a client.
        self._code: FunctionType | None = None
        if isinstance(inner, FunctionType):
            self._code = inner
            self._named = inner.__globals__.get
            self._cells = inner.__closure__
        self._known: dict[tuple[Any, ...], tuple[tuple[Any, ...], Served]] = {}

    def look_up(
        self,
        client: Any = None,
        value: Any = None,
        chunk: Any = None,
        model: str | None = None,
        dialect: str | None = None,
    ) -> Served:
        """
        Return who serves a call.

        Args:
            client: What looks like a client among the arguments.
            value: A stream or response.
            chunk: A chunk; only its class is of interest.
            model: The model that was asked for.
            dialect: The name of the dialect of the answer.
        """
        if value is not None and _tells_more(value):
            return self._find(client, value, model, dialect)
        named: tuple[Any, ...] = ()
        if self._code is not None:
            # Its code may be replaced, as reloading does.
            names = self._code.__code__.co_names
            if names:
                named = tuple(map(self._named, names))
            if self._cells:
                named += tuple(map(_contents, self._cells))
        ids = tuple(map(id, named)) if named else named
        key = (id(client), ids, type(value), type(chunk), model, dialect)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _LIMIT:
                self._known.clear()
            # Held as long as it is remembered: an id alone may be reused.
            seen = chunk if value is None else value
            found = self._find(client, seen, model, dialect)
            self._known[key] = known = ((client, named), found)
        return known[1]

    def _find(
        self, client: Any, value: Any, model: str | None, dialect: str | None
    ) -> Served:
        find = partial(
            served_by,
            client=client,
            value=value,
            function=self._function,
            model=model,
            dialect=dialect,
        )
        return guarded("finding the provider", find, default=UNKNOWN)


def _tells_more(value: Any) -> bool:
    """Return whether a value says more than its class does."""
    if tells_nothing(value):
        return False
    return (
        guarded("finding the address", url_behind, value, default=None) is not None
        or guarded("finding the client", client_behind, value, default=None) is not None
    )


def _contents(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        # Not assigned yet.
        return None
