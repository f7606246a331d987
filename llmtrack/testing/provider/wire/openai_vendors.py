"""How vendors differ who all speak OpenAI's chat completions: a row for each."""

from dataclasses import dataclass, field
from typing import Final

from .. import truth
from ..payload import Payload
from .framing import JSON, Query

_CACHED: Final = {"prompt_tokens_details": {"cached_tokens": truth.CACHED_TOKENS}}
_DETAILS: Final = {
    **_CACHED,
    "completion_tokens_details": {"reasoning_tokens": truth.REASONING_TOKENS},
}
_FINGERPRINT: Final = {"system_fingerprint": "fp_fake"}


@dataclass(frozen=True, slots=True)
class Vendor:
    """
    How one vendor's chat completions differ from the plainest.

    Attributes:
        name: The dialect.
        reasoning_key: The key of `delta` and `message` with the reasoning.
        always_usage: Usage is streamed even if nobody asked for it.
        usage_apart: Usage is streamed after the finish reason, in its own chunk.
        whole_tool_call: A tool call is streamed in one chunk, not in pieces.
        usage_extra: More keys of the usage object.
        chunk_extra: More keys of every chunk.
    """

    name: str
    reasoning_key: str | None = None
    always_usage: bool = False
    usage_apart: bool = False
    whole_tool_call: bool = False
    usage_extra: JSON = field(default_factory=dict)
    chunk_extra: JSON = field(default_factory=dict)


VENDORS: Final = {
    vendor.name: vendor
    for vendor in (
        Vendor(
            "openai",
            usage_apart=True,
            usage_extra=_DETAILS,
            chunk_extra={"service_tier": "default", **_FINGERPRINT},
        ),
        Vendor(
            "azure",
            usage_apart=True,
            usage_extra=_DETAILS,
            chunk_extra={"service_tier": "default", **_FINGERPRINT},
        ),
        Vendor(
            "deepseek",
            reasoning_key="reasoning_content",
            always_usage=True,
            usage_extra={
                "prompt_cache_hit_tokens": truth.CACHED_TOKENS,
                "prompt_cache_miss_tokens": truth.INPUT_TOKENS - truth.CACHED_TOKENS,
                **_DETAILS,
            },
        ),
        Vendor(
            "openrouter",
            reasoning_key="reasoning",
            always_usage=True,
            usage_apart=True,
            usage_extra={**_DETAILS, "cost": 0.00042, "is_byok": False},
            chunk_extra={"provider": "FakeProvider"},
        ),
        Vendor("together", reasoning_key="reasoning", always_usage=True),
        Vendor(
            "fireworks",
            reasoning_key="reasoning_content",
            always_usage=True,
            usage_extra=_CACHED,
        ),
        Vendor("perplexity", always_usage=True),
        Vendor(
            "vllm",
            reasoning_key="reasoning_content",
            usage_apart=True,
            usage_extra=_DETAILS,
        ),
        Vendor(
            "groq",
            reasoning_key="reasoning",
            always_usage=True,
            whole_tool_call=True,
            usage_extra={
                **_DETAILS,
                "queue_time": 0.01,
                "prompt_time": 0.001,
                "completion_time": 0.02,
                "total_time": 0.021,
            },
            chunk_extra=_FINGERPRINT,
        ),
        Vendor(
            "cerebras",
            reasoning_key="reasoning",
            always_usage=True,
            usage_extra=_DETAILS,
            chunk_extra=_FINGERPRINT,
        ),
        # `content` is a list of typed parts while the model reasons.
        Vendor(
            "mistral",
            reasoning_key="content",
            always_usage=True,
            whole_tool_call=True,
        ),
        Vendor(
            "hf",
            reasoning_key="reasoning",
            usage_apart=True,
            whole_tool_call=True,
            chunk_extra=_FINGERPRINT,
        ),
        Vendor(
            "xai",
            reasoning_key="reasoning_content",
            always_usage=True,
            usage_extra=_DETAILS,
        ),
        # Reasoning is inline: `<think>...</think>`, then the text.
        Vendor("thinktags", reasoning_key="content", usage_apart=True),
    )
}


def vendor_of(query: Query) -> Vendor:
    """Return who answers; the other dialects' chat is OpenAI's."""
    return VENDORS.get(query.dialect, VENDORS["openai"])


def chat_usage(vendor: Vendor, payload: Payload, part: float = 1.0) -> JSON:
    """Return the usage object; a `part` below 1 is a stream still running."""
    output = int(payload.output_tokens * part)
    usage: JSON = {
        "prompt_tokens": truth.INPUT_TOKENS,
        "completion_tokens": output,
        "total_tokens": truth.INPUT_TOKENS + output,
        **vendor.usage_extra,
    }
    if vendor.name == "perplexity":
        usage.update(
            search_context_size="low",
            reasoning_tokens=int(truth.REASONING_TOKENS * part),
            num_search_queries=1,
            cost={"total_cost": 0.005},
        )
    return usage
