"""The call that is open here, as its function and its stream may see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import truediv
from typing import Any, Self

from llmtrack.call import Call
from llmtrack.guard import copied, guarded, of_kind
from llmtrack.nesting import innermost
from llmtrack.record import TokenUsage
from llmtrack.summary import running_cost


@dataclass(frozen=True, slots=True)
class Progress:
    """
    How far a call has come.

    Attributes:
        elapsed: Seconds since the start.
        chunks: Chunks so far.
        output_tokens: Output tokens so far, a running estimate; the record's once the
            call is over.
        tokens_per_second: Since the first token; None before it.
        cost: US dollars so far, a running estimate; None without a price.
    """

    elapsed: float = 0.0
    chunks: int = 0
    output_tokens: int = 0
    tokens_per_second: float | None = None
    cost: Decimal | None = None

    @classmethod
    def of(cls, call: Call | None) -> Self:
        """Return how far a call has come; all zero for None."""
        if call is None:
            return cls()
        record = call.record
        elapsed = record.duration if record else call.elapsed()
        tokens = record.usage.output_tokens if record else None
        # What was set by hand may be anything.
        if type(tokens) is not int or tokens < 0:
            tokens = guarded("counting", call.answer.tokens_so_far, default=0)
        writing = elapsed - call.first_token if call.first_token is not None else 0.0
        return cls(
            elapsed,
            call.answer.chunks(),
            tokens,
            guarded("counting", truediv, tokens, writing, default=None)
            if writing > 0
            else None,
            guarded("prices", running_cost, call, tokens, default=None),
        )


class CurrentCall:
    """
    A handle on an open call, to say by hand what could not be found.

    Attributes:
        call_id: The call's id.
    """

    __slots__ = ("_call", "call_id")

    def __init__(self, call: Call) -> None:
        self._call = call
        self.call_id: str = call.call_id

    @property
    def model(self) -> str | None:
        """The model that was asked for, or None."""
        return self._call.request.model

    @model.setter
    def model(self, model: str | None) -> None:
        self._call.take_model(of_kind(str, "model", model))

    @property
    def usage(self) -> TokenUsage | None:
        """The tokens as set by hand, or None; they win over everything found."""
        return self._call.usage_by_hand

    @usage.setter
    def usage(self, usage: TokenUsage | None) -> None:
        self._call.usage_by_hand = of_kind(TokenUsage, "usage", usage)

    @property
    def metadata(self) -> dict[str, Any]:
        """The call's metadata; a change shows on the events that follow."""
        self._call.forget_info()
        return self._call.metadata

    @metadata.setter
    def metadata(self, metadata: Mapping[str, Any]) -> None:
        self._call.metadata = copied(metadata)
        self._call.forget_info()

    def progress(self) -> Progress:
        """Return how far the call has come."""
        return Progress.of(self._call)


def current_call() -> CurrentCall | None:
    """
    Return a handle on the innermost open call, or None.

    It is there inside the function's body and inside each step of its stream, and
    not in the code that reads the stream.
    """
    call = innermost()
    return None if call is None else CurrentCall(call)
