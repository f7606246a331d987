"""
The ground truth: everything the loopback provider says, in one place.

All answers are constants: the same request always gets the same bytes, and a
test compares what a client shows with what is defined here.
"""

import json
from typing import Final

TEXT_PARTS: Final = ("Hello", ", ", "wörld", " 👋", "!")
TEXT: Final = "".join(TEXT_PARTS)
#: What the option `frames` repeats, after the first two parts of the text.
MORE: Final = "hello, "
#: The second choice (index 1) of the scenario `multi`.
TEXT2_PARTS: Final = ("Second", " choice")
TEXT2: Final = "".join(TEXT2_PARTS)
REASONING_PARTS: Final = ("Let me ", "think", " about it.")
REASONING: Final = "".join(REASONING_PARTS)
REFUSAL_PARTS: Final = ("I can't", " help with that.")
REFUSAL: Final = "".join(REFUSAL_PARTS)

TOOL_NAME: Final = "get_weather"
TOOL_ID: Final = "call_abc123"
TOOL_ARGUMENTS_PARTS: Final = ('{"city":', '"Paris",', '"unit":"c"}')
TOOL_ARGUMENTS: Final = "".join(TOOL_ARGUMENTS_PARTS)
TOOL_ARGUMENTS_OBJECT: Final = json.loads(TOOL_ARGUMENTS)
TOOL_PLAN_PARTS: Final = ("I will ", "call the tool.")
TOOL_PLAN: Final = "".join(TOOL_PLAN_PARTS)

INPUT_TOKENS: Final = 25
#: Part of the input.
CACHED_TOKENS: Final = 10
#: Each of the option's `frames` adds one.
OUTPUT_TOKENS: Final = 42
#: Part of the output.
REASONING_TOKENS: Final = 17
#: The counts as llmtrack normalises them. The wires disagree with one another
#: on what an input and an output token is: see README.md.
USAGE: Final = {
    "input": INPUT_TOKENS,
    "cached": CACHED_TOKENS,
    "output": OUTPUT_TOKENS,
    "reasoning": REASONING_TOKENS,
    "total": INPUT_TOKENS + OUTPUT_TOKENS,
}

#: Who answers, whatever model was asked for.
MODEL: Final = "fake-model-1"
CREATED: Final = 1790000000
CREATED_ISO: Final = "2026-11-20T00:00:00.000000Z"
REQUEST_ID: Final = "req_fake001"
AWS_REQUEST_ID: Final = "fake-aws-request-1"
#: The id of the answer, by wire format.
IDS: Final = {
    "chat": "chatcmpl-fake001",
    "responses": "resp_fake001",
    "anthropic": "msg_fake001",
    "gemini": "gemini-fake001",
    "cohere": "cohere-fake001",
    "legacy": "cmpl-fake001",
}
EMBEDDING: Final = (0.1, 0.2, 0.3)
#: Seconds in the `retry-after` header of 429, 503 and 529.
RETRY_AFTER: Final = "1"


def text_parts(frames: int = 0) -> tuple[str, ...]:
    """Return the pieces of the text, with so many more in the middle."""
    return (*TEXT_PARTS[:2], *[MORE] * frames, *TEXT_PARTS[2:])


def text(frames: int = 0) -> str:
    """Return the whole text that the option `frames` gives."""
    return "".join(text_parts(frames))
