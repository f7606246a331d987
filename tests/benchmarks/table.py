"""The figures as one table in Markdown."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, Final

from timing import BARE, BY_HAND, LLMTRACK, Row, Spread

_HEADINGS: Final = (
    *("what", "who", "extra over bare", "quartiles"),
    *("x bare", "x by hand", "x llmtrack", "at most", ""),
)


def table(rows: Iterable[Row]) -> str:
    """Return the rows, those of the same work beside each other."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.what, []).append(row)
    lines = [_line(_HEADINGS), _line(("---", "---", *["---:"] * 6, "---"))]
    for group in groups.values():
        lines += map(_line, _cells(group))
    return "\n".join(lines)


def to_json(rows: Iterable[Row]) -> str:
    """Return the rows as JSON."""
    return json.dumps([asdict(row) for row in rows], indent=1)


def from_json(text: str) -> list[Row]:
    """Return the rows that `to_json` wrote."""
    found: list[dict[str, Any]] = json.loads(text)
    return [Row(**{**row, "extra": Spread(**row["extra"])}) for row in found]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(group: list[Row]) -> Iterator[tuple[str, ...]]:
    for number, row in enumerate(group):
        extra = row.extra
        yield (
            "" if number else row.what,
            row.who,
            f"{_number(extra.median)} {row.unit}",
            f"{_number(extra.low)} to {_number(extra.high)}",
            *(_ratio(row.ratios.get(other)) for other in (BARE, BY_HAND, LLMTRACK)),
            "" if row.limit is None else f"{row.limit:g} {row.unit}",
            "" if row.limit is None else _verdict(row),
        )


def _verdict(row: Row) -> str:
    assert row.limit is not None
    return "met" if row.extra.median <= row.limit else "**not met**"


def _ratio(value: float | None) -> str:
    return "" if value is None else _number(value)


def _number(value: float) -> str:
    """Return three digits of a number, or all of it that stands before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
