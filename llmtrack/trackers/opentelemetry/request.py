"""What was asked for beside the prompt, in the words of the conventions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Parameters = Mapping[str, Any]
Attributes = dict[str, Any]

#: Names that clients have for one thing, the first that is given.
_STOPS: Final = ("stop", "stop_sequences", "stopSequences")
_LIMITS: Final = (
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "maxTokens",
)
_TOP_P: Final = ("top_p", "topP")


def of_request(parameters: Parameters, *, latest: bool) -> Attributes:
    """
    Return the attributes of a request's parameters; None where one is not given.

    A value of another type than the conventions want is left out: it is the
    program's, and may be anything.

    Args:
        parameters: As given to the client, by the client's own names.
        latest: Whether by the unreleased text of the conventions.
    """
    choices = _first(parameters, ("n",), int)
    told: Attributes = {
        "temperature": _first(parameters, ("temperature",), float),
        "top_p": _first(parameters, _TOP_P, float),
        "top_k": _first(parameters, ("top_k",), int if latest else float),
        "frequency_penalty": _first(parameters, ("frequency_penalty",), float),
        "presence_penalty": _first(parameters, ("presence_penalty",), float),
        "max_tokens": _first(parameters, _LIMITS, int),
        "seed": _first(parameters, ("seed",), int),
        "choice.count": choices if choices != 1 else None,
        "stop_sequences": _stops(parameters),
    }
    if latest:
        told["reasoning.level"] = _reasoning_level(parameters)
        told["previous_response.id"] = _text(parameters.get("previous_response_id"))
    return {
        **{f"gen_ai.request.{name}": value for name, value in told.items()},
        "gen_ai.conversation.id": _conversation(parameters),
    }


def _first(
    parameters: Parameters,
    names: tuple[str, ...],
    kind: Callable[[int | float], int | float],
) -> int | float | None:
    for name in names:
        value = parameters.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return kind(value)
    return None


def _stops(parameters: Parameters) -> list[str] | None:
    for name in _STOPS:
        value = parameters.get(name)
        if isinstance(value, str):
            return [value]
        if isinstance(value, list | tuple):
            return [each for each in value if isinstance(each, str)]
    return None


def _reasoning_level(parameters: Parameters) -> str | None:
    reasoning = parameters.get("reasoning")
    nested = reasoning.get("effort") if isinstance(reasoning, Mapping) else None
    return _text(parameters.get("reasoning_effort")) or _text(nested)


def _conversation(parameters: Parameters) -> str | None:
    """Return the id of a conversation that the provider keeps."""
    given = parameters.get("conversation")
    return _text(given.get("id") if isinstance(given, Mapping) else given)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
