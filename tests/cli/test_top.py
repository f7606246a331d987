"""`llmtrack top`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from llmtrack import TokenUsage


@pytest.fixture
def top(command, tmp_path):
    """Look at a file once."""

    def run(*arguments, **environment):
        done = command("top", *arguments, cwd=tmp_path, **environment)
        assert 0 == done.returncode, done.stderr
        return done.stdout

    return run


def test_open_calls_come_first(top, as_ledger, record):
    """
    What runs is above what has ended, though it started earlier.
    """
    shown = top(as_ledger(record(1, minutes=5), open_calls=1))

    head, _, table = shown.partition("start")
    assert "1 open  0 lost" in head
    assert table.index(" open ") < table.index(" success ")


def test_the_latest_calls_come_first(top, as_lines, record):
    """
    Calls that ended are sorted by their start, the latest first.
    """
    path = as_lines(*(record(n, minutes=n, name=f"call {n}") for n in range(30)))

    shown = top(path)

    assert shown.index("call 29") < shown.index("call 28")
    assert "call 5 " not in shown


def test_estimates_and_errors_are_told(top, as_lines, record, failed):
    """
    A row marks estimated tokens, and on a wide terminal says why a call failed.
    """
    usage = TokenUsage(10, 30, 40, input_source="reported", output_source="estimate")

    shown = top(as_lines(record(usage=usage), failed(2)), COLUMNS="120")

    assert "~30" in shown
    assert "rate_limit" in shown


@pytest.mark.parametrize("columns", ["80", "40"])
def test_no_row_is_wider_than_the_terminal(top, as_ledger, record, columns):
    """
    Long names are cut, and the output is plain.
    """
    path = as_ledger(record(name="模型" * 30, request_model="m" * 90))

    shown = top(path, COLUMNS=columns)

    assert max(map(len, shown.splitlines())) <= max(int(columns), 80)
    assert "\x1b" not in shown


def test_numbers_are_whole_on_80_columns(top, as_ledger, record):
    """
    Names are cut, and tokens and costs never.
    """
    usage = TokenUsage(1234567, 34567, input_source="reported", output_source="tally")

    shown = top(as_ledger(record(name="n" * 40, request_model="m" * 40, usage=usage)))

    assert all(told in shown for told in ("success", "1.23M", "~34.6k", "$0.0010"))
    assert max(map(len, shown.splitlines())) <= 80


def test_a_line_that_is_being_written_is_passed_over(top, as_lines, record):
    """
    Half of a line is no call yet.
    """
    path = as_lines(record(1), record(2))
    path.write_bytes(path.read_bytes()[:-20])

    shown = top(path)

    assert 1 == shown.count(" success ")


def test_a_ledger_without_calls_can_be_watched(top, as_ledger):
    """
    A ledger that nobody has written to yet is shown empty.
    """
    shown = top(as_ledger())

    assert "0 open  0 lost" in shown


def test_what_cannot_be_read_is_said_in_one_line(command, tmp_path):
    """
    A file that is not there is exit code 2, and no traceback.
    """
    done = command("top", "none.db", cwd=tmp_path)

    assert 2 == done.returncode
    assert 1 == len(done.stderr.splitlines())


def test_on_a_terminal_it_runs_until_it_is_interrupted(as_ledger, record):
    """
    Ctrl-C ends it with exit code 0, and gives the screen back.
    """
    pty = pytest.importorskip("pty")
    pytest.importorskip("rich")
    path = as_ledger(record())
    screen, terminal = pty.openpty()

    watching = subprocess.Popen(
        [sys.executable, "-m", "llmtrack.cli", "top", path, "--interval", "0.1"],
        env={**os.environ, "TERM": "xterm"},
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    seen = b""
    while b"success" not in seen:
        seen += os.read(screen, 4096)
    watching.send_signal(2)
    with open(screen, "rb", buffering=0) as rest:
        try:
            while piece := rest.read(4096):
                seen += piece
        except OSError:
            # Linux has it so where the other side has closed.
            seen += b"."

    assert 0 == watching.wait(timeout=10)
    assert b"\x1b[?1049l" in seen
