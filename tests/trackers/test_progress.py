"""What somebody sees who waits for calls."""

import io
import re
import sys
from decimal import Decimal

import pytest

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, Delta
from llmtrack.trackers import ProgressTracker


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def stream(make_record, events_of, make_delta):
    """Return a function that gives the events of a stream of some seconds."""

    def stream(seconds=3, per_second=10, **fields):
        record = make_record(**fields)
        start, first, usage, end = events_of(record)
        deltas = [
            make_delta(
                call=start.call,
                index=n,
                elapsed=0.25 + (n + 1) / per_second,
                tokens=n + 1,
                cost=Decimal(n + 1) / 1000,
            )
            for n in range(seconds * per_second)
        ]
        return [start, first, *deltas, usage, end]

    return stream


def tell(tracker, events):
    for event in events:
        tracker.track(event)


def test_a_stream_tells_a_line_a_second(stream):
    """
    Off a terminal there are plain lines, and the call's own line at the end.
    """
    file = io.StringIO()

    tell(ProgressTracker(file), stream())

    *between, last = file.getvalue().splitlines()
    assert 3 == len(between)
    assert "… answer gpt-4o-mini ~8 tok 10 tok/s ~$0.008" == between[0]
    assert last.startswith("✓ answer")


def test_a_quick_call_is_one_line(stream):
    """
    What is over within a second says nothing in between.
    """
    file = io.StringIO()

    tell(ProgressTracker(file), stream(seconds=0))

    assert 1 == file.getvalue().count("\n")


def test_without_a_file_it_is_the_stderr_of_the_moment(stream, capsys):
    """
    Stdout belongs to the program.
    """
    tell(ProgressTracker(), stream())

    captured = capsys.readouterr()
    assert ("", 4) == (captured.out, captured.err.count("\n"))


def test_a_terminal_has_a_spinner_while_a_call_is_open(stream, monkeypatch):
    """
    With rich the line is drawn anew, and gone when the call has ended.
    """
    pytest.importorskip("rich", reason="needs the extra cli")
    monkeypatch.setenv("TERM", "xterm-256color")
    file = Terminal()
    tracker = ProgressTracker(file)
    *open_, end = stream()

    tell(tracker, open_)
    tracker._display._progress.refresh()
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", file.getvalue())
    tracker.track(end)

    assert "answer gpt-4o-mini ~30 tok 10 tok/s ~$0.03" in drawn
    assert file.getvalue().endswith("$0.000009\n")
    assert "\x1b[?25h" in file.getvalue(), "the cursor is shown again"


def test_calls_that_overlap_share_the_display(stream, monkeypatch):
    """
    The display ends with the last of them, and begins again with the next.
    """
    pytest.importorskip("rich", reason="needs the extra cli")
    monkeypatch.setenv("TERM", "xterm")
    file = Terminal()
    tracker = ProgressTracker(file)
    first, second, third = stream(), stream(name="other"), stream(name="third")

    tell(tracker, [first[0], second[0], *second[1:], *first[1:], *third])

    lines = [line for line in file.getvalue().splitlines() if "✓" in line]
    assert ["other", "answer", "third"] == [
        re.search(r"✓ (\w+)", line)[1] for line in lines
    ]


def test_a_terminal_without_rich_has_lines(stream, monkeypatch):
    """
    A missing extra costs the spinner only.
    """
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setenv("TERM", "xterm")
    file = Terminal()

    tell(ProgressTracker(file), stream())

    assert 4 == file.getvalue().count("\n")


def test_nothing_is_kept_of_a_call_that_has_ended(stream):
    """
    Memory does not grow with the number of calls.
    """
    tracker = ProgressTracker(io.StringIO())

    for _ in range(100):
        tell(tracker, stream())

    assert {} == tracker._running


def test_a_closed_file_costs_the_lines_only(stream):
    """
    The program goes on, and the loss is counted.
    """
    file = io.StringIO()
    file.close()
    tracker = ProgressTracker(file)

    tell(tracker, stream())

    assert tracker.dropped
    assert {} == tracker._running


def test_no_stderr_at_all_costs_the_lines_only(stream, monkeypatch):
    """
    Under pythonw `sys.stderr` is None.
    """
    monkeypatch.setattr(sys, "stderr", None)

    tell(ProgressTracker(), stream())


def test_an_event_of_an_unknown_call_is_ignored(make_record, make_delta):
    """
    A call that started before the tracker was there is not shown.
    """
    file = io.StringIO()
    tracker = ProgressTracker(file)
    record = make_record()

    tell(tracker, [make_delta(), CallEnded(record, 1.0, record)])

    assert "" == file.getvalue()


def test_it_asks_for_deltas():
    """
    Without them it would not know what has come in.
    """
    assert Delta in ProgressTracker.events


def test_what_is_no_stream_is_refused():
    """
    A path is an error at set-up.
    """
    with pytest.raises(ConfigurationError, match="text stream"):
        ProgressTracker("progress.log")
