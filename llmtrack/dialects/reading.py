"""What a dialect tells of one chunk or response, and what a dialect is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol


@dataclass(slots=True)
class Counts:
    """
    Token counts as a provider reported them, normalised.

    Input includes cache reads and writes, output includes reasoning. A field
    is None where this chunk did not report it: merging keeps what was known.

    Attributes:
        uncached_input: Input without the cache's part, of providers that
            report the two apart. Their chunks need not repeat both, so that
            merging sums `input` anew.
    """

    input: int | None = None
    output: int | None = None
    total: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    #: Whether counts of several chunks add up (LangChain) instead of the
    #: later one replacing the earlier one (everybody else).
    additive: bool = False
    uncached_input: int | None = None


#: To compare with: a usage object that has none of the counts.
NOTHING_COUNTED: Final = Counts()


@dataclass(slots=True)
class InBandError:
    """An error that arrived as a chunk and is not raised by the client."""

    type: str
    message: str
    code: str | None = None
    status_code: int | None = None


@dataclass(slots=True)
class Reading:
    """
    What one chunk or response says; None and () where it says nothing.

    Attributes:
        text: Text of choice 0; a refusal counts as text.
        reasoning: Reasoning of choice 0.
        other_text: Text of the other choices: counted, never shown.
        tool_calls: Names of the tool calls that begin here.
        tool_text: Tool-call arguments (or a piece of them).
        finish_reason: The provider's own word.
        response_id: The provider's id of the answer.
        response_model: The model that answers.
        counts: Token counts.
        error: An error that the client does not raise.
        terminated: The stream's own end marker, where it is not the finish
            reason.
    """

    text: str | None = None
    reasoning: str | None = None
    other_text: str | None = None
    tool_calls: tuple[str, ...] = ()
    tool_text: str | None = None
    finish_reason: str | None = None
    response_id: str | None = None
    response_model: str | None = None
    counts: Counts | None = None
    error: InBandError | None = None
    terminated: bool = False


#: Reads one chunk, and keeps what it says.
Keep = Callable[[Any], object]
#: Reads one chunk in full, and the facts of the one before it, which was not.
InFull = Callable[[Any, Any], object]
#: Makes such a reader of chunks: it hands a text that has no more to it to the
#: first, and any other chunk to the second.
Quick = Callable[[Callable[[str], object], InFull], Keep]


class Dialect(Protocol):
    """
    A wire shape: how a chunk or response is read.

    A module can be a dialect. Functions are pure and need no `try`: the caller
    guards them.

    Attributes:
        name: Such as `openai.chat`.
        operation: OpenTelemetry's `gen_ai.operation.name`.
        provider: Who speaks it unless something better is known, or None.
        has_terminator: Whether a whole stream ends with a finish reason or an
            end marker, so that one without is `incomplete`.
    """

    @property
    def name(self) -> str: ...

    @property
    def operation(self) -> str: ...

    @property
    def provider(self) -> str | None: ...

    @property
    def has_terminator(self) -> bool: ...

    def recognises(self, value: Any, /) -> bool:
        """Whether the value is a chunk or response of this shape."""
        ...

    def read(self, value: Any, /) -> Reading:
        """Return what a chunk or response says."""
        ...

    @property
    def quick(self) -> Quick | None:
        """
        Return how to read chunks that are likely to hold nothing but text.

        None where each chunk must be read in full: because it changes later,
        or because its text is not its own.
        """
        ...
