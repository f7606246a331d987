"""
The ways in which a process ends, each with streams open.

What is possible is delivered; the last tests hold what is not, which
docs/guarantees.md says plainly.
"""

import signal
import sys

import pytest

needs_fork = pytest.mark.skipif(
    not hasattr(signal, "SIGUSR1"), reason="this system does not fork"
)


def test_streams_that_are_open_at_the_exit_are_abandoned(run):
    """
    Held by a module, by nobody, or in a block that is never left.
    """
    ended = run("""
        held = follow("held", Script(chunks).stream)()
        next(held)
        unread = follow("unread", Script(chunks).stream)()
        generator = follow("generator", Script(chunks).generator)()
        next(generator)
        cycle = [follow("in a cycle", Script(chunks).stream)()]
        cycle.append(cycle)
        del cycle
        block = tracked_stream(tracker, name="block").__enter__()
        next(block(Script(chunks).stream()))
        """)

    names = {"held", "unread", "generator", "in a cycle", "block"}
    assert dict.fromkeys(names, "abandoned") == ended.outcomes
    assert "" == ended.errors


def test_what_arrived_by_the_exit_is_on_the_record(run):
    """
    Chunks, times and estimated tokens of an open stream are those of the moment.
    """
    ended = run("""
        held = answer()
        next(held), next(held)
        """)

    [record] = ended.records
    assert 2 == record["chunks"]
    assert record["completion_tokens"] > 0
    assert record["time_to_first_token_seconds"] > 0


def test_a_stream_whose_finish_reason_was_seen_is_a_success_at_exit(run):
    """
    The answer was whole when the process ended.
    """
    ended = run("""
        held = answer()
        for _ in range(4):
            next(held)
        """)

    assert {"answer": "success"} == ended.outcomes


def test_sys_exit_in_a_consumer_leaves_a_bare_stream(run):
    """
    Of an iterator that is dropped nothing more can be known.
    """
    ended = run(
        """
        for chunk in answer():
            sys.exit(3)
        """,
        code=3,
    )

    assert {"answer": "abandoned"} == ended.outcomes


def test_sys_exit_in_a_block_cancels_the_call(run):
    """
    The block sees the SystemExit that leaves it.
    """
    ended = run(
        """
        with tracked_stream(tracker) as tracked:
            for chunk in tracked(Script(chunks).stream()):
                sys.exit(3)
        """,
        code=3,
    )

    assert {"stream": "cancelled"} == ended.outcomes


def test_an_unhandled_exception_ends_a_bare_stream(run):
    """
    The traceback is printed as ever, and the record is written.
    """
    ended = run(
        """
        for chunk in answer():
            raise KeyError("unhandled")
        """,
        code=1,
    )

    assert {"answer": "abandoned"} == ended.outcomes
    assert ended.errors.endswith("KeyError: 'unhandled'\n")


def test_an_unhandled_exception_is_the_error_of_its_block(run):
    """
    The block sees the exception that leaves it.
    """
    ended = run(
        """
        with tracked_stream(tracker) as tracked:
            for chunk in tracked(Script(chunks).stream()):
                raise KeyError("unhandled")
        """,
        code=1,
    )

    [record] = ended.records
    assert "error" == record["outcome"]
    assert "KeyError" == record["error_type"]


@needs_fork
def test_ctrl_c_while_waiting_cancels_the_call(run, interrupted):
    """
    SIGINT raises KeyboardInterrupt inside of the step.
    """
    ended = run("list(waiting())", send=signal.SIGINT, code=interrupted)

    assert {"answer": "cancelled"} == ended.outcomes
    assert ended.errors.endswith("KeyboardInterrupt\n")


@needs_fork
def test_ctrl_c_cancels_what_asyncio_runs(run, interrupted):
    """
    asyncio.run cancels its task on SIGINT.
    """
    ended = run(
        """
        async def source():
            yield "Hel"
            print("ready", flush=True)
            await sleep_async()

        async def main():
            async for chunk in follow("answer", source)():
                pass

        asyncio.run(main())
        """,
        send=signal.SIGINT,
        code=interrupted,
    )

    assert {"answer": "cancelled"} == ended.outcomes


@needs_fork
def test_sigterm_that_is_handled_ends_the_call(run):
    """
    A handler that raises SystemExit, as servers have it, is all that it takes.
    """
    ended = run(
        """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        list(waiting())
        """,
        send=signal.SIGTERM,
    )

    assert {"answer": "cancelled"} == ended.outcomes


@needs_fork
def test_a_forked_child_reports_nothing_of_its_parent(run):
    """
    The child exits, drops and even reads the stream; only the parent reports it.
    """
    ended = run("""
        stream = answer()
        next(stream)
        for act in ("exit", "drop", "read"):
            child = os.fork()
            if not child:
                if act == "drop":
                    del stream
                elif act == "read":
                    assert 3 == len(list(stream))
                sys.exit(0)
            assert 0 == os.waitpid(child, 0)[1]
        list(stream)
        """)

    assert {"answer": "success"} == ended.outcomes
    assert 4 == ended.records[0]["chunks"]


@needs_fork
def test_a_forked_child_reports_its_own_calls(run):
    """
    The delivery of the child starts anew, also in a fork out of a block.
    """
    ended = run("""
        with tracked_stream(tracker, name="parent") as tracked:
            stream = tracked(Script(chunks).stream())
            next(stream)
            child = os.fork()
            if not child:
                own = follow("child", Script(chunks).stream)()
                next(own)
                sys.exit(0)
            assert 0 == os.waitpid(child, 0)[1]
            list(stream)
        """)

    assert {"parent": "success", "child": "abandoned"} == ended.outcomes


@needs_fork
def test_a_fork_while_threads_are_told_does_not_deadlock(run):
    """
    Whatever lock was held by another thread is not needed in the child.

    All that is imported at first use is there: no process can be forked while
    another thread imports something, llmtrack or anything else.
    """
    ended = run("""
        import llmtrack

        list(follow("warm", Script(chunks).stream)())
        follow("warm", lambda: "text")()
        assert llmtrack.flush()
        going = True

        def work():
            while going:
                follow("thread", lambda: "text")()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        children = []
        for number in range(10):
            child = os.fork()
            if not child:
                list(follow(f"child {number}", Script(chunks).stream)())
                os._exit(0 if llmtrack.flush(5.0) else 1)
            children.append(child)
        codes = [os.waitpid(child, 0)[1] for child in children]
        going = False
        for thread in threads:
            thread.join()
        assert [0] * 10 == codes, codes
        """)

    children = [name for name in ended.names if name.startswith("child")]
    assert {f"child {number}" for number in range(10)} == set(children)
    assert 10 == len(children)


@pytest.mark.parametrize(
    "method", ["spawn", pytest.param("fork", marks=needs_fork), "forkserver"]
)
def test_a_multiprocessing_child_delivers_at_its_end(run, method):
    """
    Such a child leaves by os._exit, and delivers before that.
    """
    ended = run(f"""
        import multiprocessing


        def work():
            global held
            held = follow("child", Script(chunks).stream)()
            next(held)


        if __name__ == "__main__":
            parents = follow("parent", Script(chunks).stream)()
            next(parents)
            child = multiprocessing.get_context("{method}").Process(target=work)
            child.start()
            child.join()
            assert child.exitcode == 0
        """)

    assert {"child": "abandoned", "parent": "abandoned"} == ended.outcomes


def test_a_pool_of_threads_finishes_what_it_reads(run):
    """
    The interpreter waits for the pool, and the records wait for nobody.
    """
    ended = run("""
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(4)
        slow = Script(chunks, on_step=lambda step: time.sleep(0.01)).stream
        for number in range(8):
            pool.submit(lambda name: list(follow(name, slow)()), f"call {number}")
        """)

    assert {f"call {number}": "success" for number in range(8)} == ended.outcomes


def test_a_daemon_thread_that_still_reads_is_abandoned(run):
    """
    Nobody waits for a daemon thread: its call ends with the process.
    """
    ended = run("""
        ready = threading.Event()

        def wait(step):
            if step == 1:
                ready.set()
                sleep()

        endless = follow("answer", Script(chunks, on_step=wait).stream)
        threading.Thread(target=lambda: list(endless()), daemon=True).start()
        ready.wait()
        """)

    assert {"answer": "abandoned"} == ended.outcomes


def test_a_loop_that_ends_cancels_what_is_pending(run):
    """
    asyncio.run cancels the tasks that are left, and closes what is open.
    """
    ended = run("""
        waiting = Script(chunks, hangs_at=1)

        async def read(stream):
            async for chunk in stream:
                pass

        async def main():
            global task, held, generator
            task = asyncio.create_task(
                read(follow("pending", waiting.async_generator)())
            )
            held = follow("held", waiting.async_stream)()
            await anext(held)
            generator = follow("generator", waiting.async_generator)()
            await anext(generator)

        asyncio.run(main())
        """)

    expected = {"pending": "cancelled", "held": "abandoned", "generator": "abandoned"}
    assert expected == ended.outcomes
    assert "" == ended.errors


def test_a_loop_that_is_never_closed_loses_nothing(run):
    """
    A stream of a loop that is just left is abandoned.
    """
    ended = run("""
        loop = asyncio.new_event_loop()

        async def main():
            global stream
            stream = follow("answer", Script(chunks).async_generator)()
            await anext(stream)

        loop.run_until_complete(main())
        loop.close()
        """)

    assert {"answer": "abandoned"} == ended.outcomes


def test_calls_at_exit_are_delivered(run):
    """
    An `atexit` function of the program may call models too.
    """
    ended = run("""
        import atexit

        atexit.register(lambda: list(answer()))
        """)

    assert {"answer": "success"} == ended.outcomes


def test_a_finalizer_at_shutdown_is_survived(run):
    """
    Streams that die with their module, behind `atexit`, raise nothing.
    """
    ended = run("""
        class Client:
            def __init__(self):
                self.stream = answer()
                next(self.stream)

            def __del__(self):
                self.stream.close()

        client = Client()
        sys.modules["keep"] = client
        """)

    assert {"answer": "abandoned"} == ended.outcomes
    assert "" == ended.errors


def test_an_async_tracker_is_waited_for(run):
    """
    What an async tracker still has to take at the exit, it gets.
    """
    ended = run("""
        class Async:
            def __init__(self):
                self.inner = tracker
                self.events = tracker.events

            async def track(self, event):
                await asyncio.sleep(0.01)
                self.inner.track(event)

        stream = track_llm_call(tracker=Async(), name="answer")(Script(chunks).stream)()
        next(stream)
        """)

    assert {"answer": "abandoned"} == ended.outcomes


# What cannot be guaranteed.


@needs_fork
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_that_is_killed_writes_nothing(run, number):
    """
    Without a handler SIGTERM runs no Python any more, and SIGKILL never does.
    """
    ended = run("list(waiting())", send=number, code=-number)

    assert [] == ended.records


def test_os_exit_writes_nothing(run):
    """
    `os._exit` skips everything.
    """
    ended = run("""
        stream = answer()
        next(stream)
        os._exit(0)
        """)

    assert [] == ended.records


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_flush_before_os_exit_delivers_what_has_ended(run):
    """
    What is over by then is delivered, if somebody asks for it.
    """
    ended = run("""
        import llmtrack

        for chunk in answer():
            break
        del chunk
        assert llmtrack.flush()
        os._exit(0)
        """)

    assert {"answer": "abandoned"} == ended.outcomes
