"""The tokens of a call: reported, counted, or unknown, each side on its own."""

import pytest

from llmtrack.dialects.reading import Counts
from llmtrack.tokens.usage import merge, usage_of

PROMPT = (12, "tiktoken:o200k_base", 0.97)
ANSWER = (34, "estimate:o200k_base", 0.9)


def test_reported_numbers_win():
    """
    What the provider says is taken as it is, and is certain.
    """
    counts = Counts(input=10, output=30, cache_read=4, reasoning=5)

    usage = usage_of(counts, prompt=PROMPT, answer=ANSWER, uncounted=("image",))

    assert (10, 30, 40) == (usage.input_tokens, usage.output_tokens, usage.total_tokens)
    assert ("reported", "reported") == (usage.input_source, usage.output_source)
    assert (4, None, 5) == (
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )
    assert (1.0, False, ()) == (
        usage.confidence,
        usage.is_lower_bound,
        usage.uncounted,
    )


def test_each_side_is_settled_on_its_own():
    """
    A stream that broke off has its input reported and its output counted.
    """
    usage = usage_of(Counts(input=10), prompt=PROMPT, answer=ANSWER)

    assert (10, "reported") == (usage.input_tokens, usage.input_source)
    assert (34, "estimate") == (usage.output_tokens, usage.output_source)
    assert (44, 0.9, True) == (
        usage.total_tokens,
        usage.confidence,
        usage.is_estimated,
    )


def test_nothing_known_is_none():
    """
    Unknown is None, never 0.
    """
    usage = usage_of(None, prompt=None, answer=None)

    assert (None, None, None) == (
        usage.input_tokens,
        usage.output_tokens,
        usage.total_tokens,
    )
    assert ("unknown", "unknown", None) == (
        usage.input_source,
        usage.output_source,
        usage.confidence,
    )


def test_a_reported_zero_is_a_number():
    """
    A provider that reports 0 means 0.
    """
    usage = usage_of(Counts(input=5, output=0), prompt=None, answer=ANSWER)

    assert (0, "reported", 5) == (
        usage.output_tokens,
        usage.output_source,
        usage.total_tokens,
    )


def test_the_providers_total_is_kept():
    """
    Some providers bill more than input and output.
    """
    usage = usage_of(Counts(input=5, output=6, total=20), prompt=None, answer=None)

    assert 20 == usage.total_tokens


def test_a_total_from_before_the_answer_is_not():
    """
    A total that is less than what was counted since is out of date.
    """
    usage = usage_of(Counts(input=5, total=5), prompt=None, answer=ANSWER)

    assert 39 == usage.total_tokens


def test_what_could_not_be_counted_makes_a_lower_bound():
    """
    Images in a counted prompt are named, and the number may be higher.
    """
    usage = usage_of(None, prompt=PROMPT, answer=ANSWER, uncounted=("image", "tools"))

    assert (("image", "tools"), True) == (usage.uncounted, usage.is_lower_bound)


def test_later_numbers_replace_earlier_ones():
    """
    Field by field: what a report leaves out is kept.
    """
    known = merge(Counts(input=10, output=1, cache_read=3), Counts(output=25))

    assert (10, 25, 3) == (known.input, known.output, known.cache_read)


def test_a_later_zero_replaces_too():
    """
    0 is said explicitly.
    """
    assert 0 == merge(Counts(output=7), Counts(output=0)).output


def test_reports_that_add_up_are_added():
    """
    LangChain reports the difference with each chunk.
    """
    known = None
    for counts in (
        Counts(input=10, output=1, additive=True),
        Counts(output=2, additive=True),
        Counts(output=3, additive=True),
    ):
        known = merge(known, counts)

    assert (10, 6) == (known.input, known.output)


def test_a_first_report_is_copied():
    """
    A dialect may use its object again for the next chunk.
    """
    first = Counts(input=1, additive=True)

    known = merge(None, first)
    first.input = 5

    assert Counts(input=1, additive=True) == known


def test_merging_changes_neither_report():
    """
    Reports may be the dialect's own objects.
    """
    first, second = Counts(input=1), Counts(input=2)

    merge(first, second)

    assert (1, 2) == (first.input, second.input)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (7.0, 7),
        (0, 0),
        (True, None),
        (-1, None),
        (7.5, None),
        (float("nan"), None),
        (float("inf"), None),
        ("7", None),
        (10**15, None),
        ([7], None),
    ],
)
def test_numbers_that_are_no_counts_are_left_out(said, meant):
    """
    Gateways report strange things; a whole float is a count, the rest is not.
    """
    usage = usage_of(Counts(input=said), prompt=None, answer=None)

    assert meant == usage.input_tokens
    assert ("unknown" if meant is None else "reported") == usage.input_source
