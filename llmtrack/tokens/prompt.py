"""The prompt of a call: what of it is text, and what cannot be counted."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from llmtrack.tokens.counting import Counter, TokenCount, count_batch

_logger = logging.getLogger("llmtrack")

# OpenAI's own rule for its chat format: 3 tokens a message and its role's, 1
# more for a name, 3 to begin the reply.
_PER_MESSAGE: Final = 4
_PER_NAME: Final = 1
_REPLY: Final = 3

_CHAT_CONFIDENCE: Final = 0.97
_TOOLS_CONFIDENCE: Final = 0.6
_MEDIA_CONFIDENCE: Final = 0.3

#: How deep content may be nested, and how many parts are looked at.
_DEPTH: Final = 12
_PARTS: Final = 100_000

#: Keys of a request, in the order in which they make the prompt.
_SYSTEM_KEYS: Final = ("system", "instructions", "system_instruction", "preamble")
_MESSAGE_KEYS: Final = ("chat_history", "messages", "message")
_INPUT_KEYS: Final = ("input", "contents", "prompt", "inputs", "query", "question")
_REQUEST_KEYS: Final = frozenset(
    (*_SYSTEM_KEYS, *_MESSAGE_KEYS, *_INPUT_KEYS, "previous_response_id")
)
#: Keys that stand for something on the provider's side.
_ELSEWHERE: Final = {
    "previous_response_id": "previous_response",
    "conversation": "previous_response",
    "cached_content": "cached_content",
    "documents": "file",
}
_ROLES: Final = frozenset(
    [
        "system",
        "developer",
        "user",
        "human",
        "assistant",
        "ai",
        "model",
        "tool",
        "function",
        "placeholder",
    ]
)

#: Type of a content part, or the key that a part without a type has -> what
#: it is called when it cannot be counted.
_MEDIA: Final = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "audio": "audio",
    "audio_url": "audio",
    "input_audio": "audio",
    "video": "video",
    "video_url": "video",
    "file": "file",
    "file_url": "file",
    "input_file": "file",
    "document": "file",
    "document_url": "file",
    "media": "file",
    "container_upload": "file",
    "file_data": "file",
    "inline_data": "file",
    "fileData": "file",
    "inlineData": "file",
    "item_reference": "previous_response",
    "computer_screenshot": "image",
}
#: Keys of plain text, and keys under which there is more content.
_TEXT_KEYS: Final = ("text", "content", "refusal", "parts", "message")
_RESULT_KEYS: Final = (
    "output",
    "toolResult",
    "function_response",
    "functionResponse",
    "guardContent",
    "response",
    "json",
)
#: Keys of what a model once called, and what it called it with.
_CALL_KEYS: Final = (
    "tool_calls",
    "function_call",
    "functionCall",
    "toolUse",
    "function",
)
_ARGUMENT_KEYS: Final = ("arguments", "args", "input")
#: Parts that the provider takes out of the prompt itself.
_UNBILLED: Final = ("thinking", "redacted_thinking", "reasoning", "reasoning_content")


@dataclass(slots=True)
class Prompt:
    """
    The prompt of one call.

    Attributes:
        texts: Its pieces of text, in order.
        messages: How many chat messages it has; 0 for a bare text.
        names: How many of the messages have a name.
        token_ids: How many tokens of it were given as numbers.
        uncounted: What cannot be counted from text, each kind once.
        tools: The tool definitions.
    """

    texts: list[str] = field(default_factory=list)
    messages: int = 0
    names: int = 0
    token_ids: int = 0
    uncounted: tuple[str, ...] = ()
    tools: Any = None

    @property
    def text(self) -> str:
        """The text of the prompt, without the tool definitions."""
        return "\n".join(self.texts)

    @property
    def chars(self) -> int:
        """How many characters there are to count."""
        return sum(map(len, self.texts))

    def count(
        self, model: str | None = None, counter: Counter | None = None
    ) -> TokenCount:
        """
        Count the prompt as a model would, with the frame of a chat.

        It may load a vocabulary: see `llmtrack.tokens.warm`.
        """
        texts = [*self.texts, _as_json(self.tools)] if self.tools else self.texts
        counts = count_batch(texts or [""], model, counter=counter)
        tokens = sum(count.tokens for count in counts) + self.token_ids
        if self.messages:
            tokens += self.messages * _PER_MESSAGE + self.names * _PER_NAME + _REPLY
        worst = min(counts, key=lambda count: count.confidence)
        return TokenCount(tokens, worst.source, min(worst.confidence, self._trust()))

    def _trust(self) -> float:
        if any(kind != "tools" for kind in self.uncounted):
            return _MEDIA_CONFIDENCE
        if self.uncounted:
            return _TOOLS_CONFIDENCE
        return _CHAT_CONFIDENCE


def prompt_of(input: object, *, tools: object = None) -> Prompt:
    """
    Return the prompt that an argument of a call holds.

    Takes a text, messages and content parts of any client (dicts or objects),
    lists of these, and a whole request as a dict. Never raises, changes
    nothing, and consumes no iterator; what it does not know is left out.

    Args:
        input: The prompt, or a dict with `messages`, `system`, `input`, ...
        tools: The tool definitions, where they are known.
    """
    reader = _Reader()
    try:
        reader.read(input)
        if tools:
            reader.note_tools(tools)
    except Exception:
        _logger.debug("cannot read a prompt of %s", type(input), exc_info=True)
    return reader.prompt


class _Reader:
    """Walks through a prompt and notes what it finds."""

    def __init__(self) -> None:
        self.prompt = Prompt()
        self._left = _PARTS

    def read(self, value: object) -> None:
        if isinstance(value, Mapping) and _is_request(value):
            self._request(value)
        else:
            self._conversation(value)

    def note_tools(self, tools: object) -> None:
        self.prompt.tools = tools
        self._miss("tools")

    def _request(self, request: Mapping[Any, Any]) -> None:
        for key in _SYSTEM_KEYS:
            if system := request.get(key):
                self.prompt.messages += 1
                self._content(system, 0)
        for key in (*_MESSAGE_KEYS, *_INPUT_KEYS):
            self._conversation(request.get(key))
        for key, kind in _ELSEWHERE.items():
            if request.get(key):
                self._miss(kind)
        if tools := request.get("tools") or request.get("toolConfig"):
            self.note_tools(tools)
        if isinstance(config := request.get("config"), Mapping):
            self._request(config)

    def _conversation(self, value: object) -> None:
        """Read a text, a message, or a list of either."""
        if value is None or isinstance(value, str):
            self._content(value, 0)
            return
        items = _items(_get(value, "messages") if _is_prompt_value(value) else value)
        if items is None or _is_role_pair(value):
            self._message(value)
        elif items and all(type(item) is int for item in items[:8]):
            self.prompt.token_ids += len(items)
        else:
            for item in items:
                self._message(item)

    def _message(self, message: object) -> None:
        items = _items(message)
        if _is_role_pair(message) and items is not None:
            self.prompt.messages += 1
            self._content(items[1], 0)
            return
        if items is not None:
            self._conversation(items)
            return
        if _get(message, "role") is not None or _is_chat_message(message):
            self.prompt.messages += 1
            name = _get(message, "name")
            if isinstance(name, str) and name:
                self.prompt.names += 1
                self.prompt.texts.append(name)
        self._content(message, 0)

    def _content(self, value: object, depth: int) -> None:
        """Read content: a text, a part, a list of parts, or a message."""
        self._left -= 1
        if value is None or depth > _DEPTH or self._left < 0:
            return
        if isinstance(value, str):
            if value:
                self.prompt.texts.append(value)
            return
        items = _items(value)
        if items is not None:
            for item in items:
                self._content(item, depth + 1)
            return
        if isinstance(value, bytes | bytearray | memoryview):
            self._miss("file")
            return
        self._part(value, depth)

    def _part(self, part: object, depth: int) -> None:
        kind = _get(part, "type")
        kind = kind if isinstance(kind, str) else None
        if kind in _UNBILLED:
            return
        if kind in _MEDIA:
            self._media(part, _MEDIA[kind], depth)
            return
        if kind is None and self._untyped_media(part):
            return
        if _get(part, "images"):
            self._miss("image")
        for key in _TEXT_KEYS:
            self._content(_get(part, key), depth + 1)
        for key in _RESULT_KEYS:
            self._result(_get(part, key), depth)
        for key in _CALL_KEYS:
            self._calls(_get(part, key))
        if kind in ("tool_use", "function_call", "tool_call"):
            self._calls(part)

    def _untyped_media(self, part: object) -> bool:
        """Note media that a part names by a key, as Gemini and Bedrock do."""
        for key, kind in _MEDIA.items():
            found = _get(part, key)
            # A model's own field of that name may just be empty.
            if found is not None and not isinstance(found, str):
                mime = _get(found, "mime_type") or _get(found, "mimeType")
                self._miss(_of_mime(mime) or kind)
                return True
        mime = _get(part, "mime_type")
        if isinstance(mime, str):
            self._miss(_of_mime(mime) or "file")
            return True
        if type(part).__module__.partition(".")[0] == "PIL":
            self._miss("image")
            return True
        return False

    def _media(self, part: object, kind: str, depth: int) -> None:
        """Note media, unless it is a document that holds text."""
        source = _get(part, "source")
        if kind == "file" and _get(source, "type") in ("text", "content"):
            self._content(_get(source, "data"), depth + 1)
            self._content(_get(source, "content"), depth + 1)
            return
        self._miss(kind)

    def _result(self, result: object, depth: int) -> None:
        """Read what a tool gave back: content, or plain data."""
        if isinstance(result, Mapping) and _REQUEST_AND_PARTS.isdisjoint(result):
            self.prompt.texts.append(_as_json(result))
        else:
            self._content(result, depth + 1)

    def _calls(self, calls: object) -> None:
        """Read the name and the arguments of calls that a model once made."""
        for call in _items(calls) or [calls]:
            inner = _get(call, "function") or call
            name = _get(inner, "name")
            if not isinstance(name, str):
                continue
            self.prompt.texts.append(name)
            for key in _ARGUMENT_KEYS:
                arguments = _get(inner, key)
                if isinstance(arguments, str):
                    self.prompt.texts.append(arguments)
                elif arguments:
                    self.prompt.texts.append(_as_json(arguments))

    def _miss(self, kind: str) -> None:
        if kind not in self.prompt.uncounted:
            self.prompt.uncounted += (kind,)


_REQUEST_AND_PARTS: Final = frozenset((*_TEXT_KEYS, *_RESULT_KEYS, "type"))


def _is_request(value: Mapping[Any, Any]) -> bool:
    return value.get("role") is None and not _REQUEST_KEYS.isdisjoint(value)


def _get(value: object, key: str) -> Any:
    """Return a key of a dict or an attribute of an object, or None."""
    try:
        if isinstance(value, Mapping):
            return value.get(key)
        found = getattr(value, key, None)
    except Exception:
        _logger.debug("cannot read %s of %s", key, type(value), exc_info=True)
        return None
    return None if callable(found) else found


def _items(value: object) -> Sequence[Any] | None:
    """Return the items of a list-like value; None for anything else."""
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, str | bytes | bytearray | memoryview | Mapping):
        return None
    return list(value) if isinstance(value, Sequence) else None


def _is_role_pair(value: object) -> bool:
    """Tell whether this is LangChain's `(role, content)`."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and isinstance(value[0], str)
        and value[0] in _ROLES
    )


def _is_chat_message(value: object) -> bool:
    """Tell whether this is a message object of LangChain."""
    return _get(value, "type") in _ROLES and _get(value, "content") is not None


def _is_prompt_value(value: object) -> bool:
    return _items(value) is None and _items(_get(value, "messages")) is not None


def _of_mime(mime: object) -> str | None:
    kind = mime.partition("/")[0] if isinstance(mime, str) else ""
    return kind if kind in ("image", "audio", "video") else None


def _as_json(value: object) -> str:
    """Return a value as compact JSON; what is no JSON is left out."""
    try:
        return json.dumps(
            value, separators=(",", ":"), ensure_ascii=False, default=_plain
        )
    except Exception:
        _logger.debug("cannot write %s as JSON", type(value), exc_info=True)
        return ""


def _plain(value: object) -> Any:
    """Return a model's fields, a function's name, or the type's name."""
    dump: Callable[[], Any] | None = getattr(value, "model_dump", None)
    if callable(dump):
        return dump()
    return getattr(value, "__name__", type(value).__name__)
