"""A call as a row of the ledger."""

from __future__ import annotations

import json
from datetime import UTC
from operator import attrgetter
from typing import Any, Final

from llmtrack.record import CallInfo, CallRecord
from llmtrack.trackers.lines import metadata_json

Row = tuple[Any, ...]

#: Rows that one statement inserts. SQLite lets other threads run meanwhile; after
#: each statement the writer waits for its turn among those that compute.
CHUNKS: Final = (512, 64, 8, 1)

_KNOWN_AT_START: Final = (
    "call_id", "process", "started_at", "metadata", "request_parameters", "model",
    "parent_id", "name", "operation", "provider", "dialect", "request_model",
    "server_address", "server_port", "stream",
)  # fmt: skip
_KNOWN_AT_END: Final = (
    "outcome", "complete", "response_model", "response_id", "duration_seconds",
    "time_to_first_chunk_seconds", "time_to_first_token_seconds",
    "time_to_first_text_seconds", "provider_time_seconds", "consumer_time_seconds",
    "longest_wait_seconds", "tokens_per_second", "chunks", "finish_reason",
    "input_text", "output_text", "reasoning_text", "cost_status", "tool_calls",
    "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens",
    "cache_write_tokens", "reasoning_tokens", "input_source", "output_source",
    "is_estimated", "confidence", "is_lower_bound", "uncounted", "error",
    "error_type", "error_kind", "status_code", "retryable", "retry_after_seconds",
    "cost_usd", "cost_complete", "pricing_source", "pricing_version",
)  # fmt: skip
COLUMNS: Final = _KNOWN_AT_START + _KNOWN_AT_END

_of_call = attrgetter(
    "parent_id", "name", "operation", "provider", "dialect", "request_model",
    "server_address", "server_port", "stream",
)  # fmt: skip
_of_record = attrgetter(
    "outcome.value", "complete", "response_model", "response_id", "duration",
    "time_to_first_chunk", "time_to_first_token", "time_to_first_text",
    "provider_time", "consumer_time", "longest_wait", "tokens_per_second", "chunks",
    "finish_reason", "input_text", "output_text", "reasoning_text", "cost_status",
)  # fmt: skip
_of_usage = attrgetter(
    "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens",
    "cache_write_tokens", "reasoning_tokens", "input_source", "output_source",
    "is_estimated", "confidence", "is_lower_bound",
)  # fmt: skip
_of_error = attrgetter("type", "kind", "status_code", "retryable", "retry_after")


def insert_of_starts(rows: int) -> str:
    """Return the statement that makes rows for calls that have started."""
    return f"INSERT OR IGNORE {_into(_KNOWN_AT_START, rows)}"


def insert_of_ends(rows: int) -> str:
    """Return the statement that completes rows, or makes those that are missing."""
    changed = ", ".join(f"{n} = excluded.{n}" for n in COLUMNS if n != "call_id")
    return (
        f"INSERT {_into(COLUMNS, rows)} ON CONFLICT (call_id) DO UPDATE SET {changed}"
    )


def row_of_start(call: CallInfo, process: int) -> Row:
    """Return what `insert_of_starts` takes for a row."""
    return (
        call.call_id,
        process,
        # In one time zone and of one length, so that they sort as text.
        call.started_at.astimezone(UTC).isoformat(timespec="microseconds"),
        metadata_json(call.metadata) if call.metadata else "{}",
        metadata_json(call.request_parameters) if call.request_parameters else "{}",
        call.model if isinstance(call, CallRecord) else call.request_model,
        *_of_call(call),
    )


def row_of_end(record: CallRecord, process: int) -> Row:
    """Return what `insert_of_ends` takes for a row."""
    usage, error, cost = record.usage, record.error, record.cost
    return (
        *row_of_start(record, process),
        *_of_record(record),
        json.dumps(record.tool_calls) if record.tool_calls else "[]",
        *_of_usage(usage),
        json.dumps(usage.uncounted) if usage.uncounted else "[]",
        *((str(error), *_of_error(error)) if error else (None,) * 6),
        *(
            (float(cost.usd), cost.complete, cost.source, cost.version)
            if cost
            else (None,) * 4
        ),
    )


def storable(row: Row) -> Row:
    """Return the row with half characters replaced, and what is no column's as NULL."""
    return tuple(_storable(value) for value in row)


def _into(columns: tuple[str, ...], rows: int) -> str:
    values = f"({', '.join('?' for _ in columns)})"
    return f"INTO calls ({', '.join(columns)}) VALUES {', '.join([values] * rows)}"


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else None
    return value if isinstance(value, float) else None
