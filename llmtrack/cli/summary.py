"""What can be said of many calls: counts, percentiles, tokens, cost."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from llmtrack import Outcome
from llmtrack.cli import selection as select


class Values:
    """Numbers whose percentiles are wanted."""

    def __init__(self) -> None:
        self._values = array("d")
        self._is_sorted = True

    def __len__(self) -> int:
        return len(self._values)

    def add(self, packed: bytes) -> None:
        """Add what `collected` returned."""
        self._values.frombytes(packed)
        self._is_sorted = False

    def absorb(self, others: Values) -> None:
        """Add the numbers of others."""
        self._values.extend(others._values)
        self._is_sorted = False

    def percentile(self, percent: int) -> float | None:
        """
        Return the value that so many percent do not exceed; None of none.

        It is one of the values (nearest rank), never something between two.
        """
        if not self._values:
            return None
        if not self._is_sorted:
            self._values = array("d", sorted(self._values))
            self._is_sorted = True
        return self._values[-(-len(self._values) * percent // 100) - 1]

    def to_dict(self) -> dict[str, float | None]:
        """Return the percentiles that are looked at."""
        return {f"p{percent}": self.percentile(percent) for percent in (50, 95, 99)}


@dataclass(slots=True)
class Group:
    """
    The calls that have the same keys.

    Attributes:
        key: The values that they were grouped by.
        calls: How many started.
        outcomes: How many ended in which way, by outcome.
        lost: How many never ended, for their process is gone.
        open: How many run.
        duration: Seconds, of the calls that ended.
        first_token: Seconds to the first token, of those that had one.
        tokens_per_second: Of the streams whose output is known.
        longest_wait: The longest wait for a chunk in seconds, or None.
        input_tokens: Sum of what is known, or None; refused calls took none.
        output_tokens: Likewise.
        estimated_calls: How many calls' tokens were not reported.
        cost_usd: Sum of what has a price, or None.
        unpriced_calls: How many calls that took tokens and ended have none.
        errors: How many errors of which kind.
    """

    key: tuple[Any, ...]
    calls: int = 0
    outcomes: dict[str, int] = field(
        default_factory=lambda: {outcome.value: 0 for outcome in Outcome}
    )
    lost: int = 0
    open: int = 0
    duration: Values = field(default_factory=Values)
    first_token: Values = field(default_factory=Values)
    tokens_per_second: Values = field(default_factory=Values)
    longest_wait: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    estimated_calls: int = 0
    cost_usd: float | None = None
    unpriced_calls: int = 0
    errors: dict[str, int] = field(default_factory=dict)

    def add(
        self,
        status: str,
        kind: str | None,
        count: int,
        input_tokens: int | None,
        output_tokens: int | None,
        estimated: int | None,
        usd: float | None,
        unpriced: int | None,
        longest_wait: float | None,
        speeds: bytes,
        durations: bytes,
        first_tokens: bytes,
    ) -> None:
        """Add calls of one status, and of one kind of error."""
        self.calls += count
        if status in self.outcomes:
            self.outcomes[status] += count
            self.unpriced_calls += unpriced or 0
        elif status == "lost":
            self.lost += count
        else:
            self.open += count
        if status == Outcome.ERROR:
            kind = kind or "unknown"
            self.errors[kind] = self.errors.get(kind, 0) + count
        self.input_tokens = _sum(self.input_tokens, input_tokens)
        self.output_tokens = _sum(self.output_tokens, output_tokens)
        self.estimated_calls += estimated or 0
        self.cost_usd = _sum(self.cost_usd, usd)
        self.longest_wait = _max(self.longest_wait, longest_wait)
        self.tokens_per_second.add(speeds)
        self.duration.add(durations)
        self.first_token.add(first_tokens)

    @property
    def ended(self) -> int:
        """How many calls have an outcome."""
        return sum(self.outcomes.values())

    @property
    def success_rate(self) -> float | None:
        """Successes among the calls that ended or are lost, 0 to 1; None of none."""
        settled = self.ended + self.lost
        return self.outcomes["success"] / settled if settled else None

    def to_dict(self, by: tuple[str, ...]) -> dict[str, Any]:
        """Return the group as plain JSON types; keys carry the unit."""
        return {
            **dict(zip(by, self.key, strict=True)),
            "calls": self.calls,
            "success_rate": self.success_rate,
            "outcomes": dict(self.outcomes),
            "lost": self.lost,
            "open": self.open,
            "duration_seconds": self.duration.to_dict(),
            "time_to_first_token_seconds": self.first_token.to_dict(),
            "tokens_per_second": self.tokens_per_second.to_dict(),
            "longest_wait_seconds": self.longest_wait,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "estimated_calls": self.estimated_calls,
            "cost_usd": self.cost_usd,
            "unpriced_calls": self.unpriced_calls,
            "errors": dict(self.errors),
        }


class Summary:
    """
    The groups of all calls that were added.

    Args:
        selection: Which calls are meant, and how they are grouped.
    """

    def __init__(self, selection: select.Selection) -> None:
        self._groups: dict[tuple[Any, ...], Group] = {}
        self._by = len(selection.by)
        keys, condition = selection.keys(), selection.condition()
        self._values = (*keys.values, *condition.values)
        places = ", ".join(str(place + 1) for place in range(self._by + 2))
        took = f"FILTER (WHERE {select.TOOK_TOKENS})"
        self._query = f"""
            SELECT {keys.text}, {select.field("status").text}, error_kind, count(*),
                sum(input_tokens) {took}, sum(output_tokens) {took},
                sum(is_estimated) {took}, sum(cost_usd),
                sum(cost_usd IS NULL) {took}, max(longest_wait_seconds),
                collected(tokens_per_second), collected(duration_seconds),
                collected(time_to_first_token_seconds)
            FROM source.calls WHERE {condition.text} GROUP BY {places}
        """

    def add(self, connection: sqlite3.Connection) -> None:
        """Add the calls of `source.calls`."""
        # typeshed has it that an aggregate is an int.
        collected: Any = _Collected
        connection.create_aggregate("collected", 1, collected)
        for row in connection.execute(self._query, self._values):
            key, part = row[: self._by], row[self._by :]
            group = self._groups.setdefault(key, Group(key))
            group.add(*part)

    def groups(self) -> list[Group]:
        """Return the groups, the one with the most calls first."""
        return sorted(self._groups.values(), key=lambda group: -group.calls)


class _Collected:
    """SQL's aggregate of all numbers of a column, as an array's bytes."""

    def __init__(self) -> None:
        self._values: list[object] = []
        # Called for each call: a method of one's own would take twice as long.
        self.step = self._values.append

    def finalize(self) -> bytes:
        """Return what SQLite can hold."""
        numbers = [each for each in self._values if isinstance(each, (float, int))]
        return array("d", numbers).tobytes()


def total_of(groups: Sequence[Group]) -> Group:
    """Return the sums of all groups; percentiles cannot be summed."""
    total = Group(())
    for group in groups:
        total.calls += group.calls
        total.lost += group.lost
        total.open += group.open
        for outcome, count in group.outcomes.items():
            total.outcomes[outcome] += count
        for kind, count in group.errors.items():
            total.errors[kind] = total.errors.get(kind, 0) + count
        total.estimated_calls += group.estimated_calls
        total.unpriced_calls += group.unpriced_calls
        total.input_tokens = _sum(total.input_tokens, group.input_tokens)
        total.output_tokens = _sum(total.output_tokens, group.output_tokens)
        total.cost_usd = _sum(total.cost_usd, group.cost_usd)
        total.longest_wait = _max(total.longest_wait, group.longest_wait)
    return total


def _sum(left: Any, right: Any) -> Any:
    return left if right is None else right if left is None else left + right


def _max(left: float | None, right: float | None) -> float | None:
    return left if right is None else right if left is None else max(left, right)
