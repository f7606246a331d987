"""The content of a prompt, in the shapes of all clients."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

_logger = logging.getLogger("llmtrack")

#: How deep content may be nested, and how many parts are looked at.
_DEPTH: Final = 12
PARTS: Final = 100_000

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
_CALL_TYPES: Final = ("tool_use", "function_call", "tool_call")
_CONTENT_KEYS: Final = frozenset((*_TEXT_KEYS, *_RESULT_KEYS, "type"))
#: What is looked for in an object without a `__dict__`.
_SLOT_KEYS: Final = (
    *_CONTENT_KEYS,
    *_CALL_KEYS,
    "role",
    "name",
    "messages",
    "inline_data",
    "file_data",
    "mime_type",
)
_PLAIN_MESSAGE: Final = frozenset(("role", "content", "name"))
_UNBILLED: Final = ("thinking", "redacted_thinking", "reasoning", "reasoning_content")


Fields = Mapping[Any, Any]


class Content:
    """
    What is found while walking through a prompt.

    Attributes:
        texts: The pieces of text, in order.
        messages: How many chat messages there are.
        names: How many of the messages have a name.
        token_ids: How many tokens are given as numbers.
        uncounted: What cannot be counted from text, each kind once.
        tools: The tool definitions, or None.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.messages: int = 0
        self.names: int = 0
        self.token_ids: int = 0
        self.uncounted: tuple[str, ...] = ()
        self.tools: object = None
        self._left = PARTS

    def read(self, value: object) -> None:
        """Take in a prompt, or a whole request as a dict."""
        if isinstance(value, Mapping) and _is_request(value):
            self._request(value)
        else:
            self._conversation(value)

    def note_tools(self, tools: object) -> None:
        """Take in the tool definitions."""
        self.tools = tools
        self._miss("tools")

    def _request(self, request: Mapping[Any, Any]) -> None:
        for key in _SYSTEM_KEYS:
            if system := request.get(key):
                self.messages += 1
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

    def _conversation(self, value: object, depth: int = 0) -> None:
        """Read a text, a message, or a list of either."""
        if value is None or isinstance(value, str):
            self._content(value, depth)
            return
        self._left -= 1
        if depth > _DEPTH or self._left < 0:
            return
        items = _items(value)
        if items is None and not isinstance(value, Mapping):
            # LangChain's prompt values, and whole requests as objects.
            items = _items(_fields(value).get("messages"))
        if items is None or _is_role_pair(value):
            self._message(value)
        elif items and all(type(item) is int for item in items[:8]):
            self.token_ids += len(items)
        else:
            for item in items:
                self._message(item, depth)

    def _message(self, message: object, depth: int = 0) -> None:
        if type(message) is dict and message.keys() <= _PLAIN_MESSAGE:
            self._plain_message(message)
            return
        items = _items(message)
        if items is not None:
            if _is_role_pair(message):
                self.messages += 1
                self._content(items[1], depth)
            else:
                self._conversation(items, depth + 1)
            return
        fields = _fields(message)
        if _is_message(fields):
            self.messages += 1
            self._name(fields.get("name"))
        self._content(message, depth)

    def _plain_message(self, message: dict[str, Any]) -> None:
        self.messages += 1
        self._name(message.get("name"))
        self._content(message.get("content"), 0)

    def _name(self, name: object) -> None:
        if isinstance(name, str) and name:
            self.names += 1
            self.texts.append(name)

    def _content(self, value: object, depth: int) -> None:
        """Read content: a text, a part, a list of parts, or a message."""
        self._left -= 1
        if value is None or depth > _DEPTH or self._left < 0:
            return
        if isinstance(value, str):
            if value:
                self.texts.append(value)
            return
        items = _items(value)
        if items is not None:
            for item in items:
                self._content(item, depth + 1)
        elif isinstance(value, bytes | bytearray | memoryview):
            self._miss("file")
        elif type(value).__module__.partition(".")[0] == "PIL":
            self._miss("image")
        else:
            self._part(_fields(value), depth)

    def _part(self, part: Fields, depth: int) -> None:
        kind = part.get("type")
        if isinstance(kind, str):
            if kind in _UNBILLED:
                return
            if kind in _MEDIA:
                self._media(part, _MEDIA[kind], depth)
                return
        elif self._untyped_media(part):
            return
        for key, value in part.items():
            if value is None:
                continue
            if key in _TEXT_KEYS:
                self._content(value, depth + 1)
            elif key in _RESULT_KEYS:
                self._result(value, depth)
            elif key in _CALL_KEYS:
                self._calls(value)
            elif key == "images" and value:
                self._miss("image")
        if kind in _CALL_TYPES:
            self._call(part)

    def _untyped_media(self, part: Fields) -> bool:
        """Note media that a part names by a key, as Gemini and Bedrock do."""
        for key, value in part.items():
            # The same key with a text is a field of something else.
            if value is not None and key in _MEDIA and not isinstance(value, str):
                found = _fields(value)
                mime = found.get("mime_type") or found.get("mimeType")
                self._miss(_of_mime(mime) or _MEDIA[key])
                return True
        mime = part.get("mime_type")
        if isinstance(mime, str):
            self._miss(_of_mime(mime) or "file")
            return True
        return False

    def _media(self, part: Fields, kind: str, depth: int) -> None:
        """Note media, unless it is a document that holds text."""
        source = _fields(part.get("source"))
        if kind == "file" and source.get("type") in ("text", "content"):
            self._content(source.get("data"), depth + 1)
            self._content(source.get("content"), depth + 1)
            return
        self._miss(kind)

    def _result(self, result: object, depth: int) -> None:
        """Read what a tool gave back: content, or plain data."""
        if isinstance(result, Mapping) and _CONTENT_KEYS.isdisjoint(result):
            self.texts.append(as_json(result))
        else:
            self._content(result, depth + 1)

    def _calls(self, calls: object) -> None:
        """Read calls that a model once made: one, or a list of them."""
        items = _items(calls)
        for call in [calls] if items is None else items:
            fields = _fields(call)
            self._call(_fields(fields["function"]) if "function" in fields else fields)

    def _call(self, call: Fields) -> None:
        name = call.get("name")
        if not isinstance(name, str):
            return
        self.texts.append(name)
        for key in _ARGUMENT_KEYS:
            arguments = call.get(key)
            if isinstance(arguments, str):
                self.texts.append(arguments)
            elif arguments:
                self.texts.append(as_json(arguments))

    def _miss(self, kind: str) -> None:
        if kind not in self.uncounted:
            self.uncounted += (kind,)


def _is_request(value: Mapping[Any, Any]) -> bool:
    return value.get("role") is None and not _REQUEST_KEYS.isdisjoint(value)


def _fields(value: object) -> Fields:
    """Return the keys of a dict, or the attributes of an object."""
    if isinstance(value, Mapping):
        return value
    try:
        fields = vars(value)
    except TypeError:
        fields = {key: getattr(value, key, None) for key in _SLOT_KEYS}
    return fields


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


def _is_message(fields: Fields) -> bool:
    """Tell whether this is a message; those of LangChain have a type, not a role."""
    if fields.get("role") is not None:
        return True
    kind = fields.get("type")
    return isinstance(kind, str) and kind in _ROLES and "content" in fields


def _of_mime(mime: object) -> str | None:
    kind = mime.partition("/")[0] if isinstance(mime, str) else ""
    return kind if kind in ("image", "audio", "video") else None


def as_json(value: object) -> str:
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
    dump = getattr(value, "model_dump", None)
    dumped = dump() if callable(dump) else None
    # A mock would give another mock, and so on for ever.
    if isinstance(dumped, dict):
        return dumped
    return getattr(value, "__name__", type(value).__name__)
