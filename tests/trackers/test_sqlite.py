"""The ledger: nothing that has ended is lost, and nothing is there twice."""

import dataclasses
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from decimal import Decimal

import pytest

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, CallStarted
from llmtrack.record import Cost
from llmtrack.trackers import SQLiteTracker, ledger, rows
from llmtrack.trackers import sqlite as module

PATIENCE = 20.0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calls.db"


@pytest.fixture
def make_tracker(path):
    """Return a function that makes trackers, which are closed after the test."""
    made = []

    def make_tracker(path=path, **options):
        made.append(SQLiteTracker(path, **options))
        return made[-1]

    yield make_tracker
    for tracker in made:
        tracker.close()


def read(path, query="SELECT * FROM ledger"):
    connection = ledger.connect(path)
    try:
        return [dict(row) for row in connection.execute(query)]
    finally:
        connection.close()


def tell(tracker, events):
    for event in events:
        tracker.track(event)


def end(tracker, *records):
    for record in records:
        tracker.track(CallEnded(record, 1.0, record))


def test_a_row_is_the_records_dict(path, make_tracker, make_record, events_of):
    """
    Columns have the names and the values of `to_dict()`.
    """
    record = make_record(
        metadata={"user_id": "Zoë"},
        tool_calls=("weather", "a,b"),
        cost=Cost(Decimal("0.25"), True, "user", "1"),
        input_text="hello",
    )
    tracker = make_tracker()

    tell(tracker, events_of(record))
    tracker.flush(PATIENCE)

    (row,) = read(path)
    told = record.to_dict()
    for name in ("metadata", "request_parameters", "tool_calls", "uncounted"):
        row[name] = json.loads(row[name])
    assert told["started_at"].replace("+", ".000000+") == row.pop("started_at")
    assert {name: told[name] for name in row.keys() - {"process", "status"}} == (
        {name: value for name, value in row.items() if name in told}
    )
    assert "success" == row["status"]


def test_every_field_of_a_record_has_a_column(make_record):
    """
    What a record tells is in the ledger, and the ledger has nothing else.
    """
    synonyms = {"timestamp", "prompt_tokens", "completion_tokens"}

    assert {*make_record().to_dict()} - synonyms == {*rows.COLUMNS} - {"process"}


def test_an_error_is_in_the_row(path, make_tracker, failed_record):
    """
    Kind, type, status and message are columns.
    """
    tracker = make_tracker()

    end(tracker, failed_record)
    tracker.flush(PATIENCE)

    (row,) = read(path)
    assert {**failed_record.error.to_dict(), "retryable": 1} == {
        name: row[name] for name in failed_record.error.to_dict()
    }


def test_a_call_is_visible_while_it_is_open(path, make_tracker, make_call):
    """
    A row is there from the start, without an outcome.
    """
    tracker = make_tracker()

    tracker.track(CallStarted(call := make_call(), 0.0))
    tracker.flush(PATIENCE)

    (row,) = read(path)
    assert (call.call_id, None, "open") == (
        row["call_id"],
        row["outcome"],
        row["status"],
    )


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 1), (0, 0, 1, 1)])
def test_there_is_one_row_a_call(path, make_tracker, make_record, order):
    """
    However often and in whatever order a call is told, it is there once.
    """
    record = make_record()
    events = [CallStarted(record, 0.0), CallEnded(record, 1.0, record)]
    tracker = make_tracker()

    for number in order:
        tracker.track(events[number])
        tracker.flush(PATIENCE)

    assert ["success"] == [row["outcome"] for row in read(path)]


def test_a_batch_of_any_size_is_written(path, make_tracker, make_record):
    """
    Statements for many rows and for one add up.
    """
    records = [make_record() for _ in range(700)]
    tracker = make_tracker()

    end(tracker, *records)
    tracker.flush(PATIENCE)

    assert sorted(r.call_id for r in records) == sorted(
        r["call_id"] for r in read(path)
    )
    assert (700, 0) == (tracker.delivered, tracker.dropped)


def test_it_is_written_within_the_interval(path, make_tracker, make_record):
    """
    Nobody has to flush.
    """
    tracker = make_tracker(flush_interval=0.001)
    written = threading.Event()
    write = tracker._worker._deliver
    tracker._worker._deliver = lambda batch: (write(batch), written.set())[0]

    end(tracker, make_record())

    assert written.wait(PATIENCE)
    assert 1 == len(read(path))


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "half a \ud83d character"},
        {"metadata": {"x": object(), (1, 2): "\ud83d"}},
        {"server_port": 10**30},
        {"finish_reason": object()},
        {"input_text": "nul \0 nul"},
    ],
)
def test_a_hostile_value_costs_no_row(path, make_tracker, make_record, fields):
    """
    What cannot be stored is left out or replaced; the others are not touched.
    """
    records = [make_record(), make_record(**fields), make_record()]
    tracker = make_tracker()

    end(tracker, *records)
    tracker.flush(PATIENCE)

    assert {r.call_id for r in records} == {row["call_id"] for row in read(path)}


def test_a_record_that_cannot_be_read_costs_itself_only(
    path, make_tracker, make_record, caplog
):
    """
    A row that cannot be made is counted, and does not block the others.
    """
    good, bad = make_record(), make_record(usage=None)
    tracker = make_tracker()

    end(tracker, bad, good)

    assert tracker.flush(PATIENCE)
    assert [good.call_id] == [row["call_id"] for row in read(path)]
    assert 1 == tracker.dropped


def test_a_locked_file_is_tried_again(
    path, make_tracker, make_record, monkeypatch, caplog
):
    """
    While another program holds the file nothing is lost, and nothing raised.
    """
    monkeypatch.setattr(ledger, "BUSY_TIMEOUT", 0.01)
    tracker = make_tracker()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    end(tracker, record := make_record())
    assert not tracker.flush(0.2)
    holder.execute("ROLLBACK")
    holder.close()

    assert tracker.flush(PATIENCE)
    assert [record.call_id] == [row["call_id"] for row in read(path)]
    assert "1 calls are not in the ledger" in caplog.text


def test_a_disk_that_was_full_gets_what_waited(path, run_python):
    """
    The program goes on, one line is logged, and nothing is lost.
    """
    done = run_python(
        """
        import resource
        tracker = trackers.SQLiteTracker(sys.argv[1], flush_interval=0.01)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, resource.RLIM_INFINITY))
        for number in range(1000):
            tracker.track(ended(str(number)))
        print(tracker.flush(0.5))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        print(tracker.flush(30), tracker.dropped)
        """,
        path,
    )

    assert "False\nTrue 0\n" == done.stdout
    assert 1 == done.stderr.count("SQLiteTracker failed")
    assert 1_000 == len(read(path))


def test_what_waits_for_a_disk_is_bounded(
    path, make_tracker, make_record, monkeypatch, caplog
):
    """
    The oldest are given up, and counted; one line is logged.
    """
    monkeypatch.setattr(module, "_PENDING", 10)
    tracker = make_tracker()

    def full(path):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "open_for_writing", full)
        end(tracker, *(make_record() for _ in range(25)))
        assert not tracker.flush(0.1)

    assert tracker.flush(PATIENCE)
    assert (10, 15) == (len(read(path)), tracker.dropped)
    assert 1 == caplog.text.count("disk is full\n")


@pytest.mark.parametrize("content", [b"no database at all", b"\0" * 5000, b"x" * 9000])
def test_a_corrupt_file_is_set_aside(path, make_tracker, make_record, caplog, content):
    """
    It keeps its content under another name, and a new ledger is begun.
    """
    path.write_bytes(content)

    tracker = make_tracker()
    end(tracker, record := make_record())

    assert tracker.flush(PATIENCE)
    assert [record.call_id] == [row["call_id"] for row in read(path)]
    assert content == (path.parent / "calls.db.corrupt-1").read_bytes()
    assert "was renamed to" in caplog.text


@pytest.mark.parametrize("name", ["app.py", "notes.TXT", "calls.jsonl"])
def test_a_file_of_another_kind_is_left_alone(tmp_path, make_tracker, name):
    """
    A wrong path must not cost anybody a source file.
    """
    path = tmp_path / name
    path.write_text("print('precious')")

    with pytest.raises(
        ConfigurationError, match="not a ledger; name a file of its own"
    ):
        make_tracker(path)

    assert {path} == set(tmp_path.iterdir())
    assert "print('precious')" == path.read_text()


def test_a_ledger_may_have_any_suffix(tmp_path, make_tracker):
    """
    What is a ledger, or empty, is taken whatever it is called.
    """
    path = tmp_path / "calls.log"
    path.touch()
    make_tracker(path).close()

    make_tracker(path)

    assert {path} == {file for file in tmp_path.iterdir() if file.suffix == ".log"}


def test_the_log_of_changes_goes_with_a_corrupt_file(path):
    """
    Applied to the new file it would spoil that too; nothing is overwritten.
    """
    for round_ in ("first", "second"):
        for suffix in ("", "-wal", "-shm"):
            path.with_name(f"calls.db{suffix}").write_text(round_)

        ledger.set_aside(str(path), path.stat().st_ino)

    assert {f"calls.db.corrupt-{n}{s}" for n in "12" for s in ("", "-wal", "-shm")} == (
        {file.name for file in path.parent.iterdir()}
    )
    assert "first" == path.with_name("calls.db.corrupt-1-wal").read_text()


def test_a_file_that_another_process_began_anew_stays(path):
    """
    Of two processes that find the same file corrupt, one renames it.
    """
    path.write_text("begun anew")

    assert ledger.set_aside(str(path), path.stat().st_ino + 1) is None
    assert path.exists()


def test_a_file_that_becomes_corrupt_is_set_aside_too(
    path, make_tracker, make_record, caplog
):
    """
    The calls that waited are in the new file.
    """
    tracker = make_tracker()
    end(tracker, *(make_record() for _ in range(100)))
    tracker.flush(PATIENCE)
    tracker._disconnect()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    end(tracker, record := make_record())

    assert tracker.flush(PATIENCE)
    assert [record.call_id] == [row["call_id"] for row in read(path)]
    assert (path.parent / "calls.db.corrupt-1").exists()


def test_a_file_that_was_moved_is_begun_anew(path, make_tracker, make_record):
    """
    Rotation by renaming works; so does deleting.
    """
    tracker = make_tracker()
    end(tracker, make_record())
    tracker.flush(PATIENCE)
    for suffix in ("-wal", "-shm", ""):
        os.rename(f"{path}{suffix}", f"{path}.1{suffix}")

    end(tracker, record := make_record())
    tracker.flush(PATIENCE)

    assert [record.call_id] == [row["call_id"] for row in read(path)]
    assert 1 == len(read(f"{path}.1"))


def test_an_older_ledger_is_migrated(path, make_tracker, make_record, monkeypatch):
    """
    Rows that are there stay, and new columns are added.
    """
    end(first := make_tracker(), make_record())
    first.close()
    more = "ALTER TABLE calls ADD COLUMN mood TEXT"
    monkeypatch.setattr(ledger, "MIGRATIONS", (*ledger.MIGRATIONS, more))

    end(second := make_tracker(), make_record())
    second.close()

    assert [None, None] == [row["mood"] for row in read(path)]


def test_a_newer_ledger_is_written_too(path, make_tracker, make_record):
    """
    An older llmtrack fills the columns that it knows, and leaves the version.
    """
    make_tracker().close()
    connection = sqlite3.connect(path)
    connection.executescript(
        "ALTER TABLE calls ADD COLUMN mood TEXT; PRAGMA user_version = 99"
    )
    connection.close()

    end(tracker := make_tracker(), make_record())
    tracker.close()

    assert [(None, "success")] == [(r["mood"], r["outcome"]) for r in read(path)]
    connection = sqlite3.connect(path)
    assert (99,) == connection.execute("PRAGMA user_version").fetchone()
    connection.close()


def test_another_programs_database_is_left_alone(path):
    """
    A database that is none of ours is neither written nor set aside.
    """
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE calls (number TEXT)")
    connection.close()

    with pytest.raises(ConfigurationError, match="another program"):
        SQLiteTracker(path)


@pytest.mark.parametrize("name", ["", "no/such/directory/calls.db", "a\0b"])
def test_a_path_that_cannot_be_written_is_refused(tmp_path, name):
    """
    A directory, a missing directory and a name that is none are told at set-up.
    """
    with pytest.raises(ConfigurationError, match="cannot write to"):
        SQLiteTracker(f"{tmp_path}/{name}")


@pytest.mark.parametrize(
    "make",
    [
        lambda path: SQLiteTracker(None),
        lambda path: SQLiteTracker(path, flush_interval=-1),
        lambda path: ledger.connect(path),
    ],
)
def test_what_cannot_work_is_refused(path, make):
    """
    No path, a negative interval, a ledger to read that is not there.
    """
    with pytest.raises(ConfigurationError):
        make(path)


def test_a_file_that_is_no_ledger_cannot_be_read(path):
    """
    The reader says so, and leaves no connection open.
    """
    path.write_text("text")

    with pytest.raises(ConfigurationError, match="no ledger"):
        ledger.connect(path)


def test_threads_share_a_tracker(path, make_tracker, make_record):
    """
    0 lost, 0 doubled.
    """
    records = [make_record() for _ in range(2_000)]
    tracker = make_tracker(flush_interval=0.001)
    threads = [
        threading.Thread(target=end, args=(tracker, *records[start::8]))
        for start in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert tracker.flush(PATIENCE)
    assert Counter(r.call_id for r in records) == Counter(
        row["call_id"] for row in read(path)
    )


def test_processes_share_a_file(path, run_python):
    """
    0 lost, 0 doubled, for processes that were forked with the file in use.
    """
    done = run_python(
        """
        tracker = trackers.SQLiteTracker(sys.argv[1], flush_interval=0.01)
        tracker.track(ended("parent-0"))
        tracker.flush(10)
        children = []
        for child in range(4):
            tracker.track(started(f"parent-{child}"))
            if (pid := os.fork()) == 0:
                for n in range(500):
                    tracker.track(started(f"{child}-{n}"))
                    tracker.track(ended(f"{child}-{n}"))
                # SQLite's connections do not survive a fork: none was open.
                from llmtrack.trackers.sqlite import _left_behind
                os._exit(0 if tracker.flush(30) and not _left_behind else 1)
            tracker.track(ended(f"parent-{child}"))
            children.append(pid)
        print(*(os.waitpid(pid, 0)[1] for pid in children), tracker.flush(30))
        """,
        path,
    )

    assert ("0 0 0 0 True\n", "") == (done.stdout, done.stderr)
    ended = Counter(row["call_id"] for row in read(path) if row["outcome"])
    assert 2_004 == len(ended) == ended.total()


def test_a_killed_process_leaves_its_ended_calls_and_shows_the_open_ones(
    path, run_python
):
    """
    `kill -9` amid 1,000 concurrent calls loses nothing that ended before the
    last flush interval, doubles nothing, and lists the others as lost.
    """
    script = run_python.script(
        """
        tracker = trackers.SQLiteTracker(sys.argv[1], flush_interval=0.05)
        def call(number):
            tracker.track(started(f"call-{number}"))
            if number % 2:
                tracker.track(ended(f"call-{number}"))
            finished.release()
            threading.Event().wait()
        finished = threading.Semaphore(0)
        for number in range(1000):
            threading.Thread(target=call, args=(number,), daemon=True).start()
        for _ in range(1000):
            finished.acquire()
        print("all began, half of them ended", flush=True)
        for number in range(1000, 10**9):
            tracker.track(started(f"call-{number}"))
            tracker.track(ended(f"call-{number}"))
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        deadline = time.monotonic() + PATIENCE
        # Nobody flushes: what has ended gets there by itself.
        while time.monotonic() < deadline and len(early(path)) < 1_000:
            continue
        statuses = Counter(early(path).values())
        process.send_signal(signal.SIGKILL)

    assert {"success": 500, "open": 500} == statuses
    assert {"success": 500, "lost": 500} == Counter(early(path).values())
    assert [] == read(
        path, "SELECT call_id FROM calls GROUP BY call_id HAVING count(*) > 1"
    )
    assert [{"integrity_check": "ok"}] == read(path, "PRAGMA integrity_check")


def early(path):
    """Return the status of each of the first thousand calls."""
    rows = read(path, "SELECT call_id, status FROM ledger")
    return {
        row["call_id"]: row["status"]
        for row in rows
        if int(row["call_id"].removeprefix("call-")) < 1_000
    }


def test_a_process_of_another_machine_is_not_called_lost(
    path, make_tracker, make_call, monkeypatch
):
    """
    It cannot be asked, so that its open calls are open.
    """
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    tracker = make_tracker()
    tracker.track(CallStarted(make_call(), 0.0))
    tracker.close()
    monkeypatch.undo()

    assert ["open"] == [row["status"] for row in read(path)]


def test_the_end_of_a_call_takes_the_place_of_its_start(make_tracker, make_record):
    """
    A call that waits is held once.
    """
    tracker = make_tracker()
    record = make_record()
    tracker._write = lambda: None

    tracker._deliver([CallStarted(record, 0.0), CallEnded(record, 1.0, record)])
    tracker._deliver([CallStarted(record, 0.0)])

    assert [CallEnded] == [type(event) for event in tracker._pending.values()]
    tracker._pending.clear()


def test_no_exception_is_kept(path, make_tracker, make_record):
    """
    What waits to be written does not hold a stream by way of a traceback.
    """
    tracker = make_tracker()
    record = make_record()

    tracker.track(CallEnded(record, 1.0, record, RuntimeError("no")))

    assert all(
        event.exception is None
        for event in [*tracker._worker._queue, *tracker._pending.values()]
    )


def test_calls_sort_by_time_as_text(path, make_tracker, make_record):
    """
    Times are in one zone and of one length.
    """
    record = make_record()
    later = dataclasses.replace(
        make_record(), started_at=record.started_at.replace(microsecond=1)
    )
    tracker = make_tracker()

    end(tracker, later, record)
    tracker.flush(PATIENCE)

    query = "SELECT call_id FROM ledger ORDER BY started_at"
    assert [record.call_id, later.call_id] == [r["call_id"] for r in read(path, query)]
