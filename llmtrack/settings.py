"""What `configure` and `attributes` set, and the environment variable."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from llmtrack.errors import ConfigurationError
from llmtrack.keywords import explains_keywords

if TYPE_CHECKING:
    from llmtrack.prices import PriceTable
    from llmtrack.tokens import Counter
    from llmtrack.trackers.protocol import TrackerLike


@dataclass(frozen=True, slots=True)
class Settings:
    """
    The process-wide defaults.

    Attributes:
        tracker: Where events go unless a call says otherwise; None is a
            `StdoutTracker`.
        metadata: Added to every call.
        capture_content: Whether prompts and answers may leave the process.
        counter: Counts tokens before the built-in ways are tried.
        prices: Looked up before the installed price list.
        chunk_timing: Whether the clock is read for each chunk.
        clock: Float seconds, monotonic; replaced by tests only.
    """

    tracker: TrackerLike | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    capture_content: bool = False
    counter: Counter | None = None
    prices: PriceTable | None = None
    chunk_timing: bool = True
    clock: Callable[[], float] | None = None


_built_in = Settings()
_settings = _built_in
_attributes: ContextVar[Mapping[str, Any] | None] = ContextVar(
    "llmtrack_attributes", default=None
)


def settings() -> Settings:
    """Return the process-wide defaults of this moment."""
    return _settings


class _Unchanged(Enum):
    UNCHANGED = "unchanged"


_UNCHANGED: Final = _Unchanged.UNCHANGED


@explains_keywords
def configure(
    *,
    tracker: TrackerLike | _Unchanged | None = _UNCHANGED,
    metadata: Mapping[str, Any] | _Unchanged | None = _UNCHANGED,
    capture_content: bool | _Unchanged | None = _UNCHANGED,
    counter: Counter | _Unchanged | None = _UNCHANGED,
    prices: PriceTable | _Unchanged | None = _UNCHANGED,
    chunk_timing: bool | _Unchanged | None = _UNCHANGED,
) -> None:
    """
    Set the process-wide defaults; what is left out stays, None is the built-in.

    Args:
        tracker: Where events go unless a call says otherwise; built in is a
            `StdoutTracker`.
        metadata: Added to every call; built in is none.
        capture_content: Whether prompts and answers are on the record; built in
            is False.
        counter: Counts tokens before the built-in ways are tried.
        prices: Looked up before the installed price list.
        chunk_timing: Whether the clock is read for each chunk; built in is True.
            Without it `provider_time`, `consumer_time` and `longest_wait` are
            None.

    Raises:
        ConfigurationError: A value of the wrong kind.
        TypeError: An unknown keyword.
    """
    global _settings
    given: dict[str, Any] = {
        "tracker": tracker,
        "metadata": metadata,
        "capture_content": capture_content,
        "counter": counter,
        "prices": prices,
        "chunk_timing": chunk_timing,
    }
    changes = {name: value for name, value in given.items() if value is not _UNCHANGED}
    for name, value in changes.items():
        if value is None:
            changes[name] = getattr(_built_in, name)
        else:
            _check(name, value)
    if changes.get("tracker") is not None:
        from llmtrack.trackers.tracker import as_tracker

        changes["tracker"] = as_tracker(changes["tracker"])
    _settings = replace(_settings, **changes)


def _check(name: str, value: Any) -> None:
    takes, is_right = _TAKES.get(name, ("", True))
    if not (is_right if isinstance(is_right, bool) else is_right(value)):
        raise ConfigurationError(f"configure({name}=...) takes {takes}; got {value!r}")


_TAKES: Final[dict[str, Any]] = {
    "metadata": ("a mapping of names to values", lambda v: isinstance(v, Mapping)),
    "capture_content": ("True or False", lambda v: isinstance(v, bool)),
    "chunk_timing": ("True or False", lambda v: isinstance(v, bool)),
    "counter": (
        "an object with count(text, model)",
        lambda v: callable(getattr(v, "count", None)),
    ),
    "prices": ("a PriceTable", lambda v: callable(getattr(v, "cost", None))),
}


def clock() -> Callable[[], float]:
    """
    Return the clock: float seconds, monotonic.

    `time.perf_counter` is looked up at each call's start, so that freezegun and
    time-machine, which replace it, freeze what starts while they hold it.
    """
    return _settings.clock or time.perf_counter


def is_disabled() -> bool:
    """Return whether `LLMTRACK_DISABLED` turns llmtrack into a no-op."""
    return os.environ.get("LLMTRACK_DISABLED", "").lower() in ("1", "true", "yes", "on")


def with_ambient(own: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a call that starts here: the nearest wins."""
    attributes = _attributes.get()
    if attributes or _settings.metadata:
        return {**_settings.metadata, **(attributes or {}), **own}
    return own


@contextmanager
def attributes(**metadata: Any) -> Iterator[None]:
    """
    Add metadata to every call that starts inside the block.

    It holds in tasks and in threads that were given a copy of the context, and
    nowhere else. Inner blocks win over outer ones, and a call's own metadata
    over both.
    """
    token = _attributes.set({**(_attributes.get() or {}), **metadata})
    try:
        yield
    finally:
        _attributes.reset(token)
