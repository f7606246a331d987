"""
LaunchDarkly's AI metrics, for streams too: pass the AI Config as the source.

Shows what LaunchDarkly's real SDK would send, with a flag that is set here. Needs
`pip install "llmtrack-instrument[launchdarkly]"`.
"""

import sys
from contextlib import suppress

from openai import APIError, OpenAI

from llmtrack import flush, track_llm_call
from llmtrack.testing.provider import LoopbackProvider
from llmtrack.trackers import LaunchDarklyTracker

try:
    from ldai.client import LDAIClient
    from ldclient import Context, LDClient
    from ldclient.config import Config
    from ldclient.integrations.test_data import TestData
except ImportError as error:
    print(f'{error}: pip install "llmtrack-instrument[launchdarkly]"')
    sys.exit()


class Printer:  # Where the SDK would send events to LaunchDarkly.
    def send_event(self, event):
        if "runId" in (getattr(event, "data", None) or {}):
            print(f"  {event.key:28}{event.metric_value:>5}")

    flush = stop = lambda self: None


flag = {
    "_ldMeta": {"enabled": True, "variationKey": "short", "mode": "completion"},
    "model": {"name": "gpt-4o-mini"},
    "messages": [{"role": "user", "content": "Say hello to {{name}}."}],
}
data = TestData.data_source()
data.update(data.flag("greeting").variations(flag).variation_for_all(0))
sinks = {"update_processor_class": data, "event_processor_class": lambda _: Printer()}
config = Config("no-key", diagnostic_opt_out=True, **sinks)

with LDClient(config) as launchdarkly, LoopbackProvider() as provider:
    greeting = LDAIClient(launchdarkly).completion_config(
        "greeting", Context.create("user-1"), variables={"name": "Ada"}
    )
    messages = [message.to_dict() for message in greeting.messages]
    ask = {"stream": True, "stream_options": {"include_usage": True}}
    for scenario in ("ok", "cut"):
        print(f"A stream that is {scenario}:")
        with OpenAI(
            api_key="-", base_url=provider.url(scenario, "openai/v1")
        ) as client:
            create = client.chat.completions.create
            tracked = track_llm_call(tracker=LaunchDarklyTracker(greeting))(create)
            with suppress(APIError):
                list(tracked(model=greeting.model.name, messages=messages, **ask))
            flush()
