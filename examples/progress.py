"""
Show what is coming in while it comes: a line with tokens and cost so far.

On a terminal each open call has a spinner (with `pip install
"llmtrack-instrument[cli]"`); elsewhere, as here with a pipe, it is a line a second.
"""

import sys
import threading

from openai import OpenAI

from llmtrack import track_llm_call
from llmtrack.testing.provider import LoopbackProvider
from llmtrack.trackers import ProgressTracker

tracker = ProgressTracker(sys.stdout)


@track_llm_call(tracker=tracker)
def tell(client: OpenAI, story: str):
    return client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": f"Tell me {story}"}],
        stream=True,
        stream_options={"include_usage": True},
    )


def listen(client: OpenAI, story: str) -> None:
    for _ in tell(client, story):
        pass


with LoopbackProvider() as provider:
    url = provider.url("text", "openai/v1", frames=60, delay_ms=20)
    with OpenAI(api_key="none", base_url=url) as client:
        threads = [
            threading.Thread(target=listen, args=(client, story))
            for story in ("a joke", "a saga")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
