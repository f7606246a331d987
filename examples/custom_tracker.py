"""
Write a tracker of your own: any object with `track(event)` is one.

Shows one that counts, one that is async, and a function of one record, all at once.
"""

from collections import Counter

from openai import OpenAI

from llmtrack import CallEnded, CallRecord, FirstToken, configure, flush, track_llm_call
from llmtrack.testing.provider import LoopbackProvider


class Histogram:
    events = frozenset({FirstToken})  # Without it: everything but `Delta`.

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def track(self, event: FirstToken) -> None:
        self.counts[f"under {0.1 if event.time_to_first_token < 0.1 else 10} s"] += 1


class Poster:
    # Awaited on a thread of llmtrack's, not in the program.
    events = frozenset({CallEnded})

    def __init__(self) -> None:
        self.posted: list[str] = []

    async def track(self, event: CallEnded) -> None:
        self.posted.append(event.to_json())


def warn(record: CallRecord) -> None:
    if record.error is not None:
        print(f"  {record.name} failed: {record.error.kind}")


@track_llm_call
def answer(url: str):
    ask = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
    with OpenAI(api_key="none", base_url=url, max_retries=0) as client:
        yield from client.chat.completions.create(**ask, stream=True)


histogram, poster = Histogram(), Poster()
configure(tracker=[histogram, poster, warn])

with LoopbackProvider() as provider:
    url = provider.url("text", "openai/v1")
    for each in (url, url, provider.url("429", "openai/v1")):
        try:
            print(len(list(answer(each))), "chunks")
        except Exception as error:
            print(type(error).__name__)

flush()
print(dict(histogram.counts), "and", len(poster.posted), "posted")
