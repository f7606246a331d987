"""The text of an answer, counted as it flows."""

import threading

import pytest
from tokens import samples

from llmtrack.tokens import count_tokens
from llmtrack.tokens.tally import BLOCK, Tally

SETS = samples.sample_sets()
MODEL = "gpt-4o"


def long_text(chars):
    """Return prose and code in several scripts, of about so many characters."""
    kinds = ("english", "german", "code", "russian", "japanese", "markdown", "json")
    page = "\n\n".join(SETS[kind][0] for kind in kinds)
    return page * (chars // len(page) + 1)


def in_pieces(text, size):
    return [text[start : start + size] for start in range(0, len(text), size)]


class Later:
    """Another thread that gets around to things when it is told to."""

    def __init__(self):
        self.waiting = []

    def __call__(self, task):
        self.waiting.append(task)

    def run(self):
        while self.waiting:
            self.waiting.pop(0)()


@pytest.mark.parametrize("size", [3, 7, 64, 10_000])
def test_a_long_answer_is_counted_as_a_whole(size, no_vocabulary):
    """
    However it is cut, the sum is within 0.5 % of the estimate for the whole.
    """
    text = long_text(400_000)
    tally = Tally(MODEL)

    for piece in in_pieces(text, size):
        tally.add(piece)

    whole = count_tokens(text, MODEL)
    assert whole.tokens > 100_000
    assert tally.settle().tokens == pytest.approx(whole.tokens, rel=0.005)


@pytest.mark.parametrize("kind", ["english", "chinese", "thai", "code", "hex"])
def test_the_tokenizers_count_adds_up_too(kind, real_vocabularies):
    """
    Blocks are cut where no token reaches over, or nearly so.
    """
    text = "".join(SETS[kind]) * 40
    whole = count_tokens(text, MODEL)
    tally = Tally(MODEL)

    tally.add("".join(in_pieces(text, 5)))

    assert tally.settle().tokens == pytest.approx(whole.tokens, rel=0.005)
    assert "tiktoken:o200k_base" == tally.settle().source


def test_an_answer_of_a_hundred_thousand_tokens(real_vocabularies):
    """
    With the real vocabulary, piece by piece, within 0.5 % of the whole.
    """
    text = long_text(400_000)
    whole = count_tokens(text, MODEL)
    tally = Tally(MODEL)

    for piece in in_pieces(text, 4):
        tally.add(piece)

    assert whole.tokens > 100_000
    assert tally.settle().tokens == pytest.approx(whole.tokens, rel=0.005)


def test_no_more_than_a_block_is_kept(no_vocabulary):
    """
    The memory of an answer does not grow with its length.
    """
    tally = Tally(MODEL)
    most = 0

    for piece in in_pieces(long_text(500_000), 50):
        tally.add(piece)
        most = max(most, tally.chars())

    assert most <= BLOCK


def test_blocks_are_counted_on_the_other_thread(no_vocabulary):
    """
    With `defer`, adding text counts nothing by itself.
    """
    later = Later()
    text = long_text(2 * BLOCK)
    tally = Tally(MODEL, defer=later)

    tally.add(text)
    before = tally.chars()
    later.run()

    assert len(text) == before
    assert tally.chars() < BLOCK


def test_settling_does_not_wait_for_the_other_thread(no_vocabulary):
    """
    Blocks that are not counted yet are counted at the end, and only once.
    """
    later = Later()
    text = long_text(3 * BLOCK)
    tally = Tally(MODEL, defer=later)
    for piece in in_pieces(text, 100):
        tally.add(piece)

    settled = tally.settle()
    later.run()

    assert settled == tally.settle()
    assert settled.tokens == pytest.approx(count_tokens(text, MODEL).tokens, rel=0.005)


def test_a_block_that_two_threads_count_is_added_once(no_vocabulary):
    """
    The end may come while another thread is in the middle of a block.
    """
    entered, go_on = threading.Event(), threading.Event()
    threads = []

    class Stalls:
        def count(self, text, model, /):
            if threading.current_thread() in threads:
                entered.set()
                go_on.wait(10)
            return len(text)

    def defer(task):
        threads.append(threading.Thread(target=task))
        threads[-1].start()

    tally = Tally(MODEL, Stalls(), defer)
    tally.add("word " * (BLOCK // 5 + 1))
    entered.wait(10)

    settled = tally.settle()
    go_on.set()
    for thread in threads:
        thread.join()

    assert 5 * (BLOCK // 5 + 1) == settled.tokens == tally.settle().tokens


def test_a_queue_that_stands_still_does_not_fill_the_memory(no_vocabulary):
    """
    Where the other thread does not get around to it, blocks are counted here.
    """
    tally = Tally(MODEL, defer=Later())

    for piece in in_pieces(long_text(20 * BLOCK), 1_000):
        tally.add(piece)

    assert tally.chars() <= 6 * BLOCK


def test_a_queue_that_is_closed_is_no_obstacle(no_vocabulary, caplog):
    """
    What cannot be deferred is counted in place, with a word in the log.
    """

    def closed(task):
        raise RuntimeError("closed")

    text = long_text(BLOCK)
    tally = Tally(MODEL, defer=closed)

    tally.add(text)

    assert tally.chars() < BLOCK
    assert "cannot count on another thread" in caplog.text
    assert tally.settle().tokens == pytest.approx(
        count_tokens(text, MODEL).tokens, rel=0.005
    )


def test_blocks_are_cut_between_words():
    """
    No token reaches over such a cut, so nothing is counted twice.
    """
    text = " ".join(["streaming"] * 10_000)
    blocks = []

    class Listens:
        def count(self, text, model, /):
            blocks.append(text)
            return 1

    tally = Tally(MODEL, Listens())
    for piece in in_pieces(text, 7):
        tally.add(piece)
    tally.settle()

    assert text == "".join(blocks)
    assert len(blocks) > 5
    assert all(block.endswith("streaming") for block in blocks)


def test_in_place_no_vocabulary_is_loaded(byte_vocabulary):
    """
    Loading takes up to 0.4 s: a consumer must not wait for it.
    """
    from llmtrack.tokens import ready

    tally = Tally(MODEL)

    tally.add(long_text(BLOCK))

    assert not ready(MODEL)


def test_the_running_count_never_falls(no_vocabulary):
    """
    It grows with each piece and ends near the settled one.
    """
    tally = Tally(MODEL)
    counts = [tally.so_far()]

    for piece in in_pieces(long_text(60_000), 9):
        tally.add(piece)
        counts.append(tally.so_far())

    assert 0 == counts[0]
    assert sorted(counts) == counts
    assert counts[-1] == pytest.approx(tally.settle().tokens, rel=0.02)


def test_the_running_count_may_be_asked_for_late(no_vocabulary):
    """
    Text that came before the first question is in it.
    """
    later = Later()
    tally = Tally(MODEL, defer=later)
    for piece in in_pieces(long_text(100_000), 1_000):
        tally.add(piece)

    late = tally.so_far()

    assert late == pytest.approx(tally.settle().tokens, rel=0.4)


def test_an_empty_answer_has_no_tokens(no_vocabulary):
    """
    Nothing arrived: 0, from the same source as anything else.
    """
    settled = Tally(MODEL).settle()

    assert (0, "estimate:o200k_base") == (settled.tokens, settled.source)


def test_an_answer_may_go_on_after_it_was_settled(no_vocabulary):
    """
    What is added later is counted too, and what was counted is not counted again.
    """
    asked = []

    class Listens:
        def count(self, text, model, /):
            asked.append(text)
            return len(text)

    tally = Tally(MODEL, Listens())
    tally.add("one ")
    before = tally.settle()
    tally.add("two")

    assert (4, 7, 7) == (before.tokens, tally.settle().tokens, tally.settle().tokens)
    assert ["one ", "two"] == asked
    assert 0 == tally.chars()


def test_two_threads_that_settle_agree(no_vocabulary):
    """
    A short answer that is settled by two threads at once is counted as one.
    """
    entered, go_on = threading.Event(), threading.Event()
    settled = []

    class Stalls:
        def count(self, text, model, /):
            if threading.current_thread() is not threading.main_thread():
                entered.set()
                go_on.wait(10)
            return len(text)

    tally = Tally(MODEL, Stalls())
    tally.add("hello")
    other = threading.Thread(target=lambda: settled.append(tally.settle()))
    other.start()
    entered.wait(10)
    settled.append(tally.settle())
    go_on.set()
    other.join()

    assert [5, 5, 5] == [count.tokens for count in (*settled, tally.settle())]


def test_what_is_no_text_is_refused_before_it_does_harm(no_vocabulary):
    """
    A TypeError, and the text before it still counts.
    """
    tally = Tally(MODEL)
    tally.add("good words")

    with pytest.raises(TypeError, match="bytes"):
        tally.add(b"bytes")

    assert 2 == tally.settle().tokens


def test_the_sources_of_a_mixed_count_are_the_weakest(no_vocabulary):
    """
    A counter that gives up in the middle makes the whole an estimate.
    """

    class GivesUp:
        def __init__(self):
            self.calls = 0

        def count(self, text, model, /):
            self.calls += 1
            return 100 if self.calls == 1 else None

    tally = Tally(MODEL, GivesUp())

    tally.add(long_text(BLOCK))

    assert "estimate" == tally.settle().kind
