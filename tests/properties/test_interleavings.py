"""
Random programs do random things to several streams at once.

Each stream has a bare twin that runs in lockstep: what the program gets from the
two must be equal at every step, and each call must end once, by what came first.
"""

import asyncio
import gc
import sys
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    rule,
    run_state_machine_as_test,
)

from llmtrack import CallEnded, Outcome, track_llm_call, tracked_stream
from llmtrack.testing import RecordingTracker, misordered

SETTINGS = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


class SourceError(Exception):
    """The source failed."""


class OtherError(Exception):
    """The source made another exception of what was thrown in."""


class ThrownError(Exception):
    """The program threw this in."""


THROWN = (ThrownError, StopIteration, StopAsyncIteration, GeneratorExit,
          KeyboardInterrupt, asyncio.CancelledError)  # fmt: skip

#: What a source does: yield and do something about what is thrown in, or end.
MOVES = st.one_of(
    st.tuples(st.just("yield"), st.sampled_from(["pass", "go on", "change"])),
    st.tuples(st.just("raise"), st.sampled_from([SourceError, KeyboardInterrupt])),
    st.tuples(st.just("return"), st.integers(0, 9)),
    st.tuples(st.just("hang"), st.none()),
)
SCRIPTS = st.lists(MOVES, max_size=6)
SHAPES = st.sampled_from(["function", "returned", "block", "stream"])


def source(script):
    """Be a generator that does what a script says."""
    for number, (move, how) in enumerate(script):
        if move == "raise":
            raise how(number)
        if move == "return":
            return how
        if move == "hang":
            continue
        try:
            sent = yield f"chunk {number}"
            while sent is not None:
                sent = yield f"echo {sent}"
        except BaseException:
            if how == "pass":
                raise
            if how == "change":
                raise OtherError(number) from None
    return "end"


async def async_source(script):
    """Be an async generator that does what a script says."""
    is_left = False
    for number, (move, how) in enumerate(script):
        if move == "raise":
            # Ctrl-C in a task of the loop's own would stop the loop.
            raise SourceError(number) if is_left else how(number)
        if move == "return":
            return
        if move == "hang":
            await asyncio.get_running_loop().create_future()
        try:
            sent = yield f"chunk {number}"
            while sent is not None:
                sent = yield f"echo {sent}"
        except BaseException as exc:
            is_left = isinstance(exc, GeneratorExit | asyncio.CancelledError)
            if how == "pass":
                raise
            if how == "change":
                raise OtherError(number) from None


def chunks_of(steps):
    """Yield what a generator yields, and return nothing."""
    yield from steps


class Chunks:
    """What a client returns, around a generator."""

    def __init__(self, steps):
        self._steps = chunks_of(steps)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._steps)

    def close(self):
        self._steps.close()


class AsyncChunks:
    """What an async client returns, around an async generator."""

    def __init__(self, steps):
        self._steps = steps

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await anext(self._steps)

    async def aclose(self):
        await self._steps.aclose()


@dataclass(eq=False)
class Twins:
    """
    A bare stream, its tracked twin, and how the call should end.

    Attributes:
        is_open: Whether there is a call by now.
        was_left: Whether the consumer left inside of the block.
        is_done: Whether the source has ended, so that nothing more can happen.
        ending: The first ending, None while there was none.
    """

    name: str
    shape: str
    bare: object
    tracked: object
    block: object = None
    is_open: bool = False
    was_left: bool = False
    is_done: bool = False
    ending: Outcome | None = None
    log: list = field(default_factory=list)

    @property
    def is_generator(self):
        return self.shape != "stream"

    def end(self, outcome):
        """Take it that something happened that ends a call."""
        if not self.is_open or self.ending is not None:
            return
        if self.block is None:
            self.ending = outcome
        elif outcome is Outcome.ABANDONED:
            self.was_left = True
        elif outcome is not Outcome.CANCELLED and not self.was_left:
            self.ending = outcome

    def gave(self, kind, value):
        """Take what a step gave."""
        self.log.append((kind, value))
        if self.is_done:
            return
        self.is_done = kind != "value"
        if kind == "stopped":
            self.end(Outcome.SUCCESS)
        elif kind == "raised" and value[0] is GeneratorExit:
            self.end(Outcome.ABANDONED)
        elif kind == "raised" and value[0] in (
            KeyboardInterrupt,
            asyncio.CancelledError,
        ):
            self.end(Outcome.CANCELLED)
        elif kind == "raised":
            self.end(Outcome.ERROR)

    def leave(self, exc):
        """Take it that the block was left."""
        if self.ending is None:
            self.ending = Outcome.ABANDONED if exc is None else Outcome.ERROR
        self.block = None


class Lockstep(RuleBasedStateMachine):
    """What the sync and the async machine share."""

    streams = Bundle("streams")

    def __init__(self):
        super().__init__()
        self.recorder = RecordingTracker()
        self.all = []

    def pair(self, shape, function, stream, script):
        """Return a new pair of twins."""
        name = f"call {len(self.all)}"
        track = track_llm_call(tracker=self.recorder, name=name)
        block = None
        if shape == "block":
            bare = function(script)
            block = tracked_stream(self.recorder, name=name)
            tracked = block.__enter__()(function(script))
        elif shape == "stream":
            bare = stream(function(script))
            tracked = track(lambda: stream(function(script)))()
        elif shape == "returned":
            bare = function(script)
            tracked = track(lambda: function(script))()
        else:
            bare = function(script)
            tracked = track(function)(script)
        twins = Twins(name, shape, bare, tracked, block)
        twins.is_open = shape != "function"
        self.all.append(twins)
        return twins

    def compare(self, bare, tracked, twins):
        """Hold what the two gave together."""
        assert bare == tracked, twins.log
        twins.gave(*tracked)

    def teardown(self):
        """End all that is open, and look at the records."""
        for twins in self.all:
            self.drop_both(twins)
            if twins.block is not None:
                twins.block.__exit__(None, None, None)
                twins.leave(None)
        gc.collect()
        self.settle()
        records = {}
        for event in self.recorder.of(CallEnded):
            records.setdefault(event.call.name, []).append(event.record.outcome)
        expected = {twins.name: [twins.ending] for twins in self.all if twins.is_open}
        assert expected == records
        assert [] == list(misordered(self.recorder.history))

    def drop_both(self, twins):
        """Drop a pair of streams."""
        if twins.bare is None:
            return
        twins.bare = twins.tracked = None
        twins.end(Outcome.ABANDONED)

    def settle(self):
        """Let the event loop go on, if there is one."""


class SyncMachine(Lockstep):
    """Do random things to sync streams."""

    def both(self, twins, step, *, starts=False):
        """Take a step of both twins."""
        if starts and twins.shape == "function":
            twins.is_open = True
        self.compare(gives(step, twins.bare), gives(step, twins.tracked), twins)

    @rule(target=Lockstep.streams, script=SCRIPTS, shape=SHAPES)
    def open(self, script, shape):
        """Open a stream."""
        return self.pair(shape, source, Chunks, script)

    @rule(twins=Lockstep.streams)
    def step(self, twins):
        """Take the next chunk."""
        if twins.bare is not None:
            self.both(twins, next, starts=is_fresh(twins.bare))

    @rule(twins=Lockstep.streams, value=st.integers(0, 9))
    def send(self, twins, value):
        """Send a value in."""
        if twins.bare is None or not twins.is_generator:
            return
        if is_fresh(twins.bare):
            # Python refuses, and nothing has happened.
            assert gives(lambda stream: stream.send(value), twins.bare) == gives(
                lambda stream: stream.send(value), twins.tracked
            )
        else:
            self.both(twins, lambda stream: stream.send(value))

    @rule(twins=Lockstep.streams, cls=st.sampled_from(THROWN))
    def throw(self, twins, cls):
        """Throw an exception in."""
        if twins.bare is None or not twins.is_generator:
            return
        if is_fresh(twins.bare) or (cls is GeneratorExit and not twins.is_done):
            # A fresh one never runs: nobody has read it. And whatever a source
            # makes of GeneratorExit, the consumer has left.
            twins.end(Outcome.ABANDONED)
        self.both(twins, lambda stream: stream.throw(cls("thrown")))

    @rule(twins=Lockstep.streams)
    def close(self, twins):
        """Close it."""
        if twins.bare is None:
            return
        # Whatever the source does about it, the consumer has left.
        twins.end(Outcome.ABANDONED)
        self.both(twins, lambda stream: stream.close())

    @rule(twins=consumes(Lockstep.streams))
    def drop(self, twins):
        """Drop it."""
        self.drop_both(twins)

    @rule(twins=Lockstep.streams, raises=st.booleans())
    def leave(self, twins, raises):
        """Leave the block that it is read in."""
        if twins.block is not None:
            exc = SourceError("in the body") if raises else None
            twins.block.__exit__(type(exc) if exc else None, exc, None)
            twins.leave(exc)


class AsyncMachine(Lockstep):
    """Do random things to async streams; a step that hangs is cancelled."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.heard = []
        self.loop.set_exception_handler(lambda _, context: self.heard.append(context))

    def both(self, twins, step, *, starts=False):
        """Take a step of both twins."""
        if starts and twins.shape == "function":
            twins.is_open = True
        bare = self.loop.run_until_complete(gives_async(step, twins.bare))
        tracked = self.loop.run_until_complete(gives_async(step, twins.tracked))
        self.compare(bare, tracked, twins)

    @rule(target=Lockstep.streams, script=SCRIPTS, shape=SHAPES)
    def open(self, script, shape):
        """Open a stream."""
        return self.pair(shape, async_source, AsyncChunks, script)

    @rule(twins=Lockstep.streams)
    def step(self, twins):
        """Take the next chunk."""
        if twins.bare is not None:
            self.both(twins, anext, starts=is_fresh(twins.bare))

    @rule(twins=Lockstep.streams, value=st.integers(0, 9))
    def send(self, twins, value):
        """Send a value in."""
        if twins.bare is not None and twins.is_generator and not is_fresh(twins.bare):
            self.both(twins, lambda stream: stream.asend(value))

    @rule(twins=Lockstep.streams, cls=st.sampled_from(THROWN))
    def throw(self, twins, cls):
        """Throw an exception in."""
        if twins.bare is None or not twins.is_generator:
            return
        if is_fresh(twins.bare) or (cls is GeneratorExit and not twins.is_done):
            twins.end(Outcome.ABANDONED)
        self.both(twins, lambda stream: stream.athrow(cls("thrown")))

    @rule(twins=Lockstep.streams)
    def close(self, twins):
        """Close it."""
        if twins.bare is None:
            return
        twins.end(Outcome.ABANDONED)
        self.both(twins, lambda stream: stream.aclose())

    @rule(twins=consumes(Lockstep.streams), turns=st.integers(0, 3))
    def drop(self, twins, turns):
        """Drop it, and let the loop go on, or not."""
        self.drop_both(twins)
        self.loop.run_until_complete(some_turns(turns))

    @rule(twins=Lockstep.streams, raises=st.booleans())
    def leave(self, twins, raises):
        """Leave the block that it is read in."""
        if twins.block is not None:
            exc = SourceError("in the body") if raises else None
            twins.block.__exit__(type(exc) if exc else None, exc, None)
            twins.leave(exc)

    def settle(self):
        """Let the loop close what was dropped, and close the loop."""
        self.loop.run_until_complete(some_turns(5))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


def is_fresh(bare):
    """Return whether a generator has not been started."""
    frame = getattr(bare, "gi_frame", None) or getattr(bare, "ag_frame", None)
    return frame is not None and frame.f_lasti <= 2 and "number" not in frame.f_locals


def gives(step, stream):
    """Return what a step gives, comparably."""
    try:
        return "value", step(stream)
    except StopIteration as stop:
        return "stopped", stop.value
    except BaseException as exc:
        return "raised", (type(exc), exc.args)


async def gives_async(step, stream):
    """Return what an async step gives, comparably; one that hangs is cancelled."""

    async def taken():
        try:
            return "value", await step(stream)
        except StopAsyncIteration:
            return "stopped", None
        except BaseException as exc:
            return "raised", (type(exc), exc.args)

    task = asyncio.ensure_future(taken())
    await some_turns(5)
    if not task.done():
        task.cancel("hanging")
    return await task


async def some_turns(count):
    """Let the loop take some turns."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _quiet_and_quick(monkeypatch):
    """
    Hear nothing of what sources raise when they are dropped, as bare ones do too.

    And let each collection look at the garbage of one example only.
    """
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    gc.collect()


def test_sync_streams_end_once_and_look_like_bare_ones():
    """
    next, send, throw, close, drop and blocks, in any order, on several streams.
    """
    run_state_machine_as_test(SyncMachine, settings=SETTINGS)


def test_async_streams_end_once_and_look_like_bare_ones():
    """
    anext, asend, athrow, aclose, drop, cancellation and blocks, in any order.
    """
    run_state_machine_as_test(AsyncMachine, settings=SETTINGS)
