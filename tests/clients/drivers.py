"""How each real client is called, streaming and not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from clients import frameworks
from clients.frameworks import CLAUDE, MESSAGES, MODEL

from llmtrack.testing.provider import LoopbackProvider
from llmtrack.testing.provider.wire.openai_vendors import VENDORS

#: The scenarios that differ in what is said.
COMMON = ("ok", "text", "tool", "multi", "nousage")
EVERYTHING = (*COMMON, "length", "refusal")


@dataclass(frozen=True)
class Driver:
    """
    One API of one client.

    Attributes:
        client: The distribution.
        api: Its API, and who is behind it where that is another.
        path: The dialect, and what the client wants behind it; empty for gRPC.
        open: Takes a base URL and whether to stream; returns what the client does.
        plain: Whether there is an answer that is no stream.
        scenarios: What a stream can be asked for.
    """

    client: str
    api: str
    path: str
    open: frameworks.Call
    plain: bool = True
    scenarios: tuple[str, ...] = EVERYTHING

    def call(self, provider: LoopbackProvider, scenario: str, stream: bool) -> Any:
        """Return a stream or a response."""
        if not self.path:
            # gRPC has no URL to choose a scenario by.
            return self.open(scenario, stream)
        return self.open(provider.url(scenario, self.path), stream)


#: Keeps clients from asking anybody but the loopback provider.
ENVIRONMENT = {
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "LANGSMITH_TRACING": "false",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def _asking_for_usage(stream: bool) -> dict[str, Any]:
    options = {"stream_options": {"include_usage": True}} if stream else {}
    return {"model": MODEL, "messages": MESSAGES, "stream": stream, **options}


def _openai_chat(url: str, stream: bool) -> Any:
    import openai

    client = openai.OpenAI(api_key="x", base_url=url, max_retries=0)
    return client.chat.completions.create(**_asking_for_usage(stream))


def _azure_chat(url: str, stream: bool) -> Any:
    import openai

    client = openai.AzureOpenAI(
        api_key="x", azure_endpoint=url, api_version="2024-10-21", max_retries=0
    )
    return client.chat.completions.create(**_asking_for_usage(stream))


def _openai_chat_manager(url: str, stream: bool) -> Iterator[Any]:
    import openai

    client = openai.OpenAI(api_key="x", base_url=url, max_retries=0)
    options: Any = {"include_usage": True}
    with client.chat.completions.stream(
        model=MODEL, messages=MESSAGES, stream_options=options
    ) as events:
        yield from events


def _openai_responses(url: str, stream: bool) -> Any:
    import openai

    client = openai.OpenAI(api_key="x", base_url=url, max_retries=0)
    return client.responses.create(model=MODEL, input="Hi", stream=stream)


def _openai_responses_manager(url: str, stream: bool) -> Iterator[Any]:
    import openai

    client = openai.OpenAI(api_key="x", base_url=url, max_retries=0)
    with client.responses.stream(model=MODEL, input="Hi") as events:
        yield from events


def _openai_completions(url: str, stream: bool) -> Any:
    import openai

    client = openai.OpenAI(api_key="x", base_url=url, max_retries=0)
    options: Any = {"stream_options": {"include_usage": True}} if stream else {}
    return client.completions.create(model=MODEL, prompt="Hi", stream=stream, **options)


def _openai_embeddings(url: str, stream: bool) -> Any:
    import openai

    client = openai.OpenAI(api_key="x", base_url=url, max_retries=0)
    return client.embeddings.create(model=MODEL, input="Hi")


def _anthropic(url: str, stream: bool) -> Any:
    import anthropic

    client = anthropic.Anthropic(api_key="x", base_url=url, max_retries=0)
    return client.messages.create(
        model=CLAUDE, max_tokens=100, messages=MESSAGES, stream=stream
    )


def _anthropic_manager(url: str, stream: bool) -> Iterator[Any]:
    import anthropic

    client = anthropic.Anthropic(api_key="x", base_url=url, max_retries=0)
    with client.messages.stream(
        model=CLAUDE, max_tokens=100, messages=MESSAGES
    ) as events:
        yield from events


def _groq(url: str, stream: bool) -> Any:
    import groq

    client = groq.Groq(api_key="x", base_url=url, max_retries=0)
    return client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=stream)


def _together(url: str, stream: bool) -> Any:
    import together

    client = together.Together(api_key="x", base_url=url, max_retries=0)
    return client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=stream)


def _fireworks(url: str, stream: bool) -> Any:
    import fireworks

    client = fireworks.Fireworks(api_key="x", base_url=url, max_retries=0)
    return client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=stream)


def _cerebras(url: str, stream: bool) -> Any:
    from cerebras.cloud.sdk import Cerebras

    client = Cerebras(
        api_key="x", base_url=url, max_retries=0, warm_tcp_connection=False
    )
    return client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=stream)


def _google(url: str, stream: bool) -> Any:
    from google import genai

    client = genai.Client(api_key="x", http_options={"base_url": url})
    if stream:
        chunks = client.models.generate_content_stream(model=MODEL, contents="Hi")
        return _holding(client, chunks)
    return client.models.generate_content(model=MODEL, contents="Hi")


def _holding(owner: Any, chunks: Any) -> Iterator[Any]:
    """Keep a client that closes its connections when it is collected."""
    yield from chunks
    del owner


def _mistral(url: str, stream: bool) -> Any:
    from mistralai.client import Mistral

    chat = Mistral(api_key="x", server_url=url).chat
    ask = chat.stream if stream else chat.complete
    return ask(model="magistral-small", messages=MESSAGES)


def _cohere(url: str, stream: bool) -> Any:
    import cohere

    client = cohere.ClientV2(api_key="x", base_url=url)
    ask = client.chat_stream if stream else client.chat
    return ask(model="command-a", messages=MESSAGES)


def _ollama_chat(url: str, stream: bool) -> Any:
    import ollama

    client = ollama.Client(host=url)
    return client.chat(model="qwen3", messages=MESSAGES, stream=stream)


def _ollama_generate(url: str, stream: bool) -> Any:
    import ollama

    return ollama.Client(host=url).generate(model="qwen3", prompt="Hi", stream=stream)


def _huggingface(url: str, stream: bool) -> Any:
    from huggingface_hub import InferenceClient

    client = InferenceClient(base_url=url, api_key="x")
    options: Any = {"stream_options": {"include_usage": True}} if stream else {}
    answer = client.chat_completion(MESSAGES, stream=stream, **options)
    return _holding(client, answer) if stream else answer


def _bedrock(url: str) -> Any:
    import boto3

    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


def _bedrock_converse(url: str, stream: bool) -> Any:
    client = _bedrock(url)
    question = [{"role": "user", "content": [{"text": "Hi"}]}]
    if stream:
        return client.converse_stream(modelId=CLAUDE, messages=question)["stream"]
    return client.converse(modelId=CLAUDE, messages=question)


def _bedrock_invoke(url: str, stream: bool) -> Any:
    client = _bedrock(url)
    if stream:
        answer = client.invoke_model_with_response_stream(modelId=CLAUDE, body="{}")
        return answer["body"]
    return client.invoke_model(modelId=CLAUDE, body="{}")


def _xai(scenario: str, stream: bool) -> Any:
    chunks = _xai_chunks(scenario, stream)
    return chunks if stream else next(chunks)


def _xai_chunks(scenario: str, stream: bool) -> Iterator[Any]:
    import xai_sdk
    from xai_sdk.chat import user

    from llmtrack.testing.provider.xai_grpc import LoopbackGrpcProvider

    with LoopbackGrpcProvider(scenario) as server:
        client = xai_sdk.Client(
            api_key="x", api_host=server.host, use_insecure_channel=True
        )
        chat = client.chat.create(model="grok-4", messages=[user("Hi")])
        if stream:
            yield from chat.stream()
        else:
            yield chat.sample()


DRIVERS = (
    Driver("openai", "chat-openai", "openai/v1", _openai_chat),
    *(
        Driver("openai", f"chat-{vendor}", f"{vendor}/v1", _openai_chat, True, COMMON)
        for vendor in VENDORS
        if vendor not in ("openai", "azure")
    ),
    Driver("openai", "chat-azure", "azure", _azure_chat, scenarios=COMMON),
    Driver(
        "openai",
        "chat_manager",
        "openai/v1",
        _openai_chat_manager,
        plain=False,
        # It raises LengthFinishReasonError for `length`.
        scenarios=("ok", "text", "refusal"),
    ),
    Driver("openai", "responses", "openai/v1", _openai_responses),
    Driver(
        "openai",
        "responses_manager",
        "openai/v1",
        _openai_responses_manager,
        plain=False,
        scenarios=("ok", "text", "length"),
    ),
    Driver(
        "openai",
        "completions",
        "openai/v1",
        _openai_completions,
        scenarios=("ok", "nousage"),
    ),
    Driver("openai", "embeddings", "openai/v1", _openai_embeddings, scenarios=()),
    Driver("anthropic", "messages", "anthropic", _anthropic),
    Driver(
        "anthropic", "messages_manager", "anthropic", _anthropic_manager, plain=False
    ),
    Driver("groq", "chat", "groq", _groq),
    Driver("together", "chat", "together/v1", _together),
    Driver("fireworks-ai", "chat", "fireworks/inference", _fireworks),
    Driver("cerebras-cloud-sdk", "chat", "cerebras", _cerebras),
    Driver("google-genai", "generate_content", "gemini", _google),
    Driver("mistralai", "chat", "mistral", _mistral),
    Driver("cohere", "chat", "cohere", _cohere),
    Driver("ollama", "chat", "ollama", _ollama_chat),
    Driver(
        "ollama",
        "generate",
        "ollama",
        _ollama_generate,
        scenarios=("ok", "text", "length", "nousage"),
    ),
    Driver("huggingface-hub", "chat", "hf/v1", _huggingface),
    Driver("boto3", "converse", "bedrock", _bedrock_converse),
    Driver("boto3", "invoke", "bedrock", _bedrock_invoke),
    Driver("xai-sdk", "chat", "", _xai, scenarios=("ok", "text")),
    Driver(
        "langchain-openai",
        "chat",
        "openai/v1",
        frameworks.langchain_openai("chat"),
    ),
    Driver(
        "langchain-openai",
        "responses",
        "openai/v1",
        frameworks.langchain_openai("responses"),
    ),
    Driver(
        "langchain-anthropic",
        "messages",
        "anthropic",
        frameworks.langchain_anthropic,
    ),
    Driver("llama-index-llms-openai", "chat", "openai/v1", frameworks.llama_index),
    Driver(
        "openai-agents",
        "responses",
        "openai/v1",
        frameworks.agents,
        plain=False,
        # The others end in an error of its own.
        scenarios=("text",),
    ),
    Driver(
        "pydantic-ai-slim",
        "chat",
        "openai/v1",
        frameworks.pydantic_ai,
        plain=False,
        scenarios=("text",),
    ),
    Driver(
        "litellm",
        "chat-openai",
        "openai/v1",
        frameworks.litellm("openai/gpt-4o-mini"),
    ),
    Driver(
        "litellm",
        "chat-anthropic",
        "anthropic",
        frameworks.litellm("anthropic/" + CLAUDE),
    ),
    Driver(
        "litellm",
        "chat-deepseek",
        "deepseek",
        frameworks.litellm("deepseek/deepseek-chat"),
    ),
    Driver(
        "litellm",
        "chat-ollama",
        "ollama",
        frameworks.litellm("ollama_chat/qwen3"),
        # Without usage it estimates, and that differs with its random tool-call id.
        scenarios=("ok", "text", "tool", "length"),
    ),
)
