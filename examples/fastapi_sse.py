"""
Stream an answer to a browser as server-sent events, from FastAPI.

Shows `as_sse`: deltas, then an event with the record, or with the error; and what
LaunchDarkly's tracker is told. Needs `pip install fastapi httpx`.
"""

import asyncio
import json
import sys
from functools import partial
from types import SimpleNamespace

from openai import AsyncOpenAI

from llmtrack import track_llm_call
from llmtrack.formats import as_sse
from llmtrack.testing.provider import LoopbackProvider

try:
    import httpx
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse
except ImportError as error:
    print(f"{error}: pip install fastapi httpx")
    sys.exit()


NAMES = ("duration", "time_to_first_token", "tokens", "success", "error")
#: What LaunchDarkly's tracker looks like; the real one can be given instead.
metrics = SimpleNamespace(
    **{f"track_{name}": partial(print, f"  [{name}]") for name in NAMES}
)

app = FastAPI()
client = AsyncOpenAI(api_key="none", max_retries=0)
provider = LoopbackProvider()


@track_llm_call(tracker=metrics)
async def answer(scenario: str):
    there = client.with_options(base_url=provider.url(scenario, "openai/v1"))
    ask = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
    return await there.chat.completions.create(**ask, stream=True)


@app.get("/answer/{scenario}")
async def stream(scenario: str) -> StreamingResponse:
    return StreamingResponse(as_sse(answer(scenario)), media_type="text/event-stream")


async def browse() -> None:
    inside = {"transport": httpx.ASGITransport(app), "base_url": "http://app"}
    async with client, httpx.AsyncClient(**inside) as web:
        for path in ("/answer/text", "/answer/cut", "/answer/429"):
            print("GET", path)
            for line in (await web.get(path)).text.splitlines():
                if line.startswith("data: "):
                    event = json.loads(line[6:])
                    print(f"  {event['event']:10}", event.get("text", ""))


with provider:
    asyncio.run(browse())
