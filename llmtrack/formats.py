"""A stream as text, deltas, server-sent events or JSON lines: one shape for all."""

from __future__ import annotations

import json
from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
)
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, overload

from llmtrack.call import Call
from llmtrack.dialects.reading import Reading
from llmtrack.errors import error_info
from llmtrack.events import Delta
from llmtrack.formatted import Format, Formatted, FormattedAsync, Source, formatted
from llmtrack.guard import guarded
from llmtrack.record import ContentKind
from llmtrack.summary import running_cost

SyncStream = Iterable[Any] | AbstractContextManager[Any]
AsyncStream = AsyncIterable[Any] | AbstractAsyncContextManager[Any] | Awaitable[Any]


@overload
def as_text(stream: SyncStream) -> Formatted[str]: ...
@overload
def as_text(stream: AsyncStream) -> FormattedAsync[str]: ...
def as_text(stream: Any) -> Any:
    """
    Return the text of a stream, piece by piece, whichever client it is from.

    Reasoning, tool calls and further choices are left out. What the stream
    raises is raised.

    Args:
        stream: A stream, generator, stream manager, Bedrock's dict, or something
            to await that gives one; tracked or bare.

    Raises:
        ConfigurationError: Not a stream.
    """
    return formatted(stream, Format(_texts))


@overload
def as_deltas(stream: SyncStream) -> Formatted[Delta]: ...
@overload
def as_deltas(stream: AsyncStream) -> FormattedAsync[Delta]: ...
def as_deltas(stream: Any) -> Any:
    """
    Return what a stream brings as `Delta` events: the same for every client.

    A chunk that brings several kinds of content gives a delta for each; one that
    brings only the finish reason gives an empty text. `tokens` and `cost` are
    running estimates. A bare stream is not tracked by this: its deltas carry a
    `CallInfo` that no tracker sees.

    Raises:
        ConfigurationError: Not a stream.
    """
    return formatted(stream, Format(_deltas))


@overload
def as_sse(stream: SyncStream) -> Formatted[str]: ...
@overload
def as_sse(stream: AsyncStream) -> FormattedAsync[str]: ...
def as_sse(stream: Any) -> Any:
    """
    Return a stream as server-sent events, as a web framework sends them.

        StreamingResponse(as_sse(answer(question)), media_type="text/event-stream")

    Each `delta` event has what a `Delta` tells, with the call's id in place of
    the call. The last event is `call_ended` or `error`, and has the record: the
    tracked call's, or for a bare stream one that no tracker sees. An exception of
    the stream becomes the `error` event. The record has the call's metadata and
    the error's text: track calls that strangers see without what they must not.

    Closing it closes the stream. A cancellation passes through to the stream.

    Raises:
        ConfigurationError: Not a stream.
    """
    return formatted(stream, Format(*_written(_sse)))


@overload
def as_json_lines(stream: SyncStream) -> Formatted[str]: ...
@overload
def as_json_lines(stream: AsyncStream) -> FormattedAsync[str]: ...
def as_json_lines(stream: Any) -> Any:
    """
    Return a stream as lines of JSON: the data of `as_sse`, one object a line.

    Raises:
        ConfigurationError: Not a stream.
    """
    return formatted(stream, Format(*_written(_json_line)))


def _contents(reading: Reading) -> Iterator[tuple[ContentKind, str]]:
    """Yield what a chunk brings, in the order in which a model writes it."""
    if reading.reasoning:
        yield "reasoning", reading.reasoning
    if reading.text:
        yield "text", reading.text
    for name in reading.tool_calls:
        yield "tool_call", name
    if reading.tool_text:
        yield "tool_call", reading.tool_text


def _texts(source: Source, chunk: Any) -> list[str]:
    text = source.read(chunk).text
    return [text] if text else []


def _deltas(source: Source, chunk: Any) -> list[Delta]:
    reading = source.read(chunk)
    contents: list[tuple[ContentKind, str]] = list(_contents(reading))
    if reading.finish_reason and not contents:
        contents = [("text", "")]
    if not contents:
        return []
    call = source.call
    tokens = call.answer.tokens_so_far()
    cost = guarded("prices", running_cost, call, tokens, default=None)
    last = len(contents) - 1
    return [
        Delta(
            call.info(),
            call.elapsed(),
            call.answer.chunks() - 1,
            kind,
            text,
            call.request.wants_json,
            reading.finish_reason if place == last else None,
            chunk,
            tokens,
            cost,
        )
        for place, (kind, text) in enumerate(contents)
    ]


def _written(
    write: Callable[[dict[str, Any]], str],
) -> tuple[
    Callable[[Source, Any], list[str]],
    Callable[[Source, Exception | None], list[str]],
]:
    """Return how chunks and the end are written, by what writes one event."""

    def pieces(source: Source, chunk: Any) -> list[str]:
        return [write(_without_call(delta)) for delta in _deltas(source, chunk)]

    def ending(source: Source, exc: Exception | None) -> list[str]:
        return [write(_last_event(source.call, exc))]

    return pieces, ending


def _without_call(delta: Delta) -> dict[str, Any]:
    """Return a delta without what is the same in all of a stream's."""
    told = delta.to_dict()
    call = told.pop("call")
    return {"event": told.pop("event"), "call_id": call["call_id"], **told}


def _last_event(call: Call, exc: Exception | None) -> dict[str, Any]:
    record = call.record
    error = record.error if record else error_info(exc) if exc else None
    told = {"event": "call_ended", "call_id": call.call_id}
    if error is not None:
        told = {**told, "event": "error", **error.to_dict()}
    return {**told, "record": record.to_dict() if record else None}


def _sse(event: dict[str, Any]) -> str:
    return f"event: {event['event']}\ndata: {_json(event)}\n\n"


def _json_line(event: dict[str, Any]) -> str:
    return f"{_json(event)}\n"


def _json(event: dict[str, Any]) -> str:
    return json.dumps(event, default=str, ensure_ascii=False)
