"""
Many calls at once, in tasks and in threads: each has its own record.

Shows that `attributes` follow tasks and contexts, and what becomes of the calls of
a group that fails.
"""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from openai import AsyncOpenAI, OpenAI

from llmtrack import CallRecord, acall_llm, attributes, call_llm, configure, flush
from llmtrack.testing.provider import LoopbackProvider

records: list[CallRecord] = []
configure(tracker=records.append)
ASK = {"model": "gpt-4o-mini", "messages": "Hi"}


async def session(client: AsyncOpenAI, name: str) -> None:
    with attributes(session_id=name):
        await asyncio.gather(*(acall_llm(client, **ASK) for _ in range(10)))


async def fail() -> None:
    await asyncio.sleep(0.1)
    raise OSError("the disk is full")


async def tasks(url: str, endless: str) -> None:
    async with AsyncOpenAI(api_key="none", base_url=url) as client:
        await asyncio.gather(*(session(client, name) for name in "abc"))
    print("tasks:", dict(Counter(each.metadata["session_id"] for each in records)))
    records.clear()
    async with AsyncOpenAI(api_key="none", base_url=endless) as client:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(acall_llm(client, **ASK))
                group.create_task(fail())
        except* OSError:
            flush()
    print("a group fails:", dict(Counter(each.outcome.value for each in records)))


with LoopbackProvider() as provider:
    url = provider.url("slow", "openai/v1")
    asyncio.run(tasks(url, provider.url("stall", "openai/v1")))
    with OpenAI(api_key="none", base_url=url) as client, ThreadPoolExecutor(4) as pool:
        with attributes(session_id="d"):
            # A thread has what `attributes` say if it is given the context.
            asked = [
                pool.submit(copy_context().run, lambda: call_llm(client, **ASK))
                for _ in range(8)
            ]
        names = Counter(each.result().metadata["session_id"] for each in asked)
        print("threads:", dict(names))
