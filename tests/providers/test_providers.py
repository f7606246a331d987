"""Who served a call, and where."""

import functools
import logging
from dataclasses import dataclass
from types import SimpleNamespace as Thing

import pytest

from llmtrack import providers
from llmtrack.providers import Served, served_by


def made(path, *bases, **fields):
    """Return an object of a class of this path, which can chat."""
    module, _, name = path.rpartition(".")
    body = {"__module__": module, "chat": lambda self: None}
    value = type(name, bases, body)()
    vars(value).update(fields)
    return value


class URL:
    """An address of httpx, which is no string."""

    def __init__(self, text):
        self._text = text

    def __str__(self):
        return self._text


def openai_client(url="https://api.openai.com/v1/", path="openai.OpenAI"):
    return made(path, base_url=URL(url))


CLIENTS = [
    (openai_client(), "openai", "api.openai.com", 443),
    (openai_client("https://api.deepseek.com"), "deepseek", "api.deepseek.com", 443),
    (openai_client("https://openrouter.ai/api/v1"), "openrouter", "openrouter.ai", 443),
    (openai_client("https://api.mistral.ai/v1"), "mistral_ai", "api.mistral.ai", 443),
    (openai_client("https://api.x.ai/v1"), "x_ai", "api.x.ai", 443),
    (
        openai_client("https://eu.openai.azure.com/openai"),
        *("azure.ai.openai", "eu.openai.azure.com", 443),
    ),
    (
        openai_client("https://us-east5-aiplatform.googleapis.com/v1"),
        *("gcp.vertex_ai", "us-east5-aiplatform.googleapis.com", 443),
    ),
    (
        openai_client("https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1"),
        *("aws.bedrock", "bedrock-runtime.us-east-1.amazonaws.com", 443),
    ),
    # An unknown host is the client's.
    (openai_client("http://127.0.0.1:8000/v1"), "openai", "127.0.0.1", 8000),
    (openai_client("http://proxy.internal/v1"), "openai", "proxy.internal", 80),
    (openai_client("https://mine.amazonaws.com"), "openai", "mine.amazonaws.com", 443),
    (openai_client("http://[::1]:99/v1"), "openai", "::1", 99),
    (
        openai_client("http://127.0.0.1/", "openai.lib.azure.AzureOpenAI"),
        *("azure.ai.openai", "127.0.0.1", 80),
    ),
    (made("anthropic.Anthropic", base_url=None), "anthropic", None, None),
    (
        made("anthropic.lib.bedrock.AnthropicBedrock", base_url="http://h:1"),
        *("aws.bedrock", "h", 1),
    ),
    (made("cerebras.cloud.sdk.Cerebras", base_url="http://h:1"), "cerebras", "h", 1),
    (
        made(
            "google.genai.client.Client",
            _api_client=Thing(_http_options=Thing(base_url="http://h:1/")),
        ),
        *("gcp.gemini", "h", 1),
    ),
    (
        made(
            "mistralai.client.sdk.Mistral",
            sdk_configuration=Thing(
                server_url=None, get_server_details=lambda: ("http://h:1", {})
            ),
        ),
        *("mistral_ai", "h", 1),
    ),
    (
        made(
            "cohere.client_v2.ClientV2",
            _client_wrapper=Thing(get_base_url=lambda: "http://h:1"),
        ),
        *("cohere", "h", 1),
    ),
    (
        made("ollama._client.Client", _client=Thing(base_url=URL("http://h:11434"))),
        *("ollama", "h", 11434),
    ),
    (
        made("huggingface_hub.InferenceClient", model="http://h:1/v1"),
        "huggingface",
        "h",
        1,
    ),
    (made("huggingface_hub.InferenceClient", model="a/b"), "huggingface", None, None),
    (
        made("botocore.client.BedrockRuntime", meta=Thing(endpoint_url="https://h")),
        *("aws.bedrock", "h", 443),
    ),
    (
        made(
            "xai_sdk.sync.client.Client",
            _api_channel=Thing(_channel=Thing(_channel=Thing(target=lambda: b"h:1"))),
        ),
        *("x_ai", "h", 1),
    ),
    (
        made(
            "xai_sdk.aio.client.Client",
            _api_channel=Thing(_channel=Thing(target=b"dns:///api.x.ai")),
        ),
        *("x_ai", "api.x.ai", 443),
    ),
    (
        made(
            "langchain_openai.chat_models.base.ChatOpenAI", openai_api_base="http://h"
        ),
        *("openai", "h", 80),
    ),
    (
        made("llama_index.llms.openai.base.OpenAI", api_base="http://h:1"),
        *("openai", "h", 1),
    ),
    (
        made("agents.agent.Agent", model=Thing(_client=Thing(base_url="http://h:1"))),
        *("openai", "h", 1),
    ),
    (
        made(
            "pydantic_ai.agent.Agent",
            model=Thing(base_url="http://h:1", system="google-gla"),
        ),
        *("gcp.gemini", "h", 1),
    ),
    (made("unheard.of.Client", base_url="http://h:1"), None, "h", 1),
]


@pytest.mark.parametrize(
    ("client", "provider", "address", "port"),
    CLIENTS,
    ids=lambda value: type(value).__module__ if hasattr(value, "chat") else "",
)
def test_a_client_tells_who_serves_it_and_where(client, provider, address, port):
    """
    By the host it calls where that is known, else by its class.
    """
    assert served_by(client=client) == Served(provider, address, port)


class Resource:
    """What a client hands out, such as `client.chat.completions`."""

    def __init__(self, client):
        self._client = client

    def create(self):
        """Ask."""


def test_a_bound_method_leads_to_its_client():
    """
    Also behind a partial.
    """
    method = Resource(openai_client("https://api.groq.com/openai/v1")).create

    served = [served_by(function=method), served_by(function=functools.partial(method))]

    assert served == [Served("groq", "api.groq.com", 443)] * 2


def test_a_closure_leads_to_its_client():
    """
    Cohere's methods are closures over closures over a method.
    """
    method = Resource(openai_client("http://h:1")).create
    method.__self__._client.chat_with = method

    def decorated():
        def inner():
            return made_by()

        return inner()

    client = made("cohere.client_v2.ClientV2", _client_wrapper=None)
    bound = type(client).chat.__get__(client)

    def made_by():
        return bound()

    assert served_by(function=decorated) == Served("cohere", None, None)


the_client = openai_client("https://api.together.xyz/v1")


def ask():
    """Use the module's client, as most programs do."""
    return the_client.chat()


def test_the_one_client_that_a_function_names_is_its_client():
    """
    A plain response does not know where it came from.
    """
    answer = made("openai.types.chat.ChatCompletion")

    served = served_by(function=ask, value=answer)

    assert served == Served("together", "api.together.xyz", 443)


def test_a_client_that_did_not_give_the_answer_is_left_out():
    """
    The function may use one of two.
    """
    answer = made("anthropic.types.Message")

    served = served_by(function=ask, value=answer)

    assert served == Served("anthropic", None, None)


def test_the_request_behind_a_stream_tells():
    """
    Where no client is at hand.
    """
    sent = Thing(url=URL("https://api.fireworks.ai/inference/v1/chat/completions"))
    stream = made("openai.Stream", response=Thing(request=sent))

    served = served_by(value=stream)

    assert served == Served("fireworks", "api.fireworks.ai", 443)


def test_a_clients_generator_leads_to_its_client():
    """
    Half of all streams are nothing but a generator.
    """
    client = made(
        "google.genai.models.Client",
        _api_client=Thing(_http_options=Thing(base_url="http://h:1")),
    )

    def stream(self):
        yield self

    assert served_by(value=stream(client)) == Served("gcp.gemini", "h", 1)


@pytest.mark.parametrize(
    ("value", "provider"),
    [
        (
            made("litellm.utils.CustomStreamWrapper", custom_llm_provider="gemini"),
            "gcp.gemini",
        ),
        (
            made(
                "litellm.types.utils.ModelResponse",
                type(made("openai.BaseModel")),
                _hidden_params={"custom_llm_provider": "anthropic"},
            ),
            "anthropic",
        ),
        (
            made(
                "litellm.utils.CustomStreamWrapper",
                custom_llm_provider="vertex_ai_beta",
                _hidden_params={"litellm_model_name": "gemini/gemini-2.5-flash"},
            ),
            "gcp.gemini",
        ),
        # The most derived class counts: this is not OpenAI's.
        (made("litellm.types.utils.Usage", type(made("openai.BaseModel"))), None),
        (
            made(
                "langchain_core.messages.AIMessageChunk",
                response_metadata={"model_provider": "bedrock_converse"},
            ),
            "aws.bedrock",
        ),
        (made("pydantic_ai.messages.ModelResponse", provider_name="xai"), "x_ai"),
        (made("openai.types.chat.ChatCompletionChunk"), "openai"),
        (made("mistralai.client.models.CompletionEvent"), "mistral_ai"),
        ({"choices": []}, None),
    ],
)
def test_an_answer_tells_by_its_words_and_class(value, provider):
    """
    Frameworks name the provider; their classes are nobody's.
    """
    assert served_by(value=value).provider == provider


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-5", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("models/gemini-2.5-flash", "gcp.gemini"),
        ("anthropic.claude-sonnet-4-5-v1:0", "aws.bedrock"),
        ("bedrock/anthropic.claude", "aws.bedrock"),
        ("groq/llama-3", "groq"),
        ("openrouter/openai/gpt-5", "openrouter"),
        ("meta-llama/Llama-3", None),
        ("my-model", None),
        ("", None),
        (None, None),
    ],
)
def test_at_last_the_models_name_tells(model, provider):
    """
    Where it is one that a provider has chosen, or litellm's.
    """
    assert served_by(model=model).provider == provider


def test_before_the_models_name_the_dialect_tells():
    """
    Bedrock's events are Bedrock's, whoever made the model.
    """
    served = served_by(dialect="bedrock.converse", model="claude-x")

    assert served.provider == "aws.bedrock"


@dataclass
class Entry:
    """An entry point as importlib has it."""

    value: str
    loaded: object

    def load(self):
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


@pytest.fixture
def rules(monkeypatch):
    """Pretend that these rules are installed."""

    def install(*loaded):
        found = [Entry("own:rule", each) for each in loaded]
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: found)
        providers._rules.cache_clear()

    yield install
    providers._rules.cache_clear()


@pytest.mark.parametrize("answer", ["house", Served("house", "h", 1)])
def test_a_users_rule_comes_first(rules, answer):
    """
    It is asked about the client and what came back.
    """
    client = openai_client()
    rules(lambda value: answer if value is client else None)

    assert served_by(client=client).provider == "house"
    assert served_by(client=openai_client()).provider == "openai"


def test_a_broken_rule_is_logged_and_passed_over(rules, caplog):
    """
    One that raises, and one that cannot be loaded.
    """
    rules(ImportError("gone"), lambda value: 1 / 0)

    with caplog.at_level(logging.WARNING, "llmtrack"):
        served = served_by(client=openai_client())

    assert served.provider == "openai"
    assert len(caplog.records) == 2


class Exploding:
    """Every attribute raises."""

    def __getattr__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize(
    "make",
    [
        lambda: made("openai.OpenAI", base_url="http://[bad"),
        lambda: made("openai.OpenAI", base_url="http://h:99999999/"),
        lambda: made("openai.OpenAI", base_url=7),
        lambda: made("openai.OpenAI", base_url=Exploding()),
        type("OpenAI", (Exploding,), {"__module__": "openai"}),
    ],
)
def test_an_address_that_makes_no_sense_is_left_out(make):
    """
    The class still tells who it is.
    """
    assert served_by(client=make()) == Served("openai", None, None)
