"""What is rebuilt from a recording behaves as what was recorded."""

import re

import pytest
from payloads import dump, replay

from llmtrack.testing.provider import truth

EVERYTHING = replay.recordings()


def only(client, api, scenario):
    """Return the chunks of one recording."""
    (recording,) = replay.recordings(client, api, scenario)
    return recording.chunks


def test_all_clients_are_recorded():
    """
    Each client of the requirements has a folder.
    """
    requirements = (replay.FOLDER.parent / "clients").glob("requirements*.txt")
    text = "".join(path.read_text("utf-8") for path in requirements)

    asked_for = set(re.findall(r"^([\w-]+)[\w\[\]]*==", text, re.M))
    libraries = {"langchain-core", "llama-index-core"}
    assert asked_for - libraries == {each.client for each in EVERYTHING}


def test_the_recordings_are_small_and_tell_nothing_of_the_machine():
    """
    Together they are below 1.5 MB, and name no folder, interpreter or port.
    """
    texts = [path.read_text("utf-8") for path in replay.FOLDER.glob("*/*.json")]

    found = re.findall(
        r"/root|/home|/tmp|Python/|127\.0\.0\.1:(?!8808)", "".join(texts)
    )
    assert found == []
    assert sum(len(text.encode()) for text in texts) < 1_500_000


@pytest.mark.parametrize("recording", EVERYTHING, ids=str)
def test_every_recording_can_be_rebuilt(recording):
    """
    Each one has chunks, and a response has one.
    """
    count = len(recording.chunks)

    assert count > 1 if recording.stream else count == 1


@pytest.mark.parametrize("vendor", ["openai", "deepseek", "groq", "xai", "vllm"])
def test_the_chunks_hold_what_was_said(vendor):
    """
    Read as one would read the real chunks, they give the truth.
    """
    chunks = only("openai", f"chat-{vendor}", "ok")

    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == truth.TEXT
    assert chunks[-1].usage.total_tokens == truth.USAGE["total"]


def test_classes_have_the_names_of_the_real_ones():
    """
    Module, name and bases are the real ones.
    """
    chunk = only("openai", "chat-openai", "text")[0]

    paths = [dump.class_path(each) for each in type(chunk).__mro__[:-1]]
    assert paths == [
        "openai.types.chat.chat_completion_chunk:ChatCompletionChunk",
        "openai:BaseModel",
        "pydantic.main:BaseModel",
    ]


def test_an_object_with_attributes_has_no_items():
    """
    Where the real object cannot be subscripted, neither can this one.
    """
    chunk = only("openai", "chat-openai", "text")[0]

    with pytest.raises(TypeError):
        chunk["choices"]
    assert not hasattr(chunk, "nope")


def test_an_object_may_have_attributes_and_items():
    """
    Ollama's objects have both.
    """
    chunk = only("ollama", "chat", "text")[-2]

    assert chunk["message"].content is chunk.message["content"] == "!"
    assert chunk.get("nope", 1) == 1


def test_a_dict_stays_a_dict():
    """
    Hugging Face's objects are dicts with attributes, Bedrock's are plain ones.
    """
    chunk = only("huggingface-hub", "chat", "text")[0]
    event = only("boto3", "converse", "text")[0]

    assert chunk["choices"] is chunk.choices
    assert isinstance(chunk, dict)
    assert event == {"messageStart": {"role": "assistant"}}


def test_enumerations_have_value_and_name():
    """
    Gemini's finish reason is a string with a value and a name.
    """
    reason = only("google-genai", "generate_content", "length")[-1].candidates[0]

    assert reason.finish_reason == reason.finish_reason.value == "MAX_TOKENS"
    assert reason.finish_reason.name == "MAX_TOKENS"


def test_what_is_unset_is_false():
    """
    Mistral's mark for an absent field is false and not None.
    """
    delta = only("mistralai", "chat", "text")[-2].data.choices[0].delta

    assert delta.tool_calls is not None
    assert not delta.tool_calls


def test_protobuf_knows_what_is_set():
    """
    An unset message of xAI reads as zeros, and `HasField` tells.
    """
    (_, first), *_, (_, last) = only("xai-sdk", "chat", "text")

    assert (first.proto.HasField("usage"), last.proto.HasField("usage")) == (
        False,
        True,
    )
    assert (first.proto.usage.total_tokens, last.proto.usage.total_tokens) == (0, 67)


def test_a_body_can_be_read():
    """
    The body of InvokeModel gives its bytes.
    """
    (answer,) = only("boto3", "invoke", "plain")

    assert truth.TEXT.encode() in answer["body"].read()
