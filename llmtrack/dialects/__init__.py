"""Wire shapes: how a chunk or a response of each kind is read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import import_module
from itertools import chain
from typing import Any, Final, cast

from llmtrack.dialects.reading import Counts, Dialect, InBandError, Reading
from llmtrack.dialects.shapes import origins
from llmtrack.errors import ConfigurationError

__all__ = [
    "Counts",
    "Dialect",
    "InBandError",
    "Reading",
    "built_in",
    "by_name",
    "find",
    "has_invented_ending",
    "has_invented_usage",
]

_logger = logging.getLogger("llmtrack")

_GROUP: Final = "llmtrack.dialects"

#: Where each dialect is, in the order in which they are asked. They exclude
#: each other, but for the last, which takes what nobody else knows.
_MODULES: Final = {
    "text": "plain_text",
    "openai.chat": "openai_chat",
    "openai.responses": "openai_responses",
    "anthropic.messages": "anthropic_messages",
    "google.generate_content": "google_generate_content",
    "bedrock.converse": "bedrock_converse",
    "bedrock.invoke": "bedrock_invoke",
    "openai.completions": "openai_completions",
    "ollama.chat": "ollama_chat",
    "ollama.generate": "ollama_generate",
    "cohere.chat": "cohere",
    "mistral.chat": "mistral",
    "huggingface.chat": "huggingface",
    "litellm.chat": "litellm",
    "langchain.messages": "langchain",
    "langchain.plain": "langchain_plain",
    "llama_index.chat": "llama_index",
    "llama_index.plain": "llama_index_plain",
    "openai_agents.events": "openai_agents",
    "pydantic_ai.events": "pydantic_ai",
    "xai.chat": "xai",
    "embeddings": "embeddings",
    "generic": "generic",
}

#: Packages whose objects are asked about in an order of their own first.
_HOMES: Final[dict[str, tuple[str, ...]]] = {
    "anthropic": ("anthropic.messages",),
    "google": ("google.generate_content",),
    "cohere": ("cohere.chat",),
    "mistralai": ("mistral.chat",),
    "huggingface_hub": ("huggingface.chat",),
    "litellm": ("litellm.chat",),
    "langchain_core": ("langchain.messages", "langchain.plain"),
    "llama_index": ("llama_index.chat", "llama_index.plain"),
    "agents": ("openai_agents.events",),
    "pydantic_ai": ("pydantic_ai.events",),
    "xai_sdk": ("xai.chat",),
}

#: Dialects that may have to be made anew for a stream.
_MADE: Final = frozenset(("text", "pydantic_ai.events"))


def find(value: Any, /, stream: Any = None) -> Dialect | None:
    """
    Return the dialect of a chunk or response, None for one that says nothing.

    Never raises: a dialect that does so is logged once and passed over.

    Args:
        value: The first chunk that is not None, or a response.
        stream: What the chunk came from: pydantic-ai's streams of text give
            all text so far in each chunk, which the chunk does not show.
    """
    if value is None or isinstance(value, int | float):
        return None
    for dialect in chain(_external(), _in_order(type(value))):
        if _recognises(dialect, value):
            if dialect.name not in _MADE or (stream is None and type(value) is str):
                return dialect
            return _made_for(stream, value)
    return None


def has_invented_ending(stream: Any, /) -> bool:
    """Whether the finish reason of a stream that ended is its client's own."""
    if "litellm" not in origins(stream):
        return False
    from llmtrack.dialects import litellm

    return litellm.has_invented_ending(stream)


def has_invented_usage(stream: Any, /) -> bool:
    """Whether the usage of a stream that ended is its client's own estimate."""
    if "litellm" not in origins(stream):
        return False
    from llmtrack.dialects import litellm

    return litellm.has_invented_usage(stream)


def by_name(name: str, /) -> Dialect:
    """
    Return the dialect of this name, such as `openai.chat`.

    Raises:
        ConfigurationError: There is none; the message has all names.
    """
    for dialect in _external():
        if dialect.name == name:
            return dialect
    if name not in _MODULES:
        known = sorted((*_MODULES, *(each.name for each in _external())))
        raise ConfigurationError(
            f"no dialect is called {name!r}; there are {', '.join(known)}. "
            f"Add one through the entry point {_GROUP!r}."
        )
    return _load(name)


def built_in() -> tuple[Dialect, ...]:
    """Return all dialects that come with llmtrack, in the order of asking."""
    return tuple(map(_load, _MODULES))


def _made_for(stream: Any, value: Any) -> Dialect:
    from llmtrack.dialects import per_stream

    return per_stream.of_stream(value, stream)


@lru_cache(maxsize=256)
def _home(cls: type) -> tuple[Dialect, ...]:
    """Return the dialects of the packages that a class comes from."""
    origins_of = (each.__module__.partition(".")[0] for each in cls.__mro__)
    names = chain.from_iterable(_HOMES.get(origin, ()) for origin in origins_of)
    return tuple(map(_load, names))


def _in_order(cls: type) -> Iterator[Dialect]:
    """Yield all dialects, those of the value's own package first."""
    yield from _home(cls)
    yield from map(_load, _MODULES)


@cache
def _load(name: str) -> Dialect:
    return cast(Dialect, import_module(f"llmtrack.dialects.{_MODULES[name]}"))


@cache
def _external() -> tuple[Dialect, ...]:
    """Load the dialects of other packages; a broken one is logged and skipped."""
    # Takes longer to import than all of llmtrack.
    from importlib.metadata import entry_points

    found: list[Dialect] = []
    for entry in entry_points(group=_GROUP):
        try:
            dialect = entry.load()
            # Asked for now, so that it fails here and not in a stream.
            _ = dialect.name, dialect.recognises, dialect.read
        except Exception:
            _logger.warning("the dialect %s is left out", entry.value, exc_info=True)
        else:
            found.append(dialect)
    return tuple(found)


def _recognises(dialect: Dialect, value: Any) -> bool:
    try:
        return dialect.recognises(value)
    except Exception:
        _log_once(dialect.name)
        return False


@cache
def _log_once(name: str) -> None:
    _logger.warning("the dialect %s failed to recognise a value", name, exc_info=True)
