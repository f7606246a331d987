"""What must be read of every client, and why where that is less than all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clients.frameworks import CLAUDE as CLAUDE_MODEL

from llmtrack.testing.provider import truth
from llmtrack.testing.provider.wire.openai_vendors import VENDORS

#: The answer is whole.
WHOLE = ("ok", "text", "tool", "nousage")
#: It breaks off after the reasoning and two pieces of text.
BROKEN = ("truncated", "cut", "inband_error")
REFUSED = ("429", "500")
#: The consumer leaves after some chunks, or does not begin.
LEFT = ("break", "never")
STREAMED = (*WHOLE, *BROKEN, *REFUSED, "empty", *LEFT)
PLAIN = (*WHOLE, "cut", *REFUSED, "empty")

FAILED = {"finish": None, "tools": (), "usage": None}
NOTHING = {**FAILED, "text": "", "reasoning": "", "id": None, "model": None}
SUCCESS = {"outcome": "success", "kind": None, "status": None, "retry_after": None}


@dataclass(frozen=True)
class Reads:
    """
    What is read of one client.

    Attributes:
        provider: Who is told to have served it.
        dialect: The name of the dialect.
        finish: The finish reason with a tool call, and without.
        id: The response's id.
        model: The model that answered.
        without: What the client or the wire format does not have, of
            `reasoning`, `tools`, `cached`, `reasoned`, `address`.
        in_band: Kind and status of an error within a stream.
        changes: What else is different, by scenario, by `stream` or `plain`, or
            by both; the most exact one holds. A value that is not compared,
            since the client makes it up at random, is `...`.
        skipped: The scenarios that there are not, with the reason.
    """

    provider: str
    dialect: str = "openai.chat"
    finish: tuple[str | None, str | None] = ("tool_calls", "stop")
    id: str | None = truth.IDS["chat"]
    model: str | None = truth.MODEL
    without: tuple[str, ...] = ()
    in_band: tuple[str, int | None] = ("server", None)
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)

    def of(self, scenario: str, mode: str) -> dict[str, Any]:
        """Return the values that a record must have, by name."""
        usual = self._of_any(mode) | self.changes.get(mode, {})
        expected = usual | self._of(scenario, mode)
        group = "broken" if scenario in BROKEN and mode == "stream" else ""
        for key in (group, scenario, f"{mode} {scenario}"):
            expected |= self.changes.get(key, {})
        return {name: value for name, value in expected.items() if value is not ...}

    def _of_any(self, mode: str) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "address": None if "address" in self.without else "127.0.0.1",
            "stream": mode == "stream",
            "dialect": self.dialect,
            "id": self.id,
            "model": self.model,
        }

    def _of(self, scenario: str, mode: str) -> dict[str, Any]:
        if scenario in WHOLE:
            return {**SUCCESS, **self._said_in(scenario)}
        if scenario == "break":
            return {"outcome": "abandoned", "finish": None, "kind": None}
        if scenario == "never":
            return {"outcome": "abandoned", "kind": None, "dialect": None, **NOTHING}
        kind, status = {
            "truncated": ("incomplete", None),
            "cut": ("network", None),
            "inband_error": self.in_band,
            "429": ("rate_limit", 429),
            "500": ("server", 500),
            "empty": ("incomplete" if mode == "stream" else "server", None),
        }[scenario]
        after = float(truth.RETRY_AFTER) if scenario == "429" else None
        error = {"kind": kind, "status": status, "retry_after": after}
        if mode == "stream" and scenario in BROKEN:
            reasoned = "" if "reasoning" in self.without else truth.REASONING
            said = {**FAILED, "text": "Hello, ", "reasoning": reasoned}
            return {"outcome": "error", **error, **said}
        # Nothing came back that tells whether it was to be a stream.
        unread: Any = {"dialect": None, "stream": ...}
        return {"outcome": "error", **error, **NOTHING, **unread}

    def _said_in(self, scenario: str) -> dict[str, Any]:
        speaks = scenario != "tool"
        calls = scenario != "text" and "tools" not in self.without
        thinks = speaks and "reasoning" not in self.without
        usage: list[int | None] | None = [25, 10, 42, 17]
        if scenario == "nousage":
            usage = None
        else:
            for at, name in ((1, "cached"), (3, "reasoned")):
                usage[at] = None if name in self.without else usage[at]
        return {
            "text": truth.TEXT if speaks else "",
            "reasoning": truth.REASONING if thinks else "",
            "tools": (truth.TOOL_NAME,) if calls else (),
            "finish": self.finish[0 if scenario != "text" else 1],
            "usage": usage,
        }


def _each(scenarios: Iterable[str], change: Any) -> dict[str, Any]:
    """Return the same change for several scenarios."""
    return dict.fromkeys(scenarios, change)


def seen_on(record: Any) -> dict[str, Any]:
    """Return the values of a record that are compared."""
    error, usage = record.error, record.usage
    reported = usage.output_source == "reported" and not usage.is_lower_bound
    counts = [usage.input_tokens, usage.cache_read_tokens]
    counts += [usage.output_tokens, usage.reasoning_tokens]
    return {
        "outcome": str(record.outcome),
        "kind": error and error.kind,
        "status": error and error.status_code,
        "retry_after": error and error.retry_after,
        "text": record.output_text,
        "reasoning": record.reasoning_text,
        "tools": record.tool_calls,
        "finish": record.finish_reason,
        "usage": counts if reported else None,
        "id": record.response_id,
        "model": record.response_model,
        "provider": record.provider,
        "address": record.server_address,
        "dialect": record.dialect,
        "stream": record.stream,
    }


_NO_TOOL = _each(("ok", "tool", "nousage"), "the agent has no such tool, and says so")
#: The client gives an answer without anything in it.
_SAYS_NOTHING: dict[str, Any] = {**SUCCESS, "outcome": "success", "dialect": None}

CLAUDE: dict[str, Any] = {
    "finish": ("tool_use", "end_turn"),
    "id": truth.IDS["anthropic"],
    "in_band": ("overloaded", None),
    # The wire format cannot leave it out.
    "changes": {"nousage": {"usage": [25, 10, 42, 17]}},
}
MESSAGES = Reads("anthropic", "anthropic.messages", **CLAUDE)
OLLAMA: Any = {
    "finish": ("stop", "stop"),
    "id": None,
    # Its errors do not have the headers.
    "changes": {"429": {"retry_after": None}},
}
#: What vendors break out of usage, and who shows no reasoning.
_MUTE = ("reasoning",)
_LESS = {
    "openai": _MUTE,
    "azure": _MUTE,
    "perplexity": ("reasoning", "cached"),
    "together": ("cached", "reasoned"),
    "mistral": ("cached", "reasoned"),
    "hf": ("cached", "reasoned"),
    "fireworks": ("reasoned",),
    "thinktags": ("reasoning", "cached", "reasoned"),
}
#: What differs in the words of vendors.
_THOUGHT_ALOUD = f"<think>{truth.REASONING}</think>\n\n"
_CHANGES: dict[str, Any] = {
    "thinktags": {
        **_each(("ok", "text", "nousage"), {"text": _THOUGHT_ALOUD + truth.TEXT}),
        "broken": {"text": _THOUGHT_ALOUD + "Hello, "},
    },
    "openrouter": {"stream inband_error": {"kind": "overloaded", "status": 502}},
}
_RESPONSES: Any = {
    "finish": ("completed", "completed"),
    "id": truth.IDS["responses"],
}
LANGCHAIN = "langchain.messages"
#: LangChain calls its chunks by its own ids, and names the model at the end.
_LANGCHAIN_CHAT = Reads(
    "openai",
    LANGCHAIN,
    without=_MUTE,
    changes={
        "stream": {"id": None},
        "broken": {"model": None},
        "break": {"model": None},
    },
)
_LANGCHAIN_RESPONSES = Reads(
    "openai",
    LANGCHAIN,
    **_RESPONSES,
    changes={"broken": {"model": None}, "break": {"model": None}},
)
_LANGCHAIN_ANTHROPIC = Reads(
    "anthropic",
    LANGCHAIN,
    finish=("tool_use", "end_turn"),
    in_band=("overloaded", None),
    id=truth.IDS["anthropic"],
    changes={"stream": {"id": None}, "nousage": {"usage": [25, 10, 42, 17]}},
)
_LLAMA = Reads(
    "openai",
    "llama_index.chat",
    without=_MUTE,
    # The client does not ask a stream for usage, and drops the prompt.
    changes={f"stream {each}": {"usage": None} for each in WHOLE},
)

#: Of each provider behind litellm: its name, the model as asked for, the error in
#: band, and that of a plain answer which was cut and which was empty.
_LITELLM: dict[str, Any] = {
    "openai": ("openai", "gpt-4o-mini", ("server", None), ("server", 500)),
    "anthropic": ("anthropic", CLAUDE_MODEL, ("overloaded", 500), ("server", None)),
    "deepseek": ("deepseek", "deepseek-chat", ("server", 500), ("server", None)),
    "ollama": ("ollama", "qwen3", ("server", 400), ("server", None)),
    "gemini": (
        "gcp.gemini",
        "gemini-2.5-flash",
        ("overloaded", 500),
        ("invalid_request", 422),
    ),
}
_INVENTED: dict[str, str] = {
    "gemini stream truncated": "litellm says `stop`, and its chunks do too",
    "gemini plain nousage": "litellm refuses the answer",
    "ollama nousage": "litellm reports an estimate, which differs with its random ids",
}


def _litellm(name: str) -> Reads:
    """Return what is read of litellm, which makes up what it was not told."""
    provider, model, in_band, empty = _LITELLM[name]
    # Only a stream knows the address: there is no client.
    unserved = _each(REFUSED, {"address": None})
    own_id = {"id": ...} if name in ("anthropic", "ollama") else {}
    changes: dict[str, dict[str, Any]] = {
        "stream": {"model": model, **own_id},
        "plain": own_id,
        # It sends chunks of its own for a stream without any.
        "stream empty": {"model": model, "dialect": "litellm.chat", "id": ...},
        "plain cut": {"address": None},
        "plain empty": {"address": None, "kind": empty[0], "status": empty[1]},
        **unserved,
    }
    without: tuple[str, ...] = ()
    if name == "openai":
        without = _MUTE
    elif name == "anthropic":
        changes["nousage"] = {"usage": [25, 10, 42, 17]}
    elif name == "ollama":
        without = ("cached", "reasoned")
        changes["plain"] = {"model": "ollama_chat/qwen3", **own_id}
        # It estimates how much of the output was reasoning.
        for each in ("ok", "text"):
            changes[f"stream {each}"] = {"usage": [25, None, 42, 6]}
    elif name == "gemini":
        # It is refused when it is read, and then there is a stream.
        changes |= {f"stream {each}": {"address": "127.0.0.1"} for each in REFUSED}
    prefix = f"{name} "
    reasons = _INVENTED.items()
    return Reads(
        provider,
        "litellm.chat",
        id=truth.IDS["gemini" if name == "gemini" else "chat"],
        without=without,
        in_band=in_band,
        changes=changes,
        skipped={k.removeprefix(prefix): v for k, v in reasons if k.startswith(prefix)},
    )


READS = {
    **{
        f"openai {vendor}": Reads(
            "azure.ai.openai" if vendor == "azure" else "openai",
            without=_LESS.get(vendor, ()),
            changes=_CHANGES.get(vendor, {}),
        )
        for vendor in VENDORS
    },
    "openai responses": Reads(
        "openai",
        "openai.responses",
        **_RESPONSES,
        changes={"stream inband_error": {"finish": "failed"}},
    ),
    "openai completions": Reads(
        "openai",
        "openai.completions",
        ("stop", "stop"),
        truth.IDS["legacy"],
        without=("reasoning", "tools"),
        skipped={"tool": "the API has no tools"},
    ),
    "anthropic messages": MESSAGES,
    "anthropic beta": MESSAGES,
    "google": Reads(
        "gcp.gemini",
        "google.generate_content",
        ("STOP", "STOP"),
        truth.IDS["gemini"],
        in_band=("overloaded", 503),
        changes={"plain empty": _SAYS_NOTHING | {"dialect": "google.generate_content"}},
    ),
    "groq": Reads("groq"),
    "together": Reads("together", without=("cached", "reasoned")),
    "fireworks": Reads("fireworks", without=("reasoned",)),
    "cerebras": Reads("cerebras", in_band=("server", 500)),
    "mistral": Reads(
        "mistral_ai",
        "mistral.chat",
        without=("cached", "reasoned"),
        skipped={"plain nousage": "the client raises ResponseValidationError"},
    ),
    "cohere": Reads(
        "cohere",
        "cohere.chat",
        ("TOOL_CALL", "COMPLETE"),
        truth.IDS["cohere"],
        None,
        ("reasoned",),
        changes={
            **_each(
                ("ok", "nousage"), {"reasoning": truth.REASONING + truth.TOOL_PLAN}
            ),
            "tool": {"reasoning": truth.TOOL_PLAN},
            "stream inband_error": {"finish": "ERROR"},
        },
    ),
    "ollama chat": Reads(
        "ollama", "ollama.chat", without=("cached", "reasoned"), **OLLAMA
    ),
    "ollama generate": Reads(
        "ollama", "ollama.generate", without=("tools", "cached", "reasoned"), **OLLAMA
    ),
    "huggingface": Reads(
        "huggingface", "huggingface.chat", without=("cached", "reasoned")
    ),
    "bedrock converse": Reads(
        "aws.bedrock",
        "bedrock.converse",
        ("tool_use", "end_turn"),
        truth.AWS_REQUEST_ID,
        None,
        ("reasoned",),
        changes={
            "plain empty": _SAYS_NOTHING | {"id": ...},
            **_each(("stream empty", "never"), {"id": truth.AWS_REQUEST_ID}),
        },
    ),
    "bedrock invoke": Reads(
        "aws.bedrock",
        "bedrock.invoke",
        ("tool_use", "end_turn"),
        truth.IDS["anthropic"],
        in_band=("rate_limit", None),
        changes={
            **CLAUDE["changes"],
            "plain empty": _SAYS_NOTHING | {"dialect": "bedrock.invoke"},
        },
    ),
    "xai": Reads(
        "x_ai",
        "xai.chat",
        ("REASON_TOOL_CALLS", "REASON_STOP"),
        # gRPC has codes of its own, and no headers.
        changes={
            "429": {"status": None, "retry_after": None},
            "500": {"status": None},
        },
        skipped={
            "tool": "the gRPC provider does not play it",
            "nousage": "the gRPC provider does not play it",
            "plain cut": "the gRPC provider answers in full",
            "plain empty": "the gRPC provider answers in full",
        },
    ),
    "langchain chat": _LANGCHAIN_CHAT,
    "langchain responses": _LANGCHAIN_RESPONSES,
    "langchain anthropic": _LANGCHAIN_ANTHROPIC,
    "openai-agents": Reads(
        "openai",
        "openai_agents.events",
        **_RESPONSES,
        # A result does not name the model, and its first event needs no answer.
        changes={
            "plain text": {"model": None, "finish": None},
            "stream inband_error": {"finish": "failed"},
            **_each(
                ("stream 429", "stream 500", "stream empty"),
                {"dialect": "openai_agents.events", "stream": True},
            ),
        },
        skipped=_NO_TOOL,
    ),
    "pydantic-ai": Reads(
        "openai",
        "text",
        (None, "stop"),
        without=_MUTE,
        in_band=("server", 500),
        # The stream is one of text, and of nothing but text.
        changes={
            "stream": {"id": None, "model": None},
            "stream text": {"usage": None, "finish": None},
            "plain": {"dialect": "pydantic_ai.events"},
        },
        skipped={
            **_NO_TOOL,
            "stream truncated": "text alone does not tell that it is cut short",
        },
    ),
    "llama-index": _LLAMA,
    **{f"litellm {each}": _litellm(each) for each in _LITELLM},
}
