"""How far off the estimates are, and what they are safe from."""

import json
import math

import pytest
from tokens import samples

from llmtrack.tokens import estimator, vocabulary
from llmtrack.tokens.estimator import ENCODINGS, estimate, rough
from llmtrack.tokens.pieces import pieces

SETS = samples.sample_sets()
RECORDED = json.loads(samples.RECORDED.read_text("utf-8"))


def errors(encoding):
    """Return the relative error of each sample, by kind of text."""
    return {
        kind: [
            estimate(text, encoding).tokens / true - 1
            for text, true in zip(texts, RECORDED[kind][encoding], strict=True)
        ]
        for kind, texts in SETS.items()
    }


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_nineteen_of_twenty_samples_are_within_15_percent(encoding):
    """
    At 500 characters, over 16 languages, code, markup, data and numbers.
    """
    off = sorted(abs(e) for found in errors(encoding).values() for e in found)

    assert off[math.ceil(0.95 * len(off)) - 1] <= 0.15


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_half_of_the_samples_are_within_5_percent(encoding):
    """
    The bound above is for the worst texts; most are much closer.
    """
    off = sorted(abs(e) for found in errors(encoding).values() for e in found)

    assert off[len(off) // 2] <= 0.05


@pytest.mark.parametrize("kind", ["english", "code", "markdown", "json", "numbers"])
def test_what_models_write_most_is_close(kind):
    """
    English, code, Markdown and data are within 6 % in every sample.
    """
    assert max(map(abs, errors("o200k_base")[kind])) <= 0.06


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_confidence_is_right_as_often_as_it_says(encoding):
    """
    In nine samples of ten the count is off by at most 1 - confidence.
    """
    held = [
        abs(estimate(text, encoding).tokens / true - 1)
        <= 1 - estimate(text, encoding).confidence
        for kind, texts in SETS.items()
        for text, true in zip(texts, RECORDED[kind][encoding], strict=True)
    ]

    assert sum(held) / len(held) >= 0.9


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_was_recorded_is_what_tiktoken_counts(encoding, real_vocabularies):
    """
    The samples' true counts, which the tests above compare with, are true.
    """
    vocabulary.load(encoding)

    for kind, texts in SETS.items():
        counts = [vocabulary.count(encoding, text) for text in texts]
        assert RECORDED[kind][encoding] == counts, kind


def test_the_estimate_of_a_text_is_that_of_its_pieces():
    """
    Estimates add up, so that a stream can be counted block by block.
    """
    text = SETS["english"][0] + " " + SETS["code"][0]

    assert rough(text) == pytest.approx(sum(rough(piece) for piece in pieces(text)))


@pytest.mark.parametrize("kind", sorted(SETS))
def test_the_pieces_of_a_text_are_the_text(kind):
    """
    Nothing is left out and nothing counted twice, in any script.
    """
    text = "".join(SETS[kind])

    assert text == "".join(pieces(text))


def test_no_text_has_no_tokens():
    """
    Of nothing one can be sure.
    """
    assert (0, 1.0) == estimate("")


@pytest.mark.parametrize(
    "text", [".", "x", "é", "中", "👍", "\0", "\ud800", "\u200b", "²", " ", "\n"]
)
def test_any_character_is_about_one_token(text):
    """
    A text of one character has at least one token, and no more than its bytes.
    """
    assert 1 <= estimate(text).tokens <= 4


@pytest.mark.parametrize(
    ("char", "least", "most"),
    [
        (" ", 500, 3_000),
        ("=", 1_000, 3_000),
        ("\n", 3_000, 7_000),
        ("a", 9_000, 16_000),
    ],
)
def test_long_runs_of_a_character_are_few_tokens(char, least, most):
    """
    Rulers and padding are a token for dozens of characters.
    """
    assert least <= estimate(char * 100_000).tokens <= most


@pytest.mark.parametrize("unit", ["\u4e00", "ab1 ", "=-", " \n", "x" * 99 + " ", "'"])
def test_long_texts_of_any_kind_end(unit):
    """
    No expression backtracks: half a million characters are no problem.
    """
    text = unit * (500_000 // len(unit))

    assert estimate(text).tokens > 0


def test_a_very_long_text_is_sampled():
    """
    Of several million characters a part stands for the whole.
    """
    page = "".join(SETS["english"] + SETS["code"])
    one = rough(page)
    pages = 3_000_000 // len(page)

    assert rough(page * pages) == pytest.approx(one * pages, rel=0.02)


def test_what_is_remembered_is_bounded(monkeypatch):
    """
    Random words do not fill the memory, and long ones are not kept.
    """
    costs = estimator._costs("o200k_base")
    common = 2 * len(estimator._words())
    monkeypatch.setattr(estimator, "_KEPT_PIECES", common + 100)

    for number in range(1_000):
        rough(f" q{number:x}".translate(str.maketrans("0123456789", "ghijklmnop")))
    rough("z" * 25 + "y")

    assert len(costs) <= common + 101
    assert "z" * 25 + "y" not in costs
