"""What happens in the demo: seven streams that end as streams do end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from llmtrack import Outcome, Tracker, track_llm_call, tracked_stream

if TYPE_CHECKING:
    import openai

#: How the demo tracks: both ways, for each scene.
WAYS: Final = ("@", "with")
#: Seconds from the first chunk on.
_UNTIL_CANCELLED: Final = 0.1


@dataclass(frozen=True, slots=True)
class Scene:
    """
    One thing that happens to streams.

    Attributes:
        name: What happens; the name on the record.
        outcome: How the call has to end.
        read: How the program reads the stream: to the end, or less.
        scenario: What the loopback provider is asked to do.
        is_live: Whether a real provider can be made to play it.
        wants_usage: Whether the request asks for the tokens.
    """

    name: str
    outcome: Outcome
    read: Callable[..., Any]
    scenario: str = "text"
    is_live: bool = True
    wants_usage: bool = True

    @property
    def is_async(self) -> bool:
        """Whether it takes the async client."""
        return asyncio.iscoroutinefunction(self.read)


@dataclass(frozen=True, slots=True)
class Take:
    """A scene, how it is tracked, and what is sent."""

    scene: Scene
    way: str
    tracker: Tracker
    request: dict[str, Any]

    def run(self, client: openai.OpenAI) -> None:
        """Play the scene; what it raises is on the record."""
        with suppress(Exception):
            if self.way == "@":
                ask = self._decorated(client.chat.completions.create)
                self.scene.read(ask(**self.request))
            else:
                with self._block() as tracked:
                    stream = client.chat.completions.create(**self.request)
                    self.scene.read(tracked(stream))

    async def run_async(self, client: openai.AsyncOpenAI) -> None:
        """Play the scene in a task of its own, which may be cancelled."""
        task = asyncio.create_task(self._play(client))
        await asyncio.wait({task})
        if not task.cancelled():
            # Looked at, so that asyncio does not complain; the record has it.
            task.exception()

    async def _play(self, client: openai.AsyncOpenAI) -> None:
        if self.way == "@":
            ask = self._decorated(client.chat.completions.create)
            await self.scene.read(await ask(**self.request))
        else:
            async with self._block() as tracked:
                stream = await client.chat.completions.create(**self.request)
                await self.scene.read(tracked(stream))

    def _decorated(self, function: Any) -> Any:
        decorate: Any = track_llm_call(tracker=self.tracker, name=self.scene.name)
        return decorate(function)

    def _block(self) -> tracked_stream:
        # Of a request that fails, the block sees neither model nor prompt.
        return tracked_stream(
            self.tracker,
            name=self.scene.name,
            model=self.request["model"],
            input=self.request["messages"],
        )


def to_the_end(stream: Iterable[Any]) -> None:
    """Read all of a stream."""
    for chunk in stream:
        del chunk


def a_few_chunks(stream: Iterable[Any]) -> None:
    """Leave the loop early."""
    for place, _ in enumerate(stream):
        if place == 5:
            break


async def to_the_end_async(stream: AsyncIterator[Any]) -> None:
    """Read all of an async stream."""
    async for chunk in stream:
        del chunk


async def until_cancelled(stream: AsyncIterator[Any]) -> None:
    """Read while somebody cancels the task, as a server does for a lost client."""
    task = asyncio.current_task()
    is_begun = False
    async for _ in stream:
        if task is not None and not is_begun:
            asyncio.get_running_loop().call_later(_UNTIL_CANCELLED, task.cancel)
        is_begun = True


SCENES: Final = (
    Scene("sync stream", Outcome.SUCCESS, to_the_end),
    Scene("async stream", Outcome.SUCCESS, to_the_end_async),
    Scene("break", Outcome.ABANDONED, a_few_chunks),
    Scene("cut", Outcome.ERROR, to_the_end, "cut", is_live=False),
    Scene("cancelled", Outcome.CANCELLED, until_cancelled, "stall"),
    Scene("429", Outcome.ERROR, to_the_end, "429", is_live=False),
    Scene("no usage", Outcome.SUCCESS, to_the_end, "nousage", wants_usage=False),
)
