"""What an answer turns out to hold, read chunk by chunk or at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from inspect import getclosurevars
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from llmtrack import dialects
from llmtrack.delivery import later
from llmtrack.dialects import plain_text
from llmtrack.dialects.reading import Counts, Dialect, InBandError, Keep, Reading
from llmtrack.dialects.shapes import text_in
from llmtrack.guard import report
from llmtrack.record import ContentKind
from llmtrack.tokens.counting import Measure, measure
from llmtrack.tokens.prompt import prompt_of
from llmtrack.tokens.tally import Tally
from llmtrack.tokens.usage import merge

if TYPE_CHECKING:
    from llmtrack.tokens import Counter

OnReading = Callable[[Any, Reading], object]

#: Chunks that are read between two looks at what was read.
BLOCK: Final = 1_024

_NOTHING: Final = Reading()


class Answer:
    """
    The facts of one answer, in constant memory.

    While a stream's dialect and its first text are unknown, every chunk is read
    in full. From then on a chunk that holds nothing but text is read the
    dialect's quick way, if it has one.

    Args:
        model: The model that was asked for, which decides how text is counted.
        counter: The user's own counter.
        capture: Whether the text is kept, not only counted.
        on_reading: Told of each chunk that brings content, before the consumer
            gets it.
        deltas: Whether `on_reading` wants all of them, not only the first.
        choices: How many choices were asked for, where that is known.
    """

    __slots__ = (
        "_content_at",
        "_counted_at",
        "_counter",
        "_deltas",
        "_is_quick",
        "_is_settled",
        "_measured",
        "_model",
        "_on_reading",
        "_read_in_full",
        "_tally",
        "_texts",
        "_whole",
        "_whole_chars",
        "came_from",
        "captured_reasoning",
        "captured_text",
        "chunks_folded",
        "counts",
        "dialect",
        "error",
        "finish_reason",
        "keep",
        "response_id",
        "response_model",
        "terminated",
        "tool_calls",
    )

    def __init__(
        self,
        model: str | None,
        counter: Counter | None,
        capture: bool,
        on_reading: OnReading,
        deltas: bool,
        choices: int | None = None,
    ) -> None:
        self.dialect: Dialect | None = None
        self.keep: Keep = self._keep_in_full
        #: Gives the stream while somebody holds it, for the clients whose chunks
        #: do not tell all.
        self.came_from: Callable[[], Any] = _ignore
        self.chunks_folded: int = 0
        self.counts: Counts | None = None
        self.error: InBandError | None = None
        self.finish_reason: str | None = None
        self.response_id: str | None = None
        self.response_model: str | None = None
        self.terminated: bool = False
        self.tool_calls: tuple[str, ...] = ()
        self.captured_text: list[str] | None = [] if capture else None
        self.captured_reasoning: list[str] | None = [] if capture else None
        self._model = model
        self._counter = counter
        # The text of a whole response is counted without a tally.
        self._whole = ""
        self._whole_chars = 0
        self._measured: Measure | None = None
        self._tally: Tally | None = None
        self._texts: list[str] = []
        self._on_reading = on_reading
        self._deltas = deltas
        # Whether chunks are read the quick way, and whether that will not change any
        # more. Several choices come interleaved, and only the first is the answer.
        self._is_quick = False
        self._is_settled = deltas or capture or (choices is not None and choices > 1)
        self._read_in_full: Any = None
        # The chunk that last brought content, and the one that last reported
        # how many output tokens there are.
        self._content_at = -1
        self._counted_at = -1

    def chunks(self) -> int:
        """Return how many chunks were read."""
        return self.chunks_folded + len(self._texts)

    def chars(self) -> int:
        """Return how many characters of the answer are not counted yet."""
        chars = len(self._whole) if self._tally is None else self._tally.chars()
        return chars + len(self._waiting()) if self._texts else chars

    def tokens_so_far(self) -> int:
        """Return about how many output tokens have arrived."""
        if self._measured is not None:
            return self._measured[0]
        waiting = len(self._waiting()) // 4
        if self._tally is None:
            return self._whole_chars // 4 + waiting
        return self._tally.so_far() + waiting

    def measure(self) -> Measure:
        """Count the tokens of the text; it may load a vocabulary."""
        if self._tally is not None:
            return self._tally.measure()
        # Should two threads come here at once, either finds the text or its count.
        whole = self._whole
        if self._measured is None:
            self._measured = measure(whole, self._model, self._counter)
        return self._measured

    def take_model(self, model: str | None) -> None:
        """Count from here on for this model."""
        self._model = model
        if self._tally is not None:
            self._tally.model = model

    def is_whole(self) -> bool:
        """Return whether the provider said that the answer is finished."""
        return self.finish_reason is not None or self.terminated

    def lanes(self) -> Iterator[tuple[Keep, int]]:
        """
        Yield how to read the next chunks, and how many, until they run out.

        A follower reads a block of chunks without asking anything; a block that
        comes back short was the last.
        """
        self.fold()
        while True:
            before = self.chunks_folded
            block = 1 if self._deltas or not self._is_settled else BLOCK
            if self.keep is _ignore:
                # The call is over, and the program reads on.
                block = sys.maxsize
            # No variable holds the reader here: a traced frame that did and was
            # collected crashed CPython 3.12.1.
            yield self.keep, block
            self.fold()
            if self.chunks_folded < before + block:
                return

    def fold(self) -> None:
        """Hand the texts of the chunks read so far to the tally."""
        texts = self._texts
        if texts:
            try:
                self._count()
            except Exception as exc:
                report("counting", exc)
            self.chunks_folded += len(texts)
            # The quick ways of the dialects hold this very list.
            texts.clear()

    def see_response(self, value: Any) -> None:
        """Read a whole response."""
        text = value
        # A plain string is its text. To make a reading of it takes as long as to
        # count a word.
        if type(value) is str:
            self.dialect = dialects.find(value)
        if type(value) is not str or self.dialect is not plain_text:
            reading = self._read(value)
            self._learn(reading)
            text = reading.text
        if text:
            if self._tally is None and type(text) is str:
                self._whole = text
                self._whole_chars = len(text)
            else:
                self._in_tally().add(text)
            if self.captured_text is not None:
                self.captured_text.append(text)

    def look_again(self, chunk: Any) -> None:
        """Read the facts, not the text, of a chunk that was read the quick way."""
        if chunk is None or not self._is_quick or chunk is self._read_in_full:
            return
        self._read_in_full = chunk
        reading = self._read(chunk)
        self._take_facts(reading, ago=1)

    def look_at_last(self) -> None:
        """Read the facts of the last chunk, if that was read the quick way."""
        if isinstance(self.keep, FunctionType):
            # To hand it out otherwise would cost time for each chunk.
            self.look_again(getclosurevars(self.keep).nonlocals.get("before"))

    def reported(self) -> Counts | None:
        """
        Return the reported counts that hold for what arrived.

        An early count of the output, such as the 1 in Anthropic's
        `message_start`, says nothing of an answer that was left in the middle:
        then the text that arrived is counted instead.
        """
        counts = self.counts
        if counts is None or self.is_whole() or self._counted_at >= self._content_at:
            return counts
        return Counts(
            input=counts.input,
            cache_read=counts.cache_read,
            cache_write=counts.cache_write,
        )

    def close(self) -> None:
        """Let go of the text, and of what refers back here: no collector is needed."""
        self._whole = ""
        self.keep = _ignore
        self._on_reading = _ignore
        # A chunk may still be on its way, and the first with text.
        self._is_settled = True

    def _keep_in_full(self, chunk: Any, quick_before: Any = None) -> None:
        """Read a chunk in full, and the facts of the quick one before it."""
        reading = _NOTHING
        try:
            if quick_before is not None:
                self.look_again(quick_before)
            self._read_in_full = chunk
            reading = self._read(chunk)
            self._learn(reading)
            if self.captured_text is not None:
                self.captured_text.append(reading.text or "")
            if reading.text and not self._is_settled:
                self._find_quick_way()
        except Exception as exc:
            report("reading", exc)
        self._texts.append(reading.text or "")
        try:
            self._on_reading(chunk, reading)
        except Exception as exc:
            report("telling", exc)

    def _find_quick_way(self) -> None:
        quick = getattr(self.dialect, "quick", None)
        self._is_settled = True
        if quick is not None:
            self._is_quick = True
            self.keep = quick(self._texts.append, self._keep_in_full)

    def _read(self, value: Any) -> Reading:
        dialect = self._dialect_of(value)
        if dialect is None:
            return _NOTHING
        try:
            return dialect.read(value)
        except Exception as exc:
            report(f"dialect {dialect.name}", exc)
            return _NOTHING

    def _dialect_of(self, value: Any) -> Dialect | None:
        if self.dialect is None:
            try:
                self.dialect = dialects.find(value, self.came_from())
            except Exception as exc:
                report("a dialect", exc)
        return self.dialect

    def _learn(self, reading: Reading) -> None:
        self._take_facts(reading)
        reasoning = reading.reasoning
        if reading.tool_calls or reasoning or reading.tool_text or reading.other_text:
            self.tool_calls = (*self.tool_calls, *reading.tool_calls)
            hidden = (reasoning, reading.tool_text, reading.other_text)
            for text in (*reading.tool_calls, *hidden):
                if text:
                    self._in_tally().add(text)
                    self._content_at = self.chunks()
            if self.captured_reasoning is not None and reasoning:
                self.captured_reasoning.append(reasoning)

    def _take_facts(self, reading: Reading, ago: int = 0) -> None:
        if reading.finish_reason:
            self.finish_reason = reading.finish_reason
        if not self.response_id:
            self.response_id = reading.response_id
        if not self.response_model:
            self.response_model = reading.response_model
        if reading.terminated:
            self.terminated = True
        if self.error is None:
            self.error = reading.error
        if reading.counts is not None:
            self.counts = merge(self.counts, reading.counts)
            if reading.counts.output is not None:
                self._counted_at = self.chunks() - ago

    def _waiting(self) -> str:
        """Return what was read since the last fold."""
        try:
            return "".join(self._texts)
        except TypeError:
            # What a quick way took for text may be a list of parts, or anything
            # that a stream of str has in it.
            return "".join(map(_as_text, self._texts))

    def _in_tally(self) -> Tally:
        """Return what text is counted in that comes in pieces."""
        if self._tally is None:
            self._tally = Tally(self._model, self._counter, later)
        return self._tally

    def _count(self) -> None:
        text = self._waiting()
        if text:
            self._in_tally().add(text)
            last = len(self._texts) - 1
            while not self._texts[last]:
                last -= 1
            self._content_at = max(self._content_at, self.chunks_folded + last)


def _as_text(value: Any) -> str:
    """Return the text of what a quick way took for one."""
    return text_in(value) or prompt_of(value).text


def _ignore(*_: Any) -> None:
    """Do nothing: the call is over."""


def kind_of(reading: Reading) -> ContentKind | None:
    """Return which kind of content a chunk brings, or None."""
    if reading.text or reading.other_text:
        return "text"
    if reading.reasoning:
        return "reasoning"
    if reading.tool_calls or reading.tool_text:
        return "tool_call"
    return None
