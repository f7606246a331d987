"""A request in the words of each client: where messages and the rest belong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

Messages = Sequence[Any]
Params = dict[str, Any]
Arguments = Callable[[Any, str, Messages, Params], Params]

#: Anthropic wants a limit; a program that gives none means no particular one.
_MAX_TOKENS: Final = 4096
_INSTRUCTIONS: Final = ("system", "developer")

# Each takes the client, the model, the messages, and the caller's own arguments.


def as_they_are(_: Any, model: str, messages: Messages, params: Params) -> Params:
    """Change nothing: OpenAI's words, which most clients took over."""
    return {"model": model, "messages": messages, **params}


def for_anthropic(_: Any, model: str, messages: Messages, params: Params) -> Params:
    """Take instructions out of the messages: they have an argument of their own."""
    said, instructions = _apart(messages)
    given = {"model": model, "messages": said, "max_tokens": _MAX_TOKENS}
    if instructions:
        given["system"] = "\n\n".join(instructions)
    return {**given, **_renamed(params, {"stop": "stop_sequences"})}


def for_responses(_: Any, model: str, messages: Messages, params: Params) -> Params:
    """Say `input` for OpenAI's Responses."""
    renamed = _renamed(params, {"max_tokens": "max_output_tokens"})
    return {"model": model, "input": messages, **renamed}


def for_google(_: Any, model: str, messages: Messages, params: Params) -> Params:
    """Turn messages into contents of parts; the rest goes into `config`."""
    said, instructions = _apart(messages)
    places = {
        "max_tokens": "max_output_tokens",
        "seed": "seed",
        "stop": "stop_sequences",
        "temperature": "temperature",
        "tools": "tools",
        "top_p": "top_p",
    }
    given = _nested(params, "config", places)
    if instructions:
        asked = {"system_instruction": "\n\n".join(instructions)}
        given["config"] = _merged(asked, given.get("config"))
    return {"model": model, "contents": list(map(_google_content, said)), **given}


def for_bedrock(_: Any, model: str, messages: Messages, params: Params) -> Params:
    """Turn messages into Converse's lists of content blocks."""
    said, instructions = _apart(messages)
    places = {
        "max_tokens": "maxTokens",
        "stop": "stopSequences",
        "temperature": "temperature",
        "top_p": "topP",
    }
    given = {"modelId": model, "messages": list(map(_bedrock_message, said))}
    if instructions:
        given["system"] = [{"text": text} for text in instructions]
    return {**given, **_nested(params, "inferenceConfig", places)}


def for_cohere(_: Any, model: str, messages: Messages, params: Params) -> Params:
    """Say `p` and `stop_sequences`."""
    renamed = _renamed(params, {"stop": "stop_sequences", "top_p": "p"})
    return {"model": model, "messages": messages, **renamed}


def for_ollama(_: Any, model: str, messages: Messages, params: Params) -> Params:
    """Put what shapes the answer into `options`."""
    places = {
        "max_tokens": "num_predict",
        "seed": "seed",
        "stop": "stop",
        "temperature": "temperature",
        "top_p": "top_p",
    }
    nested = _nested(params, "options", places)
    return {"model": model, "messages": messages, **nested}


def for_langchain(
    client: Any, model: str, messages: Messages, params: Params
) -> Params:
    """Name the model only where the object has another: chains take no model."""
    own = getattr(client, "model_name", None) or getattr(client, "model", None)
    named = {"model": model} if isinstance(own, str) and own != model else {}
    return {"input": messages, **named, **params}


def for_llama_index(_: Any, model: str, messages: Messages, params: Params) -> Params:
    """Make the message objects that it insists on; the object has the model."""
    made = sys.modules["llama_index.core.base.llms.types"].ChatMessage
    return {
        "messages": [
            made(role=each["role"], content=text_of(each["content"]))
            if isinstance(each, Mapping)
            else each
            for each in messages
        ],
        **params,
    }


def for_xai(_: Any, model: str, messages: Messages, params: Params) -> Params:
    """Make the protobuf messages that it insists on."""
    chat = sys.modules["xai_sdk.chat"]
    return {
        "model": model,
        "messages": [
            getattr(chat, each["role"])(text_of(each["content"]))
            if isinstance(each, Mapping)
            else each
            for each in messages
        ],
        **params,
    }


def for_parameters(names: Collection[str]) -> Arguments:
    """
    Return the words of a method that nothing is known of but its parameters.

    Args:
        names: Their names; none where it may take anything.
    """
    if "messages" in names and "system" in names:
        return for_anthropic
    if "messages" in names and "options" in names:
        return for_ollama
    if "messages" in names or not names:
        return as_they_are
    if "contents" in names:
        return for_google
    if "input" in names and "max_output_tokens" in names:
        return for_responses
    place = next((name for name in ("input", "prompt", "message") if name in names), "")

    def arguments(_: Any, model: str, messages: Messages, params: Params) -> Params:
        prompt = messages if place == "input" else _as_text(messages)
        named = {"model": model} if "model" in names else {}
        return {**named, place or next(iter(names)): prompt, **params}

    return arguments


def text_of(content: Any) -> str:
    """Return the text of a message's content, which may come in parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, Iterable) else ()
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


# How messages are put in other words. What is no plain message of a role and
# its content is taken to be in the client's own words already.


def _apart(messages: Messages) -> tuple[list[Any], list[str]]:
    """Return what was said, and the instructions that were among it."""
    said, instructions = [], []
    for message in messages:
        if isinstance(message, Mapping) and message.get("role") in _INSTRUCTIONS:
            instructions.append(text_of(message.get("content")))
        else:
            said.append(message)
    return said, instructions


def _as_text(messages: Messages) -> str:
    """Return a conversation as one prompt; a single message is its text."""
    plain = [each for each in messages if isinstance(each, Mapping)]
    texts = [text_of(each.get("content")) for each in plain]
    if len(texts) == 1:
        return texts[0]
    pairs = zip(plain, texts, strict=True)
    return "\n".join(f"{each.get('role')}: {text}" for each, text in pairs)


def _google_content(message: Any) -> Any:
    if not isinstance(message, Mapping) or "content" not in message:
        return message
    role = "model" if message.get("role") == "assistant" else "user"
    return {"role": role, "parts": _blocks(message["content"])}


def _bedrock_message(message: Any) -> Any:
    if not isinstance(message, Mapping) or "content" not in message:
        return message
    return {**message, "content": _blocks(message["content"])}


def _blocks(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"text": content}]
    return [
        {"text": part["text"]}
        if isinstance(part, Mapping) and part.get("type") == "text"
        else part
        for part in content
    ]


def _renamed(params: Params, names: Mapping[str, str]) -> Params:
    """Return arguments under the client's names for them."""
    renamed = {names.get(name, name): value for name, value in params.items()}
    stop = renamed.get("stop_sequences")
    return {**renamed, "stop_sequences": [stop]} if isinstance(stop, str) else renamed


def _nested(params: Params, under: str, places: Mapping[str, str]) -> Params:
    """Return arguments with those that have a place in `under` moved there."""
    moved = {places[name]: value for name, value in params.items() if name in places}
    rest = {name: value for name, value in params.items() if name not in places}
    for name in ("stop_sequences", "stopSequences"):
        if isinstance(moved.get(name), str):
            moved[name] = [moved[name]]
    return {**rest, under: _merged(moved, rest.get(under))} if moved else rest


def _merged(added: Params, own: Any) -> Any:
    """Return a configuration with more in it; the caller's own values win."""
    if own is None or isinstance(own, Mapping):
        return {**added, **(own or {})}
    return own.model_copy(
        update={k: v for k, v in added.items() if not getattr(own, k)}
    )
