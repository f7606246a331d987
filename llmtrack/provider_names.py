"""Who is who: hosts, packages, models and other people's names of providers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

#: Host names, and the ends of host names that start with a dot.
_HOSTS: Final[dict[str, str]] = {
    "api.openai.com": "openai",
    ".api.openai.com": "openai",
    ".openai.azure.com": "azure.ai.openai",
    ".cognitiveservices.azure.com": "azure.ai.openai",
    ".services.ai.azure.com": "azure.ai.inference",
    ".models.ai.azure.com": "azure.ai.inference",
    ".inference.ai.azure.com": "azure.ai.inference",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    ".aiplatform.googleapis.com": "gcp.vertex_ai",
    ".amazonaws.com": "aws.bedrock",
    ".api.aws": "aws.bedrock",
    "api.mistral.ai": "mistral_ai",
    ".mistral.ai": "mistral_ai",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    ".api.x.ai": "x_ai",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    ".ml.cloud.ibm.com": "ibm.watsonx.ai",
    "openrouter.ai": "openrouter",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "api.fireworks.ai": "fireworks",
    "api.cerebras.ai": "cerebras",
    "router.huggingface.co": "huggingface",
    "api-inference.huggingface.co": "huggingface",
    ".endpoints.huggingface.cloud": "huggingface",
    "ollama.com": "ollama",
    "api.sambanova.ai": "sambanova",
    "integrate.api.nvidia.com": "nvidia",
    "api.deepinfra.com": "deepinfra",
    "api.replicate.com": "replicate",
    "models.github.ai": "github",
    "dashscope.aliyuncs.com": "dashscope",
    "dashscope-intl.aliyuncs.com": "dashscope",
    "api.z.ai": "zai",
    "open.bigmodel.cn": "zai",
    "api.minimax.io": "minimax",
    "ai-gateway.vercel.sh": "vercel",
}

#: Class names, then packages of clients and of their answers, with the most
#: exact dotted name first.
_CLASSES: Final[dict[str, str]] = {
    "AzureOpenAI": "azure.ai.openai",
    "AsyncAzureOpenAI": "azure.ai.openai",
    "AzureChatOpenAI": "azure.ai.openai",
    "AnthropicBedrock": "aws.bedrock",
    "AsyncAnthropicBedrock": "aws.bedrock",
    "AnthropicVertex": "gcp.vertex_ai",
    "AsyncAnthropicVertex": "gcp.vertex_ai",
}
_PACKAGES: Final[dict[str, str]] = {
    "openai": "openai",
    "agents": "openai",
    "anthropic": "anthropic",
    "groq": "groq",
    "together": "together",
    "fireworks": "fireworks",
    "cerebras": "cerebras",
    "google.genai": "gcp.gemini",
    "google.generativeai": "gcp.gemini",
    "google.cloud.aiplatform": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "mistralai": "mistral_ai",
    "cohere": "cohere",
    "ollama": "ollama",
    "huggingface_hub": "huggingface",
    "botocore": "aws.bedrock",
    "xai_sdk": "x_ai",
    "azure.ai.inference": "azure.ai.inference",
    "ibm_watsonx_ai": "ibm.watsonx.ai",
    "langchain_openai": "openai",
    "langchain_anthropic": "anthropic",
    "langchain_google_genai": "gcp.gemini",
    "langchain_google_vertexai": "gcp.vertex_ai",
    "langchain_aws": "aws.bedrock",
    "langchain_mistralai": "mistral_ai",
    "langchain_cohere": "cohere",
    "langchain_groq": "groq",
    "langchain_ollama": "ollama",
    "langchain_deepseek": "deepseek",
    "langchain_xai": "x_ai",
    "langchain_fireworks": "fireworks",
    "langchain_together": "together",
    "langchain_perplexity": "perplexity",
    "langchain_huggingface": "huggingface",
    "llama_index.llms.openai": "openai",
    "llama_index.llms.azure_openai": "azure.ai.openai",
    "llama_index.llms.anthropic": "anthropic",
    "llama_index.llms.google_genai": "gcp.gemini",
    "llama_index.llms.gemini": "gcp.gemini",
    "llama_index.llms.vertex": "gcp.vertex_ai",
    "llama_index.llms.bedrock": "aws.bedrock",
    "llama_index.llms.bedrock_converse": "aws.bedrock",
    "llama_index.llms.mistralai": "mistral_ai",
    "llama_index.llms.cohere": "cohere",
    "llama_index.llms.groq": "groq",
    "llama_index.llms.ollama": "ollama",
    "llama_index.llms.deepseek": "deepseek",
}

#: Packages whose classes stand for anybody's answer.
_FRAMEWORKS: Final = frozenset(
    ("litellm", "langchain_core", "llama_index", "pydantic_ai", "langgraph")
)

#: What litellm, LangChain and pydantic-ai call a provider, where that is not
#: the name used here.
_ALIASES: Final[dict[str, str]] = {
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "text-completion-openai": "openai",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "google_genai": "gcp.gemini",
    "google-gla": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "google-vertex": "gcp.vertex_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "xai": "x_ai",
    "grok": "x_ai",
    "moonshot": "moonshot_ai",
    "moonshotai": "moonshot_ai",
    "watsonx": "ibm.watsonx.ai",
    "cohere_chat": "cohere",
    "ollama_chat": "ollama",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "huggingface": "huggingface",
}

#: How the names of a provider's own models begin.
_MODELS: Final[tuple[tuple[str, str], ...]] = (
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-3", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gcp.gemini"),
    ("models/gemini-", "gcp.gemini"),
    ("mistral-", "mistral_ai"),
    ("magistral-", "mistral_ai"),
    ("ministral-", "mistral_ai"),
    ("codestral-", "mistral_ai"),
    ("pixtral-", "mistral_ai"),
    ("command-", "cohere"),
    ("deepseek-", "deepseek"),
    ("grok-", "x_ai"),
    ("sonar", "perplexity"),
    ("kimi-", "moonshot_ai"),
    ("moonshot-", "moonshot_ai"),
    ("anthropic.", "aws.bedrock"),
    ("amazon.", "aws.bedrock"),
    ("us.anthropic.", "aws.bedrock"),
    ("eu.anthropic.", "aws.bedrock"),
)


def by_host(host: str, /) -> str | None:
    """Return who answers at a host, None for one that is not known."""
    host = host.lower().rstrip(".")
    if host in _HOSTS:
        return _HOSTS[host]
    if "bedrock" not in host and host.endswith((".amazonaws.com", ".api.aws")):
        # Anything may be served there.
        return None
    # Regional hosts are like `us-central1-aiplatform.googleapis.com`.
    ends = (end for end in _HOSTS if end.startswith(".") and host.endswith(end))
    if host.endswith("-aiplatform.googleapis.com"):
        return "gcp.vertex_ai"
    return next((_HOSTS[end] for end in ends), None)


@lru_cache(maxsize=512)
def by_class(cls: Any, /) -> str | None:
    """Return who a class of a client or an answer belongs to, or None."""
    for each in cls.__mro__:
        if each.__name__ in _CLASSES:
            return _CLASSES[each.__name__]
        found = by_package(each.__module__)
        if found is not None:
            return found
        # litellm's classes have openai's among their parents.
        if each.__module__.partition(".")[0] in _FRAMEWORKS:
            return None
    return None


def by_package(module: str, /) -> str | None:
    """Return who the package of a module belongs to, or None."""
    while module:
        if module in _PACKAGES:
            return _PACKAGES[module]
        module = module.rpartition(".")[0]
    return None


def by_alias(name: str, /) -> str:
    """Return the provider that a framework calls by this name."""
    return _ALIASES.get(name.lower(), name.lower())


def by_model(model: str | None, /) -> str | None:
    """Return whose model a name seems to be, or None."""
    if not model:
        return None
    lower = model.lower()
    prefix, slash, _ = lower.partition("/")
    if slash and (prefix in _ALIASES or prefix in _PACKAGES or prefix == "openrouter"):
        return _ALIASES.get(prefix) or _PACKAGES.get(prefix) or prefix
    starts = (known for start, known in _MODELS if lower.startswith(start))
    return next(starts, None)
