"""
The loop that one writes by hand around a stream, and the line that replaces it.

Shows that both tell LaunchDarkly the same, but for streams that are left or break.
"""

import time
from contextlib import suppress
from itertools import islice
from types import SimpleNamespace

from openai import APIError, OpenAI

from llmtrack import flush, track_llm_call
from llmtrack.testing.provider import LoopbackProvider

ASK = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
ASK |= {"stream": True, "stream_options": {"include_usage": True}}
NAMES = ("duration", "time_to_first_token", "tokens", "success", "error")


def tracker_that_tells(told: list[str]):
    """Return what stands for `config.create_tracker()`."""
    methods = {f"track_{n}": lambda *_, n=n: told.append(n) for n in NAMES}
    return SimpleNamespace(**methods)


def by_hand(create, tracker):
    started, first, usage = time.perf_counter(), None, None
    try:
        for chunk in create(**ASK):
            if first is None and chunk.choices and chunk.choices[0].delta.content:
                first = time.perf_counter() - started
                tracker.track_time_to_first_token(int(first * 1000))
            usage = chunk.usage or usage
            yield chunk
        tracker.track_duration(int((time.perf_counter() - started) * 1000))
        tracker.track_success()
        if usage is not None:
            tracker.track_tokens(usage)
    except Exception:
        tracker.track_error()
        raise


def with_llmtrack(create, tracker):
    return track_llm_call(tracker=tracker)(create)(**ASK)


with LoopbackProvider() as provider:
    for scenario, limit in (("text", 99), ("text", 3), ("cut", 99)):
        print(f"{scenario}, {limit} chunks at most:")
        with OpenAI(
            api_key="-", base_url=provider.url(scenario, "openai/v1")
        ) as client:
            for way in (by_hand, with_llmtrack):
                tracker = tracker_that_tells(told := [])
                with suppress(APIError):
                    list(islice(way(client.chat.completions.create, tracker), limit))
                flush()
                print(f"  {way.__name__:14}", *sorted(told))
