"""
Decorate the functions that call a model; nothing else changes.

Shows a plain call, a stream, a stream that is left early and a call that fails,
each with the line that the default tracker prints when it ends.
"""

from openai import OpenAI, RateLimitError

from llmtrack import attributes, flush, track_llm_call
from llmtrack.testing.provider import LoopbackProvider


@track_llm_call
def answer(client: OpenAI, question: str, model: str = "gpt-4o-mini"):
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.create(model=model, messages=messages)


@track_llm_call(name="chat", metadata={"feature": "inbox"})
def stream(client: OpenAI, question: str, model: str = "gpt-4o-mini"):
    return client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        stream=True,
        stream_options={"include_usage": True},
    )


with LoopbackProvider() as provider:

    def client_of(scenario: str) -> OpenAI:
        url = provider.url(scenario, "openai/v1")
        return OpenAI(api_key="none", base_url=url, max_retries=0)

    with client_of("text") as client, attributes(session_id="s-1"):
        print("A plain call:")
        print(" ", answer(client, "Hi").choices[0].message.content)

        print("A stream, read to its end:")
        for chunk in stream(client, "Hi"):
            if chunk.choices and chunk.choices[0].delta.content:
                print(" ", chunk.choices[0].delta.content)

        print("A stream that is left after the first chunks:")
        for number, _ in enumerate(stream(client, "Hi")):
            if number == 2:
                break
        flush()  # What a dropped stream used is counted on another thread.

    with client_of("429") as client:
        print("A call that fails, as it does without llmtrack:")
        try:
            answer(client, "Hi")
        except RateLimitError as error:
            print("  raised:", error.message)
