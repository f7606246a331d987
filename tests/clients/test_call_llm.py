"""`call_llm` and `acall_llm` with every client that is installed."""

import asyncio
from contextlib import ExitStack
from functools import partial
from types import SimpleNamespace
from uuid import uuid4

import pytest

from llmtrack import Outcome, acall_llm, call_llm
from llmtrack.testing import RecordingTracker
from llmtrack.testing.provider import LoopbackProvider, truth

MESSAGES = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi"},
]
CLAUDE = "claude-sonnet-4-5"


class Client:
    """
    A client: how its sync and async halves are made, and where they ask.

    Args:
        package: What must be installed.
        path: The dialect, and what the client wants behind it.
        make: Returns a client, given the package and a base URL.
        make_async: Likewise; None is a client that is both, or only sync.
        model: What is asked for.
    """

    def __init__(self, package, path, make, make_async=None, model="m"):
        self.package = package
        self.path = path
        self.make = make
        self.make_async = make_async or make
        self.model = model


def plain(name, **options):
    """Return what makes a client of a class that is called as most are."""

    def make(package, url):
        return getattr(package, name)(api_key="x", base_url=url, **options)

    return make


def impatient(name, **options):
    """Likewise, of a client that would ask again."""
    return plain(name, max_retries=0, **options)


def google(package, url):
    return package.Client(api_key="x", http_options={"base_url": url})


def mistral(package, url):
    return package.Mistral(api_key="x", server_url=url)


def bedrock(package, url):
    return package.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


def langchain_openai(package, url):
    options = {"max_retries": 0, "stream_usage": True}
    return package.ChatOpenAI(model="m", api_key="x", base_url=url, **options)


def langchain_anthropic(package, url):
    options = {"max_retries": 0, "max_tokens": 9}
    return package.ChatAnthropic(model="m", api_key="x", base_url=url, **options)


def llama_index(package, url):
    return package.OpenAI(model="gpt-4o-mini", api_key="x", api_base=url, max_retries=0)


def litellm(package, url):
    """Return its functions with the address in them: it has no client."""
    there = {"api_key": "x", "api_base": url, "num_retries": 0}
    return SimpleNamespace(
        completion=partial(package.completion, **there),
        acompletion=partial(package.acompletion, **there),
    )


CLIENTS = {
    "openai": Client(
        "openai", "openai/v1", impatient("OpenAI"), impatient("AsyncOpenAI")
    ),
    "openai responses": Client(
        "openai",
        "openai/v1",
        lambda package, url: impatient("OpenAI")(package, url).responses,
        lambda package, url: impatient("AsyncOpenAI")(package, url).responses,
    ),
    "anthropic": Client(
        "anthropic", "anthropic", impatient("Anthropic"), impatient("AsyncAnthropic")
    ),
    "groq": Client("groq", "groq", impatient("Groq"), impatient("AsyncGroq")),
    "together": Client(
        "together", "together/v1", impatient("Together"), impatient("AsyncTogether")
    ),
    "fireworks": Client(
        "fireworks",
        "fireworks/inference",
        impatient("Fireworks"),
        impatient("AsyncFireworks"),
    ),
    "cerebras": Client(
        "cerebras.cloud.sdk",
        "cerebras",
        impatient("Cerebras", warm_tcp_connection=False),
        impatient("AsyncCerebras", warm_tcp_connection=False),
    ),
    "google": Client("google.genai", "gemini", google),
    "mistral": Client("mistralai.client", "mistral", mistral),
    "cohere": Client("cohere", "cohere", plain("ClientV2"), plain("AsyncClientV2")),
    "ollama": Client(
        "ollama",
        "ollama",
        lambda package, url: package.Client(host=url),
        lambda package, url: package.AsyncClient(host=url),
    ),
    "huggingface": Client(
        "huggingface_hub",
        "hf/v1",
        plain("InferenceClient"),
        plain("AsyncInferenceClient"),
    ),
    "bedrock": Client("boto3", "bedrock", bedrock, model="anthropic.claude"),
    "langchain openai": Client("langchain_openai", "openai/v1", langchain_openai),
    "langchain anthropic": Client(
        "langchain_anthropic", "anthropic", langchain_anthropic
    ),
    "llama-index": Client("llama_index.llms.openai", "openai/v1", llama_index),
    "litellm": Client("litellm", "openai/v1", litellm, model="openai/gpt-4o-mini"),
}
#: Its stream reports no usage, and has only tokens that are counted.
UNREPORTED = {"llama-index"}

each_client = pytest.mark.parametrize("name", CLIENTS)
each_mode = pytest.mark.parametrize("stream", [None, False], ids=["stream", "plain"])
each_half = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("LANGSMITH_TRACING", "false")


@pytest.fixture(scope="module")
def provider():
    with LoopbackProvider() as running:
        yield running


@pytest.fixture
def recorder():
    return RecordingTracker()


def ask(provider, scenario, recorder, name, *, is_async, stream):
    """Return the record of a call by one half of a client."""
    client = CLIENTS[name]
    package = pytest.importorskip(client.package, exc_type=ImportError)
    make = client.make_async if is_async else client.make
    # Of its own: LangChain keeps connections for each address, whatever the loop.
    url = provider.url(scenario, client.path, run=uuid4().hex)
    given = {"model": client.model, "messages": MESSAGES}
    given |= {"tracker": recorder, "stream": stream}
    if not is_async:
        return call_llm(make(package, url), **given)

    async def asked():
        return await acall_llm(make(package, url), **given)

    return asyncio.run(asked())


@each_client
@each_mode
@each_half
def test_the_answer_is_the_providers(name, stream, is_async, provider, recorder):
    """
    Text to the character, usage to the token, streaming unless told otherwise.
    """
    record = ask(provider, "text", recorder, name, is_async=is_async, stream=stream)

    assert None is record.error
    assert Outcome.SUCCESS is record.outcome
    assert truth.TEXT == record.output_text
    assert (stream is None) == record.stream
    assert {} == record.metadata
    if stream is None and name in UNREPORTED:
        assert record.usage.is_estimated
    else:
        assert (25, 42) == (record.usage.input_tokens, record.usage.output_tokens)


@each_client
@each_mode
@each_half
def test_a_rate_limit_is_on_the_record(name, stream, is_async, provider, recorder):
    """
    Not raised, and not asked again by llmtrack: whatever requests there were,
    the client made for one call.
    """
    record = ask(provider, "429", recorder, name, is_async=is_async, stream=stream)

    assert ("error", "rate_limit") == (record.outcome, record.error.kind)
    assert {} == record.metadata
    assert [record.call_id] == [each.call_id for each in recorder.records]


@pytest.mark.parametrize("scenario", ["text", "429"])
@each_mode
@each_half
def test_xai_is_called_by_grpc(scenario, stream, is_async, recorder):
    """
    A chat is made and then asked, sync and async.
    """
    pytest.importorskip("xai_sdk")
    import xai_sdk.aio

    from llmtrack.testing.provider.xai_grpc import LoopbackGrpcProvider

    given = {"model": "grok-4", "messages": MESSAGES, "tracker": recorder}
    with ExitStack() as stack:
        host = stack.enter_context(LoopbackGrpcProvider(scenario)).host
        options = {"api_key": "x", "api_host": host, "use_insecure_channel": True}
        if is_async:

            async def asked():
                client = xai_sdk.aio.client.Client(**options)
                return await acall_llm(client, **given, stream=stream)

            record = asyncio.run(asked())
        else:
            record = call_llm(xai_sdk.Client(**options), **given, stream=stream)

    if scenario == "429":
        assert ("error", "rate_limit") == (record.outcome, record.error.kind)
    else:
        assert truth.TEXT == record.output_text
        assert (25, 42) == (record.usage.input_tokens, record.usage.output_tokens)
