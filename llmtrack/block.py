"""`tracked_stream`: the calls of one `with` block."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from llmtrack import delivery
from llmtrack.call import Call
from llmtrack.current import Progress
from llmtrack.dialects.request import Request
from llmtrack.errors import ConfigurationError
from llmtrack.guard import of_kind
from llmtrack.keywords import explains_keywords
from llmtrack.kinds import is_followable
from llmtrack.plan import Plan, outlets_for
from llmtrack.proxies import attach
from llmtrack.record import CallRecord
from llmtrack.settings import is_disabled

if TYPE_CHECKING:
    from llmtrack.trackers.protocol import TrackerLike

S = TypeVar("S")

#: Seconds that `tracked.record` waits for tokens that are still being counted.
_RECORD_TIMEOUT: Final = 10.0


class tracked_stream:  # noqa: N801 - reads as a verb in a `with` statement
    """
    Track the streams that are read inside a block.

    The call starts with the block, so that the request inside it counts. Call
    the handle with a stream, generator, stream manager, awaitable or response, and
    use what it returns in its place. A second one in the same block, such as a
    retry, is a second call.

        with tracked_stream(tracker) as tracked:
            for chunk in tracked(client.messages.create(..., stream=True)):
                ...
        print(tracked.record.time_to_first_token)

    Args:
        tracker: Where events go; None is what `configure` says.
        stream: A stream to read by iterating the handle itself.
        name: The name on the record; None is `"stream"`.
        provider: Who serves the call, where it cannot be found.
        model: The model, where it cannot be found.
        input: The prompt, where it cannot be found.
        metadata: Added to the record.
        capture_content: Whether prompt and answer are on the record; None is
            what `configure` says.

    Raises:
        ConfigurationError: Not a tracker, or not a stream.
        TypeError: An unknown keyword.
    """

    @explains_keywords
    def __init__(
        self,
        tracker: TrackerLike | None = None,
        stream: Any = None,
        /,
        *,
        name: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        input: Any = None,
        metadata: Mapping[str, Any] | None = None,
        capture_content: bool | None = None,
    ) -> None:
        if stream is not None and not is_followable(stream):
            raise ConfigurationError(
                f"tracked_stream takes a tracker and then a stream; got {stream!r}, "
                "which cannot be iterated, entered or awaited"
            )
        self._plan = Plan(
            name=name or "stream",
            outlets=outlets_for(tracker),
            provider=provider,
            capture_content=capture_content,
        )
        self._model = model
        self._input = input
        self._metadata = metadata
        self._given = stream
        self._followed: Any = None
        self._calls: list[Call] = []
        self._is_fresh = False
        self._depth = 0
        self._disabled = is_disabled()

    def __call__(self, stream: S, /) -> S:
        """
        Return a stand-in for a stream, or the response itself.

        Raises:
            ConfigurationError: Called outside of the block, or with a function.
        """
        if isroutine(stream):
            raise ConfigurationError(
                f"tracked(...) takes a stream or a response; got {stream!r}. Call it: "
                "tracked(create(...))"
            )
        if self._disabled:
            return stream
        if not self._depth:
            raise ConfigurationError(
                "tracked(stream) was called outside of its block; write "
                "`with tracked_stream(tracker) as tracked:` around it"
            )
        if not self._is_fresh:
            self._begin()
        self._is_fresh = False
        followed: S = attach(self._calls[-1], stream)
        return followed

    def __iter__(self) -> Any:
        return iter(self._own_stream())

    def __next__(self) -> Any:
        return next(self._own_stream())

    def __aiter__(self) -> Any:
        return aiter(self._own_stream())

    def __anext__(self) -> Any:
        return anext(self._own_stream())

    def __enter__(self) -> Self:
        if not self._disabled:
            self._begin()
            self._depth += 1
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._depth -= 1
        for call in self._calls:
            if not call.is_over:
                call.leave_block(exc)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(exc_type, exc, traceback)

    def __del__(self) -> None:
        # Entered by hand and never left: a `with` statement holds the handle.
        for call in getattr(self, "_calls", ()):
            if not call.is_over:
                call.forget_block()

    @property
    def record(self) -> CallRecord | None:
        """
        The record of the last call in the block, once it is over.

        It waits for tokens that are still being counted elsewhere. None while the
        call runs, and when llmtrack is disabled.
        """
        return self._record_of(self._calls[-1]) if self._calls else None

    @property
    def records(self) -> list[CallRecord]:
        """The records of all calls in the block that are over, in order."""
        found = (self._record_of(call) for call in self._calls)
        return [record for record in found if record is not None]

    def progress(self) -> Progress:
        """Return how far the last call in the block has come."""
        return Progress.of(self._calls[-1] if self._calls else None)

    def _begin(self) -> None:
        model = of_kind(str, "model", self._model)
        request = Request(model=model, input=self._input)
        call = Call(self._plan, request, self._metadata)
        self._calls.append(call)
        self._is_fresh = True
        call.enter_block()
        call.start()

    def _own_stream(self) -> Any:
        if self._given is None:
            raise ConfigurationError(
                "there is no stream to iterate; write `for chunk in tracked(stream)`, "
                "or give the stream to tracked_stream(tracker, stream)"
            )
        if self._followed is None:
            self._followed = self(self._given)
        return self._followed

    @staticmethod
    def _record_of(call: Call) -> CallRecord | None:
        if call.record is None and call.is_over:
            delivery.wait(_RECORD_TIMEOUT)
        return call.record
