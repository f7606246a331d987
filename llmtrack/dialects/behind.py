"""What stands behind a stream or response: a request, a generator's arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import AsyncGeneratorType, FrameType, GeneratorType
from typing import Any, Final

from llmtrack.dialects.shapes import fields, origins, text_in

#: How many generators within generators are looked through.
_DEPTH: Final = 3
#: Frameworks whose streams and responses know an address, not a request.
_REMEMBER: Final = frozenset(("litellm", "pydantic_ai"))
#: What a client's generator calls what it reads from.
_SOURCES: Final = ("self", "response", "r")


def arguments_of(value: Any, /, depth: int = _DEPTH) -> Mapping[str, Any] | None:
    """
    Return the variables of a generator by name, its arguments among them.

    Those of the generators that it reads from are there too, where it has none
    of that name. None for what is no generator, and for one that has ended.
    """
    frame = _frame_of(value)
    if frame is None:
        return None
    # A copy: a frame's own is not to be written to.
    found = dict(frame.f_locals)
    for each in list(found.values()) if depth else ():
        found = {**(arguments_of(each, depth - 1) or {}), **found}
    return found


def module_of(value: Any, /) -> str | None:
    """Return the name of the module that a generator's code is in, or None."""
    frame = _frame_of(value)
    name = None if frame is None else frame.f_globals.get("__name__")
    return name if isinstance(name, str) else None


def requests_behind(value: Any, /) -> Iterator[Any]:
    """Yield the HTTP requests that may have led to a stream or response."""
    given = arguments_of(value)
    if given is not None:
        for each in [given[name] for name in _SOURCES if name in given]:
            yield from requests_behind(each)
        return
    if value is None or isinstance(value, Mapping | str | bytes):
        return
    if isinstance(value, Exception) and "litellm" in origins(value):
        # It makes up the requests behind its errors.
        return
    for holder in (value, *_answers_of(value)):
        for name in ("request", "http_request", "_request"):
            sent = stored(holder, name)
            if sent is not None and hasattr(sent, "url"):
                yield sent


def url_behind(value: Any, /) -> str | None:
    """Return the address of the request behind a stream or response, or None."""
    urls = (getattr(sent, "url", None) for sent in requests_behind(value))
    told = next((url for url in urls if url is not None), None) or _told_by(value)
    return None if told is None else str(told)


def _told_by(value: Any) -> str | None:
    """Return the address that a framework's value remembers, or None."""
    frameworks = _REMEMBER.intersection(origins(value))
    if "litellm" in frameworks:
        return text_in(fields(stored(value, "_hidden_params"))("api_base"))
    return text_in(stored(value, "provider_url")) if frameworks else None


def stored(value: Any, name: str, /) -> Any:
    """Return an attribute, None where it is missing or refuses to be read."""
    try:
        return getattr(value, name, None)
    # httpx raises RuntimeError for a request that was never set.
    except RuntimeError:
        return None


def _answers_of(value: Any) -> Iterator[Any]:
    for name in ("response", "http_response", "_response"):
        answer = stored(value, name)
        if answer is not None:
            yield answer


def _frame_of(value: Any) -> FrameType | None:
    if isinstance(value, GeneratorType):
        return value.gi_frame
    if isinstance(value, AsyncGeneratorType):
        return value.ag_frame
    return None
