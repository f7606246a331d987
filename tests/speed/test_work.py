import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

import llmtrack
from llmtrack import settings
from llmtrack.tokens import is_slow

_HOME = str(Path(llmtrack.__file__).parent)
#: What runs once a chunk anyway: the follower itself is resumed.
_FOLLOWERS = "followers.py"


@pytest.mark.parametrize(
    ("kind", "most"),
    [("generator of str", 0), ("generator of chunks", 1), ("provider's stream", 1)],
)
def test_a_chunk_runs_one_function_at_most(tracked, sources, kind, most):
    """
    Beside the follower a chunk runs the one function that reads it, if that.
    """
    make = tracked(sources[kind])

    short, long = (_calls(make, length) for length in (1_280, 2_560))

    # Once in a block of chunks what was read is folded.
    assert (long - short) / 1_280 < most + 0.2


def test_a_chunk_by_next_runs_one_function_more(tracked, sources):
    """
    The proxy's `__next__` asks no other function whether the call is still open.
    """
    make = tracked(sources["provider's stream"])

    short, long = (_calls(make, length, _by_next) for length in (1_280, 2_560))

    assert (long - short) / 1_280 < 2.2


@pytest.mark.parametrize("kind", ["generator of str", "generator of chunks"])
def test_the_work_grows_with_the_length_and_no_faster(tracked, sources, kind):
    """
    The first ten thousand chunks cost what the last of forty thousand do.
    """
    make = tracked(sources[kind])

    ten, thirty, forty = (_calls(make, 10_000 * tens) for tens in (1, 3, 4))

    # A block of text more or less may have been counted meanwhile.
    assert forty - thirty <= 1.2 * ten + 50


@pytest.mark.parametrize(("chunk_timing", "reads"), [(True, 2), (False, 0)])
def test_the_clock_is_read_twice_a_chunk_or_not_at_all(
    tracked, sources, monkeypatch, chunk_timing, reads
):
    """
    Telling waiting from consuming takes two readings; without it there are none.
    """
    llmtrack.configure(chunk_timing=chunk_timing)
    clock = Counting()
    changed = settings.replace(settings.settings(), clock=clock)
    monkeypatch.setattr(settings, "_settings", changed)
    make = tracked(sources["generator of chunks"])

    short, long = (clock.reads_of(make, length) for length in (100, 1_100))

    assert reads == pytest.approx((long - short) / 1_000, abs=0.01)


def test_a_long_answer_is_not_counted_on_the_consumers_thread(tracked, sources):
    """
    Who reads 40 KiB waits at most for a rest that is counted in under 1 ms.
    """
    counter = Remembering()
    llmtrack.configure(counter=counter)

    for _ in tracked(sources["generator of str"])(6_000):
        pass
    llmtrack.flush()

    here = counter.counted.pop(threading.get_ident(), 0)
    assert not is_slow(here, None)
    assert counter.counted


def test_a_short_call_is_told_before_it_returns():
    """
    Only the first one waits for the thread, which loads what counts it.
    """
    records = []
    answer = llmtrack.track_llm_call(tracker=records.append)(lambda: "hello")
    answer()
    llmtrack.flush()
    records.clear()

    answer()

    assert 1 == len(records)


def test_disabled_means_undecorated(monkeypatch, sources):
    """
    With `LLMTRACK_DISABLED=1` the function itself comes back: it costs nothing.
    """
    monkeypatch.setenv("LLMTRACK_DISABLED", "1")
    function = sources["generator of str"]

    assert llmtrack.track_llm_call(function) is function
    assert llmtrack.track_llm_call(name="other")(function) is function


class Counting:
    """A clock that knows how often it was asked."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return float(self.reads)

    def reads_of(self, make, length: int) -> int:
        """Return how often a stream of some length asks."""
        before = self.reads
        for _ in make(length):
            pass
        llmtrack.flush()
        return self.reads - before


class Remembering:
    """A counter that remembers how many characters it counted on which thread."""

    def __init__(self) -> None:
        self.counted: Counter[int] = Counter()

    def count(self, text: str, model: str | None, /) -> int:
        """Return a number, whatever the text."""
        self.counted[threading.get_ident()] += len(text)
        return len(text)


def _by_next(stream):
    """Yield what a stream gives, each chunk by a call of `next`."""
    while (chunk := next(stream, None)) is not None:
        yield chunk


def _calls(make, length: int, read=iter) -> int:
    """Return how many of llmtrack's functions a stream runs on this thread."""
    called: Counter[str] = Counter()

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(_HOME):
            called[Path(frame.f_code.co_filename).name] += 1

    for _ in make(10):
        pass
    llmtrack.flush()
    sys.setprofile(note)
    try:
        for _ in read(make(length)):
            pass
    finally:
        sys.setprofile(None)
    llmtrack.flush()
    del called[_FOLLOWERS]
    return called.total()
