"""What is wrong is said at set-up, with the cure."""

from __future__ import annotations

import pytest

import llmtrack
from llmtrack import ConfigurationError, configure, track_llm_call, tracked_stream


@pytest.mark.parametrize(
    ("set_up", "cure"),
    [
        (lambda: track_llm_call(tracker=object()), r"tracker must have track\(event\)"),
        (lambda: track_llm_call(42), "above the function that makes the call"),
        (lambda: track_llm_call(model=3), "takes a name, or a function"),
        (lambda: track_llm_call(metadata=3), "takes a mapping"),
        (lambda: tracked_stream(5), r"tracker must have track\(event\)"),
        (lambda: tracked_stream(None, 5), "a tracker and then a stream"),
        (lambda: configure(tracker=3), r"tracker must have track\(event\)"),
        (lambda: configure(chunk_timing="yes"), "takes True or False"),
        (lambda: configure(counter=len), r"count\(text, model\)"),
    ],
)
def test_a_mistake_is_told_at_set_up(set_up, cure):
    """
    The error says what it takes, before any call is made.
    """
    with pytest.raises(ConfigurationError, match=cure):
        set_up()


@pytest.mark.parametrize("set_up", [track_llm_call, tracked_stream, configure])
def test_a_misspelt_keyword_is_told_with_the_right_one(set_up):
    """
    An unknown keyword is a TypeError that names the one that was meant.
    """
    with pytest.raises(TypeError, match="got 'metdata'; did you mean 'metadata'"):
        set_up(metdata={})


def test_a_stream_outside_of_its_block_is_told_where_it_belongs():
    """
    The handle is of use inside its block only.
    """
    tracked = tracked_stream(lambda record: None)

    with pytest.raises(ConfigurationError, match="with tracked_stream"):
        tracked(iter("abc"))


def test_a_function_in_place_of_its_stream_is_told():
    """
    Who forgot to call the function that makes the stream hears of it at once.
    """
    with (
        tracked_stream(lambda record: None) as tracked,
        pytest.raises(ConfigurationError, match="Call it"),
    ):
        tracked(iter("abc").__next__)


def test_the_signatures_are_those_of_the_documentation():
    """
    What explains keywords does not hide them.
    """
    import inspect

    assert "capture_content" in inspect.signature(track_llm_call).parameters
    assert "chunk_timing" in inspect.signature(llmtrack.configure).parameters
