"""Wire shapes: how a chunk or a response of each kind is read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final, cast

from llmtrack.dialects.reading import Counts, Dialect, InBandError, Reading
from llmtrack.errors import ConfigurationError

__all__ = [
    "Counts",
    "Dialect",
    "InBandError",
    "Reading",
    "built_in",
    "by_name",
    "find",
]

_logger = logging.getLogger("llmtrack")

_GROUP: Final = "llmtrack.dialects"

#: Where each dialect is, in the order in which they are asked. They exclude
#: each other, but for the last, which takes what nobody else knows.
_MODULES: Final = (
    "plain_text",
    "openai_chat",
    "openai_responses",
    "anthropic_messages",
    "google_generate_content",
    "openai_completions",
    "generic",
)

#: Packages whose objects are recognised by their class, and the dialects they
#: speak. Any other value is asked about in the order above.
_HOMES: Final[dict[str, tuple[str, ...]]] = {
    "anthropic": ("anthropic_messages",),
}


def find(value: Any, /) -> Dialect | None:
    """
    Return the dialect of a chunk or response, None for one that says nothing.

    Never raises: a dialect that does so is logged once and passed over.
    """
    if value is None or isinstance(value, int | float):
        return None
    candidates = (*_external(), *map(_load, _candidates(value)))
    return next((each for each in candidates if _recognises(each, value)), None)


def by_name(name: str, /) -> Dialect:
    """
    Return the dialect of this name, such as `openai.chat`.

    Raises:
        ConfigurationError: There is none; the message has all names.
    """
    known = {each.name: each for each in reversed((*_external(), *built_in()))}
    if name not in known:
        raise ConfigurationError(
            f"no dialect is called {name!r}; there are {', '.join(sorted(known))}. "
            f"Add one through the entry point {_GROUP!r}."
        )
    return known[name]


def built_in() -> tuple[Dialect, ...]:
    """Return all dialects that come with llmtrack, in the order of asking."""
    return tuple(map(_load, _MODULES))


def _candidates(value: Any) -> Iterator[str]:
    for cls in type(value).__mro__:
        home = _HOMES.get(cls.__module__.partition(".")[0])
        if home is not None:
            yield from home
    yield from _MODULES


@cache
def _load(module: str) -> Dialect:
    return cast(Dialect, import_module(f"llmtrack.dialects.{module}"))


@cache
def _external() -> tuple[Dialect, ...]:
    """Load the dialects of other packages; a broken one is logged and skipped."""
    found: list[Dialect] = []
    for entry in entry_points(group=_GROUP):
        try:
            dialect = entry.load()
            # Asked for now, so that it fails here and not in a stream.
            _ = dialect.name, dialect.recognises, dialect.read, dialect.texts
        except Exception:
            _logger.warning("the dialect %s is left out", entry.value, exc_info=True)
        else:
            found.append(dialect)
    return tuple(found)


def _recognises(dialect: Dialect, value: Any) -> bool:
    try:
        return dialect.recognises(value)
    except Exception:
        _log_once(dialect.name)
        return False


@cache
def _log_once(name: str) -> None:
    _logger.warning("the dialect %s failed to recognise a value", name, exc_info=True)
