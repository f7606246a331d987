"""What is known of a call at any moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from weakref import ReferenceType

from llmtrack import delivery
from llmtrack.answer import Answer
from llmtrack.correlation import trace_ids
from llmtrack.dialects.reading import Reading
from llmtrack.dialects.request import Request, from_response
from llmtrack.directory import UNKNOWN
from llmtrack.frozen import maker_of
from llmtrack.guard import copied, guarded, report
from llmtrack.nesting import new_id
from llmtrack.outlets import Outlets
from llmtrack.plan import Plan
from llmtrack.providers import Served
from llmtrack.record import CallInfo, CallRecord, TokenUsage
from llmtrack.settings import Settings, clock, settings
from llmtrack.tokens.prompt import Prompt, prompt_of

_made_info: Final = maker_of(CallInfo)

_NO_SPAN: Final[Mapping[str, str]] = {}


class CallState:
    """
    The facts of a call: what was asked, by whom it is served, what came when.

    Nothing here sends or ends anything: see `Call`.
    """

    __slots__ = (
        "__weakref__",
        "_asked",
        "_blocks",
        "_generation",
        "_info",
        "_latch",
        "_linked",
        "_prompt",
        "_started",
        "_trace",
        "_was_left",
        "answer",
        "call_id",
        "capture",
        "clock",
        "first_chunk",
        "first_text",
        "first_token",
        "follower",
        "is_nested",
        "is_of_client",
        "is_telling",
        "is_timed",
        "longest_wait",
        "metadata",
        "opened_after",
        "outlets",
        "parent",
        "plan",
        "rate",
        "record",
        "request",
        "served",
        "settings",
        "started_at",
        "stream",
        "usage_by_hand",
        "waited",
        "was_active",
    )

    def __init__(
        self, plan: Plan, request: Request, metadata: Mapping[str, Any] | None = None
    ) -> None:
        chosen = settings()
        self.plan: Plan = plan
        self.settings: Settings = chosen
        self.request: Request = request
        # The program may append to its messages while the answer flows.
        self._asked = request.input[:] if type(request.input) is list else request.input
        self._prompt: Prompt | None = None
        self._trace: Mapping[str, str] = _NO_SPAN
        # Whether the trackers' contexts have been entered.
        self.was_active: bool = False
        self.metadata: dict[str, Any] = {} if metadata is None else copied(metadata)
        self.outlets: Outlets = plan.outlets()
        capture = plan.capture_content
        self.capture: bool = chosen.capture_content if capture is None else capture
        self.answer: Answer = Answer(
            request.model,
            chosen.counter,
            self.capture,
            self._on_reading,
            self.outlets.want_deltas,
            request.n,
        )
        self.call_id: str = new_id()
        self.served: Served = UNKNOWN
        self.stream: bool | None = None
        self.is_timed: bool = chosen.chunk_timing
        self.waited: float = 0.0
        self.longest_wait: float = 0.0
        self.opened_after: float = 0.0
        self.first_chunk: float | None = None
        self.first_token: float | None = None
        self.first_text: float | None = None
        self.record: CallRecord | None = None
        self.usage_by_hand: TokenUsage | None = None
        # The price of the answer's tokens, and the input tokens it is for.
        self.rate: tuple[int | None, tuple[Decimal, Decimal] | None] | None = None
        self.is_nested: bool = False
        self.is_telling: bool = False
        # Whether the stream is a client's own, which does not end without a
        # chunk when all is well.
        self.is_of_client: bool = False
        # The call around this one, or None.
        self.parent: Any = None
        # Open blocks, and whether the consumer left inside of one.
        self._blocks: int = 0
        self._was_left: bool = False
        # Calls that end as this one does.
        self._linked: list[Any] = []
        # What follows the stream, while that has told nothing by itself.
        self.follower: ReferenceType[Any] | None = None
        self._info: CallInfo | None = None
        # Its one pop is the ending. Popping a list is atomic, a flag is not. A
        # call that has not started has nothing to end.
        self._latch: list[None] = []
        # Set by `begin`.
        self._generation: int
        self.clock: Callable[[], float]
        self.started_at: datetime
        self._started: float

    def begin(self) -> None:
        """Start the clock; from here on there is something to end."""
        self._generation = delivery.generation
        self.clock = now = clock()
        self.started_at = datetime.now(UTC)
        self._started = now()
        self._latch.append(None)

    def _on_reading(self, chunk: Any, reading: Reading) -> None:
        """Take a chunk that brings content; `Call` does."""
        raise NotImplementedError

    @property
    def is_over(self) -> bool:
        """Whether the ending is settled."""
        return not self._latch

    @property
    def latch(self) -> Sequence[None]:
        """What is empty once the ending is settled, for who asks once a chunk."""
        return self._latch

    def elapsed(self) -> float:
        """Return seconds since the start; never negative, whatever the clock does."""
        # What is in a slot is called faster by a variable (CPython 3.11).
        clock = self.clock
        seconds = clock() - self._started
        return seconds if seconds > 0.0 else 0.0

    def info(self) -> CallInfo:
        """Return what is known of the call by now."""
        if self._info is None:
            dialect = self.answer.dialect
            self._info = _made_info(
                self.call_id,
                self.parent.call_id if self.parent else None,
                self.plan.name,
                dialect.operation if dialect else self.request.operation or "chat",
                self.served.provider,
                dialect.name if dialect else None,
                self.request.model,
                self.served.address,
                self.served.port,
                self.stream if self.stream is not None else self.request.stream,
                self.started_at,
                {**self._trace, **self.metadata},
                self.request.parameters,
            )
        return self._info

    def correlate(self) -> None:
        """Take the ids of the span that is current here; the user's keys win."""
        found = guarded("finding the span", trace_ids, default=self._trace)
        if found != self._trace:
            self._trace = found
            self._info = None

    def prompt(self) -> Prompt:
        """Return what was asked, as text; empty where that is unknown."""
        if self._prompt is None:
            self._prompt = prompt_of(self._asked, self.request.tools)
        return self._prompt

    def take_model(self, model: str | None) -> None:
        """Take the model that was asked for, which also decides how text is counted."""
        self.request.model = model
        self.answer.take_model(model)
        self._info = None

    def forget_info(self) -> None:
        """Take it that something has changed that `info()` tells."""
        self._info = None

    def learn_from(self, value: Any) -> None:
        """Find out what was asked, and who serves it, from a stream or response."""
        request = self.request
        if request.model is None or request.input is None:
            sent = guarded("finding the request", from_response, value, default=None)
            if sent is not None:
                self._fill_in(sent)
        if self.served.address is None or self.served.provider is None:
            self.identify(value)
        self._info = None

    def identify(self, value: Any = None, chunk: Any = None) -> None:
        """Find out who serves the call, from what is known by now."""
        dialect = self.answer.dialect
        try:
            found = self.plan.directory.look_up(
                self.request.client,
                value,
                chunk,
                self.request.model,
                dialect.name if dialect else None,
            )
        except Exception as exc:
            # Such as globals that refuse to be looked into.
            report("finding the provider", exc)
            found = UNKNOWN
        self._info = None
        known = self.served
        if known is UNKNOWN and self.plan.provider is None:
            self.served = found
            return
        provider = self.plan.provider or found.provider or known.provider
        if provider != found.provider or found.address is not None:
            found = Served(
                provider, found.address or known.address, found.port or known.port
            )
        self.served = found

    def _fill_in(self, sent: Request) -> None:
        request = self.request
        request.tools = request.tools or sent.tools
        request.operation = request.operation or sent.operation
        request.wants_json = request.wants_json or sent.wants_json
        request.parameters = request.parameters or sent.parameters
        if request.model is None:
            self.take_model(sent.model)
        if request.input is None:
            self._asked = request.input = sent.input
            self._prompt = None
