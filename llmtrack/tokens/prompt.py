"""The prompt of a call: what of it is text, and how many tokens that is."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Final

from llmtrack.tokens.content import PARTS, Content, as_json
from llmtrack.tokens.counting import Counter, Measure, TokenCount, add_up, measure

_logger = logging.getLogger("llmtrack")

# OpenAI's own rule for its chat format: 3 tokens a message and its role's, 1
# more for a name, 3 to begin the reply.
_PER_MESSAGE: Final = 4
_PER_NAME: Final = 1
_REPLY: Final = 3

_CHAT_CONFIDENCE: Final = 0.97
_TOOLS_CONFIDENCE: Final = 0.6
_MEDIA_CONFIDENCE: Final = 0.3


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

    def chars(self) -> int:
        """Return how many characters there are to count."""
        return sum(map(len, self.texts))

    def count(
        self, model: str | None = None, counter: Counter | None = None
    ) -> TokenCount:
        """
        Count the prompt as a model would, with the frame of a chat.

        It may load a vocabulary: see `llmtrack.tokens.warm`.
        """
        return TokenCount(*self.measure(model, counter))

    def measure(self, model: str | None, counter: Counter | None) -> Measure:
        """Count as `count` does."""
        texts = [*self.texts, as_json(self.tools)] if self.tools else self.texts
        if len(texts) == 1:
            tokens, source, confidence = measure(texts[0], model, counter)
        else:
            tokens, source, confidence = add_up(
                [measure(text, model, counter) for text in texts or ("",)]
            )
        tokens += self.token_ids
        if self.messages:
            tokens += self.messages * _PER_MESSAGE + self.names * _PER_NAME + _REPLY
        if not self.uncounted:
            trust = _CHAT_CONFIDENCE
        elif self.uncounted == ("tools",):
            trust = _TOOLS_CONFIDENCE
        else:
            trust = _MEDIA_CONFIDENCE
        return tokens, source, trust if trust < confidence else confidence


def prompt_of(input: object, tools: object = None) -> Prompt:
    """
    Return the prompt that an argument of a call holds.

    Takes a text, messages and content parts of any client (dicts or objects),
    lists of these, and a whole request as a dict. Never raises, changes
    nothing, and consumes no iterator; what it does not know is left out.

    Args:
        input: The prompt, or a dict with `messages`, `system`, `input`, ...
        tools: The tool definitions, where they are known.
    """
    if tools is None:
        if input is None:
            return _NOTHING
        try:
            plain = _plain(input)
        except Exception:
            # A key that cannot be compared: that is told below.
            plain = None
        if plain is not None:
            return plain
    found = Content()
    try:
        found.read(input)
        if tools:
            found.note_tools(tools)
    except Exception:
        _logger.debug("cannot read a prompt of %s", type(input), exc_info=True)
    return Prompt(
        texts=found.texts,
        messages=found.messages,
        names=found.names,
        token_ids=found.token_ids,
        uncounted=found.uncounted,
        tools=found.tools,
    )


#: Shared: nobody changes a prompt.
_NOTHING: Final = Prompt()


def _plain(input: object) -> Prompt | None:
    """
    Return a prompt that is a text, or messages of a role and a text each.

    What `Content` makes of them as well, in a third of the time; None where
    there is anything else.
    """
    if type(input) is str:
        return Prompt([input] if input else [])
    if type(input) is not list or len(input) >= PARTS:
        return None
    texts: list[str] = []
    for message in input:
        if type(message) is not dict or len(message) != 2 or "role" not in message:
            return None
        text = message.get("content")
        if type(text) is not str:
            return None
        if text:
            texts.append(text)
    return Prompt(texts, len(input))
