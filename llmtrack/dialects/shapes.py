"""How values are looked at: attributes or keys, known types or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from typing import Any, Final

from llmtrack.dialects.reading import (
    NOTHING_COUNTED,
    Counts,
    InFull,
    Keep,
    Quick,
)

#: A look-up of one value's fields by name; None where there is no such field.
Fields = Callable[[str], Any]

_ABSENT: Final = object()
_NOTHING: Final[Mapping[str, Any]] = {}
#: More items than this in one list are not looked at.
_ITEMS_LIMIT: Final = 10_000


def fields(value: Any, /) -> Fields:
    """Return a look-up of a value's fields: keys of a dict, else attributes."""
    if isinstance(value, dict):
        return value.get
    if value is None:
        return _NOTHING.get
    extra: Any = getattr(value, "__pydantic_extra__", _ABSENT)
    if extra is _ABSENT:
        return partial(_attribute, value)
    # To ask a pydantic model for an attribute that it lacks takes two
    # microseconds; half of the names asked for here are lacking.
    if extra:
        return {**value.__dict__, **extra}.get
    known: Mapping[str, Any] = value.__dict__
    return known.get


def _attribute(value: Any, name: str) -> Any:
    return getattr(value, name, None)


def text_in(value: Any, /) -> str | None:
    """Return a non-empty string, else None."""
    if type(value) is str:
        return value or None
    if not isinstance(value, str) or not value:
        return None
    # A proxy of a string is one by what it claims to be, and cannot be joined.
    return value if issubclass(type(value), str) else str(value)


def count_in(value: Any, /) -> int | None:
    """Return a token count as an int (Cohere's are floats), else None."""
    if type(value) is int:
        return value if value >= 0 else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < float("inf") else None


def word_in(value: Any, /) -> str | None:
    """Return a provider's word, which may be an enum of strings, else None."""
    if value is None:
        return None
    if not isinstance(value, str):
        name = getattr(value, "value", None)
        value = name if isinstance(name, str) else getattr(value, "name", None)
    elif type(value) is not str:
        # An enum of strings would show its class in an f-string.
        value = str(getattr(value, "value", value))
    return text_in(value)


def items(value: Any, /) -> Sequence[Any]:
    """Return what a list, tuple or protobuf sequence holds, else nothing."""
    if isinstance(value, (list, tuple)):
        return value
    if value is None or isinstance(value, str | bytes | Mapping):
        return ()
    # Protobuf's sequences are neither lists nor tuples.
    if hasattr(value, "__getitem__") and hasattr(value, "__len__"):
        return tuple(islice(value, _ITEMS_LIMIT))
    return ()


def joined(pieces: Sequence[str | None], /) -> str | None:
    """Return the pieces as one text, None where there are none."""
    if len(pieces) == 1:
        return pieces[0] or None
    return "".join(piece for piece in pieces if piece) or None


def arguments_in(value: Any, /) -> str | None:
    """Return a tool call's arguments as text, which may come as an object."""
    if isinstance(value, Mapping) and value:
        return json.dumps(dict(value), default=str, ensure_ascii=False)
    return text_in(value)


def quick_by(text_of: Callable[[Any], Any], /) -> Quick:
    """
    Return a quick way to read chunks, given how to find their text.

    Args:
        text_of: Returns the text of a chunk that holds nothing else; anything
            but a string, or an exception, where it holds more.
    """

    def quick(append: Callable[[str], object], in_full: InFull) -> Keep:
        before: Any = None

        def keep(chunk: Any) -> None:
            nonlocal before
            try:
                text = text_of(chunk)
            except Exception:
                text = None
            if type(text) is str and text:
                append(text)
                before = chunk
            else:
                in_full(chunk, before)
                before = None

        return keep

    return quick


def origins(value: Any, /) -> tuple[str, ...]:
    """Return the packages that a value's classes come from, most derived first."""
    cls: Any = type(value)
    try:
        return packages_of(cls)
    except TypeError:
        # A metaclass may leave its classes without a hash.
        return packages_of.__wrapped__(cls)


@lru_cache(maxsize=512)
def packages_of(cls: Any, /) -> tuple[str, ...]:
    """Return the packages of a class and its parents, most derived first."""
    return tuple(each.__module__.partition(".")[0] for each in cls.__mro__)


def class_names(value: Any, /) -> tuple[str, ...]:
    """Return the names of a value's classes, most derived first."""
    return tuple([cls.__name__ for cls in type(value).__mro__])


def total_of(*counts: int | None) -> int | None:
    """Return the sum of what is known, None where nothing is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def first_count(*values: Any) -> int | None:
    """Return the first value that is a token count, None where none is."""
    for value in values:
        if value is not None and (count := count_in(value)) is not None:
            return count
    return None


def openai_counts(usage: Any, /) -> Counts | None:
    """Read a usage object of OpenAI's kind, chat or Responses, or None."""
    if usage is None:
        return None
    field = fields(usage)
    prompt = fields(field("prompt_tokens_details") or field("input_tokens_details"))
    answer = fields(
        field("completion_tokens_details") or field("output_tokens_details")
    )
    counts = Counts(
        input=first_count(field("prompt_tokens"), field("input_tokens")),
        output=first_count(field("completion_tokens"), field("output_tokens")),
        total=count_in(field("total_tokens")),
        cache_read=first_count(
            prompt("cached_tokens"),
            # DeepSeek's and litellm's second place for it.
            field("prompt_cache_hit_tokens"),
            field("cache_read_input_tokens"),
        ),
        cache_write=first_count(
            prompt("cache_write_tokens"),
            prompt("cache_creation_tokens"),
            field("cache_creation_input_tokens"),
        ),
        # Perplexity's is not in the details.
        reasoning=first_count(answer("reasoning_tokens"), field("reasoning_tokens")),
    )
    return None if counts == NOTHING_COUNTED else counts
