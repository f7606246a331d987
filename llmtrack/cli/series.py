"""What the plots of a page show, summed up in SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from llmtrack.cli import selection as select
from llmtrack.cli.summary import Values

#: Column of the calls that are plotted -> where it comes from.
_COLUMNS: Final = {
    "call_id": "call_id",
    "started": "(julianday(started_at) - 2440587.5) * 86400",
    "day": select.field("day").text,
    "status": select.field("status").text,
    "name": "name",
    "provider": "provider",
    "model": "model",
    "duration": "duration_seconds",
    "first_token": "time_to_first_token_seconds",
    "usd": "cost_usd",
    "error": "substr(error, 1, 300)",
}
#: Into how many steps the period is cut, and the first tokens into how many bins.
STEPS: Final = 60
BINS: Final = 40
#: The step that a call is in; takes the start, the width, and the last step.
_STEP: Final = "min(CAST((started - ?) / ? AS INTEGER), ?)"
_SLOWEST: Final = 15
_DAYS: Final = 60


@dataclass(frozen=True, slots=True)
class Slow:
    """A call that took long."""

    started: float
    name: str
    provider: str | None
    model: str | None
    status: str
    duration: float
    first_token: float | None
    error: str | None
    call_id: str


class Series:
    """
    The calls that are plotted.

    Args:
        selection: Which calls are meant.
        connection: Where they are kept, beside the sources.
    """

    def __init__(
        self, selection: select.Selection, connection: sqlite3.Connection
    ) -> None:
        condition = selection.condition()
        self._values = condition.values
        self._copy = (
            f"INSERT INTO plotted SELECT {', '.join(_COLUMNS.values())} "
            f"FROM source.calls WHERE {condition.text}"
        )
        self._connection = connection
        connection.execute(f"CREATE TABLE plotted ({', '.join(_COLUMNS)})")

    def add(self, connection: sqlite3.Connection) -> None:
        """Add the calls of `source.calls`."""
        connection.execute(self._copy, self._values)

    @cached_property
    def period(self) -> tuple[float, float]:
        """When the first and the last call started, in Unix time."""
        query = "SELECT min(started), max(started) FROM plotted"
        first, last = self._all(query)[0]
        return first or 0.0, max(last or 0.0, (first or 0.0) + 1)

    def outcomes(self) -> list[tuple[int, str, int]]:
        """Return how many calls there were in each step, by status."""
        return self._all(
            f"SELECT {_STEP} AS step, status, count(*) FROM plotted "
            "GROUP BY step, status",
            self._steps,
        )

    def first_tokens(self) -> dict[int, Values]:
        """Return the times to the first token in each step that has some."""
        found = {step: Values() for step in range(STEPS)}
        for step, packed in self._all(
            f"SELECT {_STEP} AS step, collected(first_token) FROM plotted "
            "WHERE first_token IS NOT NULL GROUP BY step",
            self._steps,
        ):
            found[step].add(packed)
        return {step: values for step, values in found.items() if len(values)}

    def distribution(self, high: float) -> list[tuple[int, int]]:
        """Return the first tokens in bins up to a value; the last has the rest."""
        return self._all(
            "SELECT min(CAST(first_token / ? AS INTEGER), ?) AS bin, count(*) "
            "FROM plotted WHERE first_token IS NOT NULL GROUP BY bin",
            (high / BINS, BINS),
        )

    def costs(self) -> list[tuple[str, float | None, int]]:
        """Return day, US dollars and calls of the latest days."""
        rows = self._all(
            "SELECT day, sum(usd), count(*) FROM plotted "
            "GROUP BY day ORDER BY day DESC LIMIT ?",
            (_DAYS,),
        )
        return rows[::-1]

    def slowest(self) -> list[Slow]:
        """Return the calls that took longest."""
        columns = (
            "started, name, provider, model, status, duration, first_token, "
            "error, call_id"
        )
        rows = self._all(
            f"SELECT {columns} FROM plotted WHERE duration IS NOT NULL "
            "ORDER BY duration DESC LIMIT ?",
            (_SLOWEST,),
        )
        return [Slow(*row) for row in rows]

    @property
    def _steps(self) -> tuple[float, float, int]:
        first, last = self.period
        return first, (last - first) / STEPS, STEPS - 1

    def _all(self, query: str, values: Iterable[object] = ()) -> list[Any]:
        return self._connection.execute(query, tuple(values)).fetchall()
