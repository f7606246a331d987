"""
What a test of tracked code needs: a recorder, streams by script, a clock.

    from llmtrack.testing import RecordingTracker, Script, assert_tracked, chat_chunks

    def test_that_the_answer_is_tracked():
        recorder = RecordingTracker()
        stream = Script(chat_chunks("Hel", "lo")).stream()

        with tracked_stream(recorder) as tracked:
            list(tracked(stream))

        assert_tracked(recorder, outcome="success", chunks=3, finish_reason="stop")

With pytest, the fixture `llmtrack_recorder` is a recorder that is the process's
default tracker for the time of the test. `llmtrack.testing.provider` is a server
that speaks the wire formats, `llmtrack.testing.conformance` the table of all ways
in which a call can end.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .assertions import assert_tracked, misordered
    from .clock import Clock
    from .recorder import RecordingTracker
    from .scripts import (
        AsyncScriptedStream,
        AsyncScriptedStreamManager,
        Script,
        ScriptedStream,
        ScriptedStreamManager,
        chat_chunks,
    )

__all__ = [
    "AsyncScriptedStream",
    "AsyncScriptedStreamManager",
    "Clock",
    "RecordingTracker",
    "Script",
    "ScriptedStream",
    "ScriptedStreamManager",
    "assert_tracked",
    "chat_chunks",
    "misordered",
]

_HOMES = {
    "Clock": "clock",
    "RecordingTracker": "recorder",
    "assert_tracked": "assertions",
    "misordered": "assertions",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'scripts')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
