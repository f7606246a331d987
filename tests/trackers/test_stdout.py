"""The line that a person reads, and the one for machines."""

import dataclasses
import io
import json
import sys
from decimal import Decimal

import pytest

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded
from llmtrack.record import Cost, Outcome, TokenUsage
from llmtrack.trackers import StdoutTracker


def line_of(record, file=None, **options):
    file = io.StringIO() if file is None else file
    StdoutTracker(file, **options).track(CallEnded(record, 1.0, record))
    return file.getvalue()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_call_is_one_line_with_what_one_wants_to_know(make_record):
    """
    Name, model, duration, time to first token, tokens and cost.
    """
    line = line_of(make_record())

    assert line == (
        "✓ answer         gpt-4o-mini-2024-07-18"
        "  1.25s ttft 0.25s 20→10 tok $0.000009\n"
    )


def test_a_usual_line_fits_into_eighty_columns(make_record):
    """
    A call of a usual model with usual numbers does not wrap.
    """
    assert 80 >= len(line_of(make_record()).rstrip("\n"))


def test_a_failed_call_says_why(failed_record):
    """
    The error's kind, status and message stand at the end.
    """
    line = line_of(failed_record)

    assert line.startswith("✗ answer")
    assert line.endswith(" 1.25s rate_limit 429: slow down\n")


@pytest.mark.parametrize(
    ("outcome", "mark"), [(Outcome.CANCELLED, "⊘"), (Outcome.ABANDONED, "◐")]
)
def test_a_call_that_was_left_says_so(make_record, outcome, mark):
    """
    Cancelled and abandoned calls have a mark and a word of their own.
    """
    line = line_of(make_record(outcome=outcome))

    assert line.startswith(mark)
    assert line.endswith(f"{outcome}\n")


def test_estimates_are_marked(make_record):
    """
    A number that the provider did not report has a tilde, and so has its cost.
    """
    usage = TokenUsage(20, 10, 30, input_source="reported", output_source="tokenizer")

    line = line_of(make_record(usage=usage))

    assert "20→~10 tok ~$0.000009" in line


def test_what_is_unknown_is_left_out(make_record):
    """
    No tokens, no cost and no first token are no zeros.
    """
    record = make_record(
        usage=TokenUsage(), cost=None, cost_status="no_usage", time_to_first_token=None
    )

    assert line_of(record).endswith("1.25s\n")


def test_a_nested_call_says_so(make_record):
    """
    Tokens and cost belong to the inner call.
    """
    record = make_record(usage=TokenUsage(), cost=None, cost_status="nested")

    assert line_of(record).endswith(" nested\n")


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        ("0", "$0"),
        ("12.3456", "$12.35"),
        ("0.1234", "$0.12"),
        ("0.00000912", "$0.0000091"),
        ("1E-400", "<$0.00000001"),
    ],
)
def test_an_amount_has_the_digits_that_it_deserves(make_record, usd, shown):
    """
    Cents for dollars, two digits for less.
    """
    cost = Cost(Decimal(usd), True, "user", "1")

    assert line_of(make_record(cost=cost)).endswith(f" {shown}\n")


def test_nothing_of_a_call_can_steer_the_terminal(make_record, failed_record):
    """
    Escape sequences and line breaks in names and messages are shown, not run.
    """
    evil = dataclasses.replace(failed_record.error, message="a\x1b[2Jb\nc\u202e")

    line = line_of(make_record(name="x\x1b]0;y", outcome=Outcome.ERROR, error=evil))

    assert 1 == line.count("\n")
    assert "\x1b" not in line
    assert "\u202e" not in line


def test_a_terminal_is_coloured(make_record, monkeypatch):
    """
    Colours are for terminals alone.
    """
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    assert "\x1b[32m✓\x1b[0m" in line_of(make_record(), Terminal())
    assert "\x1b" not in line_of(make_record())


@pytest.mark.parametrize("setting", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_refused(make_record, monkeypatch, setting):
    """
    `NO_COLOR` and a dumb terminal are respected.
    """
    monkeypatch.setenv(*setting)

    assert "\x1b" not in line_of(make_record(), Terminal())


def test_an_error_is_cut_to_the_width_of_the_terminal(failed_record, monkeypatch):
    """
    A long message does not wrap on a terminal.
    """
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    long = dataclasses.replace(failed_record.error, message="slow " * 100)

    line = line_of(dataclasses.replace(failed_record, error=long), Terminal())

    assert 80 == len(line.rstrip("\n"))
    assert line.endswith("…\n")


def test_an_ascii_stdout_gets_ascii(make_record):
    """
    What the encoding lacks is written in another way, not lost.
    """
    bytes_ = io.BytesIO()
    file = io.TextIOWrapper(bytes_, encoding="ascii", write_through=True)

    StdoutTracker(file).track(CallEnded(record := make_record(name="é"), 1.0, record))

    assert bytes_.getvalue().startswith(b"+ \\xe9 ")
    assert b"20->10 tok" in bytes_.getvalue()


def test_json_for_machines_is_the_records_dict(make_record):
    """
    With `format="json"` a line is the record's dict.
    """
    record = make_record(metadata={"user_id": "é"})

    assert record.to_dict() == json.loads(line_of(record, format="json"))


def test_json_stays_json_on_an_ascii_stdout(make_record):
    """
    Characters are escaped as JSON does it.
    """
    bytes_ = io.BytesIO()
    file = io.TextIOWrapper(bytes_, encoding="ascii", write_through=True)
    record = make_record(metadata={"user_id": "é\ud83d"})

    StdoutTracker(file, format="json").track(CallEnded(record, 1.0, record))

    assert {"user_id": "é\ud83d"} == json.loads(bytes_.getvalue())["metadata"]


def test_without_a_file_it_is_the_stdout_of_the_moment(make_record, capsys):
    """
    A stdout that was redirected later gets the line.
    """
    record = make_record()

    StdoutTracker().track(CallEnded(record, 1.0, record))

    assert "answer" in capsys.readouterr().out


def test_a_closed_file_costs_the_line_only(make_record):
    """
    The program goes on, and the loss is counted.
    """
    file = io.StringIO()
    file.close()
    tracker = StdoutTracker(file)
    record = make_record()

    tracker.track(CallEnded(record, 1.0, record))

    assert 1 == tracker.dropped


def test_no_stdout_at_all_costs_the_line_only(make_record, monkeypatch):
    """
    Under pythonw `sys.stdout` is None.
    """
    monkeypatch.setattr(sys, "stdout", None)
    tracker = StdoutTracker()
    record = make_record()

    tracker.track(CallEnded(record, 1.0, record))

    assert 1 == tracker.dropped


def test_a_broken_stdout_does_not_change_how_the_program_ends(run_python):
    """
    Behind `| head -0` the exit status stays 0, and stderr stays empty.
    """
    done = run_python(
        """
        read, write = os.pipe()
        os.dup2(write, 1)
        os.close(write)
        os.close(read)
        trackers.StdoutTracker().track(ended(1))
        """
    )

    assert (0, "") == (done.returncode, done.stderr)


def test_lines_stand_where_they_happened(run_python):
    """
    The tracker's lines keep their place between the program's own.
    """
    done = run_python(
        """
        print("before")
        trackers.StdoutTracker().track(ended(1))
        print("after")
        """,
        env={"PYTHONIOENCODING": "utf-8"},
    )

    assert ["before", "✓ answer", "after"] == [
        line[:8].rstrip() for line in done.stdout.splitlines()
    ]


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        ({"file": "calls.log"}, "JSONLinesTracker"),
        ({"file": io.BytesIO()}, "text stream"),
        ({"format": "xml"}, "xml"),
    ],
)
def test_what_cannot_work_is_refused_at_once(arguments, cure):
    """
    A path, a binary file and an unknown format are errors at set-up.
    """
    with pytest.raises(ConfigurationError, match=cure):
        StdoutTracker(**arguments)
