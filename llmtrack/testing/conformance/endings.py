"""All the ways in which a call can end, and what is true of it then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from llmtrack import Outcome
from llmtrack.testing.scripts import Script, chat_chunks

from . import async_programs as asynchronous
from . import sync_programs as sync
from .async_programs import AsyncProgram
from .shapes import Kind, Shape
from .sync_programs import Program

CHUNKS: Final = chat_chunks("Hel", "lo", "!", usage=(3, 2))
_SHORT: Final = chat_chunks("Hel", "lo", finish_reason=None)
_FAILED: Final = chat_chunks("Hel", "lo", finish_reason=None, error="overloaded_error")
_FINISHED: Final = chat_chunks("Hel", "lo", "!", finish_reason=None, usage=(3, 2))
_FINISHED[2].choices[0].finish_reason = "stop"


@dataclass(frozen=True)
class Expected:
    """
    What has to be on the record.

    Attributes:
        outcome: None where there is no call, and so no record.
        error_kind: What `error.kind` has to be; None is no error, `any` any.
        is_raised: Whether the exception that the program got is on `CallEnded`.
    """

    outcome: Outcome | None
    error_kind: str | None = None
    is_raised: bool = False


@dataclass(frozen=True)
class Absent:
    """Why there is no such cell."""

    reason: str


@dataclass(frozen=True)
class Ending:
    """
    A way to end a call.

    Attributes:
        name: What the table calls it.
        expects: Returns what has to be on the record of a shape, or why the
            shape cannot end like this.
        sync: The program, for a sync stream.
        asynchronous: The program, for an async stream.
        response: The program, for a function that returns a whole response.
        coroutine: The program, for a coroutine that does.
        script: Returns what the source does.
        times_out: Whether the source has an `asyncio.timeout` in itself.
    """

    name: str
    expects: Callable[[Shape], Expected | Absent]
    sync: Program | None = None
    asynchronous: AsyncProgram | None = None
    response: Program | None = None
    coroutine: AsyncProgram | None = None
    script: Callable[[], Script] = lambda: Script(CHUNKS)
    times_out: bool = False

    def program(self, shape: Shape) -> Program | AsyncProgram | Absent:
        """Return the program for a shape, or why there is none."""
        programs: dict[Kind, Program | AsyncProgram | None] = {
            "response": self.response,
            "coroutine": self.coroutine,
        }
        streaming = self.asynchronous if shape.is_async else self.sync
        program = programs.get(shape.kind, streaming)
        if program is not None:
            return program
        if shape.kind == "response":
            return Absent("a function that returns a response is done with it")
        if shape.kind == "coroutine":
            return Absent("a coroutine gives its response whole")
        if shape.is_async:
            return Absent("an async stream stays with its event loop")
        return Absent("nothing is awaited")


def _raising(exc: Callable[[], BaseException], at: int) -> Callable[[], Script]:
    return lambda: Script(CHUNKS, error=exc(), error_at=at)


def _waiting(at: int = 2) -> Script:
    return Script(CHUNKS, hangs_at=at)


def _lost() -> ConnectionError:
    return ConnectionError("connection lost")


def _interrupted() -> KeyboardInterrupt:
    return KeyboardInterrupt("Ctrl-C")


_SUCCESS: Final = Expected(Outcome.SUCCESS)
_LEFT: Final = Expected(Outcome.ABANDONED)
_CANCELLED: Final = Expected(Outcome.CANCELLED, "cancelled", is_raised=True)
_NETWORK: Final = Expected(Outcome.ERROR, "network", is_raised=True)
_TIMEOUT: Final = Expected(Outcome.ERROR, "timeout", is_raised=True)
_BODY: Final = Expected(Outcome.ERROR, "unknown", is_raised=True)


def _always(expected: Expected) -> Callable[[Shape], Expected | Absent]:
    return lambda shape: expected


def _in_its_block(expected: Expected) -> Callable[[Shape], Expected | Absent]:
    """Only where the stream has a `with` block."""

    def expects(shape: Shape) -> Expected | Absent:
        if shape.kind == "generator":
            return Absent("a generator is no context manager")
        return expected

    return expects


def _blocks_decide(
    inside: Expected, without: Expected
) -> Callable[[Shape], Expected | Absent]:
    """Where there is a block, what leaves it decides over what went before."""
    return lambda shape: inside if shape.kind in ("manager", "block") else without


def _never_read(shape: Shape) -> Expected | Absent:
    if shape.kind == "coroutine" or (shape.kind == "generator" and shape.starts):
        return Expected(None)
    return _LEFT


def _thrown(shape: Shape) -> Expected | Absent:
    if shape.of_generator or shape.kind == "coroutine":
        return _BODY
    return Absent("a client's stream has no throw()")


#: All endings, in the order of the table's rows.
ENDINGS: Final = (
    Ending(
        "exhausted", _always(_SUCCESS),
        sync.read_all, asynchronous.read_all, sync.call, asynchronous.call,
    ),
    Ending(
        "raises at chunk 0", _always(_NETWORK),
        sync.read_all, asynchronous.read_all, sync.call, asynchronous.call,
        script=_raising(_lost, 0),
    ),
    Ending(
        "raises at chunk k", _always(_NETWORK),
        sync.read_all, asynchronous.read_all, script=_raising(_lost, 2),
    ),
    Ending(
        "raises after the finish reason", _always(_NETWORK),
        sync.read_all, asynchronous.read_all, script=_raising(_lost, 4),
    ),
    Ending(
        "in-band error", _always(Expected(Outcome.ERROR, "overloaded")),
        sync.read_all, asynchronous.read_all, sync.call, asynchronous.call,
        script=lambda: Script(_FAILED),
    ),
    Ending(
        "truncated", _always(Expected(Outcome.ERROR, "incomplete")),
        sync.read_all, asynchronous.read_all, script=lambda: Script(_SHORT),
    ),
    Ending("break", _always(_LEFT), sync.break_off, asynchronous.break_off),
    Ending(
        "islice, or two next()", _always(_LEFT), sync.take_two, asynchronous.take_two
    ),
    Ending(
        "close() or aclose()", _always(_LEFT), sync.close, asynchronous.close,
        coroutine=asynchronous.close_the_coroutine, script=_waiting,
    ),
    Ending(
        "del and gc", _always(_LEFT), sync.drop, asynchronous.drop,
        coroutine=asynchronous.drop_the_coroutine, script=_waiting,
    ),
    Ending(
        "del and gc, in a cycle", _always(_LEFT),
        sync.drop_in_a_cycle, asynchronous.drop_in_a_cycle,
    ),
    Ending("leaves `with`", _in_its_block(_LEFT), sync.leave, asynchronous.leave),
    Ending(
        "`with` body raises", _in_its_block(_BODY),
        sync.raise_in_the_body, asynchronous.raise_in_the_body,
    ),
    Ending(
        "never read", _never_read, sync.never_read, asynchronous.never_read,
        coroutine=asynchronous.never_await,
    ),
    Ending(
        "cancelled while waiting", _always(_CANCELLED),
        asynchronous=asynchronous.cancel_a_wait, coroutine=asynchronous.cancel_the_call,
        script=_waiting,
    ),
    Ending(
        "cancelled between steps", _blocks_decide(_CANCELLED, _LEFT),
        asynchronous=asynchronous.cancel_between_steps,
    ),
    Ending(
        "timeout in the source", _always(_TIMEOUT),
        asynchronous=asynchronous.read_all, coroutine=asynchronous.call, times_out=True,
    ),
    Ending(
        "timeout inside the block", _blocks_decide(_TIMEOUT, _CANCELLED),
        asynchronous=asynchronous.time_out_inside, script=_waiting,
    ),
    Ending(
        "timeout outside", _always(_CANCELLED),
        asynchronous=asynchronous.time_out_outside,
        coroutine=asynchronous.time_the_call_out, script=_waiting,
    ),
    Ending(
        "anyio cancel scope", _always(_CANCELLED),
        asynchronous=asynchronous.leave_a_cancelled_scope,
        coroutine=asynchronous.leave_a_cancelled_scope_in_the_call, script=_waiting,
    ),
    Ending(
        "throw() or athrow()", _thrown, sync.throw, asynchronous.throw,
        coroutine=asynchronous.throw_into_the_coroutine, script=_waiting,
    ),
    Ending(
        "KeyboardInterrupt", _always(_CANCELLED),
        sync.read_all, asynchronous.read_all, sync.call, asynchronous.call,
        script=_raising(_interrupted, 2),
    ),
    Ending(
        "thread ends", _always(_LEFT),
        sync.end_in_a_thread, asynchronous.end_in_a_thread,
    ),
    Ending(
        "consumed in another thread", _always(_SUCCESS), sync.read_in_another_thread,
        response=sync.call_in_another_thread, coroutine=asynchronous.call_in_a_thread,
    ),
    Ending(
        "consumed by another task", _always(_SUCCESS),
        asynchronous=asynchronous.read_in_another_task,
        coroutine=asynchronous.call_in_another_task,
    ),
    Ending(
        "exception after exhaustion", _always(_SUCCESS),
        sync.raise_after_the_end, asynchronous.raise_after_the_end,
    ),
    Ending(
        "break after the finish reason", _always(_SUCCESS),
        sync.break_after_the_finish_reason, asynchronous.break_after_the_finish_reason,
        script=lambda: Script(_FINISHED),
    ),
    Ending(
        "close after the finish reason", _always(_SUCCESS),
        sync.close_after_the_finish_reason, asynchronous.close_after_the_finish_reason,
        script=lambda: Script(_FINISHED),
    ),
    Ending("close twice", _always(_LEFT), sync.close_twice, asynchronous.close_twice),
    Ending(
        "error, then close, then drop", _always(_NETWORK),
        sync.fail_close_drop, asynchronous.fail_close_drop, script=_raising(_lost, 2),
    ),
)  # fmt: skip
