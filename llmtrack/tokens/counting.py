"""Who is asked how many tokens a text has, and in which order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

from llmtrack.record import TokenSource
from llmtrack.tokens import vocabulary
from llmtrack.tokens.models import ModelEncoding, encoding_of

if TYPE_CHECKING:
    from llmtrack.tokens.estimator import Estimate

_logger = logging.getLogger("llmtrack")

#: What an encoding's own tokenizer is trusted with: special tokens are unseen.
TOKENIZER_CONFIDENCE: Final = 0.99

#: Characters that are counted within a millisecond, with some room.
_FAST_TOKENIZER: Final = 10_000
_FAST_ESTIMATOR: Final = 3_000

_complained: set[tuple[type, str]] = set()
#: Encodings whose estimator is loaded, which takes 20 ms.
_estimators: set[str] = set()


@dataclass(frozen=True, slots=True)
class TokenCount:
    """
    How many tokens a text has, and how sure that is.

    Attributes:
        tokens: The number.
        source: Who counted: `user`, `tiktoken:ENCODING` or `estimate:ENCODING`,
            with ` (assumed)` where the model's own encoding is not known.
        confidence: 0 to 1. An estimate of confidence c is off by more than
            1 - c in about one text of ten.
    """

    tokens: int
    source: str
    confidence: float

    @property
    def kind(self) -> TokenSource:
        """The source in a record's words."""
        return "estimate" if self.source.startswith("estimate") else "tokenizer"


class Counter(Protocol):
    """A way to count that is asked before the built-in ones."""

    def count(self, text: str, model: str | None, /) -> int | None:
        """Return the tokens of a text; None leaves it to the built-in ways."""


def count_tokens(
    text: str, model: str | None = None, *, counter: Counter | None = None
) -> TokenCount:
    """
    Count the tokens of a text as a model would.

    The first call may load a vocabulary, which takes up to 0.4 s: see `warm`.

    Args:
        text: What to count. Special tokens in it count as plain text.
        model: The model's name in any form; None for a guess.
        counter: Asked first. A counter that fails is logged and passed over.

    Raises:
        TypeError: The text is no string.
    """
    vocabulary.load(encoding_of(model).name)
    return count_ready(text, model, counter=counter)


def count_batch(
    texts: Iterable[str], model: str | None = None, *, counter: Counter | None = None
) -> list[TokenCount]:
    """Count the tokens of each of several texts; see `count_tokens`."""
    return [count_tokens(text, model, counter=counter) for text in texts]


def count_ready(
    text: str, model: str | None = None, *, counter: Counter | None = None
) -> TokenCount:
    """Count as `count_tokens` does, but with what is already loaded."""
    if not isinstance(text, str):
        raise TypeError(f"text must be a str; got {type(text).__name__}")
    if counter is not None:
        counted = _ask(counter, text, model)
        if counted is not None:
            return TokenCount(counted, "user", TOKENIZER_CONFIDENCE)
    encoding = encoding_of(model)
    tokens = vocabulary.count(encoding.name, text)
    if tokens is not None:
        trust = min(TOKENIZER_CONFIDENCE, encoding.trust(text))
        return TokenCount(tokens, f"tiktoken:{encoding.label}", trust)
    return _estimate(text, encoding)


def add_up(counts: Sequence[TokenCount]) -> TokenCount:
    """
    Return the count of several texts, of which there must be one at least.

    Its source is that of the least reliable one, its confidence their mean.
    """
    if len(counts) == 1:
        return counts[0]
    tokens = sum(count.tokens for count in counts)
    worst = min(counts, key=lambda count: (count.kind != "estimate", count.confidence))
    if not tokens:
        return worst
    trusted = sum(count.tokens * count.confidence for count in counts)
    return TokenCount(tokens, worst.source, round(trusted / tokens, 4))


def ready(model: str | None = None) -> bool:
    """
    Tell whether a model's text can be counted without loading anything.

    True also where it is decided that there is no vocabulary to load.
    """
    return vocabulary.is_decided(encoding_of(model).name)


def warm(model: str | None = None) -> None:
    """
    Load what counting a model's text takes: 0.1 to 0.4 s, once a process.

    For set-up or a thread, never for an event loop.
    """
    encoding = encoding_of(model)
    _estimate("warm", encoding)
    vocabulary.load(encoding.name)


def is_slow(chars: int, model: str | None = None) -> bool:
    """Tell whether counting so many characters now may take over 1 ms."""
    name = encoding_of(model).name
    if not vocabulary.is_decided(name):
        return True
    return chars > (_FAST_TOKENIZER if vocabulary.is_loaded(name) else _FAST_ESTIMATOR)


@cache
def _estimator() -> Callable[[str, str], Estimate]:
    """Load the estimator; an import in each call would take half of its time."""
    from llmtrack.tokens.estimator import estimate

    return estimate


def _estimate(text: str, encoding: ModelEncoding) -> TokenCount:
    estimated = _estimator()(text, encoding.name)
    _estimators.add(encoding.name)
    return TokenCount(
        estimated.tokens,
        f"estimate:{encoding.label}",
        min(estimated.confidence, encoding.trust(text)),
    )


def _ask(counter: Counter, text: str, model: str | None) -> int | None:
    """Return what a user's counter says, or None if that is of no use."""
    try:
        tokens = counter.count(text, model)
    except Exception as error:
        _complain(counter, type(error).__name__, "failed", error)
        return None
    if tokens is None:
        return None
    if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 0:
        _complain(counter, "value", f"must return an int >= 0 or None; got {tokens!r}")
        return None
    return tokens


def _complain(
    counter: Counter, what: str, message: str, error: Exception | None = None
) -> None:
    if (type(counter), what) not in _complained:
        _complained.add((type(counter), what))
        name = type(counter).__name__
        _logger.warning("the counter %s %s", name, message, exc_info=error)
