"""One line of JSON a call, whoever else writes to the file."""

import json
import math
import os
import threading

import pytest

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded
from llmtrack.trackers import JSONLinesTracker


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calls.jsonl"


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def append(tracker, *records):
    for record in records:
        tracker.track(CallEnded(record, 1.0, record))


def test_a_line_is_the_records_dict(path, make_record, events_of):
    """
    A call is one line, written when it has ended.
    """
    record = make_record(metadata={"user_id": "Zoë"})
    tracker = JSONLinesTracker(path)

    for event in events_of(record):
        tracker.track(event)

    assert [record.to_dict()] == lines(path)


def test_a_database_is_not_appended_to(path):
    """
    A ledger is refused, and stays as it is.
    """
    content = b"SQLite format 3\0" + bytes(84)
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match="is a SQLite database"):
        JSONLinesTracker(path)

    assert content == path.read_bytes()


def test_what_cannot_be_written_is_named_once(tmp_path):
    """
    The message has the path once, and not as an object of Python.
    """
    path = tmp_path / "none" / "x.jsonl"

    with pytest.raises(ConfigurationError) as caught:
        JSONLinesTracker(path)

    assert str(caught.value).startswith(f"cannot append to {path}: No such file")
    assert 1 == str(caught.value).count("x.jsonl")


def test_what_is_there_stays(path, make_record):
    """
    A second process goes on where the first one ended.
    """
    first, second = make_record(), make_record()

    append(JSONLinesTracker(path), first)
    append(JSONLinesTracker(path), second)

    assert [first.call_id, second.call_id] == [line["call_id"] for line in lines(path)]


def test_two_trackers_share_a_file(path, make_record):
    """
    Each appends, wherever it was when it opened the file.
    """
    first, second = JSONLinesTracker(path), JSONLinesTracker(path)
    records = [make_record() for _ in range(4)]

    append(first, records[0])
    append(second, records[1])
    append(first, records[2])
    append(second, records[3])

    assert [r.call_id for r in records] == [line["call_id"] for line in lines(path)]


def test_what_ends_at_exit_is_written(path, run_python):
    """
    The file stays open for functions that `atexit` calls last.
    """
    done = run_python(
        """
        import atexit
        atexit.register(lambda: tracker.track(ended("last")))
        tracker = trackers.JSONLinesTracker(sys.argv[1])
        """,
        path,
    )

    assert "" == done.stderr
    assert ["last"] == [line["call_id"] for line in lines(path)]


def test_half_a_line_of_a_lost_process_stays_alone(path, make_record):
    """
    What a full disk left of a line does not spoil the next one.
    """
    path.write_text('{"call_id": "ha')
    record = make_record()

    append(JSONLinesTracker(path), record)

    assert record.call_id == json.loads(path.read_text().splitlines()[1])["call_id"]


def circular():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "metadata",
    [{"x": object()}, {(1, 2): 3}, {"x": math.nan}, {"x": circular()}, {"x": "\ud83d"}],
)
def test_metadata_that_is_no_json_costs_no_line(path, make_record, metadata):
    """
    The rest of the record is there, whatever a program puts beside it.
    """
    record = make_record(metadata=metadata)

    append(JSONLinesTracker(path), record)

    assert [record.call_id] == [line["call_id"] for line in lines(path)]


def test_threads_share_a_tracker(path, make_record):
    """
    No line is lost, doubled or torn by other threads.
    """
    tracker = JSONLinesTracker(path)
    records = [make_record(output_text="x" * 20_000) for _ in range(200)]
    threads = [
        threading.Thread(target=append, args=(tracker, *records[start::8]))
        for start in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    written = [line["call_id"] for line in lines(path)]
    assert sorted(record.call_id for record in records) == sorted(written)


def test_forked_processes_share_a_tracker(path, run_python):
    """
    No line is lost, doubled or torn by other processes.
    """
    done = run_python(
        """
        tracker = trackers.JSONLinesTracker(sys.argv[1])
        children = []
        for child in range(4):
            if (pid := os.fork()) == 0:
                for n in range(50):
                    tracker.track(ended(f"{child}-{n}", output_text="x" * 20_000))
                os._exit(0)
            children.append(pid)
        for pid in children:
            os.waitpid(pid, 0)
        """,
        path,
    )

    assert "" == done.stderr
    assert sorted(f"{child}-{n}" for child in range(4) for n in range(50)) == sorted(
        line["call_id"] for line in lines(path)
    )


@pytest.mark.parametrize("name", ["", "no/such/directory/calls.jsonl", "\0"])
def test_a_path_that_cannot_be_written_is_refused(tmp_path, name):
    """
    A directory, a missing directory and a name that is none are told at set-up.
    """
    with pytest.raises(ConfigurationError, match="cannot append to"):
        JSONLinesTracker(os.path.join(tmp_path, name))


def test_no_path_is_refused():
    """
    None is no path.
    """
    with pytest.raises(ConfigurationError, match="None"):
        JSONLinesTracker(None)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_the_trackers_failure(make_record):
    """
    Whoever guards the tracker is told, and counts it.
    """
    tracker = JSONLinesTracker("/dev/full")

    with pytest.raises(OSError, match="No space left"):
        append(tracker, make_record())


def test_a_closed_tracker_writes_nowhere(path, make_record):
    """
    The number of a closed file may belong to another file by now.
    """
    tracker = JSONLinesTracker(path)
    tracker.close()
    tracker.close()

    with pytest.raises(ValueError, match="closed"):
        append(tracker, make_record())

    assert [] == lines(path)


def test_a_dropped_tracker_leaves_no_file_open(path):
    """
    Ten thousand trackers made and dropped use no more than one file at a time.
    """
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(50):
        JSONLinesTracker(path)

    assert before + 1 >= len(os.listdir("/proc/self/fd"))
