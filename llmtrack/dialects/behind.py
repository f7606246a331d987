"""What stands behind a stream or response: a request, a generator's arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import AsyncGeneratorType, FrameType, GeneratorType, GetSetDescriptorType
from typing import Any, Final

from llmtrack.dialects.shapes import fields, origins, packages_of, text_in

#: They hold their arguments, and no attribute tells.
_GENERATORS: Final = (GeneratorType, AsyncGeneratorType)
#: How many generators within generators are looked through.
_DEPTH: Final = 3
#: Frameworks whose streams and responses know an address, not a request.
_REMEMBER: Final = frozenset(("litellm", "pydantic_ai"))
#: What clients call the request on their streams, responses and errors, and the
#: answer which has one in turn.
_REQUESTS: Final = ("request", "http_request", "_request")
_ANSWERS: Final = ("response", "http_response", "_response")
_HOLDERS: Final = frozenset((*_REQUESTS, *_ANSWERS))
#: Methods by which a class gives what its objects do not hold.
_COMPUTING: Final = frozenset(("__getattr__", "__getattribute__"))
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
        for name in _REQUESTS:
            sent = stored(holder, name)
            if sent is not None and hasattr(sent, "url"):
                yield sent


def tells_nothing(value: Any, /) -> bool:
    """
    Whether it is plain that no request, client or address is behind a value.

    True saves looking for them; False says nothing.
    """
    cls: Any = type(value)
    if not _shows_what_it_holds(cls):
        return False
    try:
        extra = getattr(value, "__pydantic_extra__", None) or ()
        held = getattr(value, "__dict__", ())
        return _HOLDERS.isdisjoint(held) and _HOLDERS.isdisjoint(extra)
    except Exception:
        return False


@lru_cache(maxsize=512)
def _shows_what_it_holds(cls: Any) -> bool:
    """
    Whether objects of a class have what clients keep in their `__dict__` or nowhere.

    A pydantic model is asked in vain twelve times otherwise, a microsecond each.
    """
    if cls in _GENERATORS or not _REMEMBER.isdisjoint(packages_of(cls)):
        return False
    for each in cls.__mro__:
        own = vars(each)
        if not _HOLDERS.isdisjoint((*own, *own.get("__private_attributes__", ()))):
            return False
        if each.__module__ == "pydantic.main" or each is object:
            continue
        # What is computed may be anything.
        held = own.get("__dict__")
        is_computed = held is not None and not isinstance(held, GetSetDescriptorType)
        if is_computed or not _COMPUTING.isdisjoint(own):
            return False
    return True


def url_behind(value: Any, /) -> str | None:
    """Return the address of the request behind a stream or response, or None."""
    if tells_nothing(value):
        return None
    urls = (getattr(sent, "url", None) for sent in requests_behind(value))
    told = next((url for url in urls if url is not None), None) or _told_by(value)
    return None if told is None else str(told)


def _told_by(value: Any) -> str | None:
    """Return the address that a framework's value remembers, or None."""
    packages = origins(value)
    if _REMEMBER.isdisjoint(packages):
        return None
    if "litellm" in packages:
        return text_in(fields(stored(value, "_hidden_params"))("api_base"))
    return text_in(stored(value, "provider_url"))


def stored(value: Any, name: str, /) -> Any:
    """Return an attribute, None where it is missing or refuses to be read."""
    try:
        return getattr(value, name, None)
    # httpx raises RuntimeError for a request that was never set.
    except RuntimeError:
        return None


def _answers_of(value: Any) -> Iterator[Any]:
    for name in _ANSWERS:
        answer = stored(value, name)
        if answer is not None:
            yield answer


def _frame_of(value: Any) -> FrameType | None:
    if isinstance(value, GeneratorType):
        return value.gi_frame
    if isinstance(value, AsyncGeneratorType):
        return value.ag_frame
    return None
