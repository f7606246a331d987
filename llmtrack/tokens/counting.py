"""Who is asked how many tokens a text has, and in which order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

from llmtrack.record import TokenSource
from llmtrack.tokens import vocabulary
from llmtrack.tokens.models import ESTIMATE, ModelEncoding, encoding_of

if TYPE_CHECKING:
    from llmtrack.tokens.estimator import Estimate

_logger = logging.getLogger("llmtrack")

#: What an encoding's own tokenizer is trusted with: special tokens are unseen.
TOKENIZER_CONFIDENCE: Final = 0.99

#: Characters that are counted within a millisecond, with some room.
_FAST_TOKENIZER: Final = 10_000
_FAST_ESTIMATOR: Final = 3_000

_complained: set[tuple[type, str]] = set()


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
        return kind_of(self.source)


def kind_of(source: str) -> TokenSource:
    """Return a count's source in a record's words."""
    return "estimate" if source.startswith(ESTIMATE) else "tokenizer"


#: A `TokenCount` in the making: most are added to others, and a tuple is made in
#: a tenth of the time.
Measure = tuple[int, str, float]


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
    return TokenCount(*measure(text, model, counter))


def count_batch(
    texts: Iterable[str], model: str | None = None, *, counter: Counter | None = None
) -> list[TokenCount]:
    """Count the tokens of each of several texts; see `count_tokens`."""
    return [count_tokens(text, model, counter=counter) for text in texts]


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
    if chars <= _FAST_ESTIMATOR:
        return not vocabulary.is_decided(name)
    return chars > _FAST_TOKENIZER or not vocabulary.is_loaded(name)


def measure(
    text: str, model: str | None, counter: Counter | None, may_load: bool = True
) -> Measure:
    """Count as `count_tokens` does; with what is already loaded, if need be."""
    if not isinstance(text, str):
        raise TypeError(f"text must be a str; got {type(text).__name__}")
    encoding = encoding_of(model)
    if may_load:
        vocabulary.load(encoding.name)
    if counter is not None:
        counted = _ask(counter, text, model)
        if counted is not None:
            return counted, "user", TOKENIZER_CONFIDENCE
    tokens = vocabulary.count(encoding.name, text)
    if tokens is None:
        return _estimate(text, encoding)
    trust = encoding.trust(text)
    if trust > TOKENIZER_CONFIDENCE:
        trust = TOKENIZER_CONFIDENCE
    return tokens, encoding.by_tokenizer, trust


def add_up(measures: Sequence[Measure]) -> Measure:
    """
    Return the measure of several texts, of which there must be one at least.

    Its source is that of the least reliable one, its confidence their mean.
    """
    worst = measures[0]
    if len(measures) == 1:
        return worst
    tokens, trusted, are_alike = 0, 0.0, True
    for each in measures:
        tokens += each[0]
        trusted += each[0] * each[2]
        if each[1:] != worst[1:]:
            are_alike = False
            worst = min(worst, each, key=_reliability)
    if not tokens:
        return worst
    # To round a number takes as long as to count a word.
    return tokens, worst[1], worst[2] if are_alike else round(trusted / tokens, 4)


def _reliability(measure: Measure) -> tuple[bool, float]:
    _, source, confidence = measure
    return kind_of(source) != "estimate", confidence


@cache
def _estimator() -> Callable[[str, str], Estimate]:
    """Load the estimator; an import in each call would take half of its time."""
    from llmtrack.tokens.estimator import estimate

    return estimate


def _estimate(text: str, encoding: ModelEncoding) -> Measure:
    tokens, confidence = _estimator()(text, encoding.name)
    return tokens, encoding.by_estimator, min(confidence, encoding.trust(text))


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
