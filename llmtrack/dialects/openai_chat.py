"""OpenAI's chat completions, also as its many imitators send them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from llmtrack.dialects.reading import InBandError, InFull, Keep, Quick, Reading
from llmtrack.dialects.shapes import (
    Fields,
    arguments_in,
    class_names,
    fields,
    items,
    joined,
    openai_counts,
    origins,
    quick_by,
    text_in,
    word_in,
)

name = "openai.chat"
operation = "chat"
provider: str | None = None
has_terminator = True

#: Clients whose objects have this shape and a dialect of their own.
_OTHERS: Final = frozenset(("litellm", "huggingface_hub", "mistralai"))
_CLASSES: Final = frozenset(("ChatCompletionChunk", "ChatCompletion"))
#: Where reasoning is, if it is not in the content.
_REASONING: Final = ("reasoning_content", "reasoning")
#: What the manager's events are called that repeat a chunk.
_DERIVED: Final = ("content.", "refusal.", "tool_calls.", "logprobs.")


def recognises(value: Any, /) -> bool:
    """Whether the value is a chunk, a response, or an event of the manager."""
    packages = origins(value)
    if not _OTHERS.isdisjoint(packages):
        return False
    if "openai" in packages and type(value).__name__ in _CLASSES:
        # As it would turn out below, after six looks into it.
        return True
    field = fields(value)
    kind = field("type")
    if kind is not None:
        if kind == "chunk":
            return field("chunk") is not None
        if isinstance(kind, str) and kind.startswith(_DERIVED):
            return "openai" in packages
    return has_choices(field) or not _CLASSES.isdisjoint(class_names(value))


def has_choices(field: Fields, /) -> bool:
    """Whether a value with these fields has choices of chat, or none yet."""
    kind = field("object")
    if isinstance(kind, str) and kind.startswith("chat.completion"):
        return True
    choices = field("choices")
    if not isinstance(choices, list | tuple):
        return False
    if not choices:
        # Azure's first chunk is like this; its `object` is "".
        return bool(kind != "text_completion")
    first = fields(choices[0])
    return first("delta") is not None or first("message") is not None


def read(value: Any, /) -> Reading:
    """Return what a chunk or response says."""
    field = fields(value)
    if field("type") == "chunk":
        # The manager's other events repeat the chunk, in names not read here.
        field = fields(field("chunk"))
    usage = field("usage")
    if usage is None and (groq := field("x_groq")) is not None:
        # Groq's first place for it, once.
        usage = fields(groq)("usage")
    # Mistral's error is a chunk of its own, which its client alone raises.
    error = value if field("object") == "error" else field("error")
    reading = Reading(
        response_id=text_in(field("id")),
        response_model=text_in(field("model")),
        counts=None if usage is None else openai_counts(usage),
        error=None if error is None else error_in(error),
    )
    for position, choice in enumerate(items(field("choices"))):
        _read_choice(reading, fields(choice), position)
    return reading


def error_in(error: Any) -> InBandError | None:
    """Return an error that came as an object or a string, None where none did."""
    if error is None:
        return None
    if isinstance(error, str) and error:
        return InBandError("error", error)
    field = fields(error)
    kind, message = text_in(field("type")), text_in(field("message"))
    code = field("code")
    if not isinstance(code, str | int):
        code = None
    if kind is None and message is None and code is None:
        return None
    return InBandError(
        type=kind or str(code or "error"),
        message=message or "",
        code=None if code is None else str(code),
    )


def _read_choice(reading: Reading, choice: Fields, position: int) -> None:
    # Perplexity sends both, the message being all text so far.
    part = choice("delta")
    if part is None:
        part = choice("message")
    delta = fields(part)
    text, reasoning = content_in(delta("content"))
    refusal = delta("refusal")
    if refusal is not None:
        text = joined((text, text_in(refusal)))
    for each in _REASONING:
        if reasoning is None and (thought := delta(each)) is not None:
            reasoning = text_in(thought)
    names, arguments = tool_calls_in(delta)
    reading.tool_calls += names
    index = choice("index")
    if (position if index is None else index) != 0:
        others = (reading.other_text, text, reasoning, arguments)
        reading.other_text = joined(others)
        return
    reading.text = text
    reading.reasoning = reasoning
    reading.tool_text = arguments
    reading.finish_reason = word_in(choice("finish_reason"))
    if reading.finish_reason == "error" and reading.error is None:
        reading.error = InBandError("error", "the answer ended with an error")


def content_in(content: Any) -> tuple[str | None, str | None]:
    """Return text and reasoning of a content, a string or typed parts."""
    if content is None or isinstance(content, str):
        return content or None, None
    texts: list[str | None] = []
    thoughts: list[str | None] = []
    for part in items(content):
        field = fields(part)
        match field("type"):
            case "thinking":
                thoughts += _thoughts_in(field("thinking"))
            case "refusal":
                texts.append(text_in(field("refusal")))
            case _:
                texts.append(text_in(field("text")))
    return joined(texts), joined(thoughts)


def _thoughts_in(thinking: Any) -> Iterable[str | None]:
    """Yield the pieces of Mistral's reasoning, which nests once more."""
    if isinstance(thinking, str):
        return (thinking,)
    return (text_in(fields(part)("text")) for part in items(thinking))


def tool_calls_in(delta: Fields) -> tuple[tuple[str, ...], str | None]:
    """Return the names of a message's tool calls, and their arguments."""
    calls, legacy = delta("tool_calls"), delta("function_call")
    if not calls and legacy is None:
        return (), None
    functions = [fields(fields(call)("function")) for call in items(calls)]
    if legacy is not None:
        functions.append(fields(legacy))
    names = [text_in(function("name")) for function in functions]
    arguments = [arguments_in(function("arguments")) for function in functions]
    return tuple(name for name in names if name), joined(arguments)


def quick(append: Callable[[str], object], in_full: InFull) -> Keep:
    """Return how to read chunks that are likely to hold nothing but text."""
    before: Any = None

    def keep(chunk: Any) -> object:
        nonlocal before
        try:
            text = chunk.choices[0].delta.content
            # Its truth may raise as well.
            if text:
                before = chunk
                return append(text)
        except Exception:
            # It is read in full then, under guard.
            pass
        in_full(chunk, before)
        before = None
        return None

    return keep


def _content_in_json(chunk: dict[str, Any]) -> Any:
    """Return the text of a chunk as it is in the JSON."""
    return chunk["choices"][0]["delta"]["content"]


quick_json: Quick = quick_by(_content_in_json)
