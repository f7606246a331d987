"""What the tests share: the command as its users run it, and calls to report."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from llmtrack import (
    CallEnded,
    CallInfo,
    CallRecord,
    CallStarted,
    Cost,
    ErrorInfo,
    Outcome,
    TokenUsage,
)
from llmtrack.trackers import JSONLinesTracker, SQLiteTracker

Run = Callable[..., subprocess.CompletedProcess[str]]


def _run(
    *arguments: str | Path, cwd: Path, timeout: float = 60, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `llmtrack` with its output piped, in an environment of its own."""
    inherited = {
        name: os.environ[name]
        for name in ("PATH", "SYSTEMROOT", "TMPDIR")
        if name in os.environ
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "llmtrack.cli", *map(str, arguments)],
        cwd=cwd,
        env={**inherited, "PYTHONUTF8": "1", "HOME": str(cwd), **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
    )


@pytest.fixture(scope="session")
def llmtrack() -> Run:
    """Run the command: `llmtrack("report", path, cwd=folder, NO_COLOR="1")`."""
    pytest.importorskip("click")
    pytest.importorskip("rich")
    return _run


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command as `llmtrack` does, but faster: in this process."""
    pytest.importorskip("rich")
    pytest.importorskip("click")
    commands = pytest.importorskip("llmtrack.cli.commands")

    def run(
        *arguments: str | Path, cwd: Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        for name, value in {"COLUMNS": "80", **environment}.items():
            monkeypatch.setenv(name, value)
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            try:
                commands.llmtrack(list(map(str, arguments)), prog_name="llmtrack")
            except SystemExit as exit:
                code = exit.code or 0
        assert isinstance(code, int)
        return subprocess.CompletedProcess(
            arguments, code, out.getvalue(), err.getvalue()
        )

    return run


_NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def _record(number: int = 0, *, minutes: float = 0, **changes: Any) -> CallRecord:
    """Return a call that started so many minutes after noon."""
    fields: dict[str, Any] = {
        "call_id": f"call-{number}",
        "parent_id": None,
        "name": "answer",
        "operation": "chat",
        "provider": "openai",
        "dialect": "openai.chat",
        "request_model": "gpt-4o-mini",
        "server_address": "api.openai.com",
        "server_port": 443,
        "stream": True,
        "started_at": _NOON + timedelta(minutes=minutes),
        "metadata": {},
        "duration": 2.0,
        "outcome": Outcome.SUCCESS,
        "complete": True,
        "time_to_first_token": 0.5,
        "longest_wait": 0.25,
        "usage": TokenUsage(
            10, 30, 40, input_source="reported", output_source="reported"
        ),
        "cost": Cost(Decimal("0.001"), True, "user", "undated"),
        "cost_status": "priced",
    }
    return CallRecord(**{**fields, **changes})


def _as_lines(path: Path, *records: CallRecord) -> Path:
    """Write calls to a file of JSON lines."""
    tracker = JSONLinesTracker(path)
    for each in records:
        tracker.track(CallEnded(each, each.duration, each))
    tracker.close()
    return path


def _as_ledger(path: Path, *records: CallRecord, open_calls: int = 0) -> Path:
    """Write calls to a ledger, and some more that have only started."""
    tracker = SQLiteTracker(path)
    for each in records:
        tracker.track(CallEnded(each, each.duration, each))
    for number in range(open_calls):
        tracker.track(CallStarted(_started(number), 0.0))
    tracker.flush(10)
    tracker.close()
    return path


def _started(number: int = 0) -> CallInfo:
    """Return a call that runs."""
    return CallInfo(
        call_id=f"open-{number}",
        parent_id=None,
        name="answer",
        operation="chat",
        provider="openai",
        dialect=None,
        request_model="gpt-4o-mini",
        server_address=None,
        server_port=None,
        stream=None,
        started_at=_NOON,
        metadata={},
    )


def _failed(number: int = 0, **changes: Any) -> CallRecord:
    """Return a call that was refused."""
    refused = ErrorInfo("openai.RateLimitError", "slow down", "rate_limit", 429, True)
    fields: dict[str, Any] = {
        "outcome": Outcome.ERROR,
        "error": refused,
        "duration": 1.0,
        "time_to_first_token": None,
        "longest_wait": None,
        "usage": TokenUsage(),
        "cost": None,
        "cost_status": "no_usage",
    }
    return _record(number, **{**fields, **changes})


@pytest.fixture(scope="session")
def record() -> Callable[..., CallRecord]:
    """Make a call that started so many `minutes` after noon."""
    return _record


@pytest.fixture(scope="session")
def failed() -> Callable[..., CallRecord]:
    """Make a call that was refused."""
    return _failed


@pytest.fixture
def as_lines(tmp_path: Path) -> Callable[..., Path]:
    """Write calls to a file of JSON lines."""
    return lambda *records, name="calls.jsonl": _as_lines(tmp_path / name, *records)


@pytest.fixture
def as_ledger(tmp_path: Path) -> Callable[..., Path]:
    """Write calls to a ledger, and `open_calls` more that have only started."""
    return lambda *records, open_calls=0, name="calls.db": _as_ledger(
        tmp_path / name, *records, open_calls=open_calls
    )
