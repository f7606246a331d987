"""Whatever a client offers on its stream is seen by the same call."""

import asyncio
import inspect
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
from clients import drivers
from clients.frameworks import CLAUDE, MESSAGES, MODEL
from clients.tracked_clients import CLIENTS

from llmtrack import track_llm_call, tracked_stream
from llmtrack.testing import RecordingTracker
from llmtrack.testing.provider import LoopbackProvider, truth

QUESTION = {"model": MODEL, "messages": MESSAGES}
STREAMED = {**QUESTION, "stream": True, "stream_options": {"include_usage": True}}
CLAUDES = {"model": CLAUDE, "max_tokens": 9, "messages": MESSAGES}

CHAT = "openai openai"
RESPONSES = "openai responses"
ANTHROPIC = "anthropic messages"


def chat_manager(client):
    options = {"include_usage": True}
    return client.chat.completions.stream(**QUESTION, stream_options=options)


def responses_manager(client):
    return client.responses.stream(model=MODEL, input="Hi")


def claude_manager(client):
    return client.messages.stream(**CLAUDES)


def raw_chat(client):
    return client.chat.completions.with_raw_response.create(**STREAMED)


def raw_claude(client):
    return client.messages.with_raw_response.create(**CLAUDES, stream=True)


def received_chat(client):
    return client.chat.completions.with_streaming_response.create(**STREAMED)


def received_claude(client):
    return client.messages.with_streaming_response.create(**CLAUDES, stream=True)


async def every(stream):
    """Return all of a stream of either kind."""
    if hasattr(stream, "__aiter__"):
        return [each async for each in stream]
    return list(stream)


async def settled(value):
    """Return a value, awaited where that is needed."""
    return await value if inspect.isawaitable(value) else value


def asked(name):
    """Return what calls one helper, and throws the rest away."""

    async def use(stream):
        await settled(getattr(stream, name)())

    return use


async def iterate(stream):
    await every(stream)


async def text_stream(stream):
    assert truth.TEXT == "".join(await every(stream.text_stream))


async def twice(stream):
    await every(stream)
    await settled(stream.get_final_message())


async def parse(raw):
    await every(await settled(raw.parse()))


def run_of_agents(agent):
    from agents import Runner

    return Runner.run_streamed(agent, "Hi")


def run_of_pydantic(agent):
    return agent.run_stream("Hi")


async def stream_events(run):
    await every(run.stream_events())


async def stream_text(run):
    await every(run.stream_text(delta=True, debounce_by=None))


async def stream_all_text(run):
    await every(run.stream_text(debounce_by=None))


async def stream_output(run):
    await every(run.stream_output(debounce_by=None))


HELPERS = [
    (CHAT, chat_manager, iterate),
    (CHAT, chat_manager, asked("until_done")),
    (CHAT, chat_manager, asked("get_final_completion")),
    (RESPONSES, responses_manager, iterate),
    (RESPONSES, responses_manager, asked("until_done")),
    (RESPONSES, responses_manager, asked("get_final_response")),
    (ANTHROPIC, claude_manager, iterate),
    (ANTHROPIC, claude_manager, text_stream),
    (ANTHROPIC, claude_manager, asked("until_done")),
    (ANTHROPIC, claude_manager, asked("get_final_message")),
    (ANTHROPIC, claude_manager, asked("get_final_text")),
    (ANTHROPIC, claude_manager, twice),
    (CHAT, raw_chat, parse),
    (ANTHROPIC, raw_claude, parse),
    (CHAT, received_chat, parse),
    (ANTHROPIC, received_claude, parse),
]

RUNS = [
    ("openai-agents", run_of_agents, stream_events),
    ("pydantic-ai", run_of_pydantic, stream_text),
    ("pydantic-ai", run_of_pydantic, stream_all_text),
    ("pydantic-ai", run_of_pydantic, stream_output),
    ("pydantic-ai", run_of_pydantic, asked("get_output")),
]


def title(helper):
    _, make, use = helper
    # `asked` makes one that has its name among its variables.
    known = inspect.getclosurevars(use).nonlocals.get("name", use.__name__)
    return f"{make.__name__}-{known}"


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for name, value in drivers.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def provider():
    with LoopbackProvider() as running:
        yield running


async def through(opened, use):
    """Enter what has to be entered, and use what comes out."""
    async with AsyncExitStack() as stack:
        opened = await settled(opened)
        if hasattr(opened, "__aenter__"):
            opened = await stack.enter_async_context(opened)
        elif hasattr(opened, "__enter__"):
            opened = stack.enter_context(opened)
        await use(opened)


async def used(helper, way, provider, recorder, *, is_async=True):
    """Call a client and use its helper; return what the client made."""
    name, make, use = helper
    client = CLIENTS[name]
    if not client.is_installed:
        pytest.skip(f"{client.package} is not installed")
    url = provider.url("text", client.path, run=uuid4().hex)
    originals = []

    def ask(made):
        originals.append(make(made))
        return originals[-1]

    made = client.made(url, is_async=is_async)
    if way == "decorated":
        tracked = track_llm_call(tracker=recorder, capture_content=True)(ask)
        await through(tracked(made), use)
    else:
        with tracked_stream(recorder, capture_content=True) as tracked:
            await through(tracked(ask(made)), use)
    return originals


each_way = pytest.mark.parametrize("way", ["decorated", "block"])


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@each_way
@pytest.mark.parametrize("helper", HELPERS, ids=title)
def test_a_helper_is_seen(helper, way, is_async, provider):
    """
    The text, the usage and the ending, once; and nothing of llmtrack's stays on
    the client's objects.
    """
    recorder = RecordingTracker()

    originals = asyncio.run(used(helper, way, provider, recorder, is_async=is_async))

    record = recorder.record
    usage = record.usage
    assert (truth.TEXT, "success") == (record.output_text, record.outcome)
    assert (25, 42) == (usage.input_tokens, usage.output_tokens)
    assert record.time_to_first_token is not None
    # A coroutine has no such thing.
    objects = [each for each in originals if hasattr(each, "__dict__")]
    kept = [value for each in objects for value in vars(each).values()]
    assert [] == [each for each in kept if type(each).__module__.startswith("llmtrack")]


@each_way
@pytest.mark.parametrize("helper", RUNS, ids=title)
def test_a_run_is_followed_through_its_methods(helper, way, provider):
    """
    A run of a framework is no stream itself, and has one for each taste.
    """
    recorder = RecordingTracker()

    asyncio.run(used(helper, way, provider, recorder))

    record = recorder.record
    assert (truth.TEXT, "success") == (record.output_text, record.outcome)
    assert record.chunks > 0 or not record.stream
