"""
Run a batch of calls, and sum them up with `llmtrack report`.

Shows calls that end in all ways, appended to a file as lines of JSON, by feature.
Needs `pip install "llmtrack-instrument[cli]"`.
"""

import subprocess
import sys
from contextlib import suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from openai import OpenAI

from llmtrack import attributes, call_llm, configure, flush, track_llm_call
from llmtrack.testing.provider import LoopbackProvider
from llmtrack.trackers import JSONLinesTracker

SCENARIOS = ("text", "ok", "slow", "text", "cut", "429", "nousage", "truncated")


@track_llm_call
def chat(client: OpenAI, model: str = "gpt-4o-mini"):
    ask = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
    return client.chat.completions.create(**ask, stream=True)


def batch(provider: LoopbackProvider) -> None:
    for scenario in SCENARIOS:
        url = provider.url(scenario, "openai/v1")
        with OpenAI(api_key="none", base_url=url, max_retries=0) as client:
            with attributes(feature="summaries"):
                call_llm(client, model="gpt-4.1", messages="Sum up: ...")
            with attributes(feature="chat"), suppress(Exception):
                # Some users leave before the answer is whole.
                list(islice(chat(client), 4))
    flush()


with TemporaryDirectory() as folder, LoopbackProvider() as provider:
    calls = Path(folder) / "calls.jsonl"
    configure(tracker=JSONLinesTracker(calls))
    batch(provider)
    print(len(calls.read_text().splitlines()), "calls", flush=True)
    for by in ("model", "feature"):
        report = [sys.executable, "-m", "llmtrack.cli", "report", calls, "--by", by]
        subprocess.run(report, check=False)
