"""Every client: how its sync and async halves are made, and asked."""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from clients.frameworks import CLAUDE, MESSAGES, MODEL

from llmtrack.testing.provider.wire.openai_vendors import VENDORS

#: Takes the client's package and a base URL; returns a client.
Make = Callable[[Any, str], Any]
#: Takes a client and whether to stream; returns what the client does.
Ask = Callable[[Any, bool], Any]


@dataclass(frozen=True)
class Client:
    """
    One API of one client.

    Attributes:
        package: What must be installed.
        path: The dialect, and what the client wants behind it; empty for gRPC.
        ask: What the user's function does, with either half of the client.
        make: The sync half; None where there is none.
        make_async: The async half; None where there is none.
        inside: Where in what is returned the stream is.
    """

    package: str
    path: str
    ask: Ask
    make: Make | None
    make_async: Make | None
    inside: str | None = None

    @property
    def is_installed(self) -> bool:
        """Whether its package is there; that is all that is asked."""
        try:
            return importlib.util.find_spec(self.package) is not None
        except ModuleNotFoundError:
            return False

    def made(self, url: str, *, is_async: bool) -> Any:
        """Return a client that asks at a URL."""
        make = self.make_async if is_async else self.make
        assert make is not None
        return make(importlib.import_module(self.package), url)


def plain(name: str, url: str = "base_url", **options: Any) -> Make:
    """Return what makes a client of a class that is called as most are."""

    def make(package: Any, address: str) -> Any:
        return getattr(package, name)(api_key="x", **{url: address}, **options)

    return make


def impatient(name: str, url: str = "base_url", **options: Any) -> Make:
    """Likewise, of a client that would ask again."""
    return plain(name, url, max_retries=0, **options)


def chat(client: Any, stream: bool, **options: Any) -> Any:
    """Ask as most clients are asked."""
    create = client.chat.completions.create
    return create(model=MODEL, messages=MESSAGES, stream=stream, **options)


def chat_with_usage(client: Any, stream: bool) -> Any:
    """Likewise, where usage has to be asked for."""
    usage = {"stream_options": {"include_usage": True}} if stream else {}
    return chat(client, stream, **usage)


def responses(client: Any, stream: bool) -> Any:
    return client.responses.create(model=MODEL, input="Hi", stream=stream)


def completions(client: Any, stream: bool) -> Any:
    usage = {"stream_options": {"include_usage": True}} if stream else {}
    create = client.completions.create
    return create(model=MODEL, prompt="Hi", stream=stream, **usage)


def messages(client: Any, stream: bool) -> Any:
    create = client.messages.create
    return create(model=CLAUDE, max_tokens=9, messages=MESSAGES, stream=stream)


def google(package: Any, url: str) -> Any:
    return package.Client(api_key="x", http_options={"base_url": url})


def google_content(client: Any, stream: bool) -> Any:
    return generate_content(client.models, stream)


def google_content_async(client: Any, stream: bool) -> Any:
    return generate_content(client.aio.models, stream)


def generate_content(models: Any, stream: bool) -> Any:
    ask = models.generate_content_stream if stream else models.generate_content
    return ask(model=MODEL, contents="Hi")


def mistral(package: Any, url: str) -> Any:
    return package.Mistral(api_key="x", server_url=url)


def mistral_chat(client: Any, stream: bool) -> Any:
    ask = client.chat.stream if stream else client.chat.complete
    return ask(model="magistral-small", messages=MESSAGES)


def mistral_chat_async(client: Any, stream: bool) -> Any:
    ask = client.chat.stream_async if stream else client.chat.complete_async
    return ask(model="magistral-small", messages=MESSAGES)


def cohere_chat(client: Any, stream: bool) -> Any:
    ask = client.chat_stream if stream else client.chat
    patience: Any = {"max_retries": 0}
    return ask(model="command-a", messages=MESSAGES, request_options=patience)


def ollama(name: str) -> Make:
    return lambda package, url: getattr(package, name)(host=url)


def ollama_chat(client: Any, stream: bool) -> Any:
    return client.chat(model="qwen3", messages=MESSAGES, stream=stream)


def ollama_generate(client: Any, stream: bool) -> Any:
    return client.generate(model="qwen3", prompt="Hi", stream=stream)


def huggingface_chat(client: Any, stream: bool) -> Any:
    usage = {"stream_options": {"include_usage": True}} if stream else {}
    return client.chat_completion(MESSAGES, stream=stream, **usage)


def bedrock(package: Any, url: str) -> Any:
    from botocore.config import Config

    return package.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )


def converse(client: Any, stream: bool) -> Any:
    ask = client.converse_stream if stream else client.converse
    return ask(modelId=CLAUDE, messages=[{"role": "user", "content": [{"text": "Hi"}]}])


def invoke(client: Any, stream: bool) -> Any:
    if stream:
        return client.invoke_model_with_response_stream(modelId=CLAUDE, body="{}")
    return client.invoke_model(modelId=CLAUDE, body="{}")


def xai(package: Any, host: str) -> Any:
    return package.Client(api_key="x", api_host=host, use_insecure_channel=True)


def xai_async(package: Any, host: str) -> Any:
    import xai_sdk.aio

    aio = xai_sdk.aio.client.Client
    return aio(api_key="x", api_host=host, use_insecure_channel=True)


def xai_chat(client: Any, stream: bool) -> Any:
    from xai_sdk.chat import user

    grok = client.chat.create(model="grok-4", messages=[user("Hi")])
    return grok.stream() if stream else grok.sample()


def langchain(client: Any, stream: bool) -> Any:
    return client.stream("Hi") if stream else client.invoke("Hi")


def langchain_async(client: Any, stream: bool) -> Any:
    return client.astream("Hi") if stream else client.ainvoke("Hi")


def langchain_openai(**options: Any) -> Make:
    return impatient("ChatOpenAI", model=MODEL, stream_usage=True, **options)


def langchain_client(package: str, path: str, make: Make, half: str) -> Client:
    is_sync = half == "sync"
    return Client(
        package,
        path,
        langchain if is_sync else langchain_async,
        make if is_sync else None,
        None if is_sync else make,
    )


def agent_of_agents(package: Any, url: str) -> Any:
    import openai

    client = openai.AsyncOpenAI(api_key="x", base_url=url, max_retries=0)
    model = package.OpenAIResponsesModel(MODEL, openai_client=client)
    return package.Agent(name="a", model=model)


def agents(agent: Any, stream: bool) -> Any:
    from agents import Runner

    if stream:
        return Runner.run_streamed(agent, "Hi").stream_events()
    return Runner.run(agent, "Hi")


def pydantic_agent(package: Any, url: str) -> Any:
    import openai
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = openai.AsyncOpenAI(api_key="x", base_url=url, max_retries=0)
    model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client))
    return package.Agent(model)


def pydantic_ai(agent: Any, stream: bool) -> Any:
    return pydantic_text(agent) if stream else agent.run("Hi")


async def pydantic_text(agent: Any) -> Any:
    async with agent.run_stream("Hi") as result:
        async for text in result.stream_text(delta=True, debounce_by=None):
            yield text


def llama_index(package: Any, url: str) -> Any:
    return package.OpenAI(model="gpt-4o-mini", api_key="x", api_base=url, max_retries=0)


def llama_chat(prefix: str) -> Ask:
    def ask(client: Any, stream: bool) -> Any:
        from llama_index.core.llms import ChatMessage

        method = getattr(client, prefix + ("stream_chat" if stream else "chat"))
        return method([ChatMessage(role="user", content="Hi")])

    return ask


def litellm(name: str, model: str) -> Make:
    """Return what gives a function of litellm's with the address in it."""

    def make(package: Any, url: str) -> Any:
        there = {"api_key": "x", "api_base": url, "model": model}
        return partial(getattr(package, name), **there, max_retries=0, num_retries=0)

    return make


def litellm_chat(completion: Any, stream: bool) -> Any:
    usage = {"stream_options": {"include_usage": True}} if stream else {}
    return completion(messages=MESSAGES, stream=stream, **usage)


OPENAI = (impatient("OpenAI"), impatient("AsyncOpenAI"))
AZURE = [
    impatient(name, "azure_endpoint", api_version="2024-10-21")
    for name in ("AzureOpenAI", "AsyncAzureOpenAI")
]
ANTHROPIC = (impatient("Anthropic"), impatient("AsyncAnthropic"))
COLD = {"warm_tcp_connection": False}
CEREBRAS = [impatient(name, **COLD) for name in ("Cerebras", "AsyncCerebras")]

CLIENTS = {
    **{
        f"openai {vendor}": Client("openai", f"{vendor}/v1", chat_with_usage, *OPENAI)
        for vendor in VENDORS
        if vendor != "azure"
    },
    "openai azure": Client("openai", "azure", chat_with_usage, *AZURE),
    "openai responses": Client("openai", "openai/v1", responses, *OPENAI),
    "openai completions": Client("openai", "openai/v1", completions, *OPENAI),
    "anthropic messages": Client("anthropic", "anthropic", messages, *ANTHROPIC),
    "anthropic beta": Client(
        "anthropic",
        "anthropic",
        lambda client, stream: messages(client.beta, stream),
        *ANTHROPIC,
    ),
    "google": Client("google.genai", "gemini", google_content, google, None),
    "google async": Client(
        "google.genai", "gemini", google_content_async, None, google
    ),
    "groq": Client("groq", "groq", chat, impatient("Groq"), impatient("AsyncGroq")),
    "together": Client(
        "together",
        "together/v1",
        chat,
        impatient("Together"),
        impatient("AsyncTogether"),
    ),
    "fireworks": Client(
        "fireworks",
        "fireworks/inference",
        chat,
        impatient("Fireworks"),
        impatient("AsyncFireworks"),
    ),
    "cerebras": Client("cerebras.cloud.sdk", "cerebras", chat, *CEREBRAS),
    "mistral": Client("mistralai.client", "mistral", mistral_chat, mistral, None),
    "mistral async": Client(
        "mistralai.client", "mistral", mistral_chat_async, None, mistral
    ),
    "cohere": Client(
        "cohere", "cohere", cohere_chat, plain("ClientV2"), plain("AsyncClientV2")
    ),
    "ollama chat": Client(
        "ollama", "ollama", ollama_chat, ollama("Client"), ollama("AsyncClient")
    ),
    "ollama generate": Client(
        "ollama", "ollama", ollama_generate, ollama("Client"), ollama("AsyncClient")
    ),
    "huggingface": Client(
        "huggingface_hub",
        "hf/v1",
        huggingface_chat,
        plain("InferenceClient"),
        plain("AsyncInferenceClient"),
    ),
    "bedrock converse": Client("boto3", "bedrock", converse, bedrock, None, "stream"),
    "bedrock invoke": Client("boto3", "bedrock", invoke, bedrock, None, "body"),
    "xai": Client("xai_sdk", "", xai_chat, xai, xai_async),
    **{
        f"langchain {api}{' async' * (half == 'async')}": langchain_client(
            "langchain_openai",
            "openai/v1",
            langchain_openai(use_responses_api=api == "responses"),
            half,
        )
        for api in ("chat", "responses")
        for half in ("sync", "async")
    },
    **{
        f"langchain anthropic{' async' * (half == 'async')}": langchain_client(
            "langchain_anthropic",
            "anthropic",
            impatient("ChatAnthropic", model=CLAUDE, max_tokens=9),
            half,
        )
        for half in ("sync", "async")
    },
    "openai-agents": Client("agents", "openai/v1", agents, None, agent_of_agents),
    "pydantic-ai": Client(
        "pydantic_ai", "openai/v1", pydantic_ai, None, pydantic_agent
    ),
    "llama-index": Client(
        "llama_index.llms.openai", "openai/v1", llama_chat(""), llama_index, None
    ),
    "llama-index async": Client(
        "llama_index.llms.openai", "openai/v1", llama_chat("a"), None, llama_index
    ),
    **{
        f"litellm {path.partition('/')[0]}": Client(
            "litellm",
            path,
            litellm_chat,
            litellm("completion", model),
            litellm("acompletion", model),
        )
        for path, model in (
            ("openai/v1", "openai/gpt-4o-mini"),
            ("anthropic", f"anthropic/{CLAUDE}"),
            ("deepseek", "deepseek/deepseek-chat"),
            ("ollama", "ollama_chat/qwen3"),
            ("gemini", "gemini/gemini-2.5-flash"),
        )
    },
}  # fmt: skip
