"""What was asked: from a function's arguments, or from what came back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from llmtrack.dialects.behind import (
    arguments_of,
    module_of,
    requests_behind,
    stored,
    tells_nothing,
    url_behind,
)
from llmtrack.dialects.shapes import Fields, fields, origins, text_in

#: Arguments that hold the prompt, the first that is given.
_INPUTS: Final = ("messages", "contents", "input", "prompt")
#: Arguments that are part of the prompt too.
_BESIDE: Final = ("system", "instructions", "system_instruction")
_TOOLS: Final = ("tools", "functions", "toolConfig", "tool_config")
_MODELS: Final = ("model", "modelId", "model_id")
#: Arguments that say how to answer, OpenTelemetry's `gen_ai.request.*`.
_PARAMETERS: Final = frozenset(
    (
        *("temperature", "top_p", "top_k", "seed", "stop", "stop_sequences"),
        *("max_tokens", "max_completion_tokens", "max_output_tokens"),
        *("frequency_penalty", "presence_penalty", "reasoning_effort", "reasoning"),
        *("previous_response_id", "conversation", "service_tier", "n"),
        *("maxTokens", "topP", "stopSequences"),
    )
)
#: Arguments that nest more of them: Google's and Bedrock's.
_CONFIGS: Final = frozenset(("config", "generation_config", "inferenceConfig"))
_FORMATS: Final = ("response_format", "format", "text", "response_mime_type")
_USUAL: Final = frozenset((*_MODELS, *_INPUTS))
_ROLES: Final = frozenset(
    (*_INPUTS, *_BESIDE, *_TOOLS, *_MODELS, *_PARAMETERS, *_CONFIGS, *_FORMATS)
)
#: Types of which no client is.
_PLAIN: Final = frozenset(
    (str, bytes, int, float, bool, list, dict, tuple, set, frozenset, type(None))
)
#: Classes of the values that clients take for "not given".
_NOT_GIVEN: Final = frozenset(("ellipsis", "NotGiven", "Omit", "Unset", "_Unset"))

#: What a client can do, by which one is told of a class never seen before.
_ABILITIES: Final = (
    *("chat", "messages", "responses", "completions", "models", "chat_completion"),
    *("converse", "invoke_model", "generate", "stream", "create", "complete"),
    *("invoke", "run_stream", "run"),
)
#: Packages of which everything that can do such a thing is a client.
_PACKAGES: Final = frozenset(
    (
        *("openai", "anthropic", "groq", "together", "cerebras", "fireworks"),
        *("google", "mistralai", "cohere", "ollama", "huggingface_hub", "botocore"),
        *("xai_sdk", "llama_index", "pydantic_ai", "agents"),
    )
)

#: What a client hands out to call it by, such as `client.models`.
_RESOURCES: Final = ("Models", "Chat", "Completions", "Messages", "Responses")

#: Packages whose clients are made for one model.
_OWN_MODEL: Final = frozenset(
    ("langchain_core", "llama_index", "xai_sdk", "pydantic_ai", "agents")
)

#: Bytes of a request's body that are looked at, so that reading one takes a
#: few milliseconds at most.
_BODY_LIMIT: Final = 512 * 1024
_MODEL_IN_PATH: Final = re.compile(r"/(?:models?|deployments)/([^/:?]+)")
_MODEL_IN_BODY: Final = re.compile(rb'"model"\s*:\s*"([^"\\]{1,200})"')
_OPERATIONS: Final = (
    ("/embeddings", "embeddings"),
    ("/chat/completions", "chat"),
    ("/completions", "text_completion"),
    ("enerateContent", "generate_content"),
)


@dataclass(slots=True)
class Request:
    """
    What was asked, as far as it is known; None and {} where it is not.

    Attributes:
        model: The model that was asked for.
        input: The prompt as it was given; a dict of its parts where there is
            more to it than messages, such as `system` or `tools`.
        tools: The tools offered.
        stream: Whether the answer was asked for in chunks.
        n: How many choices were asked for.
        wants_json: Whether the answer is to be JSON.
        operation: OpenTelemetry's `gen_ai.operation.name`, where the address
            that was called tells.
        parameters: How to answer, as given: temperature, seed, ...
        client: What among the arguments looks like a client.
    """

    model: str | None = None
    input: Any = None
    tools: Any = None
    stream: bool | None = None
    n: int | None = None
    wants_json: bool = False
    operation: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    client: Any = None


def from_arguments(arguments: Mapping[str, Any], /) -> Request:
    """
    Return what a function's arguments, by name, say of a request.

    Only names that clients use are looked at; nothing is guessed.
    """
    request = Request()
    found: dict[str, Any] = {}
    not_given: Any = None
    for name, value in arguments.items():
        if value is None or value is not_given:
            continue
        if name in _ROLES:
            if type(value).__name__ in _NOT_GIVEN:
                # One object, which most of a client's arguments are.
                not_given = value
            else:
                found[name] = value
        elif name == "stream":
            request.stream = value if isinstance(value, bool) else None
        elif type(value) not in _PLAIN and request.client is None:
            request.client = _client_in(name, value)
    if found:
        _settle(request, found)
    if request.model is None and request.client is not None:
        request.model = _model_of(request.client)
    return request


def from_response(value: Any, /) -> Request | None:
    """
    Return what a stream or response tells of its request, else None.

    An HTTP request behind it holds the body; a client's generator that has
    not ended holds its arguments.
    """
    if tells_nothing(value):
        return None
    for sent in requests_behind(value):
        request = _from_http(sent)
        if request is not None:
            return request
    if "litellm" in origins(value):
        return _from_litellm(fields(value))
    given = arguments_of(value)
    if given is None:
        return None
    # What was given by name, or the body that was made of it.
    named = given.get("kwargs")
    body = fields(named)("json")
    more = next((each for each in (body, named) if isinstance(each, dict)), {})
    request = from_arguments({**given, **more})
    request.client = client_behind(value)
    request.model = request.model or _model_of(request.client)
    return request


def looks_like_client(value: Any, /) -> bool:
    """Whether the value is a client of some provider, told by its class."""
    cls: Any = type(value)
    return cls not in _PLAIN and _is_client_class(cls)


def client_behind(value: Any, /) -> Any:
    """Return the client whose generator the value is, or None."""
    given = arguments_of(value)
    if given is None:
        return None
    client = given.get("self")
    if looks_like_client(client):
        return client
    # Streams and results come from these packages too, and are not to be held.
    is_resource = type(client).__name__.endswith(_RESOURCES)
    known = is_resource and not _PACKAGES.isdisjoint(origins(client))
    return client if known else None


def is_clients_own(stream: Any, /) -> bool:
    """Whether a stream is a generator of some client's, and not of the program's."""
    module = module_of(stream) or ""
    return (
        module.partition(".")[0] in _PACKAGES
        or client_behind(stream) is not None
        or url_behind(stream) is not None
    )


def _model_of(client: Any) -> str | None:
    """Return the model that a framework's client is for, or None."""
    if client is None or _OWN_MODEL.isdisjoint(origins(client)):
        return None
    field = fields(client)
    # xAI's chat is a request that grows.
    asked = fields(field("proto"))("model")
    return text_in(field("model_name")) or text_in(field("model")) or text_in(asked)


@lru_cache(maxsize=512)
def _is_client_class(cls: Any) -> bool:
    packages = {each.__module__.partition(".")[0] for each in cls.__mro__}
    able = any(hasattr(cls, ability) for ability in _ABILITIES)
    if cls.__name__.endswith(("Client", "OpenAI", "LLM", "Mistral", "Agent")):
        return able or not _PACKAGES.isdisjoint(packages)
    if any(each.startswith("langchain") for each in packages):
        return hasattr(cls, "invoke") and hasattr(cls, "stream")
    if _PACKAGES.isdisjoint(packages):
        return able and hasattr(cls, "base_url")
    # Responses have fields of the same names, but are pydantic models and
    # cannot be called anything.
    return able and not (hasattr(cls, "model_fields") and "openai" in packages)


def _client_in(name: str, value: Any) -> Any:
    """Return the value if it is a client, or the one that an object keeps."""
    if looks_like_client(value):
        return value
    if name != "self":
        return None
    kept = list(getattr(value, "__dict__", {}).values())[:50]
    clients = [each for each in kept if looks_like_client(each)]
    return clients[0] if len(clients) == 1 else None


def _settle(request: Request, found: dict[str, Any]) -> None:
    if not _CONFIGS.isdisjoint(found):
        found = {**_nested(found), **found}
    for name in _MODELS:
        if isinstance(found.get(name), str):
            request.model = found[name]
            break
    for name in _INPUTS:
        if name in found:
            request.input = found[name]
            break
    if not _USUAL.issuperset(found):
        _settle_details(request, found)


def _nested(found: dict[str, Any]) -> dict[str, Any]:
    """Return what Google's and Bedrock's configurations hold."""
    nested: dict[str, Any] = {}
    for name in _CONFIGS.intersection(found):
        config = fields(found[name])
        for inner in (*_PARAMETERS, *_BESIDE, *_TOOLS, "response_mime_type"):
            value = config(inner)
            if value is not None:
                nested[inner] = value
    return nested


def _settle_details(request: Request, found: dict[str, Any]) -> None:
    request.tools = next((found[name] for name in _TOOLS if name in found), None)
    given = (*_BESIDE, *_INPUTS)
    prompt: dict[str, Any] = {name: found[name] for name in given if name in found}
    if request.tools is not None:
        prompt["tools"] = request.tools
    if request.input is not None and len(prompt) > 1:
        request.input = prompt
    n = found.get("n")
    request.n = n if isinstance(n, int) and not isinstance(n, bool) else None
    request.wants_json = any(_is_json(found.get(name)) for name in _FORMATS)
    request.parameters = {k: v for k, v in found.items() if k in _PARAMETERS}


def _is_json(wanted: Any) -> bool:
    """Whether a response format, in any client's words, asks for JSON."""
    if wanted is None:
        return False
    if isinstance(wanted, str):
        return wanted in ("json", "json_object", "application/json")
    if isinstance(wanted, type):
        # A class to parse the answer into.
        return True
    field = fields(wanted)
    kind = field("type")
    if kind is None or isinstance(kind, Mapping):
        # Responses' `text` wraps the format; ollama takes a bare schema.
        return field("properties") is not None or _is_json(field("format"))
    return kind in ("json", "json_object", "json_schema", "object")


def _from_http(sent: Any) -> Request | None:
    url = str(getattr(sent, "url", ""))
    body = stored(sent, "content")
    request = Request()
    if isinstance(body, bytes) and len(body) <= _BODY_LIMIT:
        request = from_arguments(_parsed(body))
    elif isinstance(body, bytes):
        named = _MODEL_IN_BODY.search(body[:_BODY_LIMIT])
        request.model = named.group(1).decode("utf-8", "replace") if named else None
    in_path = _MODEL_IN_PATH.search(url)
    if request.model is None and in_path is not None:
        request.model = text_in(in_path.group(1))
    request.operation = next((op for part, op in _OPERATIONS if part in url), None)
    return None if request == Request() else request


def _from_litellm(field: Fields) -> Request | None:
    """Read a stream or response of litellm's, which remembers what it was asked."""
    hidden = fields(field("_hidden_params"))
    model = text_in(hidden("litellm_model_name"))
    messages = field("messages")
    if model is None and messages is None:
        return None
    return Request(model=model, input=messages)


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        # An upload, or no body at all.
        return {}
    return value if isinstance(value, dict) else {}
