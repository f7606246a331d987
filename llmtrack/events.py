"""What happens to a call, in the order in which trackers are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from llmtrack.exportable import Exportable
from llmtrack.record import CallInfo, CallRecord, ContentKind, TokenUsage


@dataclass(frozen=True, slots=True)
class Event(Exportable):
    """
    Something that happened to a call.

    Attributes:
        call: What is known of the call by now.
        elapsed: Seconds since the call started.
    """

    call: CallInfo
    elapsed: float

    def to_dict(self) -> dict[str, Any]:
        """Return the event as plain JSON types; keys carry the unit."""
        return {
            "event": self._sse_name(),
            "call": self.call.to_dict(),
            "elapsed_seconds": self.elapsed,
        }

    def _sse_name(self) -> str:
        return _NAMES[type(self).__name__]


@dataclass(frozen=True, slots=True)
class CallStarted(Event):
    """A call has started; sent once, before anything else."""


@dataclass(frozen=True, slots=True)
class FirstToken(Event):
    """
    The first generated content of a stream, sent at most once a call.

    Attributes:
        time_to_first_token:
            Seconds from the call's start to the first chunk that carried text,
            reasoning or part of a tool call. Role, ping and usage frames do
            not count.
        kind:
            Which of the three it was.
    """

    time_to_first_token: float
    kind: ContentKind

    def to_dict(self) -> dict[str, Any]:
        return {
            **Event.to_dict(self),
            "time_to_first_token_seconds": self.time_to_first_token,
            "kind": self.kind,
        }


@dataclass(frozen=True, slots=True)
class Delta(Event):
    """
    A chunk with content or the finish reason, sent only to trackers that ask.

    A tracker asks by `events = frozenset({Delta, ...})`.

    Attributes:
        index: The chunk's place in the stream, from 0.
        kind: What it carried; `text` for one that has the finish reason alone.
        text: The content; for a tool call its name or a piece of its arguments.
        is_json: Whether the request asked for a JSON answer.
        finish_reason: The provider's own word, on the chunk that brings it.
        chunk: The provider's own object; not part of `to_dict()`.
        tokens: Output tokens so far, a running estimate.
        cost: US dollars so far, a running estimate; None without a price.
    """

    index: int
    kind: ContentKind
    text: str
    is_json: bool
    finish_reason: str | None
    chunk: Any = field(repr=False)
    tokens: int | None
    cost: Decimal | None

    def to_dict(self) -> dict[str, Any]:
        return {
            **Event.to_dict(self),
            "index": self.index,
            "kind": self.kind,
            "text": self.text,
            "is_json": self.is_json,
            "finish_reason": self.finish_reason,
            "tokens": self.tokens,
            "cost_usd": None if self.cost is None else float(self.cost),
        }


@dataclass(frozen=True, slots=True)
class UsageKnown(Event):
    """
    The tokens of the call are settled; sent once, just before `CallEnded`.

    Attributes:
        usage: The same object as on the record.
    """

    usage: TokenUsage

    def to_dict(self) -> dict[str, Any]:
        return {**Event.to_dict(self), **self.usage.to_dict()}


@dataclass(frozen=True, slots=True)
class CallEnded(Event):
    """
    The call is over; sent once, after everything else.

    Attributes:
        record: The finished call.
        exception: What was raised, or None. Its traceback holds the stream: do
            not keep it. It is not part of `to_dict()`.
    """

    record: CallRecord
    exception: BaseException | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the event; the call's own keys are inside `record`."""
        return {
            "event": self._sse_name(),
            "elapsed_seconds": self.elapsed,
            "record": self.record.to_dict(),
        }


_NAMES = {
    "Event": "event",
    "CallStarted": "call_started",
    "FirstToken": "first_token",
    "Delta": "delta",
    "UsageKnown": "usage_known",
    "CallEnded": "call_ended",
}
