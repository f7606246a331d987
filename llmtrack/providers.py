"""Who served a call, told from whatever is at hand."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from itertools import product
from types import FunctionType
from typing import Any, Final

from llmtrack import dialects
from llmtrack.dialects.behind import module_of, url_behind
from llmtrack.dialects.request import client_behind, looks_like_client
from llmtrack.dialects.shapes import origins
from llmtrack.provider_names import by_alias, by_class, by_host, by_model, by_package

_logger = logging.getLogger("llmtrack")

_GROUP: Final = "llmtrack.providers"

#: Where clients keep the address that they call, by package; `()` is a call.
_ADDRESSES: Final[dict[str, tuple[str, ...]]] = {
    "google": ("_api_client._http_options.base_url",),
    "mistralai": (
        "sdk_configuration.server_url",
        "sdk_configuration.get_server_details()",
    ),
    "cohere": ("_client_wrapper.get_base_url()",),
    "ollama": ("_client.base_url",),
    "huggingface_hub": ("model",),
    "botocore": ("meta.endpoint_url",),
    "xai_sdk": (
        "_api_channel._channel.target()",
        "_api_channel._channel._channel.target()",
        "_api_channel._channel._channel._channel.target()",
    ),
    "langchain_openai": ("openai_api_base", "root_client.base_url"),
    "langchain_anthropic": ("anthropic_api_url",),
    "llama_index": ("api_base",),
    "pydantic_ai": ("model.base_url", "base_url"),
    "agents": ("model._client.base_url", "_client.base_url"),
}
_PORTS: Final = {"https": 443, "http": 80, "dns": 443}
#: A gRPC target, such as `api.x.ai:443`.
_TARGET: Final = re.compile(r"([\w.-]+)(?::(\d{1,5}))?")
_USUAL_ADDRESSES: Final = ("base_url", "_client.base_url", "api_base", "endpoint")

#: Where the values of frameworks say in a word who answers.
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "litellm": (
        "_hidden_params.litellm_model_name",
        "_hidden_params.custom_llm_provider",
        "custom_llm_provider",
        # On its errors.
        "llm_provider",
    ),
    "langchain_core": ("response_metadata.model_provider",),
    "pydantic_ai": ("provider_name", "model.system", "system"),
}


@dataclass(frozen=True, slots=True)
class Served:
    """
    Who served a call, and where; None is unknown.

    Attributes:
        provider: OpenTelemetry's `gen_ai.provider.name`.
        address: Host name.
        port: Port.
    """

    provider: str | None = None
    address: str | None = None
    port: int | None = None


Rule = Callable[[Any], "Served | str | None"]


def served_by(
    *,
    client: Any = None,
    value: Any = None,
    function: Any = None,
    model: str | None = None,
    dialect: str | None = None,
) -> Served:
    """
    Return who served a call, from the best that is known.

    Args:
        client: What looks like a client among the arguments.
        value: A stream, chunk or response.
        function: The function that makes the call; a bound method's client,
            and the one client that its code names, are looked at.
        model: The model that was asked for.
        dialect: The name of the dialect of the answer.
    """
    clients = list(_clients(client, value, function))
    holders = [*clients, value] if value is not None else clients
    for rule, holder in product(_rules(), holders):
        ruled = _by_rule(rule, holder)
        if ruled is not None:
            return ruled
    at = (
        next(filter(None, map(_address_of, clients)), None)
        or _parse(url_behind(value))
        or Served()
    )
    provider = (
        at.provider
        or next(filter(None, map(_word_of, holders)), None)
        or next(filter(None, (_owner(each) for each in holders)), None)
        or _by_dialect(dialect)
        or by_model(model)
    )
    return replace(at, provider=provider)


def _clients(client: Any, value: Any, function: Any) -> Iterator[Any]:
    """Yield the clients that may have made the call, the surest first."""
    bound = getattr(_unwrapped(function), "__self__", None)
    behind = client_behind(value)
    sure = [each for each in (client, bound, behind) if each is not None]
    yield from sure
    if not sure:
        named = _client_named_in(function)
        if named is not None and _agree(named, value):
            yield named


def _agree(client: Any, value: Any) -> bool:
    """Whether an answer can be the client's, by their classes."""
    owners = {_owner(client), _owner(value)}
    return len(owners - {None}) < 2


def _owner(value: Any) -> str | None:
    module = module_of(value)
    if module is not None:
        return by_package(module)
    cls: Any = type(value)
    return by_class(cls)


def _unwrapped(function: Any) -> Any:
    while isinstance(function, partial):
        function = function.func
    return function


def _client_named_in(function: Any) -> Any:
    """Return the one client that a function's code names, or None."""
    function = _unwrapped(function)
    if not isinstance(function, FunctionType):
        return None
    held = _closed_over(function)
    known = function.__globals__
    held += [known.get(name) for name in function.__code__.co_names]
    clients = {id(each): each for each in held if looks_like_client(each)}
    return next(iter(clients.values())) if len(clients) == 1 else None


def _closed_over(function: FunctionType, depth: int = 3) -> list[Any]:
    """Return what a function closes over, and the functions in it in turn."""
    held: list[Any] = []
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:
            # Not assigned yet.
            continue
        # Cohere's methods are closures over closures over a method.
        held += (value, getattr(value, "__self__", None))
        if isinstance(value, FunctionType) and depth > 1:
            held += _closed_over(value, depth - 1)
    return held


def _address_of(client: Any) -> Served | None:
    """Return the address that a client calls."""
    known = (_ADDRESSES[each] for each in origins(client) if each in _ADDRESSES)
    for path in next(known, _USUAL_ADDRESSES):
        found = _parse(_follow(client, path))
        if found is not None:
            return found
    return None


def _word_of(holder: Any) -> str | None:
    """Return the provider that a framework's value names."""
    known = (_WORDS[each] for each in origins(holder) if each in _WORDS)
    for path in next(known, ()):
        word = _follow(holder, path)
        if isinstance(word, str) and word:
            # litellm's names of models begin with the provider's.
            return by_alias(word.partition("/")[0])
    return None


def _follow(value: Any, path: str) -> Any:
    """Return what lies at a dotted path, or None; `()` calls a method."""
    try:
        for name in path.split("."):
            called = name.endswith("()")
            if isinstance(value, dict):
                value = value.get(name)
            else:
                value = getattr(value, name.removesuffix("()"), None)
            if called and callable(value):
                value = value()
    except Exception:
        _logger.debug("cannot follow %s", path, exc_info=True)
        return None
    return value


def _parse(url: Any) -> Served | None:
    """Return host and port of an address, which may be text, bytes or a URL."""
    if isinstance(url, tuple):
        # Mistral's comes with its parameters.
        url = url[0] if url else None
    if url is None:
        return None
    if isinstance(url, bytes):
        # A gRPC channel's target, which need not have a scheme.
        target = url.decode("ascii", "replace")
        return _parsed(target if "://" in target else f"dns:///{target}")
    return _parsed(str(url))


@lru_cache(maxsize=512)
def _parsed(url: str) -> Served | None:
    if "://" not in url:
        # A model's name, where Hugging Face's client has it, is no address.
        target = _TARGET.fullmatch(url)
        if target is None or target[2] is None:
            return None
        url = f"dns://{url}"
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        # gRPC's `dns:///api.x.ai`.
        target = _TARGET.fullmatch(parts.path.lstrip("/"))
        if target is None or parts.scheme != "dns":
            return None
        host, port = target[1], int(target[2]) if target[2] else None
    return Served(by_host(host), host, port or _PORTS.get(parts.scheme))


def _by_dialect(name: str | None) -> str | None:
    return None if name is None else dialects.by_name(name).provider


def _by_rule(rule: Rule, holder: Any) -> Served | None:
    try:
        found = rule(holder)
    except Exception:
        _logger.warning("the provider rule %r failed", rule, exc_info=True)
        return None
    return Served(found) if isinstance(found, str) else found


@cache
def _rules() -> tuple[Rule, ...]:
    """Load the users' own rules; a broken one is logged and skipped."""
    # Takes longer to import than all of llmtrack.
    from importlib.metadata import entry_points

    found: list[Rule] = []
    for entry in entry_points(group=_GROUP):
        try:
            found.append(entry.load())
        except Exception:
            _logger.warning("the rule %s is left out", entry.value, exc_info=True)
    return tuple(found)
