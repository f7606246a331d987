"""The ledger of all calls, in a SQLite file."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from itertools import chain
from typing import Final
from weakref import WeakSet

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, CallStarted, Event
from llmtrack.trackers import ledger
from llmtrack.trackers.isolation import Failures, logger
from llmtrack.trackers.rows import (
    CHUNKS,
    Row,
    insert_of_ends,
    insert_of_starts,
    row_of_end,
    row_of_start,
    storable,
)
from llmtrack.trackers.signatures import describe
from llmtrack.trackers.worker import Worker

#: Events that may wait for the thread that writes.
_QUEUE: Final = 100_000
#: Calls that may wait for a disk that is full or a file that is locked.
_PENDING: Final = 50_000
#: How many calls are written together at most.
_BATCH: Final = 20_000
#: Seconds after which a write that failed is tried again; while somebody waits
#: for it, sooner.
_RETRY: Final = 1.0
_PAUSE: Final = 0.05
#: Writes in a row for which a lock may come too late before it is logged.
_PATIENCE: Final = 5

_CORRUPT: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
#: What may pass: another process writes, the disk is full, a cable is loose.
_PASSING: Final = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
)

#: What a single row does, and not the file.
_BAD_ROWS: Final = (
    UnicodeError,
    OverflowError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)

_all: WeakSet[SQLiteTracker] = WeakSet()


class SQLiteTracker:
    """
    Keep a row for every call in a SQLite file, shared by threads and processes.

    A call has a row when it starts, which is completed when it ends: a process
    that is killed leaves its open calls visible. What has ended longer ago than
    the flush interval, and the time a write takes, survives the process however
    it ends. Rows are written by a thread of their own; a full disk or a locked
    file is tried again, and costs calls only when too many wait. A corrupt file
    is given another name, and a new one begun. `llmtrack.trackers.ledger` reads
    the file.

    Args:
        path: The file; made where it does not exist.
        flush_interval: Seconds that a call waits to be written at most.

    Attributes:
        dropped: Events that could not be written.
        delivered: Events that were.
        failed: Always 0: what fails is tried again.

    Raises:
        ConfigurationError: The path is a directory, cannot be written, or is
            another program's database or a file of another kind, such as
            `notes.txt`; or the interval is none.
    """

    events: frozenset[type[Event]] = frozenset({CallStarted, CallEnded})
    failed = 0

    def __init__(
        self, path: str | os.PathLike[str], *, flush_interval: float = 0.2
    ) -> None:
        self._worker = Worker(
            "SQLiteTracker",
            self._deliver,
            queue_size=_QUEUE,
            size=_BATCH,
            seconds=flush_interval,
            settle=self._settle,
            rest=self._disconnect,
        )
        try:
            # The program may change its directory.
            self._path = os.path.abspath(os.fsdecode(path))
        except TypeError:
            raise ConfigurationError(
                f"path must be the name of a file; got {describe(path)}"
            ) from None
        self._failures = Failures("SQLiteTracker")
        self._lost = 0
        self.start_afresh()
        self._set_up()
        _all.add(self)

    def start_afresh(self) -> None:
        """Forget what waits, as in a forked child: it is the parent's to write."""
        # By call: the end of a call takes the place of its start.
        self._pending: dict[str, Event] = {}
        self.connection: sqlite3.Connection | None = None
        self._process = 0
        self._inode = 0
        self._in_vain = 0
        # Held while the connection works, so that a fork can wait for it.
        self.in_use: threading.Lock = threading.Lock()

    @property
    def delivered(self) -> int:
        return self._worker.delivered - len(self._pending) - self._lost

    @property
    def dropped(self) -> int:
        return self._worker.dropped + self._lost

    def track(self, event: Event, /) -> None:
        if isinstance(event, CallStarted | CallEnded):
            self._worker.put(event)

    def flush(self, timeout: float, /) -> bool:
        """Write what waits, and return whether all of it is in the file."""
        done = self._worker.flush(timeout)
        if not done and self._pending:
            logger.warning(
                "%d calls are not in the ledger %s", len(self._pending), self._path
            )
        return done

    def close(self) -> None:
        """Write what waits and close the file; events after that are dropped."""
        self._worker.close()

    def let_go(self) -> bool:
        """
        Close the connection before a fork, for SQLite's do not survive one.

        Returns:
            Whether it was free; if so, `in_use` is held by the caller.
        """
        if not self.in_use.acquire(timeout=2 * ledger.BUSY_TIMEOUT):
            return False
        self._close_connection()
        return True

    def _set_up(self) -> None:
        """Find out now whether the file can be written."""
        if os.path.isdir(self._path):
            raise ConfigurationError(
                f"cannot write to {self._path}: it is a directory. Name a file in it"
            )
        try:
            with self.in_use:
                self._connected()
        except (sqlite3.Error, OSError, ValueError) as exc:
            if isinstance(exc, ConfigurationError):
                raise
            if _code(exc) not in (*_PASSING, *_CORRUPT):
                raise ConfigurationError(
                    f"cannot write to {self._path}: {exc}. Name a file in a directory "
                    "that exists and may be written"
                ) from exc
            if not self._set_aside(exc):
                self._failures.add(exc, 0)
        finally:
            self._disconnect()

    def _deliver(self, batch: list[Event]) -> None:
        for event in batch:
            call_id = event.call.call_id
            if isinstance(event, CallEnded) or call_id not in self._pending:
                self._pending[call_id] = event
        self._write()

    def _settle(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        self._write()
        while self._pending and time.monotonic() < deadline:
            time.sleep(_PAUSE)
            self._write()
        return not self._pending

    def _write(self) -> None:
        """Write what waits, or leave it for another time."""
        if not self._pending:
            return
        try:
            with self.in_use:
                connection = self._connected()
                starts, ends = self._rows()
                connection.execute("BEGIN IMMEDIATE")
                self._insert(connection, insert_of_starts, starts)
                self._insert(connection, insert_of_ends, ends)
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError, ConfigurationError) as exc:
            self._in_vain += 1
            # Among many processes one waits long now and then.
            if _code(exc) != sqlite3.SQLITE_BUSY or self._in_vain == _PATIENCE:
                self._failures.add(exc, 0)
            self._disconnect()
            # A new file is begun at once.
            self._worker.retry_in = 0.0 if self._set_aside(exc) else _RETRY
            while len(self._pending) > _PENDING:
                self._give_up(next(iter(self._pending)))
        else:
            self._pending.clear()
            self._in_vain = 0
            self._worker.retry_in = None

    def _rows(self) -> tuple[list[Row], list[Row]]:
        """Return the rows of starts and of ends."""
        starts, ends = [], []
        for call_id, event in list(self._pending.items()):
            try:
                if isinstance(event, CallEnded):
                    ends.append(row_of_end(event.record, self._process))
                else:
                    starts.append(row_of_start(event.call, self._process))
            except Exception as exc:
                self._failures.add(exc, 0)
                self._give_up(call_id)
        return starts, ends

    def _insert(
        self,
        connection: sqlite3.Connection,
        statement: Callable[[int], str],
        rows: list[Row],
    ) -> None:
        done = 0
        for size in CHUNKS:
            while len(rows) - done >= size:
                chunk = rows[done : done + size]
                try:
                    connection.execute(statement(size), [*chain.from_iterable(chunk)])
                except _BAD_ROWS:
                    self._insert_what_fits(connection, statement(1), chunk)
                done += size

    def _insert_what_fits(
        self, connection: sqlite3.Connection, statement: str, rows: list[Row]
    ) -> None:
        """Insert one by one: some row cannot be stored, the others can."""
        for row in rows:
            try:
                connection.execute(statement, storable(row))
            except _BAD_ROWS as exc:
                self._failures.add(exc, 0)
                self._give_up(row[0])

    def _give_up(self, call_id: str) -> None:
        del self._pending[call_id]
        self._lost += 1

    def _connected(self) -> sqlite3.Connection:
        """Return the connection to the file that is at the path now."""
        if self.connection is not None and self._inode != _inode(self._path):
            # Somebody moved or deleted the file: what comes goes to a new one.
            self._close_connection()
        if self.connection is None:
            connection = ledger.open_for_writing(self._path)
            self.connection = connection
            self._inode = _inode(self._path)
            self._process = ledger.register(connection)
        return self.connection

    def _set_aside(self, exc: Exception) -> bool:
        """Give the file another name if the error says that it is corrupt."""
        if _code(exc) not in _CORRUPT:
            return False
        try:
            aside = ledger.set_aside(self._path, _inode(self._path))
        except OSError as failure:
            self._failures.add(failure, 0)
            return False
        if aside is not None:
            logger.warning(
                "the ledger %s is corrupt (%s): it was renamed to %s, and a new one "
                "is begun",
                self._path,
                exc,
                aside,
            )
        return True

    def _disconnect(self) -> None:
        with self.in_use:
            self._close_connection()

    def _close_connection(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()


def _code(exc: Exception) -> int:
    """Return SQLite's own number for an error, without the details."""
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


#: Connections that were at work during a fork. In the child they are not even
#: closed: that could disturb the parent's.
_left_behind: list[sqlite3.Connection] = []
_forking = threading.Lock()
_free: list[SQLiteTracker] = []


def _before_fork() -> None:
    _forking.acquire()
    _free[:] = [tracker for tracker in list(_all) if tracker.let_go()]


def _after_fork_in_parent() -> None:
    for tracker in _free:
        tracker.in_use.release()
    _forking.release()


def _after_fork_in_child() -> None:
    global _forking
    _forking = threading.Lock()
    for tracker in list(_all):
        if (connection := tracker.connection) is not None:
            _left_behind.append(connection)
        tracker.start_afresh()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
