"""What becomes of a stream when the browser goes away, with the real Starlette."""

import asyncio
import gc
import threading

import pytest

from llmtrack import Outcome, track_llm_call
from llmtrack.formats import as_sse
from llmtrack.testing import Script, chat_chunks

responses = pytest.importorskip("starlette.responses")
requests = pytest.importorskip("starlette.requests")

SCRIPT = Script(chat_chunks(*"abcdefgh" * 20), pauses=True)
SHAPES = {
    "stream": Script.stream,
    "generator": Script.generator,
    "manager": Script.manager,
    "async stream": Script.async_stream,
    "async generator": Script.async_generator,
    "async manager": Script.async_manager,
}


class Browser:
    """An ASGI server's side: it takes some messages, and goes away."""

    def __init__(self, spec_version, patience):
        self.scope = {"type": "http", "asgi": {"spec_version": spec_version}}
        self.patience = patience
        self.sent = []
        self.gone = asyncio.Event()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)
        if len(self.sent) > self.patience:
            self.gone.set()
            # Servers of 2.4 and later say so; before, only `receive` tells.
            if self.scope["asgi"]["spec_version"] == "2.4":
                raise OSError("the browser is gone")


def browse(answer, spec_version, patience):
    async def visit():
        browser = Browser(spec_version, patience)
        response = responses.StreamingResponse(as_sse(answer()))
        try:
            await response(browser.scope, browser.receive, browser.send)
        except requests.ClientDisconnect:
            assert "2.4" == spec_version
        return browser.sent

    sent = asyncio.run(visit())
    # In which a sync stream was read; one may hold it for a moment longer.
    for thread in threading.enumerate():
        if thread.name.startswith("AnyIO worker thread"):
            thread.join(timeout=10)
    return sent


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_browser_that_goes_away_ends_the_call(shape, spec_version, recorder):
    """
    The stream is left or cancelled with it, and the record says so.
    """
    answer = track_llm_call(tracker=recorder)(lambda: shape(SCRIPT))

    browse(answer, spec_version, patience=2)
    gc.collect()

    record = recorder.record
    assert record.outcome in (Outcome.ABANDONED, Outcome.CANCELLED)
    assert 0 < record.chunks < len(SCRIPT.chunks)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_browser_that_stays_gets_the_record(shape, recorder):
    """
    All deltas and the last event, in a body that ends.
    """
    answer = track_llm_call(tracker=recorder)(lambda: shape(SCRIPT))

    _, *bodies = browse(answer, "2.3", patience=1000)

    *_, last, end = (message["body"].decode() for message in bodies)
    assert recorder.record.call_id in last
    assert last.startswith("event: call_ended\n")
    assert "" == end
