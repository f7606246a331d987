"""Chat completions in the words of each vendor."""

import pytest

from llmtrack.testing.provider import truth
from llmtrack.testing.provider.wire import openai_vendors

VENDORS = list(openai_vendors.VENDORS)


def stream(ask, vendor, scenario="ok", usage=True):
    answer = ask(
        f"/@{scenario}/{vendor}/v1/chat/completions",
        stream=True,
        stream_options={"include_usage": usage},
    )
    assert answer.events[-1] == "[DONE]"
    return answer.events[:-1]


def deltas(events, key, index=0):
    choices = [choice for event in events for choice in event["choices"]]
    found = [c["delta"].get(key) for c in choices if c["index"] == index]
    return [each for each in found if each]


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_streams_the_text(ask, vendor):
    """
    The pieces of text add up to the truth, inline reasoning apart.
    """
    events = stream(ask, vendor)

    pieces = [each for each in deltas(events, "content") if isinstance(each, str)]
    assert "".join(pieces).rpartition("\n\n")[2] == truth.TEXT


@pytest.mark.parametrize(
    ("vendor", "key"),
    [
        ("deepseek", "reasoning_content"),
        ("fireworks", "reasoning_content"),
        ("vllm", "reasoning_content"),
        ("xai", "reasoning_content"),
        ("openrouter", "reasoning"),
        ("together", "reasoning"),
        ("groq", "reasoning"),
        ("cerebras", "reasoning"),
        ("hf", "reasoning"),
    ],
)
def test_reasoning_has_the_key_of_its_vendor(ask, vendor, key):
    """
    Reasoning comes in pieces under the vendor's own key, and whole when plain.
    """
    events = stream(ask, vendor)
    plain = ask(f"/{vendor}/v1/chat/completions").json

    assert deltas(events, key) == list(truth.REASONING_PARTS)
    assert plain["choices"][0]["message"][key] == truth.REASONING


def test_mistral_reasons_in_typed_parts(ask):
    """
    Mistral's `content` is a list while it reasons.
    """
    events = stream(ask, "mistral")

    lists = [each for each in deltas(events, "content") if isinstance(each, list)]
    texts = [part["thinking"][0]["text"] for (part,) in lists]
    assert texts == list(truth.REASONING_PARTS)


def test_think_tags_are_split_over_chunks(ask):
    """
    Inline reasoning is wrapped in tags that no single chunk holds whole.
    """
    pieces = deltas(stream(ask, "thinktags"), "content")

    assert "".join(pieces).startswith(f"<think>{truth.REASONING}</think>")
    assert "<think>" not in pieces


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_streams_the_tool_call(ask, vendor):
    """
    The tool call's name comes once and its arguments add up.
    """
    events = stream(ask, vendor, "tool")

    functions = [call["function"] for (call,) in deltas(events, "tool_calls")]
    assert [f["name"] for f in functions if "name" in f] == [truth.TOOL_NAME]
    assert "".join(f["arguments"] for f in functions) == truth.TOOL_ARGUMENTS


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_streams_its_usage_once_asked(ask, vendor):
    """
    Usage is in the last chunk, and nowhere where the scenario has none.
    """
    with_usage = stream(ask, vendor)
    without = stream(ask, vendor, "nousage")

    usage = with_usage[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (25, 42)
    assert not [event for event in without if event.get("usage")]


@pytest.mark.parametrize("vendor", ["openai", "azure", "vllm", "hf", "thinktags"])
def test_some_vendors_stream_usage_only_when_asked(ask, vendor):
    """
    Without `stream_options` there is no usage.
    """
    events = stream(ask, vendor, usage=False)

    assert not [event for event in events if event.get("usage")]


def test_perplexity_repeats_everything_so_far(ask):
    """
    Each chunk of Perplexity holds the message and the usage up to there.
    """
    events = stream(ask, "perplexity", "text")

    counts = [event["usage"]["completion_tokens"] for event in events]
    assert counts == sorted(counts)
    assert events[-1]["choices"][0]["message"]["content"] == truth.TEXT
    assert events[-1]["object"] == "chat.completion.done"


def test_azure_begins_with_a_chunk_that_says_nothing(ask):
    """
    Azure's first chunk has no choice, no id and no model.
    """
    first = stream(ask, "azure")[0]

    assert (first["choices"], first["id"], first["model"]) == ([], "", "")


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("ok", "tool_calls"),
        ("text", "stop"),
        ("length", "length"),
        ("refusal", "stop"),
        ("multi", "stop"),
    ],
)
def test_the_finish_reason_fits_the_scenario(ask, scenario, reason):
    """
    A stream and a plain answer end for the same reason.
    """
    events = stream(ask, "openai", scenario)
    plain = ask(f"/@{scenario}/openai/v1/chat/completions").json

    reasons = {c["finish_reason"] for e in events for c in e["choices"]} - {None}
    assert reasons == {reason}
    assert plain["choices"][0]["finish_reason"] == reason


def test_a_refusal_is_not_content(ask):
    """
    OpenAI sends a refusal under its own key.
    """
    events = stream(ask, "openai", "refusal")

    assert deltas(events, "refusal") == list(truth.REFUSAL_PARTS)
    assert deltas(events, "content") == []


def test_two_choices_interleave(ask):
    """
    With `multi` the second choice comes between the pieces of the first.
    """
    events = stream(ask, "openai", "multi")

    indexes = [choice["index"] for event in events for choice in event["choices"]]
    assert indexes[:5] == [0, 0, 1, 0, 1]
    assert "".join(deltas(events, "content", index=1)) == truth.TEXT2


def test_legacy_completions_send_text(ask):
    """
    `/completions` streams text, and its usage when asked.
    """
    answer = ask(
        "/openai/v1/completions", stream=True, stream_options={"include_usage": True}
    )

    *events, done = answer.events
    text = "".join(choice["text"] for event in events for choice in event["choices"])
    assert (text, done) == (truth.TEXT, "[DONE]")
    assert events[-1]["usage"]["total_tokens"] == 67


def test_embeddings_answer_each_input(ask):
    """
    There is one vector for each input.
    """
    answer = ask("/openai/v1/embeddings", input=["a", "b"])

    vectors = [each["embedding"] for each in answer.json["data"]]
    assert vectors == [list(truth.EMBEDDING)] * 2
