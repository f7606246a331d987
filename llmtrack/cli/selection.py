"""Which calls a report is about, and how it groups them, as SQL."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Final, NamedTuple

from llmtrack import ConfigurationError
from llmtrack.trackers import ledger
from llmtrack.trackers.rows import COLUMNS

#: The outcome of a call, or that it has none.
_STATUS: Final = (
    "coalesce(outcome, CASE WHEN process IN lost THEN 'lost' ELSE 'open' END)"
)
#: Whether a call took tokens: one that was refused has none but the estimate of
#: what was asked, which nobody is billed for.
TOOK_TOKENS: Final = "NOT (outcome IS 'error' AND cost_status IS 'no_usage')"
#: What a call can be grouped and selected by beside its columns.
_DERIVED: Final = {
    "status": _STATUS,
    "day": "substr(started_at, 1, 10)",
    "hour": "substr(started_at, 1, 13)",
    "estimated": "is_estimated",
}
#: What every call can be grouped and selected by.
KNOWN: Final = (*COLUMNS, *_DERIVED)
_CONDITION: Final = re.compile(r"\s*([^=!<>\s]+)\s*(!=|<=|>=|=|<|>)(.*)", re.DOTALL)
_AGO: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_WORDS: Final = {"true": "1", "false": "0"}


#: Columns that are compared as numbers, as the ledger declares them.
_NUMBERS: Final = frozenset(
    re.findall(r"(\w+) (?:INTEGER|REAL)\b", " ".join(ledger.MIGRATIONS))
)


class Sql(NamedTuple):
    """A piece of SQL and the values of its question marks."""

    text: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """
    What a report is about.

    Attributes:
        by: Columns of the record, `status`, `day`, `hour`, or keys of the metadata.
        since: The earliest start of a call (aware), or None.
        where: Conditions such as `model=gpt-4o*`, all of which have to hold.
    """

    by: tuple[str, ...] = ("provider", "model")
    since: datetime | None = None
    where: tuple[str, ...] = ()

    def metadata_keys(self) -> set[str]:
        """
        Return the names that are no columns, and so have to be in the metadata.

        Raises:
            ConfigurationError: A condition is none.
        """
        names = {*self.by, *(_parts(text)[0] for text in self.where)}
        return {name for name in names if name not in KNOWN}

    def keys(self) -> Sql:
        """Return the values to group by, separated by commas."""
        found = [field(name) for name in self.by]
        return joined(", ", found)

    def condition(self) -> Sql:
        """
        Return what has to hold of a call.

        Raises:
            ConfigurationError: A condition is none.
        """
        conditions = [_condition(text) for text in self.where]
        if self.since is not None:
            earliest = self.since.astimezone(UTC).isoformat(timespec="microseconds")
            conditions.append(Sql("started_at >= ?", (earliest,)))
        return joined(" AND ", conditions) if conditions else Sql("TRUE")


def field(name: str) -> Sql:
    """Return where a column of the record, or a key of its metadata, is found."""
    if name in _DERIVED:
        return Sql(_DERIVED[name])
    if name in COLUMNS:
        return Sql(name)
    return Sql("json_extract(metadata, ?)", (_path(name),))


class Unknown:
    """
    The names of a selection that no call has had so far.

    Args:
        selection: Whose names are looked for.
    """

    def __init__(self, selection: Selection) -> None:
        self._names = selection.metadata_keys()
        self._seen: set[str] = set()
        self._calls = False

    def look_in(self, connection: sqlite3.Connection) -> None:
        """Look for the names in the metadata of `source.calls`."""
        if not self._names:
            return
        found = {name for name in self._names if _is_in(connection, name)}
        self._names -= found
        rows = connection.execute("SELECT 1 FROM source.calls LIMIT 1").fetchall()
        self._calls = self._calls or bool(rows)
        if self._names:
            self._seen |= {
                str(key)
                for (key,) in connection.execute(
                    "SELECT DISTINCT key FROM source.calls, json_each(metadata)"
                )
            }

    def refuse(self) -> None:
        """
        Raise `ConfigurationError` where there were calls, and none had a name.
        """
        if not (self._names and self._calls):
            return
        name = min(self._names)
        close = get_close_matches(name, [*KNOWN, *sorted(self._seen)], 1, 0.7)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigurationError(f"no column or metadata key {name!r}{hint}")


def _is_in(connection: sqlite3.Connection, name: str) -> bool:
    rows = connection.execute(
        "SELECT 1 FROM source.calls WHERE json_type(metadata, ?) IS NOT NULL LIMIT 1",
        (_path(name),),
    )
    return rows.fetchone() is not None


def _path(name: str) -> str:
    """Return where a key is in the metadata, for SQLite."""
    return f'$."{name.removeprefix("metadata.")}"'


def point_in_time(text: str, *, now: datetime) -> datetime:
    """
    Return when a period begins.

    Args:
        text: `90m`, `24h`, `7d`, `2w` ago, or a date or time of ISO 8601 (UTC
            where it has no zone).
        now: The end of the period (aware).

    Raises:
        ConfigurationError: The text is neither.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            return now - timedelta(seconds=float(ago[1]) * _SECONDS[ago[2]])
        when = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"--since takes a time such as 2026-01-31 or 2026-01-31T12:00, or how long "
            f"ago: 90m, 24h, 7d, 2w; got {text!r}"
        ) from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def joined(separator: str, pieces: Iterable[Sql]) -> Sql:
    """Return the pieces as one."""
    pieces = list(pieces)
    return Sql(
        separator.join(piece.text for piece in pieces),
        tuple(value for piece in pieces for value in piece.values),
    )


def _parts(text: str) -> tuple[str, str, str]:
    """Return key, operator and value of a condition."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ConfigurationError(
            "--where takes KEY=VALUE, or !=, <, <=, >, >= in its place, such as "
            f"model=gpt-4o* or 'duration_seconds>2'; got {text!r}"
        )
    return match[1], match[2], match[3].strip()


def _condition(text: str) -> Sql:
    name, operator, value = _parts(text)
    found = field(name)
    if operator in ("=", "!="):
        alike = _alike(found, value)
        return alike if operator == "=" else Sql(f"NOT ({alike.text})", alike.values)
    number = _number(value)
    if number is None and name in _NUMBERS:
        raise ConfigurationError(
            f"{name} is compared with a number, and {value!r} is not a number"
        )
    if number is None:
        return Sql(f"{found.text} {operator} ?", (*found.values, value))
    # For SQLite every text is greater than every number.
    return Sql(
        f"(typeof({found.text}) IN ('integer', 'real') AND {found.text} {operator} ?)",
        (*found.values, *found.values, number),
    )


def _alike(found: Sql, value: str) -> Sql:
    """Return whether a value is the one wanted; an empty one is none at all."""
    if not value:
        return Sql(f"{found.text} IS NULL", found.values)
    text = f"coalesce(CAST({found.text} AS TEXT), '')"
    if "*" in value:
        # Of the signs that GLOB knows, only the asterisk is one here.
        pattern = re.sub(r"([?\[])", r"[\1]", value)
        return Sql(f"{text} GLOB ?", (*found.values, pattern))
    number = _number(value)
    if number is not None:
        # 2 is 2.0, and "2" is what somebody called a user.
        return Sql(
            f"({found.text} = ? OR {text} = ?)",
            (*found.values, number, *found.values, value),
        )
    word = _WORDS.get(value.lower(), value)
    return Sql(f"{text} IN (?, ?)", (*found.values, value, word))


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
