"""The prompt of a call: what of it is text, and how many tokens that is."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Final

from llmtrack.tokens.content import Content, as_json
from llmtrack.tokens.counting import Counter, TokenCount, add_up, count_batch

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
        texts = [*self.texts, as_json(self.tools)] if self.tools else self.texts
        texts = texts or [""]
        count = add_up(count_batch(texts, model, counter=counter))
        tokens = count.tokens + self.token_ids
        if self.messages:
            tokens += self.messages * _PER_MESSAGE + self.names * _PER_NAME + _REPLY
        return TokenCount(tokens, count.source, min(count.confidence, self._trust()))

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
    if input is None and not tools:
        return Prompt()
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
