"""
Functions to give to `Transformed` and `Filtered`: redaction and sampling.

They are short, and meant to be read and changed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, Delta, Event
from llmtrack.record import CallInfo, CallRecord, Outcome

E = TypeVar("E", bound=Event)
C = TypeVar("C", bound=CallInfo)

REDACTED = "[redacted]"


def without_content(event: E, /) -> E:
    """Return the event without prompt, answer, and the provider's chunk."""
    if isinstance(event, Delta):
        return replace(event, text="", chunk=None)
    return _with_calls(event, _without_texts)


def redacting(pattern: str, *, by: str = REDACTED) -> Callable[[Event], Event]:
    """
    Return a function that replaces what matches in prompts, answers and errors.

    Args:
        pattern: A regular expression, such as one for card numbers. A match
            that is cut in two by the end of a chunk is not seen in a `Delta`:
            do not send those where it matters.
        by: What stands in its place.

    Raises:
        ConfigurationError: The pattern is no regular expression.
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError) as exc:
        raise ConfigurationError(
            f"pattern must be a regular expression; got {pattern!r}: {exc}. For a "
            "plain text write re.escape(text)"
        ) from exc

    def redact(event: Event, /) -> Event:
        if isinstance(event, Delta):
            return replace(event, text=compiled.sub(by, event.text), chunk=None)
        return _with_calls(event, lambda call: _redacted(call, compiled, by))

    return redact


def hiding_metadata(
    keys: Iterable[str], *, by: str = REDACTED
) -> Callable[[Event], Event]:
    """Return a function that replaces the values of some metadata keys."""
    hidden = frozenset([keys] if isinstance(keys, str) else keys)

    def hide(event: Event, /) -> Event:
        return _with_calls(event, lambda call: _hidden(call, hidden, by))

    return hide


def sampled(
    share: float,
    *,
    slower_than: float | None = None,
    chance: Callable[[], float] = random.random,
) -> Callable[[Event], bool]:
    """
    Return a predicate for `Filtered(when=...)` that keeps every call worth a look.

    Calls that did not end well are kept, and those whose first token was slow;
    of the others a share. It can only be known at the end, so nothing but
    `CallEnded` passes.

    Args:
        share: 0 to 1.
        slower_than: Seconds to the first token above which a call is kept.
        chance: Returns a number from 0 to below 1.

    Raises:
        ConfigurationError: The share is no number from 0 to 1.
    """
    if not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise ConfigurationError(
            f"share must be from 0 to 1, such as 0.1 for every tenth; got {share!r}"
        )

    def keeps(event: Event, /) -> bool:
        if not isinstance(event, CallEnded):
            return False
        record = event.record
        if record.outcome is not Outcome.SUCCESS:
            return True
        first = record.time_to_first_token
        if slower_than is not None and first is not None and first > slower_than:
            return True
        return chance() < share

    return keeps


def _with_calls(event: E, change: Callable[[Any], Any]) -> E:
    """Return the event with its call, and the record of an end, changed."""
    if isinstance(event, CallEnded):
        record = change(event.record)
        # The exception says again what was taken out of its message.
        return replace(event, call=change(event.call), record=record, exception=None)
    return replace(event, call=change(event.call))


def _without_texts(call: C) -> C:
    if not isinstance(call, CallRecord):
        return call
    return replace(call, input_text=None, output_text=None, reasoning_text=None)


def _redacted(call: C, pattern: re.Pattern[str], by: str) -> C:
    if not isinstance(call, CallRecord):
        return call
    texts: dict[str, Any] = {
        name: pattern.sub(by, text)
        for name in ("input_text", "output_text", "reasoning_text")
        if (text := getattr(call, name)) is not None
    }
    if call.error is not None:
        message = pattern.sub(by, call.error.message)
        return replace(call, **texts, error=replace(call.error, message=message))
    return replace(call, **texts)


def _hidden(call: C, keys: frozenset[str], by: str) -> C:
    if not keys & call.metadata.keys():
        return call
    metadata = {key: by if key in keys else v for key, v in call.metadata.items()}
    return replace(call, metadata=metadata)
