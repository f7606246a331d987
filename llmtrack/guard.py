"""The one guard for all foreign code: it logs, and the program goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("llmtrack")

_reported: set[tuple[str, type]] = set()


def report(where: str, exc: BaseException) -> None:
    """Log what went wrong inside of llmtrack or a tracker, once per kind."""
    kind = (where, type(exc))
    if kind in _reported:
        return
    _reported.add(kind)
    try:
        logger.warning(
            "%s raised %s; the program goes on, and the next ones are only counted",
            where,
            type(exc).__name__,
            exc_info=exc,
        )
    except Exception:
        # A log handler of the program is foreign code too, and there is no
        # other place to say so.
        return


def copied(metadata: Any) -> dict[str, Any]:
    """Return a copy of metadata that the program gave; empty if it is none."""
    if metadata is None:
        return {}
    return guarded("metadata", dict, metadata, default={})


def of_kind(kind: type[T], what: str, value: Any) -> T | None:
    """Return a value of the program's if it is what it should be, else None."""
    if value is None or isinstance(value, kind):
        return value
    wrong = TypeError(f"{what} takes {kind.__name__}; got {type(value).__name__}")
    report(what, wrong)
    return None


def guarded(where: str, function: Callable[..., T], *args: Any, default: T) -> T:
    """Return what a function returns, or the default where it raises."""
    try:
        return function(*args)
    except Exception as exc:
        report(where, exc)
        return default
