import pytest

from llmtrack import Outcome, track_llm_call, tracked_stream
from llmtrack.testing import RecordingTracker, Script, assert_tracked, chat_chunks


@pytest.fixture
def recorder():
    recorder = RecordingTracker()
    with tracked_stream(recorder, name="answer") as tracked:
        for _ in tracked(Script(chat_chunks("Hel", "lo")).stream()):
            break
    return recorder


def test_what_is_right_gives_the_record(recorder):
    """
    A test goes on with the record when the rest was as expected.
    """
    record = assert_tracked(recorder, outcome="abandoned", chunks=1)

    assert Outcome.ABANDONED is record.outcome


def test_a_failure_says_all_that_is_wrong(recorder):
    """
    One look at the message is enough: what was expected, and what was recorded.
    """
    with pytest.raises(AssertionError) as caught:
        assert_tracked(recorder, outcome=Outcome.SUCCESS, chunks=3, error_kind="server")

    message = str(caught.value)
    assert "outcome should be success; it is abandoned" in message
    assert "chunks should be 3; it is 1" in message
    assert "error.kind should be 'server'; it is None" in message
    assert "CallEnded of 'answer'" in message


def test_a_misspelt_field_is_not_a_failed_assertion(recorder):
    """
    A field that no record has would never be found right.
    """
    with pytest.raises(TypeError, match="finish_resaon"):
        assert_tracked(recorder, finish_resaon="stop")


def test_no_ending_is_a_failure():
    """
    A call that was not tracked at all is told as such.
    """
    with pytest.raises(AssertionError, match="0 did"):
        assert_tracked(RecordingTracker())


def test_a_second_ending_is_a_failure(recorder):
    """
    Events that come twice are found, whoever sent them.
    """
    recorder.track(recorder.history[-1])

    with pytest.raises(AssertionError, match="CallEnded, CallEnded"):
        assert_tracked(recorder)


def test_the_fixture_is_the_default_tracker(llmtrack_recorder):
    """
    Code that names no tracker is recorded by the fixture of the pytest plugin.
    """

    @track_llm_call
    def answer():
        return "text"

    answer()

    assert_tracked(llmtrack_recorder, outcome="success")


def test_the_fixture_leaves_the_default_as_it_was(pytester):
    """
    Each test has a recorder of its own, and after it there is none.
    """
    pytester.makepyfile(
        """
        from llmtrack.settings import settings

        def test_one(llmtrack_recorder):
            assert settings().tracker is llmtrack_recorder

        def test_two():
            assert settings().tracker is None
        """
    )

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")

    result.assert_outcomes(passed=2)


def test_an_unknown_outcome_is_told_with_those_there_are(recorder):
    """
    Nobody has to look up how outcomes are called.
    """
    with pytest.raises(ValueError, match="one of success, error, cancelled, abandoned"):
        assert_tracked(recorder, outcome="ok")


def test_a_misspelt_field_is_told_with_the_right_one(recorder):
    """
    The close name is suggested.
    """
    with pytest.raises(TypeError, match="did you mean 'provider'"):
        assert_tracked(recorder, provder="openai")


@pytest.mark.parametrize(
    ("disabled", "told"), [("1", "LLMTRACK_DISABLED is '1'"), ("", "explicit tracker=")]
)
def test_why_nothing_was_recorded_is_told(monkeypatch, disabled, told):
    """
    Where no call was recorded the message says what usually is the cause.
    """
    monkeypatch.setenv("LLMTRACK_DISABLED", disabled)

    with pytest.raises(AssertionError, match=told):
        assert_tracked(RecordingTracker())
