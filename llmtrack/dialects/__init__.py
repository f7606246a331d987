"""Wire shapes: how a chunk or a response of each kind is read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import import_module
from itertools import chain
from typing import Any, Final, cast

from llmtrack.dialects import plain_text
from llmtrack.dialects.reading import Counts, Dialect, InBandError, Reading
from llmtrack.dialects.shapes import origins, packages_of
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

_TEXT: Final = cast(Dialect, plain_text)

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

#: Keys of which a dict has one at least, if it is of that shape. Who is not here
#: is asked about any dict.
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "text": (),
    "openai.chat": ("choices", "object", "type"),
    "openai.responses": ("object", "type"),
    "anthropic.messages": ("type",),
    "google.generate_content": ("candidates", "usage_metadata", "usageMetadata"),
    "bedrock.invoke": ("ResponseMetadata", "chunk"),
    "openai.completions": ("choices", "object"),
    "ollama.chat": ("done",),
    "ollama.generate": ("done",),
    "cohere.chat": ("finish_reason", "type"),
    "embeddings": ("data", "embeddings"),
}
# A view, as a dict's keys are compared with those of another ten times faster than
# with a frozenset.
_ALL_KEYS: Final = dict.fromkeys(chain.from_iterable(_KEYS.values())).keys()

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

#: Dialects that know the objects of these packages alone, and pairs of them.
_AT_HOME: Final = frozenset(
    (
        *("mistral.chat", "huggingface.chat", "litellm.chat", "xai.chat"),
        *("langchain.messages", "langchain.plain", "llama_index.chat"),
        *("llama_index.plain", "openai_agents.events", "pydantic_ai.events"),
    )
)

#: Dialects that may have to be made anew for a stream.
_MADE: Final = frozenset(("text", "pydantic_ai.events"))


def find(value: Any, /, stream: Any = None) -> Dialect | None:
    """
    Return the dialect of a chunk or response, None for one that says nothing.

    A dialect that raises is logged once and passed over.

    Args:
        value: The first chunk that is not None, or a response.
        stream: What the chunk came from: pydantic-ai's streams of text give
            all text so far in each chunk, which the chunk does not show.
    """
    if type(value) is str and stream is None and not _external():
        # Nothing else can be said of it, and nothing is asked.
        return _TEXT
    if value is None or isinstance(value, int | float):
        return None
    for dialect in chain(_external(), map(_load, _asked_about(value))):
        try:
            is_known = dialect.recognises(value)
        except Exception:
            _log_once(dialect.name)
            continue
        if is_known:
            is_made = stream is not None or type(value) is not str
            if is_made and dialect.name in _MADE:
                return _made_for(stream, value)
            is_json = isinstance(value, dict) and dialect.name in _MODULES
            return _of_json(dialect.name) if is_json else dialect
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


@cache
def _of_json(name: str) -> Dialect:
    """Return a dialect for what a program parsed itself."""
    dialect = by_name(name)
    quick = getattr(dialect, "quick_json", None)
    if quick is None:
        return dialect
    from llmtrack.dialects.parsed_json import Parsed

    return Parsed(dialect, quick)


def _made_for(stream: Any, value: Any) -> Dialect:
    from llmtrack.dialects import per_stream

    return per_stream.of_stream(value, stream)


def _asked_about(value: Any) -> Sequence[str]:
    """Return the names of those that may know a value, in the order of asking."""
    cls: Any = type(value)
    if cls is dict:
        try:
            return _of_keys(frozenset(value.keys() & _ALL_KEYS))
        except Exception:
            # Keys may be objects that refuse to be compared.
            pass
    # A proxy may claim to be a string.
    return _of_class(cls, isinstance(value, str | bytes))


@lru_cache(maxsize=256)
def _of_keys(keys: frozenset[str]) -> tuple[str, ...]:
    """Return who may know a dict, given those of its keys that matter."""
    return tuple(
        name
        for name in _MODULES
        if name not in _AT_HOME
        and (name not in _KEYS or not keys.isdisjoint(_KEYS[name]))
    )


@lru_cache(maxsize=512)
def _of_class(cls: Any, is_text: bool) -> tuple[str, ...]:
    """Return who may know objects of a class, those of its package first."""
    own = chain.from_iterable(_HOMES.get(each, ()) for each in packages_of(cls))
    # A pair's own class does not tell what it is a pair of.
    is_pair = issubclass(cls, tuple)
    others = (
        name
        for name in _MODULES
        if (is_pair or name not in _AT_HOME) and (is_text or name != "text")
    )
    return tuple(dict.fromkeys((*own, *others)))


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


@cache
def _log_once(name: str) -> None:
    _logger.warning("the dialect %s failed to recognise a value", name, exc_info=True)
