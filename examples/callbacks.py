"""
A function for each thing that happens to a call, with typed events.

Shows what arrives in which order for a stream that ends well, and for one that
breaks.
"""

from openai import OpenAI

from llmtrack import CallEnded, Delta, UsageKnown, flush, track_llm_call
from llmtrack.testing.provider import LoopbackProvider
from llmtrack.trackers import Callbacks


def delta(event: Delta) -> None:
    print(f"  delta    {event.kind} {event.text!r}, ~{event.tokens} tokens so far")


def usage(event: UsageKnown) -> None:
    source, confidence = event.usage.output_source, event.usage.confidence
    print(f"  usage    {event.usage.total_tokens} tokens, {source}, {confidence}")


def failed(event: CallEnded) -> None:
    error = event.record.error
    print(f"  error    {error.kind}, retryable: {error.retryable}, {event.exception!r}")


callbacks = Callbacks(
    on_start=lambda event: print("  start   ", event.call.request_model),
    on_first_token=lambda event: print("  first   ", event.kind),
    on_delta=delta,
    on_usage=usage,
    on_complete=lambda event: print("  complete", event.record.finish_reason),
    on_error=failed,
    on_end=lambda event: print(f"  end      {event.to_json()[:50]}..."),
)


@track_llm_call(tracker=callbacks)
def answer(client: OpenAI, model: str = "gpt-4o-mini"):
    ask = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
    return client.chat.completions.create(**ask, stream=True)


with LoopbackProvider() as provider:
    for scenario in ("ok", "cut"):
        print(f"A stream that is {scenario}:")
        url = provider.url(scenario, "openai/v1")
        with OpenAI(api_key="none", base_url=url) as client:
            try:
                list(answer(client))
            except Exception as error:
                print("  raised  ", type(error).__name__)
            flush()  # Tokens that are not reported are counted on another thread.
