"""The tokens of a call: what was reported, else what was counted."""

from __future__ import annotations

from typing import Any, Final

from llmtrack.dialects.reading import Counts
from llmtrack.frozen import maker_of
from llmtrack.record import TokenSource, TokenUsage
from llmtrack.tokens.counting import Measure, kind_of

#: More tokens than any call has: a number beyond it is no count.
_LIMIT: Final = 10**12
_made_usage: Final = maker_of(TokenUsage)

_NOTHING: Final = Counts()

_Side = tuple[int | None, TokenSource, float | None]


def usage_of(
    counts: Counts | None,
    prompt: Measure | None,
    answer: Measure | None,
    uncounted: tuple[str, ...] = (),
    is_lower_bound: bool = False,
) -> TokenUsage:
    """
    Return the tokens of a call, each side on its own.

    Args:
        counts: What the provider reported.
        prompt: The input, counted; used where it was not reported.
        answer: The output, counted; used where it was not reported.
        uncounted: What is in the input and not in `prompt`, such as `image`.
        is_lower_bound: Whether a reported or counted number may be too low.
    """
    if counts is None:
        known = _NOTHING
    else:
        known = counts if _is_clean(counts) else merge(None, counts)
    input_tokens, input_source, confidence = _side(known.input, prompt)
    output_tokens, output_source, trust = _side(known.output, answer)
    if confidence is None or (trust is not None and trust < confidence):
        confidence = trust
    total = known.total
    if input_tokens is not None and output_tokens is not None:
        total = _total(known, input_tokens + output_tokens)
    missing = uncounted if known.input is None else ()
    return _made_usage(
        input_tokens,
        output_tokens,
        total,
        known.cache_read,
        known.cache_write,
        known.reasoning,
        input_source,
        output_source,
        confidence,
        is_lower_bound or bool(missing),
        missing,
    )


def merge(known: Counts | None, new: Counts) -> Counts:
    """
    Return what is known after another report.

    A number replaces the one before it, or is added where the reports add up;
    a field that the new report leaves out keeps what was known. Numbers that
    cannot be counts are left out.
    """
    if known is None and _is_clean(new):
        # A copy, in a fifth of the time that `replace` takes.
        return Counts(
            new.input,
            new.output,
            new.total,
            new.cache_read,
            new.cache_write,
            new.reasoning,
            new.additive,
        )
    was = known or _NOTHING
    adds = new.additive
    merged = Counts(
        input=_after(was.input, new.input, adds),
        output=_after(was.output, new.output, adds),
        total=_after(was.total, new.total, adds),
        cache_read=_after(was.cache_read, new.cache_read, adds),
        cache_write=_after(was.cache_write, new.cache_write, adds),
        reasoning=_after(was.reasoning, new.reasoning, adds),
        additive=adds,
        uncached_input=_after(was.uncached_input, new.uncached_input, adds),
    )
    if merged.uncached_input is not None:
        cached = (merged.cache_read or 0) + (merged.cache_write or 0)
        merged.input = merged.uncached_input + cached
    return merged


def _is_clean(counts: Counts) -> bool:
    """Tell whether a first report can be taken as it is: nearly all can."""
    for value in (
        counts.input,
        counts.output,
        counts.total,
        counts.cache_read,
        counts.cache_write,
        counts.reasoning,
    ):
        if value is not None and (type(value) is not int or not 0 <= value < _LIMIT):
            return False
    return counts.uncached_input is None


def _after(before: int | None, value: Any, adds: bool) -> int | None:
    """Return a number after another report of it."""
    if value is None:
        return before
    count = _clean(value)
    if count is None or before is None:
        return before if count is None else count
    return before + count if adds else count


def _side(reported: int | None, counted: Measure | None) -> _Side:
    """Return the tokens of a side, who says so, and how far that is trusted."""
    if reported is not None:
        return reported, "reported", 1.0
    if counted is None:
        return None, "unknown", None
    tokens, counter, trust = counted
    return tokens, kind_of(counter), trust


def _total(known: Counts, of_both: int) -> int:
    """Return the provider's total, unless what was counted makes it too low."""
    if known.total is None:
        return of_both
    if known.input is None or known.output is None:
        return max(known.total, of_both)
    return known.total


def _clean(value: Any) -> int | None:
    """Return a count, or None for what is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LIMIT:
        return value
    return None
