"""A call's tokens, cost and record, once it is over."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

from llmtrack import delivery, prices
from llmtrack.frozen import maker_of
from llmtrack.guard import guarded, report
from llmtrack.record import (
    CallInfo,
    CallRecord,
    Cost,
    CostStatus,
    ErrorInfo,
    Outcome,
    TokenUsage,
)
from llmtrack.state import CallState
from llmtrack.tokens import is_slow
from llmtrack.tokens.usage import usage_of

T = TypeVar("T", float, float | None)

_Time = float | None
_Times = tuple[_Time, _Time, _Time, _Time, _Time, _Time]

_made_record: Final = maker_of(CallRecord, like=CallInfo)

_Texts = tuple[str | None, str | None, str | None]

_SUCCESS: Final = Outcome.SUCCESS
_UNKNOWN: Final = TokenUsage()
_UNPRICED: Final[tuple[Cost | None, CostStatus]] = (None, "no_prices")
_NO_TEXTS: Final[_Texts] = (None, None, None)


def summarise(
    call: CallState, outcome: Outcome, error: ErrorInfo | None, duration: float
) -> CallRecord:
    """Return the record of a call that is over."""
    answer = call.answer
    chunks = answer.chunks()
    complete = outcome is _SUCCESS or (answer.is_whole() and answer.error is None)
    try:
        usage = _usage(call, complete, chunks > 0)
    except Exception as exc:
        report("counting", exc)
        usage = _UNKNOWN
    try:
        cost, status = _cost(call, usage, complete)
    except Exception as exc:
        report("prices", exc)
        cost, status = _UNPRICED
    input_text = output_text = reasoning_text = None
    if call.capture:
        input_text, output_text, reasoning_text = guarded(
            "reading", _texts, call, default=_NO_TEXTS
        )
    chunk_at = token_at = text_at = waited = consumed = longest = None
    if call.stream or call.first_chunk is not None:
        chunk_at, token_at, text_at, waited, consumed, longest = _times(call, duration)
    return _made_record(
        call.info(),
        duration,
        outcome,
        complete,
        answer.response_model,
        answer.response_id,
        chunk_at,
        token_at,
        text_at,
        waited,
        consumed,
        longest,
        chunks,
        answer.finish_reason,
        error,
        usage,
        cost,
        status,
        answer.tool_calls,
        input_text,
        output_text,
        reasoning_text,
    )


def _times(call: CallState, duration: float) -> _Times:
    """Return the times of a stream as a record has them, in the record's order."""
    # A clock that is set back, as tests do, would make a part longer than the whole.
    first = (
        _within(duration, call.first_chunk),
        _within(duration, call.first_token),
        _within(duration, call.first_text),
    )
    if not (call.stream and call.is_timed):
        return *first, None, None, None
    waited = _within(duration, call.opened_after + call.waited)
    longest = _within(duration, call.longest_wait)
    return *first, waited, duration - waited, longest


def _texts(call: CallState) -> _Texts:
    """Return what was asked and answered, in the record's order."""
    answer = call.answer
    return (
        call.prompt().text,
        _joined(answer.captured_text),
        _joined(answer.captured_reasoning),
    )


def is_slow_to_count(call: CallState) -> bool:
    """Return whether counting now would hold the consumer for over 1 ms."""
    if call.is_nested or call.usage_by_hand is not None:
        return False
    answer = call.answer
    known = answer.reported() if answer.counts else None
    chars = answer.chars() if known is None or known.output is None else 0
    is_priced = True
    if known is None or known.input is None:
        prompt = call.prompt()
        if prompt.texts:
            chars += prompt.chars()
        elif not prompt.uncounted:
            # Without an input there is no cost, and no price is looked up.
            is_priced = False
    if is_priced and not prices.ready():
        return True
    return chars > 0 and is_slow(chars, call.request.model)


def running_cost(call: CallState, tokens: int) -> Decimal | None:
    """Return the US dollars so far, or None without a price or before one is loaded."""
    if not prices.ready():
        # It takes too long for a chunk, and is done once.
        delivery.later(prices.warm)
        return None
    known = call.answer.counts.input if call.answer.counts else None
    if call.rate is None or call.rate[0] != known:
        asked = known if known is not None else _roughly(call.prompt().texts)
        call.rate = known, prices.output_rate(TokenUsage(asked), **_to_price(call))
    rate = call.rate[1]
    return None if rate is None else rate[0] + rate[1] * tokens


def _usage(call: CallState, complete: bool, has_chunks: bool) -> TokenUsage:
    if call.usage_by_hand is not None:
        return call.usage_by_hand
    if call.is_nested:
        return _UNKNOWN
    arrived = call.answer
    counts = arrived.reported() if arrived.counts else None
    prompt = answer = None
    uncounted: tuple[str, ...] = ()
    if counts is None or counts.input is None:
        said = call.prompt()
        uncounted = said.uncounted
        if said.texts or uncounted:
            prompt = said.measure(call.request.model, call.settings.counter)
    # Where nothing came back, or nothing that can be read, the output is unknown,
    # which is not 0.
    is_read = arrived.dialect is not None and (has_chunks or call.stream is False)
    if is_read and (counts is None or counts.output is None):
        answer = arrived.measure()
    is_lower_bound = not complete and (has_chunks or bool(call.stream))
    return usage_of(counts, prompt, answer, uncounted, is_lower_bound)


def _cost(
    call: CallState, usage: TokenUsage, complete: bool
) -> tuple[Cost | None, CostStatus]:
    by_hand = call.usage_by_hand is not None
    if not by_hand:
        if call.is_nested:
            return None, "nested"
        if call.stream is None:
            # Refused, or never sent: nobody bills that.
            return None, "no_usage"
    if not prices.is_priceable(usage):
        # As `price_of` would say, which takes longer to ask.
        return None, "no_usage"
    if not by_hand and call.answer.dialect is None and usage.output_tokens is None:
        # What came back could not be read, and is not in the price.
        complete = False
    return prices.price_of(usage, complete=complete, **_to_price(call))


def _to_price(call: CallState) -> dict[str, Any]:
    return {
        "models": (call.answer.response_model, call.request.model),
        "provider": call.served.provider,
        "at": call.started_at,
        "table": call.settings.prices,
    }


def _within(duration: float, seconds: T) -> T | float:
    if seconds is None or 0.0 <= seconds <= duration:
        return seconds
    return duration if seconds > duration else 0.0


def _roughly(texts: Sequence[str]) -> int:
    return sum(map(len, texts)) // 4


def _joined(texts: list[str] | None) -> str | None:
    return None if texts is None else "".join(texts)
