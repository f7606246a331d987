"""A record as one line: of text for people, of JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from llmtrack.record import CallRecord, Outcome, TokenUsage

#: Escape sequences of a terminal.
GREEN, YELLOW, RED, PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"

_MARKS: Final = {
    Outcome.SUCCESS: ("✓", GREEN),
    Outcome.ERROR: ("✗", RED),
    Outcome.CANCELLED: ("⊘", YELLOW),
    Outcome.ABANDONED: ("◐", YELLOW),
}
_IN_ASCII: Final = str.maketrans(
    {"✓": "+", "✗": "x", "⊘": "-", "◐": "o", "→": "->", "…": "..."}
)
_SMALLEST_COST: Final = Decimal("0.00000001")
#: Characters of a line that does not go to a terminal.
_ANY_WIDTH: Final = 400


def text_line(
    record: CallRecord, *, colour: bool = False, width: int | None = None
) -> str:
    """
    Return a call as a line that a person likes to read.

    Args:
        record: The finished call.
        colour: Whether it is coloured, for a terminal.
        width: Columns of the terminal; the error is cut to fit. None where
            lines may be long.
    """
    mark, paint = _MARKS[record.outcome]
    fields = [
        f"{printable(record.name):<14}",
        f"{printable(record.model or '?'):<22}",
        f"{_seconds(record.duration):>6}",
        _first_token(record),
        _tokens(record),
        _dollars(record),
    ]
    line = " ".join(filter(None, fields))
    end = _ending(record)
    if not end:
        return f"{paint}{mark}{PLAIN} {line}" if colour else f"{mark} {line}"
    room = (width or _ANY_WIDTH) - len(line) - 3
    # Where next to nothing fits, the terminal had better wrap.
    end = shortened(end, room) if room >= 10 else end
    if colour:
        return f"{paint}{mark}{PLAIN} {line} {paint}{end}{PLAIN}"
    return f"{mark} {line} {end}"


def json_line(record: CallRecord, encoding: str = "utf-8") -> bytes:
    """
    Return a call as one line of JSON, whatever its metadata holds.

    Metadata that is no JSON is told by its `repr`; characters that the
    encoding lacks are escaped.
    """
    fields = record.to_dict()
    try:
        return f"{_dumps(fields)}\n".encode(encoding)
    except UnicodeEncodeError:
        # Also a lone surrogate, half of a character that a provider cut in two.
        return f"{_dumps(fields, ensure_ascii=True)}\n".encode(encoding)
    except (TypeError, ValueError, RecursionError):
        told = {**fields, "metadata": _told_metadata(record.metadata)}
        return f"{_dumps(told, ensure_ascii=True)}\n".encode(encoding)


def metadata_json(metadata: Mapping[str, Any]) -> str:
    """Return metadata as JSON, what is no JSON by its `repr`."""
    try:
        return _dumps(dict(metadata))
    except (TypeError, ValueError, RecursionError):
        return _dumps(_told_metadata(metadata))


def encoded(line: str, encoding: str = "utf-8") -> bytes:
    """Return a line of text in an encoding that may lack some characters."""
    try:
        return line.encode(encoding)
    except UnicodeEncodeError:
        return line.translate(_IN_ASCII).encode(encoding, "backslashreplace")


def printable(text: str) -> str:
    """Return the text on one line, without what could steer a terminal."""
    text = " ".join(text.split())
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shortened(text: str, width: int) -> str:
    """Return the text in so many characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def _dumps(value: object, *, ensure_ascii: bool = False) -> str:
    return json.dumps(value, default=str, ensure_ascii=ensure_ascii, allow_nan=False)


def _told_metadata(metadata: Mapping[str, Any]) -> dict[str, object]:
    return {str(key): _told(value) for key, value in metadata.items()}


def _told(value: object) -> object:
    try:
        _dumps(value)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
    return value


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}s" if seconds < 1000 else f"{seconds:.0f}s"


def _first_token(record: CallRecord) -> str:
    first = record.time_to_first_token
    return "" if first is None else f"ttft {_seconds(first)}"


def _tokens(record: CallRecord) -> str:
    usage = record.usage
    if usage.input_tokens is None and usage.output_tokens is None:
        return ""
    return f"{_input(usage)}→{_output(usage)} tok"


def _input(usage: TokenUsage) -> str:
    return _count(usage.input_tokens, usage.input_source)


def _output(usage: TokenUsage) -> str:
    return _count(usage.output_tokens, usage.output_source)


def _count(tokens: int | None, source: str) -> str:
    if tokens is None:
        return "?"
    return str(tokens) if source == "reported" else f"~{tokens}"


def _dollars(record: CallRecord) -> str:
    if record.cost is None:
        return "nested" if record.cost_status == "nested" else ""
    exact = record.cost.complete and not record.usage.is_estimated
    return ("" if exact else "~") + dollars(record.cost.usd)


def dollars(usd: Decimal) -> str:
    """Return an amount with as many digits as it deserves."""
    if usd == 0:
        return "$0"
    if usd >= 1:
        return f"${usd:.2f}"
    if usd < _SMALLEST_COST:
        return f"<${_SMALLEST_COST:f}"
    return "$" + f"{usd:.{1 - usd.adjusted()}f}".rstrip("0")


def _ending(record: CallRecord) -> str:
    """Return what has to be said beside the numbers."""
    if record.outcome is Outcome.SUCCESS:
        return ""
    if record.outcome is not Outcome.ERROR or record.error is None:
        return record.outcome.value
    error = record.error
    status = f" {error.status_code}" if error.status_code else ""
    return printable(f"{error.kind}{status}: {error.message or error.type}")
