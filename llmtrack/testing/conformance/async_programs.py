"""What a program does to an async stream: one function for each way to end it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from importlib.util import find_spec
from typing import Any, Final

from .shapes import Session
from .sync_programs import BodyError
from .world import World, forever, turns

AsyncProgram = Callable[[World, Session], Awaitable[None]]

HAS_ANYIO: Final = find_spec("anyio") is not None


async def read_all(world: World, session: Session) -> None:
    """Read the stream to its end."""
    async with session.block() as open_:
        async for chunk in await open_():
            world.saw(chunk)
        world.look("read")


async def break_off(world: World, session: Session) -> None:
    """Leave the loop after two chunks."""
    async with session.block() as open_:
        async for chunk in await open_():
            world.saw(chunk)
            if world.count == 2:
                break
        world.look("broken off")
    await turns(world, world.look)


async def take_two(world: World, session: Session) -> None:
    """Take two chunks, and drop the stream."""
    async with session.block() as open_:
        stream = await open_()
        world.saw(await anext(stream))
        world.saw(await anext(stream))
        del stream
        world.look("dropped")
    await turns(world, world.look)


async def close(world: World, session: Session) -> None:
    """Close the stream after two chunks, and read on."""
    async with session.block() as open_:
        stream = await open_()
        world.saw(await anext(stream))
        world.saw(await anext(stream))
        await _close(stream)
        world.look("closed")
        world.note(f"then {await anext(stream, 'nothing')}")


async def close_twice(world: World, session: Session) -> None:
    """Close the stream, and once more."""
    async with session.block() as open_:
        stream = await open_()
        world.saw(await anext(stream))
        await _close(stream)
        world.look("closed")
        await _close(stream)


async def drop(world: World, session: Session) -> None:
    """Drop the stream after two chunks."""
    async with session.block() as open_:
        stream = await open_()
        world.saw(await anext(stream))
        world.saw(await anext(stream))
        with world.dropping():
            del stream
        await turns(world, world.look)


async def drop_in_a_cycle(world: World, session: Session) -> None:
    """Drop the stream in a cycle of references."""
    async with session.block() as open_:
        cycle = [await open_()]
        world.saw(await anext(cycle[0]))
        cycle.append(cycle)
        with world.dropping():
            del cycle
        await turns(world, world.look)


async def never_read(world: World, session: Session) -> None:
    """Get the stream, and drop it."""
    async with session.block() as open_:
        stream = await open_()
        with world.dropping():
            del stream
        await turns(world, world.look)


async def leave(world: World, session: Session) -> None:
    """Leave the stream's `with` block after two chunks."""
    async with session.block(own=True) as open_:
        stream = await open_()
        world.saw(await anext(stream))
        world.saw(await anext(stream))
    world.look("left")


async def raise_in_the_body(world: World, session: Session) -> None:
    """Raise in the body of the stream's `with` block."""
    async with session.block(own=True) as open_:
        async for chunk in await open_():
            world.saw(chunk)
            if world.count == 2:
                raise world.know(BodyError("in the body"))


async def raise_after_the_end(world: World, session: Session) -> None:
    """Raise when the stream has been read to its end."""
    async with session.block(own=session.shape.kind == "stream") as open_:
        async for chunk in await open_():
            world.saw(chunk)
        raise world.know(BodyError("after the end"))


async def throw(world: World, session: Session) -> None:
    """Throw an exception into the async generator."""
    async with session.block() as open_:
        stream = await open_()
        world.saw(await anext(stream))
        world.saw(await anext(stream))
        world.saw(await stream.athrow(world.know(BodyError("thrown in"))))


async def cancel_a_wait(world: World, session: Session) -> None:
    """Cancel the task that waits for a chunk."""
    await _cancelled(world, read_all(world, session))


async def cancel_between_steps(world: World, session: Session) -> None:
    """Cancel the task that waits for something else, between chunks."""

    async def consume() -> None:
        async with session.block() as open_:
            async for chunk in await open_():
                world.saw(chunk)
                if world.count == 2:
                    await forever()

    await _cancelled(world, consume())


async def time_out_inside(world: World, session: Session) -> None:
    """Let a timeout inside of the block cancel a wait."""
    async with session.block() as open_, asyncio.timeout(0):
        async for chunk in await open_():
            world.saw(chunk)


async def time_out_outside(world: World, session: Session) -> None:
    """Let a timeout around the block cancel a wait."""
    async with asyncio.timeout(0):
        await read_all(world, session)


async def leave_a_cancelled_scope(world: World, session: Session) -> None:
    """Let anyio's cancel scope cancel a wait."""
    import anyio

    with anyio.CancelScope() as scope:
        async with session.block() as open_:
            try:
                async for chunk in await open_():
                    world.saw(chunk)
                    if world.count == 2:
                        scope.cancel()
            except BaseException as exc:
                world.raised(exc)
                raise
    world.note(f"caught {scope.cancelled_caught}")


async def end_in_a_thread(world: World, session: Session) -> None:
    """Read two chunks in an event loop of a thread that ends then."""

    async def consume() -> None:
        async with session.block() as open_:
            stream = await open_()
            world.saw(await anext(stream))
            world.saw(await anext(stream))

    _in_a_thread(consume)
    world.look("thread ended")


async def read_in_another_task(world: World, session: Session) -> None:
    """Open the stream here, and read it in another task."""
    async with session.block() as open_:
        stream = await open_()
        world.saw(await anext(stream))

        async def consume() -> None:
            async for chunk in stream:
                world.saw(chunk)

        await asyncio.create_task(consume())
        world.look("task ended")


async def fail_close_drop(world: World, session: Session) -> None:
    """Close the stream that has failed, drop it, and raise again."""
    async with session.block() as open_:
        stream = await open_()
        try:
            async for chunk in stream:
                world.saw(chunk)
        except Exception as exc:
            world.raised(exc)
            await _close(stream)
            world.look("closed")
            with world.dropping():
                del stream
            # A block is left by the error all the same.
            raise


async def break_after_the_finish_reason(world: World, session: Session) -> None:
    """Leave the loop when the finish reason was there."""
    async with session.block() as open_:
        async for chunk in await open_():
            world.saw(chunk)
            if world.count == 3:
                break
    await turns(world, world.look)


async def close_after_the_finish_reason(world: World, session: Session) -> None:
    """Close the stream when the finish reason was there."""
    async with session.block() as open_:
        stream = await open_()
        for _ in range(3):
            world.saw(await anext(stream))
        await _close(stream)
        world.look("closed")


# Of a coroutine that returns a whole response.


async def call(world: World, session: Session) -> None:
    """Await the response."""
    world.saw(await session.call())


async def cancel_the_call(world: World, session: Session) -> None:
    """Cancel the task that waits for the response."""
    await _cancelled(world, call(world, session))


async def time_the_call_out(world: World, session: Session) -> None:
    """Let a timeout cancel the wait for the response."""
    async with asyncio.timeout(0):
        await call(world, session)


async def leave_a_cancelled_scope_in_the_call(world: World, session: Session) -> None:
    """Let anyio's cancel scope cancel the wait for the response."""
    import anyio

    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await call(world, session)
        except BaseException as exc:
            world.raised(exc)
            raise
    world.note(f"caught {scope.cancelled_caught}")


async def never_await(world: World, session: Session) -> None:
    """Make the coroutine, and never await it."""
    pending = session.call()
    # Python warns of a coroutine that is dropped without either.
    pending.close()


async def close_the_coroutine(world: World, session: Session) -> None:
    """Close the coroutine that waits."""
    pending = session.call()
    pending.send(None)
    pending.close()
    world.look("closed")
    pending.close()


async def drop_the_coroutine(world: World, session: Session) -> None:
    """Drop the coroutine that waits."""
    pending = session.call()
    pending.send(None)
    with world.dropping():
        del pending
    world.look("dropped")


async def throw_into_the_coroutine(world: World, session: Session) -> None:
    """Throw an exception into the coroutine that waits."""
    pending = session.call()
    pending.send(None)
    pending.throw(world.know(BodyError("thrown in")))


async def call_in_a_thread(world: World, session: Session) -> None:
    """Await the coroutine in an event loop of another thread."""
    _in_a_thread(lambda: call(world, session))


async def call_in_another_task(world: World, session: Session) -> None:
    """Await the coroutine in another task."""
    pending = session.call()
    world.saw(await asyncio.create_task(pending))


async def _close(stream: Any) -> None:
    if hasattr(stream, "aclose"):
        await stream.aclose()
    else:
        await stream.close()


async def _cancelled(world: World, consume: Coroutine[Any, Any, None]) -> None:
    async def seen() -> None:
        try:
            await consume
        except BaseException as exc:
            world.raised(exc)
            raise

    task = asyncio.create_task(seen())
    await turns(world)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        world.look("cancelled")
    await turns(world, world.look)


def _in_a_thread(consume: Callable[[], Coroutine[Any, Any, None]]) -> None:
    thread = threading.Thread(target=lambda: asyncio.run(consume()))
    thread.start()
    thread.join()
