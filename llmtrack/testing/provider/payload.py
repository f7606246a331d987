"""What an answer says, apart from how any provider would spell it."""

from dataclasses import dataclass
from typing import Final

from . import truth


@dataclass(frozen=True, slots=True)
class Payload:
    """
    The content of one answer.

    Attributes:
        name: The scenario that asks for it.
        text: Whether it has text.
        reasoning: Whether it has reasoning.
        tool: Whether it calls a tool.
        usage: Whether it tells its token counts.
        frames: How many pieces the text has beyond its usual five.
    """

    name: str
    text: bool = True
    reasoning: bool = False
    tool: bool = False
    usage: bool = True
    frames: int = 0

    @property
    def text_parts(self) -> tuple[str, ...]:
        return truth.text_parts(self.frames)

    @property
    def whole_text(self) -> str:
        return truth.text(self.frames)

    @property
    def output_tokens(self) -> int:
        """Tokens of the answer, reasoning included."""
        return truth.OUTPUT_TOKENS + self.frames

    @property
    def visible_tokens(self) -> int:
        """Tokens of the answer without its reasoning, as Gemini counts them."""
        return self.output_tokens - truth.REASONING_TOKENS

    @property
    def total_tokens(self) -> int:
        return truth.INPUT_TOKENS + self.output_tokens

    @property
    def parts_before_break(self) -> int:
        """How many pieces of the text arrive before something goes wrong."""
        return 2 + self.frames

    def pick(self, default: str, /, **by_name: str) -> str:
        """Return the value given for this payload's name, or the default."""
        return by_name.get(self.name, default)


PAYLOADS: Final = {
    payload.name: payload
    for payload in (
        Payload("full", reasoning=True, tool=True),
        Payload("text", reasoning=True),
        Payload("tool", text=False, tool=True),
        Payload("length"),
        Payload("refusal"),
        Payload("multi"),
        Payload("nousage", reasoning=True, tool=True, usage=False),
    )
}
