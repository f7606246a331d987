"""What a program does to a sync stream: one function for each way to end it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import islice

from .shapes import Session
from .world import World

Program = Callable[[World, Session], None]


class BodyError(Exception):
    """Something in the program that reads the stream went wrong."""


def read_all(world: World, session: Session) -> None:
    """Read the stream to its end."""
    with session.block() as open_:
        for chunk in open_():
            world.saw(chunk)
        world.look("read")


def call(world: World, session: Session) -> None:
    """Call, and take the response."""
    world.saw(session.call())


def break_off(world: World, session: Session) -> None:
    """Leave the loop after two chunks."""
    with session.block() as open_:
        for chunk in open_():
            world.saw(chunk)
            if world.count == 2:
                break
        world.look("broken off")


def take_two(world: World, session: Session) -> None:
    """Take two chunks, and drop the stream."""
    with session.block() as open_:
        stream = open_()
        for chunk in islice(stream, 2):
            world.saw(chunk)
        world.look("sliced")
        del stream
        world.look("dropped")


def close(world: World, session: Session) -> None:
    """Close the stream after two chunks, and read on."""
    with session.block() as open_:
        stream = open_()
        world.saw(next(stream))
        world.saw(next(stream))
        stream.close()
        world.look("closed")
        world.note(f"then {next(stream, 'nothing')}")


def close_twice(world: World, session: Session) -> None:
    """Close the stream, and once more."""
    with session.block() as open_:
        stream = open_()
        world.saw(next(stream))
        stream.close()
        world.look("closed")
        stream.close()


def drop(world: World, session: Session) -> None:
    """Drop the stream after two chunks."""
    with session.block() as open_:
        stream = open_()
        world.saw(next(stream))
        world.saw(next(stream))
        with world.dropping():
            del stream
        world.look("dropped")


def drop_in_a_cycle(world: World, session: Session) -> None:
    """Drop the stream in a cycle of references."""
    with session.block() as open_:
        cycle = [open_()]
        world.saw(next(cycle[0]))
        cycle.append(cycle)
        with world.dropping():
            del cycle
        world.look("dropped")


def never_read(world: World, session: Session) -> None:
    """Get the stream, and drop it."""
    with session.block() as open_:
        stream = open_()
        with world.dropping():
            del stream
        world.look("dropped")


def leave(world: World, session: Session) -> None:
    """Leave the stream's `with` block after two chunks."""
    with session.block(own=True) as open_:
        stream = open_()
        world.saw(next(stream))
        world.saw(next(stream))
    world.look("left")


def raise_in_the_body(world: World, session: Session) -> None:
    """Raise in the body of the stream's `with` block."""
    with session.block(own=True) as open_:
        for chunk in open_():
            world.saw(chunk)
            if world.count == 2:
                raise world.know(BodyError("in the body"))


def raise_after_the_end(world: World, session: Session) -> None:
    """Raise when the stream has been read to its end."""
    with session.block(own=session.shape.kind == "stream") as open_:
        for chunk in open_():
            world.saw(chunk)
        raise world.know(BodyError("after the end"))


def throw(world: World, session: Session) -> None:
    """Throw an exception into the generator."""
    with session.block() as open_:
        stream = open_()
        world.saw(next(stream))
        world.saw(next(stream))
        world.saw(stream.throw(world.know(BodyError("thrown in"))))


def end_in_a_thread(world: World, session: Session) -> None:
    """Read two chunks in a thread that ends then."""

    def consume() -> None:
        with session.block() as open_:
            stream = open_()
            world.saw(next(stream))
            world.saw(next(stream))

    _in_a_thread(consume)
    world.look("thread ended")


def read_in_another_thread(world: World, session: Session) -> None:
    """Open the stream here, and read it in another thread."""
    with session.block() as open_:
        stream = open_()
        world.saw(next(stream))

        def consume() -> None:
            for chunk in stream:
                world.saw(chunk)

        _in_a_thread(consume)
        world.look("thread ended")


def call_in_another_thread(world: World, session: Session) -> None:
    """Call in another thread."""
    _in_a_thread(lambda: world.saw(session.call()))


def fail_close_drop(world: World, session: Session) -> None:
    """Close the stream that has failed, drop it, and raise again."""
    with session.block() as open_:
        stream = open_()
        try:
            for chunk in stream:
                world.saw(chunk)
        except Exception as exc:
            world.raised(exc)
            stream.close()
            world.look("closed")
            with world.dropping():
                del stream
            # A block is left by the error all the same.
            raise


def break_after_the_finish_reason(world: World, session: Session) -> None:
    """Leave the loop when the finish reason was there."""
    with session.block() as open_:
        for chunk in open_():
            world.saw(chunk)
            if world.count == 3:
                break


def close_after_the_finish_reason(world: World, session: Session) -> None:
    """Close the stream when the finish reason was there."""
    with session.block() as open_:
        stream = open_()
        for _ in range(3):
            world.saw(next(stream))
        stream.close()
        world.look("closed")


def _in_a_thread(consume: Callable[[], None]) -> None:
    thread = threading.Thread(target=consume)
    thread.start()
    thread.join()
