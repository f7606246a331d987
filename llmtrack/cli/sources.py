"""Files of calls, each as the table of a ledger."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from llmtrack import ConfigurationError
from llmtrack.trackers import ledger
from llmtrack.trackers.rows import COLUMNS, storable

#: Lines of JSON that are in memory at once.
_CHUNK: Final = 20_000
#: Bytes of a file of JSON lines that hold its latest calls.
_TAIL: Final = 1_000_000
#: Columns that hold JSON; other values are numbers and texts.
_NESTED: Final = ("metadata", "tool_calls", "uncounted")
#: Characters of a start as ledgers have it.
_WRITTEN: Final = len("2026-01-31T12:00:00.000000+00:00")


class Sources:
    """
    JSON lines files and ledgers, read as one kind of thing.

    Attributes:
        connection: While a source is visited it has the table `source.calls`, and
            the numbers of processes that have ended without ending their calls in
            `lost`. All else in it is the visitor's, and in memory.
        unread: Lines that are no record, such as one torn by a power cut.
    """

    def __init__(self) -> None:
        # `uri` so that ATTACH takes one, too.
        self.connection: sqlite3.Connection = sqlite3.connect("file::memory:", uri=True)
        self.connection.isolation_level = None
        self.connection.execute("CREATE TABLE lost (process INTEGER)")
        self.unread: int = 0

    def visit(self, paths: Iterable[str]) -> Iterator[sqlite3.Connection]:
        """
        Yield the connection for each source; `-` is standard input.

        A long file of JSON lines comes in several pieces.

        Raises:
            ConfigurationError: One cannot be read, or holds something else.
        """
        for path in paths:
            if path == "-":
                yield from self._visit_lines(path, sys.stdin.buffer)
                continue
            with _opened(path) as file:
                if not _is_ledger(file):
                    yield from self._visit_lines(path, file)
                    continue
            yield from self._visit_ledger(path)

    def close(self) -> None:
        """Give the memory back."""
        self.connection.close()

    def _visit_ledger(self, path: str) -> Iterator[sqlite3.Connection]:
        with closing(ledger.connect(path)) as reader:
            lost = reader.execute(
                "SELECT DISTINCT process FROM ledger "
                "WHERE outcome IS NULL AND status = 'lost'"
            )
            self.connection.executemany("INSERT INTO lost VALUES (?)", map(tuple, lost))
        with self._attached(Path(path).absolute().as_uri() + "?mode=ro", path):
            yield self.connection
        self.connection.execute("DELETE FROM lost")

    def _visit_lines(self, path: str, file: IO[bytes]) -> Iterator[sqlite3.Connection]:
        unread_before = self.unread
        rows = self._rows(file)
        found = False
        with self._attached(":memory:", path):
            self.connection.execute(f"CREATE TABLE source.calls ({', '.join(COLUMNS)})")
            while chunk := list(islice(rows, _CHUNK)):
                found = True
                self._insert(chunk)
                yield self.connection
                self.connection.execute("DELETE FROM source.calls")
        if self.unread > unread_before and not found:
            raise ConfigurationError(
                f"{path} holds neither JSON lines of llmtrack nor a ledger"
            )

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        self.connection.execute("BEGIN")
        _insert(self.connection, "source.calls", rows)
        self.connection.execute("COMMIT")

    def _rows(self, file: IO[bytes]) -> Iterator[tuple[Any, ...]]:
        for line in file:
            if not line.strip():
                continue
            try:
                row = _row(json.loads(line))
            except (ValueError, LookupError, TypeError, AttributeError):
                self.unread += 1
            else:
                yield row

    @contextmanager
    def _attached(self, uri: str, path: str) -> Iterator[None]:
        self.connection.execute("ATTACH ? AS source", (uri,))
        try:
            yield
        except sqlite3.Error as error:
            raise ConfigurationError(f"cannot read {path}: {error}") from error
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            self.connection.execute("DETACH source")


def latest(path: str) -> sqlite3.Connection:
    """
    Return a connection with the view `ledger` of a file's latest calls.

    A ledger has all of its calls, a file of JSON lines those of its last megabyte.

    Raises:
        ConfigurationError: It cannot be read, or holds something else.
    """
    with _opened(path) as file:
        if not _is_ledger(file):
            return _latest_of_lines(file)
    return ledger.connect(path)


def _latest_of_lines(file: BufferedReader) -> sqlite3.Connection:
    file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
    rows = []
    for line in file:
        # The first line may be a part of one.
        with suppress(ValueError, LookupError, TypeError, AttributeError):
            rows.append(_row(json.loads(line)))
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.execute(f"CREATE TABLE calls ({', '.join(COLUMNS)})")
    _insert(connection, "calls", rows)
    connection.execute(
        "CREATE VIEW ledger AS SELECT *, coalesce(outcome, 'open') AS status FROM calls"
    )
    return connection


def _opened(path: str) -> BufferedReader:
    try:
        return open(path, "rb")
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {path}: {error.strerror}. Name a file that "
            "JSONLinesTracker or SQLiteTracker wrote"
        ) from error


def _is_ledger(file: BufferedReader) -> bool:
    return file.peek(len(ledger.MAGIC)).startswith(ledger.MAGIC)


def _insert(
    connection: sqlite3.Connection, table: str, rows: list[tuple[Any, ...]]
) -> None:
    insert = f"INSERT INTO {table} VALUES ({', '.join('?' * len(COLUMNS))})"
    try:
        connection.executemany(insert, rows)
    except (OverflowError, UnicodeError, sqlite3.Error):
        connection.execute(f"DELETE FROM {table}")
        connection.executemany(insert, map(storable, rows))


def _row(record: dict[str, Any]) -> tuple[Any, ...]:
    """Return a record as a row of the ledger."""
    started = record["started_at"]
    moment = datetime.fromisoformat(started)
    if not (started.endswith("+00:00") and len(started) == _WRITTEN):
        utc = moment.astimezone(UTC)
        record["started_at"] = utc.isoformat(timespec="microseconds")
    for name in _NESTED:
        value = record.get(name)
        record[name] = json.dumps(value) if value else None
    return tuple(map(record.get, COLUMNS))
