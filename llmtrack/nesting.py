"""Which calls are open, and which of them is the innermost here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextvars import ContextVar
from itertools import count
from sys import _getframe
from types import CodeType
from typing import Any, Final, Protocol


class OpenCall(Protocol):
    """What is needed of a call here."""

    @property
    def parent(self) -> OpenCall | None: ...

    @property
    def is_over(self) -> bool: ...

    @property
    def is_telling(self) -> bool: ...


#: Followers' code objects: a frame of one of these is inside of a step, and has
#: its call in the local variable `call`.
STEPS: Final[set[CodeType]] = set()

#: The call whose function body is running here.
running: ContextVar[OpenCall | None] = ContextVar("llmtrack_call", default=None)

#: What is open, for the exit of the process. A call holds no stream.
open_calls: Final[dict[str, Any]] = {}
#: Those of them that are streams: only these can be inside of a step.
open_streams: Final[dict[str, OpenCall]] = {}

# Numbers of 128 bits, of which the first 80 are this process's own. Not before the
# first call: a process may be copied after its imports, without a fork.
_ids: Iterator[int] | None = None


def innermost(asking: OpenCall | None = None) -> Any:
    """
    Return the innermost call that is open here, or None.

    Args:
        asking: A call that is about to start, and is not meant.

    A step of a stream sets no context variable: it would cost more than all the
    rest of the step. It is found on the stack instead, when somebody asks.
    """
    current: Any = running.get()
    stepping = _on_the_stack(asking) if open_streams else None
    if stepping is not None and not _is_inside(current, stepping):
        current = stepping
    # A call that a tracker makes while it is told of another is not part of it.
    while current is not None and (current.is_over or current.is_telling):
        current = current.parent
    return current


def _on_the_stack(asking: OpenCall | None) -> Any:
    frame: Any = _getframe(1)
    while frame is not None:
        if frame.f_code in STEPS:
            call = frame.f_locals["call"]
            if call is not asking and not call.is_over:
                return call
        frame = frame.f_back
    return None


def _is_inside(call: OpenCall | None, outer: OpenCall) -> bool:
    while call is not None and call is not outer:
        call = call.parent
    return call is outer


def new_id() -> str:
    """Return an id that no other call of any process has."""
    global _ids
    if _ids is None:
        _ids = count(int.from_bytes(os.urandom(10)) << 48)
    return next(_ids).to_bytes(16).hex()


def _after_fork() -> None:
    global _ids
    _ids = None
    # They are the parent's to report.
    open_calls.clear()
    open_streams.clear()


os.register_at_fork(after_in_child=_after_fork)
