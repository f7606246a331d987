"""Every recording of every client is read right, to the character and number."""

import pytest
from dialects.answers import EXPECTED, answer_of
from payloads import replay

from llmtrack import dialects
from llmtrack.testing.provider import truth

#: Its body is a stream that can be read once, which is the program's to read.
UNREAD = "boto3/invoke-plain"
RECORDINGS = [
    each
    for each in replay.recordings()
    if each.api != "embeddings" and each.client != "pydantic-ai-slim"
]
READABLE = [each for each in RECORDINGS if str(each) != UNREAD]

each_recording = pytest.mark.parametrize("recording", READABLE, ids=str)


def expected_of(recording):
    return EXPECTED[f"{recording.client}/{recording.api}"]


def answered(recording):
    return answer_of(recording.chunks)[1]


@pytest.mark.parametrize("recording", replay.recordings(), ids=str)
def test_every_chunk_is_recognised_by_exactly_one_dialect(recording):
    """
    But for the generic one, which is asked last, and takes anything.
    """
    *exact, generic = dialects.built_in()

    named = [
        [each.name for each in exact if each.recognises(chunk)]
        for chunk in recording.chunks
    ]
    assert [names for names in named if len(names) != 1] == []
    assert generic.name == "generic"


@pytest.mark.parametrize("recording", RECORDINGS, ids=str)
def test_the_dialect_is_the_clients(recording):
    """
    The first chunk tells which dialect it is.
    """
    name, _ = answer_of(recording.chunks)

    assert name == expected_of(recording).dialect


@each_recording
def test_the_text_is_right(recording):
    """
    All of the first choice, and nothing twice.
    """
    expected = expected_of(recording)
    text = {"tool": "", "refusal": expected.refusal}.get(recording.scenario, truth.TEXT)
    if expected.reasons is None and recording.scenario in ("ok", "text", "nousage"):
        text = f"<think>{truth.REASONING}</think>\n\n{text}"

    answer = answered(recording)

    if recording.scenario == "multi" and expected.choices is None:
        assert sorted(answer.text) == sorted(truth.TEXT + truth.TEXT2)
    else:
        assert answer.text == text


@each_recording
def test_the_second_choice_is_kept_apart(recording):
    """
    It is counted, and is no part of the answer.
    """
    has_second = recording.scenario == "multi" and expected_of(recording).choices

    answer = answered(recording)

    assert answer.other_text == (truth.TEXT2 if has_second else "")


@each_recording
def test_the_reasoning_is_right(recording):
    """
    All of it, where the client passes it on; Cohere's plan is reasoning too.
    """
    expected = expected_of(recording)
    tells = recording.scenario in ("ok", "text", "nousage", "plain")
    reasoning = truth.REASONING if tells and expected.reasons else ""
    if recording.client == "cohere" and recording.scenario in (
        *("ok", "tool", "nousage", "plain"),
    ):
        reasoning += truth.TOOL_PLAN

    answer = answered(recording)

    assert answer.reasoning == reasoning


@each_recording
def test_the_tool_calls_are_right(recording):
    """
    The name once, and the arguments, whole or in pieces.
    """
    called = recording.scenario in ("ok", "tool", "nousage", "plain") and (
        recording.api not in ("completions", "generate")
    )

    answer = answered(recording)

    # Those that come as an object are written with spaces.
    arguments = answer.tool_text.replace(" ", "")
    assert answer.tool_calls == ((truth.TOOL_NAME,) if called else ())
    assert arguments == (truth.TOOL_ARGUMENTS if called else "")


@each_recording
def test_the_finish_reason_is_the_providers_word(recording):
    """
    And is there at all: no recording here is cut short.
    """
    finish = expected_of(recording).finish
    scenario = {"multi": "text"}.get(recording.scenario, recording.scenario)

    answer = answered(recording)

    assert answer.finish_reason == finish.get(scenario, finish["ok"])


@each_recording
def test_the_id_and_the_model_are_those_of_the_answer(recording):
    """
    Blank ones, such as Azure's first, are left out.
    """
    expected = expected_of(recording)

    answer = answered(recording)

    if recording.stream:
        assert (answer.response_id, answer.model) == (
            expected.response_id,
            expected.model,
        )
    else:
        assert (answer.response_id, answer.model) == (
            expected.plain_id or expected.response_id,
            expected.plain_model,
        )


@each_recording
def test_the_usage_is_right(recording):
    """
    Normalised: input with what was cached, output with reasoning.
    """
    expected = expected_of(recording)
    counts = expected.counts
    if recording.scenario == "nousage":
        counts = expected.counts_without
    elif not recording.stream:
        counts = expected.plain_counts or counts

    answer = answered(recording)

    shown = zip(answer.counts, counts, strict=True)
    assert [a for a, b in shown if b is not ...] == [b for b in counts if b is not ...]


@each_recording
def test_nothing_is_taken_for_an_error(recording):
    """
    A refusal, or an end for want of tokens, is none.
    """
    assert answered(recording).errors == []


#: Several choices come interleaved: who asked for them reads in full.
QUICK = [each for each in READABLE if each.stream and each.scenario != "multi"]


@pytest.mark.parametrize("recording", QUICK, ids=str)
def test_the_quick_way_reads_the_same_text(recording):
    """
    A chunk that it does not hand to the full reading has text and no more.
    """
    dialect = dialects.find(recording.chunks[0])
    if dialect.quick is None:
        pytest.skip(f"{dialect.name} has no quick way")
    kept, in_full = [], []

    keep = dialect.quick(kept.append, lambda chunk, _: in_full.append(chunk))
    for chunk in recording.chunks:
        keep(chunk)

    readings = [dialect.read(each) for each in recording.chunks if each not in in_full]
    assert len(kept) == len(readings)
    plain = [(a, b.text) for a, b in zip(kept, readings, strict=True)]
    assert all(a == b for a, b in plain if isinstance(a, str))
    assert not any(each.tool_calls or each.tool_text for each in readings)


def test_a_body_that_can_be_read_once_is_left_alone():
    """
    What InvokeModel returns tells its counts in its headers.
    """
    (recording,) = replay.recordings("boto3", "invoke", "plain")

    name, answer = answer_of(recording.chunks)

    assert name == "bedrock.invoke"
    assert answer.counts == (25, None, 42, None, None)
    assert recording.chunks[0]["body"].read().startswith(b"{")


def test_embeddings_tell_their_usage():
    """
    A vector is no text.
    """
    (recording,) = replay.recordings("openai", "embeddings")

    name, answer = answer_of(recording.chunks)

    assert name == "embeddings"
    assert (answer.text, answer.counts) == ("", (25, None, None, None, 25))


def test_pydantic_ais_pieces_of_text_are_text():
    """
    They have nothing but themselves.
    """
    (recording,) = replay.recordings("pydantic-ai-slim")

    name, answer = answer_of(recording.chunks)

    assert (name, answer.text) == ("text", truth.TEXT)
