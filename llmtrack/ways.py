"""How each kind of client is called."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from llmtrack import phrasing
from llmtrack.dialects.shapes import origins
from llmtrack.errors import ConfigurationError, error_info

Method = Callable[..., Any]

_logger = logging.getLogger("llmtrack")

#: Statuses of a request that the server does not understand.
_MISUNDERSTOOD: Final = (400, 422)


@dataclass(frozen=True, slots=True)
class Way:
    """
    How one kind of client is called.

    Names are dotted paths from the client; `a().b` is `client.a(arguments).b()`.

    Attributes:
        plain: What answers in one piece; None where nothing does.
        streaming: What streams; None is the same with `stream=True`.
        plain_async: Likewise, of a client that is sync and async in one.
        streaming_async: Likewise.
        arguments: Puts model, messages and the rest in the client's words; None
            is what the method's parameters tell.
        package: Whose clients are called so; None is anybody's.
    """

    plain: str | None
    streaming: str | None = None
    plain_async: str | None = None
    streaming_async: str | None = None
    arguments: phrasing.Arguments | None = None
    package: str | None = None


#: Who is asked first wins: OpenAI's client has `responses` too.
WAYS: Final = (
    Way("chat.completions.create"),
    Way("chat.complete", "chat.stream", "chat.complete_async", "chat.stream_async"),
    Way(
        "chat.create().sample",
        "chat.create().stream",
        arguments=phrasing.for_xai,
        package="xai_sdk",
    ),
    Way("messages.create", arguments=phrasing.for_anthropic),
    Way("responses.create", arguments=phrasing.for_responses),
    Way(
        "models.generate_content",
        "models.generate_content_stream",
        "aio.models.generate_content",
        "aio.models.generate_content_stream",
        phrasing.for_google,
    ),
    Way("generate_content", "generate_content_stream", arguments=phrasing.for_google),
    Way("converse", "converse_stream", arguments=phrasing.for_bedrock),
    Way("chat_completion"),
    Way("chat", "chat_stream", arguments=phrasing.for_cohere, package="cohere"),
    Way(
        *("chat", "stream_chat", "achat", "astream_chat"),
        arguments=phrasing.for_llama_index,
        package="llama_index",
    ),
    Way("chat", "chat_stream"),
    Way("chat", "stream_chat"),
    Way("chat"),
    Way("invoke", "stream", "ainvoke", "astream", phrasing.for_langchain),
    Way("completion", None, "acompletion"),
    Way("completions.create"),
    Way("create"),
    Way("generate"),
    Way("complete"),
    Way(None, "stream"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """
    How the client at hand is called.

    Attributes:
        plain: Answers in one piece; None if nothing does.
        streaming: Streams; None if nothing does.
        arguments: What either is given.
        can_report_usage: Whether `stream_options` can be among them.
        is_async: Whether the client is async, as far as one can see.
    """

    plain: Method | None
    streaming: Method | None
    arguments: Callable[[], phrasing.Params]
    can_report_usage: bool
    is_async: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One way to ask.

    Attributes:
        method: What is called.
        extra: What it is given beside the arguments of all attempts.
        word: What the provider may object to, so that the next is tried.
    """

    method: Callable[..., Any]
    extra: Mapping[str, Any]
    word: str | None


def find(
    client: Any,
    model: str,
    messages: phrasing.Messages,
    params: phrasing.Params,
    *,
    prefer_async: bool,
) -> Found:
    """
    Find out how a client is called, by looking at it.

    Args:
        client: A client, a part of one such as `client.messages`, or a method.
        model: The model.
        messages: Messages in OpenAI's words, or the client's own.
        params: What else the client is given.
        prefer_async: Which half is taken of a client that is sync and async.

    Raises:
        ConfigurationError: It cannot be called in any way that is known.
    """
    way = _way_to(client)
    if way is None:
        plain, streaming = client, _by_keyword(client)
        phrase = None
    else:
        plain, streaming = _methods(way, client, prefer_async)
        phrase = way.arguments
    parameters = _parameters(plain or streaming)
    worded = phrase or phrasing.for_parameters(_named(parameters))
    return Found(
        plain,
        streaming,
        lambda: worded(client, model, messages, params),
        "stream_options" in parameters,
        any(_is_async(client, each) for each in (plain, streaming) if each),
    )


def attempts(
    found: Found, stream: bool | None, params: Mapping[str, Any]
) -> Iterator[Attempt]:
    """
    Yield what is tried in turn, each only if the one before is not understood.

    Args:
        found: How the client is called.
        stream: True is streams only, False is plain only, None is both.
        params: What the caller gives.
    """
    if found.streaming is not None and stream is not False:
        if found.can_report_usage and "stream_options" not in params:
            usage = {"stream_options": {"include_usage": True}}
            yield Attempt(found.streaming, usage, "stream_options")
        yield Attempt(found.streaming, {}, "stream")
    if found.plain is not None and stream is not True:
        yield Attempt(found.plain, {}, None)


def objection(exc: Exception) -> str | None:
    """Return what of streaming an exception objects to, None if to nothing."""
    if isinstance(exc, NotImplementedError | AttributeError):
        return "stream"
    refused = error_info(exc).status_code in _MISUNDERSTOOD
    if not refused and not isinstance(exc, TypeError):
        return None
    named = re.search(r"\bstream(_options|ing)?\b", str(exc))
    if named is None:
        return None
    return "stream_options" if named[1] == "_options" else "stream"


def _way_to(client: Any) -> Way | None:
    """Return the way that fits best; None for a bare method."""
    packages = set(origins(client))
    ways = [way for way in WAYS if way.package is None or way.package in packages]
    for enough in (all, any):
        for way in ways:
            paths = [path for path in (way.plain, way.streaming) if path]
            if enough(_follow(client, path) for path in paths):
                return way
    if inspect.isroutine(client):
        return None
    known = dict.fromkeys(way.plain or way.streaming for way in WAYS)
    raise ConfigurationError(
        f"cannot tell how to call {client!r}: it has none of "
        f"{', '.join(filter(None, known))}. Give the client itself, or the method "
        "that makes the call"
    )


def _methods(
    way: Way, client: Any, prefer_async: bool
) -> tuple[Method | None, Method | None]:
    plain, streaming = way.plain, way.streaming
    if prefer_async and _follow(client, way.plain_async) is not None:
        plain, streaming = way.plain_async, way.streaming_async
    method = _follow(client, plain)
    if plain is None or method is None or streaming is not None:
        return method, _follow(client, streaming)
    owner, dot, name = plain.rpartition(".")
    siblings = (f"{name}_stream", f"stream_{name}", "stream")
    beside = (_follow(client, f"{owner}{dot}{each}") for each in siblings)
    return method, _by_keyword(method) or next(filter(None, beside), None)


def _follow(client: Any, path: str | None) -> Method | None:
    """Return the callable at a dotted path, or None."""
    if path is None:
        return None
    path, _, then = path.partition("().")
    value = client
    for name in path.split("."):
        value = _attribute(value, name)
    if not callable(value):
        return None
    if not then:
        method: Method = value
        return method
    return lambda **arguments: getattr(value(**arguments), then)()


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception:
        _logger.debug("cannot look at %r of a client", name, exc_info=True)
        return None


def _by_keyword(method: Method) -> Method | None:
    """Return what streams by `stream=True`, None where that cannot be given."""
    parameters = _parameters(method)
    if parameters and "stream" not in parameters and not _is_open(parameters):
        return None
    return lambda **arguments: method(**arguments, stream=True)


def _parameters(method: Method | None) -> Mapping[str, inspect.Parameter]:
    """Return a method's parameters; none where they cannot be told."""
    try:
        return inspect.signature(method).parameters if method is not None else {}
    except (TypeError, ValueError):
        return {}


def _named(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    """Return the names of the parameters, but for those that take anything."""
    return [
        name
        for name, each in parameters.items()
        if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
    ]


def _is_open(parameters: Mapping[str, inspect.Parameter]) -> bool:
    return any(each.kind is each.VAR_KEYWORD for each in parameters.values())


def _is_async(client: Any, method: Method) -> bool:
    if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
        return True
    # The async clients' own `create` is a plain function.
    owner = getattr(method, "__self__", client)
    classes = (*type(client).__mro__, *type(owner).__mro__)
    return any(cls.__name__.startswith("Async") for cls in classes)
