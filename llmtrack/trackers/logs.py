"""One log record a call, for whatever reads the standard library's logging."""

from __future__ import annotations

import logging
from typing import Final

from llmtrack.events import CallEnded, Event
from llmtrack.record import Outcome
from llmtrack.trackers.lines import text_line

#: What a log must not hold, whatever was captured.
_CONTENT: Final = frozenset({"input_text", "output_text", "reasoning_text"})


class LoggingTracker:
    """
    Log each call that has ended: a readable line, and its fields as `extra`.

    A field is an attribute of the log record under its name with `llm_` before
    it: `llm_model`, `llm_duration_seconds`. structlog and JSON formatters read
    them there. Prompts and answers are never logged.

    Args:
        logger: A logger or its name.
        level: The level of calls that ended well or were left.
        error_level: The level of calls that failed.
    """

    events: frozenset[type[Event]] = frozenset({CallEnded})

    def __init__(
        self,
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger] | str = (
            "llmtrack.calls"
        ),
        *,
        level: int = logging.INFO,
        error_level: int = logging.WARNING,
    ) -> None:
        self._logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self._level = level
        self._error_level = error_level

    def track(self, event: Event, /) -> None:
        if not isinstance(event, CallEnded):
            return
        record = event.record
        failed = record.outcome is Outcome.ERROR
        level = self._error_level if failed else self._level
        if not self._logger.isEnabledFor(level):
            return
        fields = {
            f"llm_{name}": value
            for name, value in record.to_dict().items()
            if name not in _CONTENT
        }
        self._logger.log(level, "%s", text_line(record), extra=fields)
