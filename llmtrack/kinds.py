"""What kind of value a function returned, told by its class."""

from __future__ import annotations

import io
from typing import Any, Final

#: Stream managers: the request is made when they are entered.
_MANAGERS: Final = (
    *("StreamManager", "GeneratorContextManager"),
    # What openai's and its siblings' `with_streaming_response` return.
    "ResponseContextManager",
)
#: What openai's and its siblings' `with_raw_response` return.
_RAW_RESPONSES: Final = frozenset(("LegacyAPIResponse", "BaseAPIResponse"))
_ITERATION: Final = ("__iter__", "__next__", "__aiter__", "__anext__")
#: The methods by which runs of openai-agents and pydantic-ai are told.
_RUNS: Final = ("stream_events", "stream_text")
#: Set for the classes that a `class` statement makes, and not for `list`.
_HEAP_TYPE: Final = 1 << 9
_GIVEN_BY_RUNS: Final = frozenset(
    (*_RUNS, "stream_output", "stream_response", "get_output")
)
#: What one can follow has one of these.
_PROTOCOLS: Final = (
    *_ITERATION,
    *("__await__", "__enter__", "__aenter__", "parse", *_RUNS),
)


def is_followable(value: Any) -> bool:
    """Return whether a value can be iterated, entered or awaited."""
    cls = type(value)
    if isinstance(value, str | bytes | bytearray):
        return False
    return isinstance(value, dict) or any(hasattr(cls, name) for name in _PROTOCOLS)


def is_stream_class(cls: type) -> bool:
    """Return whether values of a class are streams; files are none."""
    if issubclass(cls, io.IOBase):
        return False
    if hasattr(cls, "__next__") or hasattr(cls, "__anext__"):
        return True
    # botocore's EventStream can be iterated, but is no iterator.
    iterable = hasattr(cls, "__iter__") or hasattr(cls, "__aiter__")
    return iterable and is_named_stream(cls)


def is_named_stream(cls: type) -> bool:
    """Return whether a class is called a stream."""
    return any("Stream" in base.__name__ for base in cls.__mro__)


def gives_streams(cls: type) -> bool:
    """Return whether values of a class are a run, whose methods give its streams."""
    is_run = any(hasattr(cls, name) for name in _RUNS)
    return is_run and not any(hasattr(cls, name) for name in _ITERATION)


def gives_answer(cls: type, name: str) -> bool:
    """Return whether a method of a class gives the answer, or its stream."""
    if name == "parse":
        return is_raw_response_class(cls)
    return name in _GIVEN_BY_RUNS and gives_streams(cls)


def is_manager_class(cls: type) -> bool:
    """Return whether values of a class give their stream when entered."""
    return (hasattr(cls, "__enter__") or hasattr(cls, "__aenter__")) and any(
        base.__name__.endswith(_MANAGERS) for base in cls.__mro__
    )


def is_raw_response_class(cls: type) -> bool:
    """Return whether a class is what `with_raw_response` gives."""
    names = {base.__name__ for base in cls.__mro__}
    return not names.isdisjoint(_RAW_RESPONSES)


def is_pure_python(cls: type) -> bool:
    """Return whether methods of a class take anything for `self` that looks like it."""
    return all(base is object or base.__flags__ & _HEAP_TYPE for base in cls.__mro__)


def is_unread(raw_response: Any) -> bool:
    """Return whether a raw response is still being received."""
    return not getattr(raw_response.http_response, "is_stream_consumed", False)
