"""What a whole answer comes to, and what it ought to come to, by client."""

from dataclasses import dataclass, field

from llmtrack import dialects
from llmtrack.dialects import Counts
from llmtrack.testing.provider import truth
from llmtrack.tokens.usage import merge


@dataclass
class Answer:
    """
    What all chunks of an answer say together.

    `counts` are input, cache reads, output, reasoning and total; `...` in what
    is expected stands for anything.
    """

    text: str = ""
    reasoning: str = ""
    other_text: str = ""
    tool_calls: tuple = ()
    tool_text: str = ""
    finish_reason: str | None = None
    response_id: str | None = None
    model: str | None = None
    counts: tuple = (None,) * 5
    is_terminated: bool = False
    errors: list = field(default_factory=list)


def answer_of(chunks, stream=None):
    """Return the name of the dialect, and the answer as read chunk by chunk."""
    dialect = None
    answer, counts = Answer(), Counts()
    for chunk in chunks:
        dialect = dialect or dialects.find(chunk, stream=stream)
        reading = dialect.read(chunk)
        answer.text += reading.text or ""
        answer.reasoning += reading.reasoning or ""
        answer.other_text += reading.other_text or ""
        answer.tool_calls += reading.tool_calls
        answer.tool_text += reading.tool_text or ""
        answer.finish_reason = reading.finish_reason or answer.finish_reason
        answer.response_id = answer.response_id or reading.response_id
        answer.model = answer.model or reading.response_model
        answer.is_terminated |= reading.terminated
        answer.errors += [reading.error] if reading.error else []
        if reading.counts is not None:
            counts = merge(counts, reading.counts)
    answer.counts = (
        *(counts.input, counts.cache_read, counts.output),
        *(counts.reasoning, counts.total),
    )
    return dialect.name, answer


#: Input, cache reads, output, reasoning, total: as the wire formats report it.
ALL = (25, 10, 42, 17, 67)
NO_TOTAL = (25, 10, 42, 17, None)
NO_REASONING = (25, 10, 42, None, 67)
NO_DETAILS = (25, None, 42, None, 67)
NOTHING = (None,) * 5

CHAT = {"ok": "tool_calls", "text": "stop", "length": "length", "refusal": "stop"}
RESPONSES = dict.fromkeys(("ok", "text", "refusal"), "completed")
RESPONSES["length"] = "incomplete"
ANTHROPIC = {
    "ok": "tool_use",
    "text": "end_turn",
    "length": "max_tokens",
    "refusal": "refusal",
}
GEMINI = {"ok": "STOP", "text": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY"}
COHERE = {
    "ok": "TOOL_CALL",
    "text": "COMPLETE",
    "length": "MAX_TOKENS",
    "refusal": "COMPLETE",
}
OLLAMA = {"ok": "stop", "text": "stop", "length": "length", "refusal": "stop"}


@dataclass(frozen=True)
class Expected:
    """
    What is right for one API of one client.

    Attributes:
        dialect: The dialect's name.
        finish: Finish reasons by scenario; `tool` and `plain` end as `ok` does,
            `multi` as `text`.
        response_id: The id of the answer.
        counts: The usage of a stream.
        plain_counts: The usage of a response, where it is another.
        plain_id: Likewise.
        model: The model as the client tells it, in a stream.
        plain_model: Likewise, of a response.
        reasons: Whether the wire format, and the client, pass reasoning on;
            None where it stands in the text, as `<think>`.
        refusal: What is left of a refusal.
        choices: Whether there can be a second choice; None where the client
            merges it into the first.
        counts_without: The usage where the provider sends none.
    """

    dialect: str
    finish: dict
    response_id: str | None = truth.IDS["chat"]
    counts: tuple = ALL
    plain_counts: tuple | None = None
    plain_id: str | None = None
    model: str | None = truth.MODEL
    plain_model: str | None = truth.MODEL
    reasons: bool = True
    refusal: str = truth.TEXT
    choices: bool = False
    counts_without: tuple = NOTHING


def _chat(dialect="openai.chat", **changes):
    usual = {"finish": CHAT, "choices": True, "refusal": truth.REFUSAL}
    return Expected(dialect, **(usual | changes))


_LITELLM_ID = "chatcmpl-00000000-0000-4000-8000-000000000000"

EXPECTED = {
    "openai/chat-openai": _chat(reasons=False),
    "openai/chat-azure": _chat(reasons=False),
    "openai/chat-deepseek": _chat(),
    "openai/chat-openrouter": _chat(),
    "openai/chat-together": _chat(counts=NO_DETAILS),
    "openai/chat-fireworks": _chat(counts=NO_REASONING),
    "openai/chat-perplexity": _chat(counts=(25, None, 42, 17, 67), reasons=False),
    "openai/chat-vllm": _chat(),
    "openai/chat-groq": _chat(),
    "openai/chat-cerebras": _chat(),
    "openai/chat-mistral": _chat(counts=NO_DETAILS),
    "openai/chat-hf": _chat(counts=NO_DETAILS),
    "openai/chat-xai": _chat(),
    "openai/chat-thinktags": _chat(counts=NO_DETAILS, reasons=None),
    "openai/chat_manager": _chat(reasons=False),
    "openai/completions": _chat(
        "openai.completions",
        response_id=truth.IDS["legacy"],
        finish=dict.fromkeys(("ok", "text"), "stop"),
        reasons=False,
    ),
    "openai/responses": Expected(
        "openai.responses",
        RESPONSES,
        truth.IDS["responses"],
        refusal=truth.REFUSAL,
    ),
    "openai/responses_manager": Expected(
        "openai.responses", RESPONSES, truth.IDS["responses"]
    ),
    "groq/chat": _chat(),
    "cerebras-cloud-sdk/chat": _chat(),
    "together/chat": _chat(counts=NO_DETAILS),
    "fireworks-ai/chat": _chat(counts=NO_REASONING),
    # These two clients drop refusals.
    "huggingface-hub/chat": _chat("huggingface.chat", counts=NO_DETAILS, refusal=""),
    "mistralai/chat": _chat("mistral.chat", counts=NO_DETAILS, refusal=""),
    "anthropic/messages": Expected(
        "anthropic.messages",
        ANTHROPIC,
        truth.IDS["anthropic"],
        NO_TOTAL,
        counts_without=NO_TOTAL,
    ),
    "anthropic/messages_manager": Expected(
        "anthropic.messages",
        ANTHROPIC,
        truth.IDS["anthropic"],
        NO_TOTAL,
        counts_without=NO_TOTAL,
    ),
    "google-genai/generate_content": Expected(
        "google.generate_content", GEMINI, truth.IDS["gemini"], choices=True
    ),
    "cohere/chat": Expected(
        "cohere.chat",
        COHERE,
        truth.IDS["cohere"],
        (25, 10, 42, None, None),
        model=None,
        plain_model=None,
    ),
    "ollama/chat": Expected("ollama.chat", OLLAMA, None, (25, None, 42, None, None)),
    "ollama/generate": Expected(
        "ollama.generate", OLLAMA, None, (25, None, 42, None, None)
    ),
    "boto3/converse": Expected(
        "bedrock.converse",
        {**ANTHROPIC, "refusal": "guardrail_intervened"},
        None,
        NO_REASONING,
        plain_id=truth.AWS_REQUEST_ID,
        model=None,
        plain_model=None,
    ),
    "boto3/invoke": Expected(
        "bedrock.invoke",
        ANTHROPIC,
        truth.IDS["anthropic"],
        NO_TOTAL,
        counts_without=NO_TOTAL,
    ),
    "xai-sdk/chat": Expected(
        "xai.chat", {"ok": "REASON_TOOL_CALLS", "text": "REASON_STOP"}
    ),
    # LangChain merges all choices into one, and has ids of its own.
    "langchain-openai/chat": _chat(
        "langchain.messages",
        response_id=None,
        plain_id=truth.IDS["chat"],
        reasons=False,
        refusal="",
        choices=None,
    ),
    "langchain-openai/responses": Expected(
        "langchain.messages",
        RESPONSES,
        truth.IDS["responses"],
        refusal=truth.REFUSAL,
    ),
    "langchain-anthropic/messages": Expected(
        "langchain.messages",
        ANTHROPIC,
        None,
        plain_id=truth.IDS["anthropic"],
        counts_without=ALL,
    ),
    # litellm has the model that was asked for, ids of its own, and estimates
    # of usage where there is none.
    "litellm/chat-openai": _chat(
        "litellm.chat",
        model="gpt-4o-mini",
        reasons=False,
        refusal="",
        counts_without=(8, None, 41, None, 49),
    ),
    "litellm/chat-deepseek": _chat(
        "litellm.chat",
        model="deepseek-chat",
        refusal="",
        counts_without=(8, None, 46, 6, 54),
    ),
    "litellm/chat-anthropic": Expected(
        "litellm.chat",
        {**CHAT, "refusal": "content_filter"},
        _LITELLM_ID,
        model="claude-sonnet-4-5",
        counts_without=ALL,
    ),
    "litellm/chat-ollama": Expected(
        "litellm.chat",
        CHAT,
        "00000000-0000-4000-8000-000000000000",
        # litellm estimates the reasoning.
        (25, None, 42, ..., 67),
        plain_id=_LITELLM_ID,
        model="qwen3",
        plain_model="ollama_chat/qwen3",
    ),
    # LlamaIndex merges all choices into one, and asks for no usage.
    "llama-index-llms-openai/chat": _chat(
        "llama_index.chat",
        counts=NOTHING,
        plain_counts=ALL,
        reasons=False,
        refusal="",
        choices=None,
    ),
    "openai-agents/responses": Expected(
        "openai_agents.events", RESPONSES, truth.IDS["responses"]
    ),
}
