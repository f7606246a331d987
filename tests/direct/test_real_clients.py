"""`call_llm` with the clients that are installed, on loopback."""

import asyncio

import pytest

from llmtrack import FirstToken, Outcome, acall_llm, call_llm
from llmtrack.testing.provider import truth

# google-genai derives from a class of aiohttp that warns of it.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
)

MESSAGES = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi"},
]


@pytest.fixture(autouse=True)
def _closing():
    """Close what the clients opened, which they leave to the collector."""
    yield
    while opened:
        opened.pop().close()


opened = []


def closing(client):
    opened.append(client)
    return client


async def close(client):
    """Close an async client, or the async half of one, on its loop."""
    for each in (
        client,
        getattr(client, "_client", None),
        getattr(client, "aio", None),
    ):
        for name in ("aclose", "close"):
            end = getattr(each, name, None)
            if asyncio.iscoroutinefunction(end):
                await end()


def openai_client(provider, scenario, **options):
    openai = pytest.importorskip("openai")
    url = provider.url(scenario, "openai/v1", **options)
    return closing(openai.OpenAI(api_key="x", base_url=url, max_retries=0))


def async_openai_client(provider, scenario):
    openai = pytest.importorskip("openai")
    url = provider.url(scenario, "openai/v1")
    return openai.AsyncOpenAI(api_key="x", base_url=url, max_retries=0)


def anthropic_client(provider, scenario):
    anthropic = pytest.importorskip("anthropic")
    url = provider.url(scenario, "anthropic")
    return closing(anthropic.Anthropic(api_key="x", base_url=url, max_retries=0))


def async_anthropic_client(provider, scenario):
    anthropic = pytest.importorskip("anthropic")
    url = provider.url(scenario, "anthropic")
    return anthropic.AsyncAnthropic(api_key="x", base_url=url, max_retries=0)


def google_client(provider, scenario):
    genai = pytest.importorskip("google.genai")
    options = {"base_url": provider.url(scenario, "gemini")}
    return closing(genai.Client(api_key="x", http_options=options))


def responses(provider, scenario):
    return openai_client(provider, scenario).responses


def async_responses(provider, scenario):
    return async_openai_client(provider, scenario).responses


SYNC = {
    "openai": openai_client,
    "responses": responses,
    "anthropic": anthropic_client,
    "google": google_client,
}
ASYNC = {
    "openai": async_openai_client,
    "openai, sync": openai_client,
    "responses": async_responses,
    "anthropic": async_anthropic_client,
    "google": google_client,
}
each_client = pytest.mark.parametrize("make", SYNC.values(), ids=SYNC)
each_async_client = pytest.mark.parametrize("make", ASYNC.values(), ids=ASYNC)
each_mode = pytest.mark.parametrize("stream", [None, False], ids=["stream", "plain"])


def ask(make, provider, scenario, recorder, **options):
    client = make(provider, scenario)
    return call_llm(client, model="m", messages=MESSAGES, tracker=recorder, **options)


def ask_async(make, provider, scenario, recorder, **options):
    async def asked():
        client = make(provider, scenario)
        try:
            return await acall_llm(
                client, model="m", messages=MESSAGES, tracker=recorder, **options
            )
        finally:
            await close(client)

    return asyncio.run(asked())


WAYS_TO_ASK = [
    *(pytest.param(ask, make, id=name) for name, make in SYNC.items()),
    *(
        pytest.param(ask_async, make, id=f"async {name}")
        for name, make in ASYNC.items()
    ),
]
each_way = pytest.mark.parametrize(("ask", "make"), WAYS_TO_ASK)


@each_way
@each_mode
def test_the_answer_is_told_to_the_character_and_the_token(
    ask, make, stream, provider, recorder
):
    """
    Text, usage and outcome are the provider's, streaming and not.
    """
    record = ask(make, provider, "text", recorder, stream=stream)

    assert truth.TEXT == record.output_text
    assert (25, 42) == (record.usage.input_tokens, record.usage.output_tokens)
    assert not record.usage.is_estimated
    assert Outcome.SUCCESS is record.outcome
    assert (stream is None) == record.stream == (record.time_to_first_token is not None)
    assert "m" == record.request_model


@each_way
@each_mode
@pytest.mark.parametrize(
    ("scenario", "kind"), [("429", "rate_limit"), ("500", "server"), ("401", "auth")]
)
def test_an_error_of_the_provider_is_on_the_record(
    ask, make, stream, scenario, kind, provider, recorder
):
    """
    Nothing is raised: the record has the error, and one request was made.
    """
    record = ask(make, provider, scenario, recorder, stream=stream)

    assert Outcome.ERROR is record.outcome
    assert kind == record.error.kind
    assert record.metadata == {}
    assert 1 == len(provider.log())


@each_way
def test_a_stream_that_breaks_has_what_arrived(ask, make, provider, recorder):
    """
    A reset in the middle is an error, with the text and the time of the first.
    """
    record = ask(make, provider, "cut", recorder)

    assert ("error", "network") == (record.outcome, record.error.kind)
    assert "Hello, " == record.output_text
    assert record.time_to_first_token is not None


@each_way
def test_trackers_are_told_of_one_call(ask, make, provider, recorder):
    """
    One call starts and ends, and the record is the one that is returned, but
    for the content: that is for the caller alone.
    """
    record = ask(make, provider, "text", recorder)

    told = recorder.record
    assert told.call_id == record.call_id
    assert (None, None) == (told.output_text, told.input_text)


@each_way
def test_the_provider_is_known_before_the_answer(ask, make, provider, recorder):
    """
    Who serves the call is told by the client, also when nothing is served.
    """
    record = ask(make, provider, "429", recorder)

    assert record.provider in ("openai", "anthropic", "gcp.gemini")
    assert ("127.0.0.1", provider.port) == (record.server_address, record.server_port)


def test_usage_is_asked_for_unless_the_caller_does(provider, recorder):
    """
    What the caller gives wins over what is given for him.
    """
    client = openai_client(provider, "text")
    options = {"include_usage": False}

    record = call_llm(
        client, model="m", messages="Hi", tracker=recorder, stream_options=options
    )

    assert record.usage.is_estimated


def test_a_cancelled_call_ends_as_cancelled(provider, recorder):
    """
    A cancellation passes, and is the call's ending.
    """

    async def cancelled():
        client = async_openai_client(provider, "stall")
        asking = acall_llm(client, model="m", messages="Hi", tracker=recorder)
        task = asyncio.create_task(asking)
        while not recorder.of(FirstToken):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await close(client)

    asyncio.run(cancelled())

    assert Outcome.CANCELLED is recorder.record.outcome
