"""What a test may say of a recorder, with failures that tell what happened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from llmtrack import (
    CallEnded,
    CallRecord,
    CallStarted,
    Event,
    FirstToken,
    Outcome,
    UsageKnown,
)

from .recorder import RecordingTracker

_ORDER = (CallStarted, FirstToken, UsageKnown, CallEnded)


def assert_tracked(
    recorder: RecordingTracker,
    /,
    *,
    outcome: Outcome | str | None = None,
    error_kind: str | None = None,
    **fields: Any,
) -> CallRecord:
    """
    Assert that one call was tracked, in the right order, and how it ended.

    Args:
        recorder: What recorded it.
        outcome: How it should have ended; None is any way.
        error_kind: What `record.error.kind` should be; None is anything.
        fields: Other fields of the record, and what they should be.

    Returns:
        The record, for further questions.

    Raises:
        AssertionError: It was not so; all that is wrong is in the message.
        TypeError: The record has no field of that name.
        ValueError: There is no such outcome.
    """
    __tracebackhide__ = True
    history = recorder.history
    ended = [event.record for event in history if isinstance(event, CallEnded)]
    wrong = [*misordered(history)]
    expected = None if outcome is None else _outcome(outcome)
    if len(ended) != 1:
        wrong.append(f"one call should have ended; {len(ended)} did")
        wrong += [] if ended else [_why_none()]
    else:
        wrong += _differences(ended[0], expected, error_kind, fields)
    if wrong:
        lines = [*wrong, "recorded:", *(f"  {_told(event)}" for event in history)]
        raise AssertionError("\n".join(lines))
    return ended[0]


def misordered(history: Iterable[Event], /) -> Iterator[str]:
    """
    Yield what is wrong with the order of events, a sentence each.

    Every call starts once, has a first token at most once, has its usage known
    once, and ends once, in that order. A call that has not ended yet is wrong.
    """
    calls: dict[str, list[type[Event]]] = {}
    for event in history:
        if isinstance(event, _ORDER):
            calls.setdefault(event.call.call_id, []).append(type(event))
    for call_id, told in calls.items():
        right = [each for each in _ORDER if each is not FirstToken or each in told]
        if told != right:
            names = ", ".join(each.__name__ for each in told)
            yield f"call {call_id} sent {names}"


def _differences(
    record: CallRecord,
    outcome: Outcome | None,
    error_kind: str | None,
    fields: dict[str, Any],
) -> Iterator[str]:
    if outcome is not None:
        fields = {"outcome": outcome, **fields}
    for name, expected in fields.items():
        if not hasattr(record, name):
            known = [each for each in dir(record) if not each.startswith("_")]
            close = get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"a CallRecord has no field {name!r}{hint}")
        found = getattr(record, name)
        if found != expected:
            yield f"{name} should be {_shown(expected)}; it is {_shown(found)}"
    kind = record.error.kind if record.error else None
    if error_kind is not None and kind != error_kind:
        yield f"error.kind should be {error_kind!r}; it is {kind!r}"


def _outcome(value: Outcome | str) -> Outcome:
    try:
        return Outcome(value)
    except ValueError:
        names = ", ".join(each.value for each in Outcome)
        raise ValueError(f"outcome must be one of {names}; got {value!r}") from None


def _why_none() -> str:
    """Return why a call that was made may not have been recorded."""
    if disabled := os.environ.get("LLMTRACK_DISABLED"):
        return f"LLMTRACK_DISABLED is {disabled!r}: with it set, nothing is tracked"
    return (
        "a call with an explicit tracker= tells that one: give it the recorder, or "
        "leave it out and configure the recorder"
    )


def _shown(value: Any) -> str:
    return str(value.value) if isinstance(value, Outcome) else repr(value)


def _told(event: Event) -> str:
    line = f"{type(event).__name__} of {event.call.name!r} at {event.elapsed:.6f} s"
    if isinstance(event, CallEnded):
        record = event.record
        error = (
            f" ({record.error.type}: {record.error.message})" if record.error else ""
        )
        line += f": {record.outcome.value}{error}, {record.chunks} chunks"
    return line
