"""Who is asked how many tokens a text has."""

import logging
import subprocess
import sys

import pytest

from llmtrack.tokens import count_batch, count_tokens, counting, is_slow, ready, warm

TEXT = "Honest numbers, or none."


class Says:
    """A counter that gives one answer, or raises it."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def count(self, text, model, /):
        self.asked.append((text, model))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture(autouse=True)
def no_complaints_yet(monkeypatch):
    monkeypatch.setattr(counting, "_complained", set())


def test_a_users_counter_goes_first(byte_vocabulary):
    """
    What the user's own counter says is taken, and called the user's.
    """
    counter = Says(7)

    counted = count_tokens(TEXT, "gpt-4o", counter=counter)

    assert (7, "user", "tokenizer") == (counted.tokens, counted.source, counted.kind)
    assert [(TEXT, "gpt-4o")] == counter.asked


def test_a_counter_of_zero_is_taken(byte_vocabulary):
    """
    0 is a number; only None leaves the text to the built-in ways.
    """
    assert 0 == count_tokens(TEXT, counter=Says(0)).tokens
    assert len(TEXT) == count_tokens(TEXT, counter=Says(None)).tokens


@pytest.mark.parametrize(
    "answer", [RuntimeError("no"), -1, True, "7", 7.0, float("nan")]
)
def test_a_counter_that_fails_is_passed_over(answer, byte_vocabulary, caplog):
    """
    A counter that raises or gives no count is logged once, and the text counted.
    """
    counter = Says(answer)

    with caplog.at_level(logging.WARNING, "llmtrack"):
        first = count_tokens(TEXT, counter=counter)
        second = count_tokens(TEXT, counter=counter)

    assert len(TEXT) == first.tokens == second.tokens
    assert 1 == len(caplog.records)


def test_an_interrupt_in_a_counter_passes(no_vocabulary):
    """
    KeyboardInterrupt is the user's, not the counter's.
    """
    with pytest.raises(KeyboardInterrupt):
        count_tokens(TEXT, counter=Says(KeyboardInterrupt()))


def test_a_vocabulary_goes_before_the_estimator(byte_vocabulary):
    """
    With a vocabulary on disk the count is exact, and says with which one.
    """
    counted = count_tokens(TEXT, "gpt-4o")

    assert (len(TEXT), "tiktoken:o200k_base") == (counted.tokens, counted.source)
    assert ("tokenizer", 0.99) == (counted.kind, counted.confidence)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4", "claude-sonnet-4-5", "x", None])
def test_without_a_vocabulary_every_text_is_estimated(model, no_vocabulary):
    """
    No file, no network: still a number, a source and a confidence.
    """
    counted = count_tokens(TEXT, model)

    assert 4 <= counted.tokens <= 9
    assert "estimate" == counted.kind
    assert counted.source.startswith("estimate:")
    assert 0 < counted.confidence < 1


@pytest.mark.parametrize(
    ("model", "source"),
    [
        ("gpt-4o", "estimate:o200k_base"),
        ("gpt-4", "estimate:cl100k_base"),
        ("claude-sonnet-4-5", "estimate:o200k_base (assumed)"),
        (None, "estimate:o200k_base (assumed)"),
    ],
)
def test_an_assumed_encoding_is_called_so(model, source, no_vocabulary):
    """
    The source says where the encoding is not the model's own.
    """
    assert source == count_tokens(TEXT, model).source


def test_a_stand_in_is_trusted_less(byte_vocabulary):
    """
    A tokenizer that is not the model's own is not trusted like one that is.
    """
    own = count_tokens(TEXT, "gpt-4o")
    near = count_tokens(TEXT, "deepseek-chat")
    far = count_tokens(TEXT, "claude-sonnet-4-5")
    far_script = count_tokens("Честная оценка стоит больше.", "claude-sonnet-4-5")

    assert own.confidence > near.confidence > far.confidence > far_script.confidence


def test_several_texts_are_counted_each(no_vocabulary):
    """
    A batch gives a count for each text, in order; nothing has no tokens.
    """
    counts = count_batch(["", "one", "one two three"], "gpt-4o")

    assert [0, 1, 3] == [count.tokens for count in counts]


@pytest.mark.parametrize("text", [None, b"bytes", 5])
def test_what_is_no_text_is_refused(text):
    """
    A TypeError says what was given.
    """
    with pytest.raises(TypeError, match=type(text).__name__):
        count_tokens(text)


def test_nothing_is_fast_before_it_is_loaded(byte_vocabulary):
    """
    Until it is loaded or known to be missing, a vocabulary could take its time.
    """
    assert not ready("gpt-4o")
    assert is_slow(1, "gpt-4o")

    warm("gpt-4o")

    assert ready("gpt-4o")
    assert not is_slow(1_000, "gpt-4o")
    assert is_slow(1_000_000, "gpt-4o")


def test_without_a_vocabulary_long_texts_are_slow(no_vocabulary):
    """
    The estimator needs longer than a tokenizer for a text.
    """
    warm("gpt-4o")

    assert not is_slow(1_000, "gpt-4o")
    assert is_slow(100_000, "gpt-4o")


def test_importing_is_cheap():
    """
    Importing the package imports neither tiktoken nor the fitted data.
    """
    program = (
        "import sys, llmtrack.tokens, llmtrack.tokens.tally, llmtrack.tokens.prompt;"
        "print([m for m in ('tiktoken', 'llmtrack.tokens.estimator', 'genai_prices')"
        " if m in sys.modules])"
    )

    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert "[]" == output.strip()
