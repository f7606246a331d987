"""What went wrong, in the same words for every client."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from llmtrack.error_kinds import (
    MESSAGE_LIMIT,
    RETRYABLE,
    as_status,
    key_of,
    of_class,
    of_grpc,
    settle,
)
from llmtrack.frozen import maker_of
from llmtrack.record import ErrorInfo, ErrorKind

T = TypeVar("T")

_logger = logging.getLogger("llmtrack")

#: How many wrapped exceptions are looked through.
_DEPTH_LIMIT: Final = 5

_made_error: Final = maker_of(ErrorInfo)

_CANCELLED: Final = ("CancelledError", "Cancelled")


class ConfigurationError(ValueError):
    """
    Something was set up in a way that cannot work.

    The message says what it got, what it takes, and what to do. Raised at
    set-up only, never while a call runs.
    """


def error_info(exc: BaseException, /) -> ErrorInfo:
    """
    Return what an exception means, whichever client raised it.

    Looks at class names along the MRO (most derived first), at codes, at the
    status, and at what the exception wraps. Never raises and never touches
    the network.
    """
    kind: ErrorKind = _quietly(_kind, exc, "unknown")
    if kind == "cancelled":
        return ErrorInfo(_type_name(exc), _quietly(_message, exc, ""), kind)
    # litellm gives a lost connection the status 500, which nobody sent.
    status = None if kind == "network" else _quietly(_first_status, exc, None)
    return ErrorInfo(
        type=_type_name(exc),
        message=_quietly(_message, exc, ""),
        kind=kind,
        status_code=status,
        retryable=kind in RETRYABLE and not _quietly(_out_of_quota, exc, False),
        retry_after=_quietly(_retry_after, exc, None),
    )


def in_band_error(
    type: str, message: str, code: str | None = None, status_code: int | None = None
) -> ErrorInfo:
    """Return what an error means that arrived as a chunk of the stream."""
    status = status_code if status_code is not None else as_status(code)
    codes = [word for word in (code, type) if word]
    kind = settle(None, codes, status, message)
    return ErrorInfo(
        type=type,
        message=message[:MESSAGE_LIMIT],
        kind="server" if kind == "unknown" else kind,
        status_code=status,
        retryable=(kind == "unknown" or kind in RETRYABLE)
        and "insufficientquota" not in map(key_of, codes),
    )


def incomplete(message: str) -> ErrorInfo:
    """Return the error of a stream that stopped without its terminator."""
    return _made_error("incomplete", message, "incomplete", None, True, None)


def _quietly(ask: Callable[[BaseException], T], exc: BaseException, default: T) -> T:
    """Ask an exception whose properties may themselves raise."""
    try:
        return ask(exc)
    except Exception:
        _logger.debug("cannot read an exception of %s", type(exc), exc_info=True)
        return default


def _type_name(exc: BaseException) -> str:
    cls = type(exc)
    if cls.__module__ == "builtins":
        return cls.__qualname__
    return f"{cls.__module__}.{cls.__qualname__}"


def _message(exc: BaseException) -> str:
    return str(exc)[:MESSAGE_LIMIT]


def _kind(exc: BaseException) -> ErrorKind:
    if isinstance(exc, KeyboardInterrupt | SystemExit | GeneratorExit):
        return "cancelled"
    if any(cls.__name__ in _CANCELLED for cls in type(exc).__mro__):
        return "cancelled"
    if isinstance(exc, BaseExceptionGroup):
        kinds: set[ErrorKind] = {_kind(each) for each in exc.exceptions}
        return kinds.pop() if len(kinds) == 1 else "unknown"
    for each in _wrapped(exc):
        kind = settle(_named(each), _codes(each), _status(each), str(each))
        if kind != "unknown":
            return kind
    return "unknown"


def _wrapped(exc: BaseException) -> Iterator[BaseException]:
    """Yield the exception, or what it stands in for, then its causes."""
    current: BaseException | None = exc
    for _ in range(_DEPTH_LIMIT):
        if current is None:
            return
        instead = _stands_for(current)
        if instead is None:
            yield current
        current = instead or current.__cause__


def _stands_for(exc: BaseException) -> BaseException | None:
    """Return the exception that litellm has put another one in place of."""
    original = getattr(exc, "original_exception", None)
    if isinstance(original, BaseException):
        # MidStreamFallbackError says 500, whatever happened.
        return original
    cls = type(exc)
    if cls.__name__ == "APIConnectionError" and cls.__module__.startswith("litellm."):
        # litellm's name for everything that it does not know.
        return exc.__context__
    return None


def _named(exc: BaseException) -> ErrorKind | None:
    """Return what the class is called, most derived class first."""
    if any(cls.__name__ == "RpcError" for cls in type(exc).__mro__):
        return of_grpc(_grpc_code(exc))
    for cls in type(exc).__mro__:
        root = cls.__module__.partition(".")[0]
        kind = of_class(cls.__name__, standard=root in sys.stdlib_module_names)
        if kind is not None:
            return kind
    return None


def _grpc_code(exc: BaseException) -> str:
    code = getattr(exc, "code", None)
    # A method on gRPC's errors, which are over by the time they are raised.
    return str(getattr(code() if callable(code) else code, "name", ""))


def _codes(exc: BaseException) -> list[str]:
    """Return the provider's own words for the error, most exact first."""
    found = [getattr(exc, "code", None), getattr(exc, "type", None)]
    body = getattr(exc, "body", None)
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, Mapping):
            found += [inner.get("code"), inner.get("type")]
    response = getattr(exc, "response", None)
    if isinstance(response, Mapping):
        found.append(_dig(response, "Error", "Code"))
    return [word for word in found if isinstance(word, str) and word]


def _out_of_quota(exc: BaseException) -> bool:
    return any(
        key_of(code) == "insufficientquota"
        for each in _wrapped(exc)
        for code in _codes(each)
    )


def _first_status(exc: BaseException) -> int | None:
    statuses = (_status(each) for each in _wrapped(exc))
    return next((status for status in statuses if status is not None), None)


def _status(exc: BaseException) -> int | None:
    """Return the HTTP status of a failed answer; 200 and -1 are none."""
    response = getattr(exc, "response", None)
    if isinstance(response, Mapping):
        aws = _dig(response, "ResponseMetadata", "HTTPStatusCode")
        return as_status(aws)
    for value in (
        getattr(exc, "status_code", None),
        getattr(exc, "code", None),
        getattr(exc, "status", None),
        getattr(response, "status_code", None),
        getattr(response, "status", None),
    ):
        status = as_status(value)
        if status is not None:
            return status
    return None


def _retry_after(exc: BaseException) -> float | None:
    for each in _wrapped(exc):
        for headers in _headers(each):
            seconds = _seconds_in(headers)
            if seconds is not None:
                return seconds
        seconds = _google_delay(each)
        if seconds is not None:
            return seconds
    return None


def _headers(exc: BaseException) -> Iterator[Any]:
    response = getattr(exc, "response", None)
    if isinstance(response, Mapping):
        yield _dig(response, "ResponseMetadata", "HTTPHeaders")
    else:
        yield getattr(response, "headers", None)
    yield getattr(exc, "headers", None)
    yield getattr(exc, "litellm_response_headers", None)


def _seconds_in(headers: Any) -> float | None:
    """Read `retry-after-ms` or `retry-after`, which may be a date."""
    get = getattr(headers, "get", None)
    if not callable(get):
        return None
    milliseconds = _as_seconds(get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = get("retry-after") or get("Retry-After")
    seconds = _as_seconds(value)
    if seconds is None and isinstance(value, str) and value.endswith("GMT"):
        # It brings sockets and more, for a header that is rare.
        from email.utils import parsedate_to_datetime

        wait = parsedate_to_datetime(value) - datetime.now(UTC)
        return max(0.0, wait.total_seconds())
    return seconds


def _google_delay(exc: BaseException) -> float | None:
    """Read Google's `retryDelay`, such as `"1s"`."""
    details = _dig(getattr(exc, "details", None), "error", "details")
    for detail in details if isinstance(details, list) else ():
        delay = _dig(detail, "retryDelay")
        if isinstance(delay, str):
            return _as_seconds(delay.removesuffix("s"))
    return None


def _as_seconds(value: Any) -> float | None:
    if isinstance(value, str):
        plain = value.strip()
        if not plain.replace(".", "", 1).isdecimal():
            return None
        value = float(plain)
    if isinstance(value, int | float) and math.isfinite(value) and value >= 0:
        return float(value)
    return None


def _dig(value: Any, *path: str) -> Any:
    """Return what lies under nested keys, or None."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value
