"""`llmtrack report`."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from llmtrack import Cost, TokenUsage


@pytest.fixture
def report(command, tmp_path):
    """Run a report, and return its groups."""

    def run(*arguments):
        done = command("report", *arguments, "--json", cwd=tmp_path)
        assert 0 == done.returncode, done.stderr
        return json.loads(done.stdout)["groups"]

    return run


@pytest.fixture(params=["lines", "ledger"])
def write(request, as_lines, as_ledger):
    """Write calls, once as JSON lines and once as a ledger."""
    return as_lines if request.param == "lines" else as_ledger


def test_a_report_says_all_of_a_group(report, write, record, failed):
    """
    Lines and ledgers give the same report, with every number that is promised.
    """
    path = write(record(1), record(2, duration=4.0), failed(3))

    [group] = report(path)

    assert {
        "provider": "openai",
        "model": "gpt-4o-mini",
        "calls": 3,
        "success_rate": 2 / 3,
        "outcomes": {"success": 2, "error": 1, "cancelled": 0, "abandoned": 0},
        "lost": 0,
        "open": 0,
        "duration_seconds": {"p50": 2.0, "p95": 4.0, "p99": 4.0},
        "time_to_first_token_seconds": {"p50": 0.5, "p95": 0.5, "p99": 0.5},
        "tokens_per_second": {
            "p50": pytest.approx(30 / 3.5),
            "p95": pytest.approx(20),
            "p99": pytest.approx(20),
        },
        "longest_wait_seconds": 0.25,
        "input_tokens": 20,
        "output_tokens": 60,
        "estimated_calls": 0,
        "cost_usd": pytest.approx(0.002),
        "unpriced_calls": 0,
        "errors": {"rate_limit": 1},
    } == group


def test_unknown_is_none_and_never_0(report, write, failed):
    """
    Where nothing is known of tokens, cost and first tokens, the report says so.
    """
    [group] = report(write(failed()))

    assert [None] * 4 == [
        group[name]
        for name in (
            "input_tokens",
            "output_tokens",
            "cost_usd",
            "longest_wait_seconds",
        )
    ]
    assert {"p50": None, "p95": None, "p99": None} == group[
        "time_to_first_token_seconds"
    ]


def test_percentiles_are_calls(report, write, record):
    """
    A percentile is the duration of some call, by nearest rank.
    """
    path = write(*(record(n, duration=float(n)) for n in range(1, 201)))

    [group] = report(path)

    assert {"p50": 100.0, "p95": 190.0, "p99": 198.0} == group["duration_seconds"]


def test_estimated_calls_are_counted(report, write, record):
    """
    Tokens that the provider did not report are part of the sum, and told apart.
    """
    usage = TokenUsage(5, 7, 12, input_source="reported", output_source="estimate")

    [group] = report(write(record(1), record(2, usage=usage)))

    assert (15, 37, 1) == (
        group["input_tokens"],
        group["output_tokens"],
        group["estimated_calls"],
    )


def test_refused_calls_took_no_tokens(report, write, record, failed):
    """
    What was estimated of a request that was refused is no usage without a price.
    """
    asked = TokenUsage(1000, None, None, input_source="estimate")

    [group] = report(
        write(
            record(1),
            record(2, cost=None, cost_status="unknown_model"),
            failed(3, usage=asked),
        )
    )

    assert (20, 0, 1) == (
        group["input_tokens"],
        group["estimated_calls"],
        group["unpriced_calls"],
    )


def test_groups_are_by_provider_and_model(report, write, record):
    """
    Without `--by` there is a group for each provider and model, the largest first.
    """
    path = write(
        record(1),
        record(2, provider="anthropic", request_model="claude-sonnet-4-5"),
        record(3, provider="anthropic", request_model="claude-sonnet-4-5"),
        record(4, provider=None, request_model=None),
    )

    groups = report(path)

    assert ("anthropic", "claude-sonnet-4-5", 2) == tuple(groups[0].values())[:3]
    assert {("openai", "gpt-4o-mini"), (None, None)} == {
        (group["provider"], group["model"]) for group in groups[1:]
    }


@pytest.mark.parametrize(
    ("by", "key"),
    [
        ("team", {"team": "search"}),
        ("metadata.team", {"metadata.team": "search"}),
        ("tenant id", {"tenant id": 7}),
        ("day,status", {"day": "2026-01-02", "status": "success"}),
        ("hour", {"hour": "2026-01-02T12"}),
    ],
)
def test_groups_are_by_any_key(report, write, record, by, key):
    """
    `--by` takes columns, keys of the metadata, and parts of the time.
    """
    path = write(record(metadata={"team": "search", "tenant id": 7}))

    [group] = report(path, "--by", by)

    assert key.items() <= group.items()


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("model=gpt-4o-mini", {1, 2}),
        ("model=gpt-4o*", {1, 2}),
        ("model=gpt-4?*", set()),
        ("model!=gpt-4o-mini", {3}),
        ("duration_seconds>2", {2}),
        ("duration_seconds >= 2", {1, 2}),
        ("status_code=429", {3}),
        ("outcome=error", {3}),
        ("stream=true", {1, 2, 3}),
        ("team=search", {1}),
        ("team!=search", {2, 3}),
        ("team=", {3}),
        ("tenant=7", {1}),
        ("tenant>6", {1}),
        ("canary=true", {2}),
        ("name='; DROP TABLE calls; --", set()),
        ("started_at>=2026-01-02T13", {2, 3}),
    ],
)
def test_only_the_calls_that_are_meant(
    command, write, record, failed, condition, found, tmp_path
):
    """
    `--where` compares columns and metadata, as numbers where both are.
    """
    path = write(
        record(1, metadata={"team": "search", "tenant": 7}),
        record(2, minutes=60, duration=3.0, metadata={"team": "x", "canary": True}),
        failed(3, minutes=61, request_model="claude"),
    )

    done = command(
        *("report", path, "--json", "--by", "call_id", "--where", condition),
        cwd=tmp_path,
    )

    names = {group["call_id"] for group in json.loads(done.stdout)["groups"]}
    assert {f"call-{number}" for number in found} == names
    assert (0 if found else 1) == done.returncode


def test_all_conditions_have_to_hold(report, write, record, failed):
    """
    Several `--where` are connected by "and".
    """
    path = write(record(1), record(2, duration=9.0), failed(3, duration=9.0))

    [group] = report(
        path, "--where", "duration_seconds>5", "--where", "outcome=success"
    )

    assert 1 == group["calls"]


def test_calls_since_a_time(report, write, record):
    """
    `--since` takes the calls that started then or later.
    """
    path = write(record(1), record(2, minutes=30), record(3, minutes=60))

    [group] = report(path, "--since", "2026-01-02T12:30")

    assert 2 == group["calls"]


def test_several_files_are_one_report(report, as_lines, as_ledger, record):
    """
    Lines and ledgers can be mixed.
    """
    first = as_lines(record(1, duration=1.0), record(2, duration=2.0))
    second = as_ledger(record(3, duration=3.0))

    [group] = report(first, second)

    assert 3 == group["calls"]
    assert 2.0 == group["duration_seconds"]["p50"]


def test_lost_calls_are_told_from_open_ones(report, tmp_path, as_ledger, record):
    """
    A call that never ended is open while its process runs, then lost.
    """
    path = as_ledger(record(), open_calls=1)
    script = (
        "import os, sys\n"
        "from llmtrack import tracked_stream\n"
        "from llmtrack.trackers import SQLiteTracker\n"
        "tracker = SQLiteTracker(sys.argv[1])\n"
        "tracked_stream(tracker, provider='openai', model='gpt-4o-mini').__enter__()\n"
        "tracker.flush(10)\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", script, path], timeout=60, check=False)

    groups = report(path, "--by", "status")

    assert {"success": 1, "open": 1, "lost": 1} == {
        group["status"]: group["calls"] for group in groups
    }
    assert [0.0] == [g["success_rate"] for g in groups if g["status"] == "lost"]


def test_torn_lines_are_left_out_and_counted(command, as_lines, record, tmp_path):
    """
    What a power cut left of a line costs that line, and is told.
    """
    path = as_lines(record(1), record(2))
    path.write_bytes(path.read_bytes()[:-40] + b'\n[]\n{"a": 1}\n\n')

    done = command("report", path, "--json", cwd=tmp_path)

    assert 0 == done.returncode
    assert "3 lines are no records" in done.stderr
    assert 1 == json.loads(done.stdout)["groups"][0]["calls"]


def test_hostile_values_do_no_harm(command, tmp_path, as_lines, record):
    """
    Numbers that are none, or too large for the database, are unknown.
    """
    path = as_lines(record(1, metadata={"team": "x"}))
    line = json.loads(path.read_text())
    strange = {
        "duration_seconds": "long", "input_tokens": 2**70, "metadata": [1], "model": {}
    }  # fmt: skip
    path.write_text(f"{json.dumps(line)}\n{json.dumps({**line, **strange})}\n")

    done = command("report", path, "--by", "team", cwd=tmp_path)

    assert 0 == done.returncode, done.stderr


def test_standard_input_is_a_file(tmp_path, as_lines, record):
    """
    `-` reads what is piped in.
    """
    pytest.importorskip("click")
    path = as_lines(record())

    with path.open() as file:
        done = subprocess.run(
            [sys.executable, "-m", "llmtrack.cli", "report", "-", "--json"],
            stdin=file,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

    assert 1 == json.loads(done.stdout)["groups"][0]["calls"]


def test_csv_has_a_row_for_each_group(command, write, record, failed, tmp_path):
    """
    `--csv` is the same numbers, one column each, and empty where unknown.
    """
    path = write(record(1, name="a, b"), failed(2, name="wörld"))

    done = command("report", path, "--csv", "--by", "name", cwd=tmp_path)

    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert "2.0" == rows["a, b"]["duration_seconds_p99"]
    assert "" == rows["wörld"]["cost_usd"]
    assert ("", "1") == tuple(row["errors_rate_limit"] for row in rows.values())


def test_the_tables_are_plain_and_narrow(command, write, record, failed, tmp_path):
    """
    Piped, a report has no escape sequences and no line over 80 columns, whatever
    the calls are called.
    """
    long = "ein-sehr-langer-name-für-ein-模型-" * 3
    cost = Cost(1234567, True, "user", "undated")
    path = write(record(1, request_model=long, cost=cost, duration=123456.0), failed(2))

    done = command("report", path, cwd=tmp_path)

    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "rate_limit" in done.stdout
    assert "$1,234,567.00" in done.stdout


def test_markup_in_a_name_is_text(command, write, record, tmp_path):
    """
    What looks like rich's markup is printed as it is.
    """
    path = write(record(request_model="[red]x[/blue]"))

    done = command("report", path, cwd=tmp_path)

    assert "[red]x[/blue]" in done.stdout


def test_a_narrow_terminal_keeps_what_matters(command, write, record, tmp_path):
    """
    Forty columns have the names of the groups and whole numbers.
    """
    done = command("report", write(record()), cwd=tmp_path, COLUMNS="40")

    assert 3 == done.stdout.count("provider")
    assert "2.000s" in done.stdout
    assert "$0.0010" in done.stdout
    assert "…" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 40


def test_no_color_is_no_escape_at_all(command, write, record, tmp_path):
    """
    On a terminal, too, NO_COLOR means neither bold nor dim.
    """
    path = write(record())

    plain = command("report", path, cwd=tmp_path, FORCE_COLOR="1", NO_COLOR="1")

    assert "\x1b" not in plain.stdout


def test_a_name_cannot_command_the_terminal(command, write, record, tmp_path):
    """
    Escape sequences and line ends in a name are shown, and not obeyed.
    """
    path = write(record(request_model="x\x1b[2J\ny\x07"))

    done = command("report", path, cwd=tmp_path)

    assert "openai / x\\x1b[2J y\\x07" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.jsonl"], "cannot read none.jsonl"),
        (["."], "cannot read ."),
        (["garbage.txt"], "neither JSON lines of llmtrack nor a ledger"),
        (["other.db"], "no ledger"),
        (["calls.jsonl", "--since", "yesterday"], "--since takes a time"),
        (["calls.jsonl", "--where", "model"], "--where takes KEY=VALUE"),
        (
            ["calls.jsonl", "--by", "nam"],
            "no column or metadata key 'nam'; did you mean 'name'?",
        ),
        (["calls.jsonl", "--where", "outcom=error"], "did you mean 'outcome'?"),
        (["calls.jsonl", "--where", "team=x"], "no column or metadata key 'team'"),
        (["calls.jsonl", "--where", "tennant=x"], "did you mean 'tenant'?"),
        (["calls.jsonl", "--where", "duration_seconds<abc"], "'abc' is not a number"),
        (["calls.jsonl", "--html", "no/page.html"], "directory that exists"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    command, as_lines, record, tmp_path, arguments, told
):
    """
    Exit code 2, and one line that says what is wrong.
    """
    as_lines(record(metadata={"tenant": 7}))
    (tmp_path / "garbage.txt").write_text("no\nJSON\n")
    (tmp_path / "other.db").write_bytes(b"SQLite format 3\0" + os.urandom(200))

    done = command("report", *arguments, cwd=tmp_path)

    assert 2 == done.returncode
    assert 1 == len(done.stderr.splitlines()), done.stderr
    assert told in done.stderr


def test_a_report_has_one_form(command, as_lines, record, tmp_path):
    """
    JSON and CSV at once would be neither.
    """
    done = command("report", as_lines(record()), "--csv", "--json", cwd=tmp_path)

    assert 2 == done.returncode
    assert "--json and --csv exclude each other" in done.stderr


def test_a_key_that_some_call_has_is_known(report, write, record):
    """
    Calls that lack a key of the metadata are a group of their own.
    """
    groups = report(
        write(record(1), record(2, metadata={"team": "x"})), "--by", "metadata.team"
    )

    assert {None, "x"} == {group["metadata.team"] for group in groups}


def test_no_calls_are_an_exit_code(command, tmp_path):
    """
    An empty file has nothing to report: exit code 1, and still valid JSON.
    """
    (tmp_path / "empty.jsonl").touch()

    done = command("report", "empty.jsonl", "--json", cwd=tmp_path)

    assert 1 == done.returncode
    assert {"groups": []} == json.loads(done.stdout)
