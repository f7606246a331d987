"""
Wrap a stream where it is read, sync and async, and look at its record.

Shows `tracked_stream` as a block: the request inside it counts, and what leaves
the block decides how the call ended.
"""

import asyncio

from openai import AsyncOpenAI, OpenAI

from llmtrack import tracked_stream
from llmtrack.testing.provider import LoopbackProvider
from llmtrack.trackers import StdoutTracker

ASK = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": "Hi"}],
    "stream": True,
    "stream_options": {"include_usage": True},
}
tracker = StdoutTracker()


def sync(url: str) -> None:
    with OpenAI(api_key="none", base_url=url) as client:
        with tracked_stream(tracker, name="sync") as tracked:
            for chunk in tracked(client.chat.completions.create(**ASK)):
                if chunk.choices and chunk.choices[0].delta.content:
                    print(" ", chunk.choices[0].delta.content)
        record = tracked.record
        print(f"  first token after {record.time_to_first_token * 1000:.0f} ms")
        print(f"  {record.usage.output_tokens} tokens ({record.usage.output_source})")


async def too_late(url: str) -> None:
    async with AsyncOpenAI(api_key="none", base_url=url) as client:
        try:
            async with tracked_stream(tracker, name="async") as t, asyncio.timeout(0.5):
                async for _ in t(await client.chat.completions.create(**ASK)):
                    so_far = t.progress()
        except TimeoutError:
            print(f"  ~{so_far.output_tokens} tokens had come in")
        print(f"  the record says {t.record.outcome}, {t.record.error.kind}")


with LoopbackProvider() as provider:
    print("A stream in a block:")
    sync(provider.url("slow", "openai/v1"))
    print("A stream that takes too long:")
    asyncio.run(too_late(provider.url("stall", "openai/v1")))
