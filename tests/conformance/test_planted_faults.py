"""The table finds what is wrong: each fault is planted once, and must show."""

import ast
import asyncio
import functools
import inspect
import textwrap
from collections.abc import Callable
from types import FunctionType

import pytest

from llmtrack import call, drops, followers, nesting, proxies
from llmtrack.testing.conformance import ENDINGS, SHAPES, run

NAMES = {
    "generator",
    "async generator",
    "function returning a stream",
    "function returning an async stream",
    "stream manager",
    "stream in tracked_stream",
    "async stream in tracked_stream",
    "generator in tracked_stream",
}
COLUMNS = [shape for shape in SHAPES if shape.name in NAMES]
FOLLOWERS = (
    "_follow_generator",
    "_follow_iterator",
    "_follow_async_generator",
    "_follow_async_iterator",
)


def wrong_endings(*, but: str = "") -> set[str]:
    """Return the endings that have a wrong cell; but one, which is not tried."""
    rows = [ending for ending in ENDINGS if ending.name != but]
    cells = run(shapes=COLUMNS, endings=rows)
    return {cell.ending for cell in cells if cell.wrong}


def rewritten(function: Callable, change: Callable[[ast.AST], ast.AST]) -> FunctionType:
    """Return a function with its syntax tree changed."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    before = ast.unparse(tree)
    changed = ast.fix_missing_locations(change(tree))
    assert before != ast.unparse(changed), "the fault was not planted"
    code = compile(changed, f"<planted in {function.__name__}>", "exec")
    planted: dict[str, FunctionType] = {}
    exec(code, function.__globals__, planted)
    return planted[function.__name__]


@pytest.fixture
def plant_in_followers(monkeypatch):
    """Change the four loops that follow streams."""

    def plant(change):
        for name in FOLLOWERS:
            planted = rewritten(getattr(followers, name), change)
            monkeypatch.setattr(followers, name, planted)
            monkeypatch.setattr(nesting, "STEPS", nesting.STEPS | {planted.__code__})

    return plant


def test_nothing_planted_shows_nothing():
    """
    What the other tests find is what they have planted.
    """
    assert set() == wrong_endings()


def test_a_guard_that_is_missing_shows(monkeypatch):
    """
    Without the guard, a stream that nobody ever read has no ending.
    """
    monkeypatch.delattr(drops.Guard, "__del__")

    assert {"never read"} == wrong_endings()


class _NoNewsOfLeaving(ast.NodeTransformer):
    def visit_ExceptHandler(self, node):
        if ast.unparse(node.type) == "GeneratorExit":
            node.body = [ast.Raise()]
        return self.generic_visit(node)


def test_a_finalizer_that_is_missing_shows(monkeypatch, plant_in_followers):
    """
    Without what a generator does when it is dropped or closed, a break is nothing.
    """
    plant_in_followers(_NoNewsOfLeaving().visit)
    delete = drops.Guard.__del__

    def only_where_nothing_was_read(self):
        if not self.call.answer.chunks():
            delete(self)

    monkeypatch.setattr(drops.Guard, "__del__", only_where_nothing_was_read)

    assert {"break", "islice, or two next()", "del and gc"} <= wrong_endings()


def test_a_finalizer_that_tells_trackers_itself_shows(monkeypatch):
    """
    No tracker runs where the collector runs: it is told by a thread.
    """
    end = call.Call._end

    def at_once(self, *args, deferred=False):
        end(self, *args)

    monkeypatch.setattr(call.Call, "_end", at_once)

    assert "del and gc" in wrong_endings()


class _NoLatch(ast.NodeTransformer):
    def visit_ExceptHandler(self, node):
        node.body = [ast.Pass()]
        return node


def test_a_first_ending_that_does_not_win_shows(monkeypatch):
    """
    Without the latch, an error, a close and a drop are three endings.
    """
    planted = rewritten(call.Call._end, _NoLatch().visit)
    monkeypatch.setattr(call.Call, "_end", planted)

    assert {"error, then close, then drop", "close twice"} <= wrong_endings()


class _ExceptionOnly(ast.NodeTransformer):
    def visit_ExceptHandler(self, node):
        if ast.unparse(node.type) == "BaseException" and "failed" in ast.unparse(node):
            node.type = ast.Name("Exception", ast.Load())
        return self.generic_visit(node)


def test_except_exception_shows(plant_in_followers):
    """
    CancelledError and KeyboardInterrupt are no Exception.
    """
    plant_in_followers(_ExceptionOnly().visit)

    assert {"cancelled while waiting", "KeyboardInterrupt"} <= wrong_endings()


@pytest.fixture
def plant_in_proxies(monkeypatch):
    """Change what stands in for `__iter__`, and forget the classes made by now."""

    def plant(name, method):
        proxies._class_for.cache_clear()
        monkeypatch.setitem(proxies._PROTOCOLS, name, method)

    yield plant
    monkeypatch.undo()
    proxies._class_for.cache_clear()


def test_an_iter_that_ends_the_call_inside_of_a_with_shows(plant_in_proxies):
    """
    A generator as `__iter__` is dropped before the block hears of the exception.
    """
    real = proxies._iter

    def iterate(self):
        try:
            yield from real(self)
        finally:
            self._self_call.left_by_exit()

    plant_in_proxies("__iter__", iterate)

    assert "`with` body raises" in wrong_endings()


def test_a_block_that_does_not_decide_shows(monkeypatch):
    """
    An iterator that is dropped in a block is not the ending.
    """
    left = call.Call.left

    def at_once(self, *, deferred=False):
        self._blocks = 0
        left(self, deferred=deferred)

    monkeypatch.setattr(call.Call, "left", at_once)

    assert "`with` body raises" in wrong_endings()


def test_looking_ahead_shows(monkeypatch):
    """
    A chunk that is there is not kept back until the next one comes.
    """
    follow = followers.follow_iterator

    def ahead(source):
        source = iter(source)
        held = next(source)
        for chunk in source:
            yield held
            held = chunk
        yield held

    monkeypatch.setattr(
        proxies,
        "follow_iterator",
        lambda call, source, guard: follow(call, ahead(source), guard),
    )

    assert {"exhausted", "break"} <= wrong_endings()


def test_a_task_for_each_chunk_shows(monkeypatch):
    """
    A step that is taken in a task of its own is not the consumer's.
    """
    follow = followers.follow_async_iterator

    class Apart:
        def __init__(self, source):
            self._source = source

        async def __anext__(self):
            return await asyncio.create_task(self._source.__anext__())

    monkeypatch.setattr(
        proxies,
        "follow_async_iterator",
        lambda call, source, guard: follow(call, Apart(source), guard),
    )

    # Ctrl-C in a task of its own stops the event loop, and all of the table.
    wrong = wrong_endings(but="KeyboardInterrupt")
    assert {"exhausted", "timeout outside"} <= wrong


def test_an_exception_that_is_wrapped_shows(monkeypatch):
    """
    The program gets the very exception that was raised.
    """
    follow = followers.follow_iterator

    def wrapping(source):
        try:
            yield from source
        except Exception as exc:
            raise type(exc)(*exc.args) from exc

    monkeypatch.setattr(
        proxies,
        "follow_iterator",
        lambda call, source, guard: follow(call, wrapping(source), guard),
    )

    assert "raises at chunk k" in wrong_endings()


class Peer:
    """The wrapper that everybody writes by hand: forty lines, in short."""

    def decorate(self, function, tracker):
        from llmtrack import track_llm_call

        told = track_llm_call(tracker=tracker)

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            value = function(*args, **kwargs)
            if not hasattr(value, "__iter__"):
                return value

            def chunks():
                try:
                    yield from value
                except Exception:
                    return
                finally:
                    told(lambda: "done")()

            return chunks()

        return wrapper

    def block(self, tracker):
        raise NotImplementedError("a peer has no such thing")


def test_another_instrumentation_can_be_tested():
    """
    The table takes anything that decorates; most of what exists is wrong in it.
    """
    streams = [shape for shape in SHAPES if shape.name == "function returning a stream"]

    cells = run(Peer(), shapes=streams)

    wrong = {cell.ending for cell in cells if cell.wrong}
    assert {"raises at chunk k", "never read", "close() or aclose()"} <= wrong
