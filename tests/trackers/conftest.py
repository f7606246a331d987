"""Calls that never happened: events and records for trackers under test."""

from __future__ import annotations

import itertools
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from llmtrack.events import (
    CallEnded,
    CallStarted,
    Delta,
    Event,
    FirstToken,
    UsageKnown,
)
from llmtrack.record import CallInfo, CallRecord, Cost, ErrorInfo, Outcome, TokenUsage

_STARTED_AT = datetime(2026, 11, 20, 12, 30, 15, tzinfo=UTC)
_numbers = itertools.count(1)

_INFO = {
    "parent_id": None,
    "name": "answer",
    "operation": "chat",
    "provider": "openai",
    "dialect": "openai.chat",
    "request_model": "gpt-4o-mini",
    "server_address": "api.openai.com",
    "server_port": 443,
    "stream": True,
    "started_at": _STARTED_AT,
    "metadata": {},
}
_ENDING = {
    "duration": 1.25,
    "outcome": Outcome.SUCCESS,
    "complete": True,
    "response_model": "gpt-4o-mini-2024-07-18",
    "time_to_first_token": 0.25,
    "chunks": 12,
    "finish_reason": "stop",
    "usage": TokenUsage(
        20, 10, 30, input_source="reported", output_source="reported", confidence=1.0
    ),
    "cost": Cost(Decimal("0.000009"), True, "genai-prices", "2026-11-01"),
    "cost_status": "priced",
}


@pytest.fixture
def make_call() -> Callable[..., CallInfo]:
    """Return a function that makes a `CallInfo`, each with an id of its own."""

    def make_call(**fields: Any) -> CallInfo:
        return CallInfo(**{"call_id": f"call-{next(_numbers)}", **_INFO, **fields})

    return make_call


@pytest.fixture
def make_record() -> Callable[..., CallRecord]:
    """Return a function that makes the record of a streamed call that worked."""

    def make_record(**fields: Any) -> CallRecord:
        number = {"call_id": f"call-{next(_numbers)}"}
        return CallRecord(**{**number, **_INFO, **_ENDING, **fields})

    return make_record


@pytest.fixture
def failed_record(make_record: Callable[..., CallRecord]) -> CallRecord:
    """Return the record of a call that the provider refused."""
    return make_record(
        outcome=Outcome.ERROR,
        complete=False,
        response_model=None,
        time_to_first_token=None,
        chunks=0,
        finish_reason=None,
        error=ErrorInfo(
            "openai.RateLimitError", "slow down", "rate_limit", 429, True, 2.0
        ),
        usage=TokenUsage(),
        cost=None,
        cost_status="no_usage",
    )


@pytest.fixture
def events_of() -> Callable[[CallRecord], list[Event]]:
    """Return a function that tells the events of a call, as the core sends them."""

    def events_of(record: CallRecord) -> list[Event]:
        call = CallInfo(**{name: getattr(record, name) for name in _FIELDS})
        events: list[Event] = [CallStarted(call, 0.0)]
        if record.time_to_first_token is not None:
            first = record.time_to_first_token
            events.append(FirstToken(call, first, first, "text"))
        events.append(UsageKnown(record, record.duration, record.usage))
        events.append(CallEnded(record, record.duration, record, None))
        return events

    return events_of


_FIELDS = ("call_id", *_INFO)


@pytest.fixture
def make_delta(make_call: Callable[..., CallInfo]) -> Callable[..., Delta]:
    """Return a function that makes a `Delta`."""

    def make_delta(text: str = "hello", **fields: Any) -> Delta:
        call = fields.pop("call", None) or make_call()
        given = {
            "elapsed": 0.5,
            "index": 0,
            "kind": "text",
            "is_json": False,
            "finish_reason": None,
            "chunk": None,
            "tokens": 1,
            "cost": None,
            **fields,
        }
        return Delta(call, text=text, **given)

    return make_delta


class Told:
    """A tracker that keeps what it is told."""

    def __init__(self, events: frozenset[type[Event]] | None = None) -> None:
        if events is not None:
            self.events = events
        self.seen: list[Event] = []

    def track(self, event: Event, /) -> None:
        self.seen.append(event)

    @property
    def names(self) -> list[str]:
        """The classes of the events, in order."""
        return [type(event).__name__ for event in self.seen]


@pytest.fixture
def told() -> Told:
    """Return a tracker that keeps what it is told."""
    return Told()


@pytest.fixture
def make_told() -> type[Told]:
    """Return the class of trackers that keep what they are told."""
    return Told


_PRELUDE = """
import os, sys, threading, time, uuid
from datetime import UTC, datetime
from llmtrack.events import CallEnded, CallStarted
from llmtrack.record import CallInfo, CallRecord, Outcome
from llmtrack import trackers

def info_of(call_id):
    return (call_id, None, "answer", "chat", "openai", "openai.chat", "gpt-4o-mini",
            None, None, True, datetime.now(UTC), {})

def started(call_id):
    return CallStarted(CallInfo(*info_of(call_id)), 0.0)

def ended(call_id, **fields):
    record = CallRecord(*info_of(call_id), 1.0, Outcome.SUCCESS, True, **fields)
    return CallEnded(record, 1.0, record)
"""


class Python:
    """Runs scripts in processes of their own."""

    @staticmethod
    def script(script: str) -> str:
        """
        Return the script, with `trackers` imported.

        `started(call_id)` and `ended(call_id)` make events there.
        """
        return _PRELUDE + textwrap.dedent(script)

    def __call__(
        self, script: str, *arguments: object, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                # From 3.12 on, of a fork in a process that has threads.
                "-Wignore::DeprecationWarning",
                "-c",
                self.script(script),
                *map(str, arguments),
            ],
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
            **options,
        )


@pytest.fixture
def run_python() -> Python:
    """Return what runs a script in a process of its own."""
    return Python()
