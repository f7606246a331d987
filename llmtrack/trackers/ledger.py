"""
The ledger: a SQLite file with a row for every call.

The table `calls` has the names of `CallRecord.to_dict()`; `outcome` is NULL
until the call has ended. `connect` gives a reader, with the view `ledger`: the
same rows with a `status`, which is the outcome, `open` or `lost`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from llmtrack.errors import ConfigurationError
from llmtrack.trackers.processes import Process, is_running, this_process

#: "llmt": tells a ledger from another program's database.
APPLICATION_ID: Final = 0x6C6C6D74
#: How every SQLite file begins.
MAGIC: Final = b"SQLite format 3\0"
#: Suffixes of files that are something else; what has one, and is no SQLite file,
#: is somebody's work, and no corrupt ledger.
_OTHER_SUFFIXES: Final = (
    ".py", ".txt", ".md", ".json", ".jsonl", ".csv", ".log", ".toml", ".yaml", ".yml",
    ".html", ".js", ".ini", ".cfg", ".sh",
)  # fmt: skip
#: Seconds to wait for another process that is writing.
BUSY_TIMEOUT: Final = 1.0

#: Each brings the file one version further. A published one is never changed;
#: new columns come last, so that an older llmtrack can write to a newer file.
#: Long texts stand at the end of a row: what comes before is read without them.
MIGRATIONS: Final = (
    """
    CREATE TABLE processes (
        id INTEGER PRIMARY KEY,
        host TEXT NOT NULL,
        boot TEXT NOT NULL,
        pid INTEGER NOT NULL,
        start TEXT NOT NULL,
        UNIQUE (host, boot, pid, start)
    );
    CREATE TABLE calls (
        call_id TEXT PRIMARY KEY,
        started_at TEXT NOT NULL,
        process INTEGER NOT NULL REFERENCES processes (id),
        outcome TEXT,
        provider TEXT,
        model TEXT,
        duration_seconds REAL,
        time_to_first_token_seconds REAL,
        input_tokens INTEGER,
        output_tokens INTEGER,
        total_tokens INTEGER,
        cost_usd REAL,
        error_kind TEXT,
        parent_id TEXT,
        name TEXT NOT NULL,
        operation TEXT,
        dialect TEXT,
        request_model TEXT,
        response_model TEXT,
        response_id TEXT,
        server_address TEXT,
        server_port INTEGER,
        stream INTEGER,
        complete INTEGER,
        finish_reason TEXT,
        time_to_first_chunk_seconds REAL,
        time_to_first_text_seconds REAL,
        provider_time_seconds REAL,
        consumer_time_seconds REAL,
        longest_wait_seconds REAL,
        tokens_per_second REAL,
        chunks INTEGER,
        cache_read_tokens INTEGER,
        cache_write_tokens INTEGER,
        reasoning_tokens INTEGER,
        input_source TEXT,
        output_source TEXT,
        is_estimated INTEGER,
        confidence REAL,
        is_lower_bound INTEGER,
        uncounted TEXT,
        cost_complete INTEGER,
        pricing_source TEXT,
        pricing_version TEXT,
        cost_status TEXT,
        error_type TEXT,
        status_code INTEGER,
        retryable INTEGER,
        retry_after_seconds REAL,
        tool_calls TEXT,
        metadata TEXT,
        request_parameters TEXT,
        error TEXT,
        input_text TEXT,
        output_text TEXT,
        reasoning_text TEXT
    );
    CREATE INDEX calls_by_time ON calls (started_at);
    CREATE INDEX calls_without_end ON calls (process) WHERE outcome IS NULL;
    """,
)


def open_for_writing(path: str) -> sqlite3.Connection:
    """
    Return a connection to the ledger, made or migrated where it has to be.

    Raises:
        ConfigurationError: The file is another program's database, or no
            database but something that its suffix tells.
        sqlite3.Error: It is locked, corrupt, or cannot be written.
    """
    if _is_something_else(path):
        raise ConfigurationError(f"{path} is not a ledger; name a file of its own")
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    try:
        # Readers and one writer at a time do not wait for each other; what is
        # committed survives the end of the process, however it ends.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def connect(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """
    Return a connection that reads a ledger, also while it is written.

    It has the view `ledger`: the columns of `calls` and `status`, which is the
    outcome, or `open` while the call's process runs (or is on another machine,
    and cannot be asked), or `lost`.

    Raises:
        ConfigurationError: There is no such file, or it is no ledger.
    """
    uri = Path(path).absolute().as_uri() + "?mode=ro"
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT)
    except sqlite3.Error as exc:
        raise ConfigurationError(f"cannot read the ledger {path}: {exc}") from exc
    try:
        processes = {
            number: Process(*fields)
            for number, *fields in connection.execute(
                "SELECT id, host, boot, pid, start FROM processes"
            )
        }
    except sqlite3.Error as exc:
        connection.close()
        raise ConfigurationError(f"{path} is no ledger of llmtrack: {exc}") from exc
    connection.row_factory = sqlite3.Row
    connection.create_function("is_lost", 1, _is_lost(processes))
    connection.execute(
        """
        CREATE TEMP VIEW ledger AS
        SELECT *,
            coalesce(outcome, CASE WHEN is_lost(process) THEN 'lost' ELSE 'open' END)
            AS status
        FROM calls
        """
    )
    return connection


def register(connection: sqlite3.Connection) -> int:
    """Return the number of this process in the ledger."""
    fields = this_process()
    connection.execute(
        "INSERT OR IGNORE INTO processes (host, boot, pid, start) VALUES (?, ?, ?, ?)",
        fields,
    )
    row = connection.execute(
        "SELECT id FROM processes "
        "WHERE host = ? AND boot = ? AND pid = ? AND start = ?",
        fields,
    ).fetchone()
    return int(row[0])


def set_aside(path: str, inode: int) -> str | None:
    """
    Give a corrupt ledger another name.

    Args:
        path: Where it is.
        inode: Which file it is, for another process may have been faster.

    Returns:
        The new name, or None where the file at the path is another one by now.
    """
    with _Turn(path) as turn:
        if not turn.is_mine or os.stat(path).st_ino != inode:
            return None
        number = 1
        while os.path.exists(aside := f"{path}.corrupt-{number}"):
            number += 1
        # The log of changes belongs to the corrupt file, and must not be
        # applied to the new one.
        for suffix in ("-wal", "-shm", ""):
            if os.path.exists(path + suffix):
                os.rename(path + suffix, aside + suffix)
    return aside


class _Turn:
    """One process at a time deals with a corrupt file."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 - closed by __exit__
        self.is_mine = False

    def __enter__(self) -> _Turn:
        try:
            import fcntl

            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return self
        except ImportError:
            # Windows refuses to rename a file that is open elsewhere.
            self._file.close()
        self.is_mine = True
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()


def _is_something_else(path: str) -> bool:
    """Return whether a file says by its suffix and its content that it is no ledger."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _OTHER_SUFFIXES or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        head = file.read(len(MAGIC))
    return bool(head) and head != MAGIC


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables:
            raise ConfigurationError(
                f"{path} is another program's SQLite database; name a file of its own"
            )
    if version >= len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been here while this one waited.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {max(version, len(MIGRATIONS))}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _is_lost(processes: dict[int, Process]) -> Callable[[int], bool]:
    ended: set[int] = set()

    def is_lost(number: int) -> bool:
        process = processes.get(number)
        if number not in ended and process and is_running(process) is False:
            ended.add(number)
        return number in ended

    return is_lost
