"""The text of one answer, folded into a count as it flows."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Final

from llmtrack.tokens.counting import (
    Counter,
    Measure,
    TokenCount,
    add_up,
    measure,
)
from llmtrack.tokens.models import encoding_of

_logger = logging.getLogger("llmtrack")

#: Characters that are kept before a block of them is counted.
BLOCK: Final = 16_384
#: Blocks that may wait for the other thread before one is counted here.
_WAITING: Final = 4
#: Where a text may be cut without changing its tokens: before a blank between
#: two words, or after the last newline before one.
_BOUNDARY: Final = re.compile(r".*(?:\S(?= \S)|\n(?=\S))", re.DOTALL)
#: How far before the end a boundary is looked for.
_REACH: Final = 2_048
#: How much text the running count leaves for later, to cut between words.
_TAIL: Final = 64

_CHARS_PER_TOKEN: Final = 4

Defer = Callable[[Callable[[], None]], object]


class Tally:
    """
    The text of one answer: counted in constant memory, settled at the end.

    One thread adds; any thread may settle, also while blocks that were handed
    to another thread are not counted yet.

    Args:
        model: The model that writes; what is counted from then on is counted for
            another one where that is set later.
        counter: A user's own counter.
        defer: Runs a callable on another thread, soon; None counts in place.
            In place no vocabulary is loaded.
    """

    __slots__ = (
        "_block_chars",
        "_blocks",
        "_buffered",
        "_counted",
        "_counter",
        "_defer",
        "_estimated",
        "_next_block",
        "_parts",
        "_running",
        "_tail",
        "_unseen",
        "model",
    )

    def __init__(
        self,
        model: str | None = None,
        counter: Counter | None = None,
        defer: Defer | None = None,
    ) -> None:
        self.model: str | None = model
        self._counter = counter
        self._defer = defer
        self._parts: list[str] = []
        self._buffered = 0
        # Each block has a number. Whoever counts it first, counts it: so there
        # is no lock, and nothing that a fork could leave locked.
        self._blocks: dict[int, str] = {}
        self._counted: dict[int, Measure] = {}
        self._next_block = 0
        # The running count: its place in the parts, what it makes of the text
        # before its tail, and the tail. None until somebody asks.
        self._unseen = 0
        self._estimated = 0.0
        self._tail: str | None = None
        self._running = 0

    def add(self, text: str) -> None:
        """Take in a piece of the answer."""
        if not isinstance(text, str):
            raise TypeError(f"text must be a str; got {type(text).__name__}")
        self._parts.append(text)
        self._buffered += len(text)
        if self._buffered >= BLOCK:
            self._fold()

    def chars(self) -> int:
        """Return how many characters are not counted yet."""
        if not self._blocks:
            return self._buffered
        return self._buffered + sum(map(len, list(self._blocks.values())))

    def so_far(self) -> int:
        """Return about how many tokens there are by now; it never falls."""
        if self._tail is None:
            self._begin_running()
        self._run()
        return self._running

    def settle(self) -> TokenCount:
        """
        Count what is left, and return the tokens of the whole.

        It may load a vocabulary: see `is_slow`.
        """
        return TokenCount(*self.measure())

    def measure(self) -> Measure:
        """Count as `settle` does."""
        if not self._next_block:
            # Most answers: no block was ever set aside. Should two threads come
            # here at once, the first count is that of both.
            text = "".join(self._parts)
            counted = measure(text, self.model, self._counter)
            counted = self._counted.setdefault(0, counted)
            self._next_block = 1
            self._parts, self._buffered = [], 0
            return counted
        if self._parts:
            self._set_aside("".join(self._parts))
            self._parts, self._buffered = [], 0
        for number in list(self._blocks):
            self._count(number)
        return add_up(list(self._counted.values()))

    def _begin_running(self) -> None:
        """Take the blocks that were set aside before anybody asked."""
        waiting = sum(map(len, list(self._blocks.values())))
        counted = sum(tokens for tokens, _, _ in list(self._counted.values()))
        self._estimated = counted + waiting / _CHARS_PER_TOKEN
        self._tail = ""

    def _run(self) -> None:
        """Bring the running count up to the last piece."""
        from llmtrack.tokens.estimator import rough

        encoding = encoding_of(self.model).name
        text = (self._tail or "") + "".join(self._parts[self._unseen :])
        self._unseen = len(self._parts)
        cut = _boundary(text)
        if cut < len(text) or cut > _TAIL:
            self._estimated += rough(text[:cut], encoding)
            text = text[cut:]
        self._tail = text
        running = round(self._estimated + rough(text, encoding))
        self._running = max(self._running, running)

    def _fold(self) -> None:
        if self._tail is not None:
            self._run()
            self._unseen = 1
        text = "".join(self._parts)
        cut = _boundary(text)
        self._parts, self._buffered = [text[cut:]], len(text) - cut
        number = self._set_aside(text[:cut])
        if self._defer is not None and len(self._blocks) <= _WAITING:
            try:
                self._defer(lambda: self._count(number))
            except Exception:
                _logger.warning("cannot count on another thread", exc_info=True)
            else:
                return
        self._count(number, may_load=False)

    def _set_aside(self, text: str) -> int:
        number = self._next_block
        self._next_block += 1
        self._blocks[number] = text
        return number

    def _count(self, number: int, may_load: bool = True) -> None:
        text = self._blocks.get(number)
        if text is not None:
            counted = measure(text, self.model, self._counter, may_load)
            self._counted.setdefault(number, counted)
            self._blocks.pop(number, None)


def _boundary(text: str) -> int:
    """Return where to cut a text, near its end."""
    found = _BOUNDARY.match(text, max(0, len(text) - _REACH))
    return found.end() if found else len(text)
