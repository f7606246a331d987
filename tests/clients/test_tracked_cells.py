"""Every client, sync and async, streaming and not, whatever happens to the call."""

import asyncio
import gc
import inspect
import re
import ssl
from contextlib import ExitStack
from uuid import uuid4

import pytest
from clients import drivers
from clients.tracked_clients import CLIENTS
from clients.tracked_reads import LEFT, PLAIN, READS, STREAMED, seen_on

from llmtrack import track_llm_call
from llmtrack.testing import RecordingTracker
from llmtrack.testing.provider import LoopbackProvider

#: What LangChain and litellm call an answer, when they say it was made, and where
#: the objects inside of a chunk are.
RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|created=\d+| at 0x[0-9a-f]+")


def cells():
    for name, client in CLIENTS.items():
        reads = READS[name.removesuffix(" async")]
        for half, make in (("sync", client.make), ("async", client.make_async)):
            for mode, scenarios in (("stream", STREAMED), ("plain", PLAIN)):
                skipped = reads.skipped
                for scenario in scenarios if make and client.is_installed else ():
                    if not skipped.keys() & {scenario, mode, f"{mode} {scenario}"}:
                        yield pytest.param(
                            *(name, half, mode, scenario),
                            id="-".join((*name.split(), half, mode, scenario)),
                        )


@pytest.fixture(autouse=True, scope="module")
def _alone():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in drivers.ENVIRONMENT.items():
            patch.setenv(name, value)
        # Nobody here speaks TLS, and to load the certificates takes longer than
        # the call.
        patch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None)
        yield


@pytest.fixture(scope="module")
def provider():
    with LoopbackProvider() as running:
        yield running


@pytest.fixture
def address(provider):
    """Give what returns a base URL for a client, or the host for gRPC."""
    with ExitStack() as stack:

        def address(client, scenario):
            played = "text" if scenario in ("break", "never") else scenario
            if client.path:
                # Of its own: LangChain keeps connections for each address.
                return provider.url(played, client.path, run=uuid4().hex)
            from llmtrack.testing.provider.xai_grpc import LoopbackGrpcProvider

            return stack.enter_context(LoopbackGrpcProvider(played)).host

        yield address


def read(client, answer, scenario, mode, seen):
    """Do what a program does, and remember what it saw."""
    if mode == "plain":
        if client.inside == "body":
            answer["body"].read()
        return
    stream = answer[client.inside] if client.inside else answer
    if scenario != "never":
        for chunk in stream:
            seen.append((type(chunk), repr(chunk)))
            if scenario == "break" and len(seen) == 3:
                break


async def read_async(answer, scenario, mode, seen):
    """Do likewise in an event loop."""
    if inspect.isawaitable(answer):
        answer = await answer
    if mode == "stream" and scenario != "never":
        async for chunk in answer:
            seen.append((type(chunk), repr(chunk)))
            if scenario == "break" and len(seen) == 3:
                break


def run(client, ask, url, half, mode, scenario):
    """Call it as a program does; return what it saw, and the class of the error."""
    stream = mode == "stream"
    seen = []

    async def in_loop():
        made = client.made(url, is_async=True)
        await read_async(ask(made, stream), scenario, mode, seen)

    try:
        if half == "async":
            asyncio.run(in_loop())
        else:
            made = client.made(url, is_async=False)
            read(client, ask(made, stream), scenario, mode, seen)
    except Exception as exc:
        return seen, type(exc)
    else:
        return seen, None
    finally:
        if scenario in LEFT:
            # Some clients' streams are in cycles.
            gc.collect()


def unmarked(seen):
    """Return what was seen, without what a client makes up anew for each call."""
    return seen and [(cls, RANDOM.sub("*", text)) for cls, text in seen]


@pytest.mark.parametrize(("name", "half", "mode", "scenario"), list(cells()))
def test_a_call_is_read_and_not_touched(name, half, mode, scenario, address):
    """
    Each cell of the table: one call, with all that can be known of it, and the
    program sees what it sees without.
    """
    client = CLIENTS[name]
    recorder = RecordingTracker()
    ask = track_llm_call(tracker=recorder, capture_content=True)(client.ask)

    seen, error = run(client, ask, address(client, scenario), half, mode, scenario)

    expected = READS[name.removesuffix(" async")].of(scenario, mode)
    record = recorder.record
    found = seen_on(record)
    assert expected == {key: found[key] for key in expected}
    if error is not None:
        assert record.error.type.endswith(error.__qualname__)
    if mode == "stream":
        assert len(seen) == record.chunks
        url = address(client, scenario)
        bare = run(client, client.ask, url, half, mode, scenario)
        assert (unmarked(bare[0]), bare[1]) == (unmarked(seen), error)


def test_each_cell_that_is_left_out_has_its_reason():
    """
    Nothing is missing from the table without a word.
    """
    for reads in READS.values():
        assert all(reads.skipped.values())
    assert {name.removesuffix(" async") for name in CLIENTS} == READS.keys()


@pytest.mark.parametrize("name", ["openai openai", "anthropic messages", "groq"])
def test_what_a_client_tries_again_is_one_call(name, provider):
    """
    A refusal that the client keeps to itself leaves no trace but the time.
    """
    client = CLIENTS[name]
    if not client.is_installed:
        pytest.skip(f"{client.package} is not installed")
    recorder = RecordingTracker()
    run_id = uuid4().hex
    url = provider.url("flaky500", client.path, run=run_id, fails=1)
    patient = client.made(url, is_async=False).with_options(max_retries=1)

    list(track_llm_call(tracker=recorder)(client.ask)(patient, True))

    record = recorder.record
    assert [500, 200] == [row["status"] for row in provider.log(run_id)]
    assert ("success", None) == (record.outcome, record.error)
    assert 42 == record.usage.output_tokens
