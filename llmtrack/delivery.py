"""The queue for what must not run where it arose; flush, exit and fork."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from llmtrack.guard import logger, report

if TYPE_CHECKING:
    from llmtrack.delivery_loop import DeliveryLoop

Job = Callable[[], object]

#: Seconds that the exit of the process waits for trackers.
EXIT_TIMEOUT: Final = 5.0
#: Seconds that a fork waits for the job in hand.
_FORK_TIMEOUT: Final = 1.0


class _Post:
    """A thread for what was handed over, and a loop for what must be awaited."""

    def __init__(self) -> None:
        # Its put is re-entrant, as documented: a finalizer may call it while
        # the very same thread is inside of put. queue.Queue would deadlock.
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: DeliveryLoop | None = None
        self._starting = threading.Lock()
        self._working = threading.RLock()
        self._is_paused = False

    def later(self, job: Job) -> None:
        """Run a job on the delivery thread, in order. Safe in a finalizer."""
        self._jobs.put(job)

    def start(self) -> bool:
        """Start the thread unless it runs. Not for finalizers: it takes locks."""
        if self._thread is None:
            # tiktoken and asyncio need it. It refuses to be imported at exit, and
            # is not to be imported by one thread while another one forks.
            with suppress(RuntimeError):
                import concurrent.futures.thread  # noqa: F401

            with self._starting:
                if self._thread is None:
                    self._thread = start_thread("llmtrack-delivery", self._run)
        return self._thread is not None

    def is_here(self) -> bool:
        """Return whether this is the delivery thread."""
        return threading.current_thread() is self._thread

    def loop(self) -> DeliveryLoop:
        """Return the loop on which async trackers run."""
        if self._loop is None:
            # asyncio takes longer to import than all of llmtrack.
            from llmtrack.delivery_loop import DeliveryLoop

            with self._starting:
                self._loop = self._loop or DeliveryLoop(start_thread)
        return self._loop

    def wait_for_loop(self, timeout: float) -> bool:
        """Wait until async trackers took everything, or time is up."""
        return self._loop is None or self._loop.wait(timeout)

    def wait(self, timeout: float) -> bool:
        """Wait until everything handed over so far is done, or time is up."""
        if self.is_here():
            return self._jobs.empty()
        if not self.start():
            return self._run_here()
        done = threading.Event()
        self.later(done.set)
        return done.wait(timeout)

    def _run_here(self) -> bool:
        """Do the work on this thread: none can be started, at exit."""
        while not self._jobs.empty():
            self._do(self._jobs.get())
        return True

    def _run(self) -> None:
        while True:
            self._do(self._jobs.get())

    def _do(self, job: Job) -> None:
        with self._working:
            try:
                job()
            except BaseException as exc:
                # A KeyboardInterrupt raised by a tracker has no caller here.
                report("delivery", exc)

    def pause(self) -> None:
        """
        Let the job in hand be done before the process forks, for a second at most.

        Counting and pricing import modules when they are first needed. A module
        half imported at the fork is half imported in the child for ever, also for
        the program's own use.
        """
        self._is_paused = self._working.acquire(timeout=_FORK_TIMEOUT)

    def go_on(self) -> None:
        """Do further jobs, in the process that has forked."""
        if self._is_paused:
            self._working.release()


def start_thread(name: str, target: Job) -> threading.Thread | None:
    """Start a thread that does not keep the process alive; None at exit."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        # Nothing is wrong: at exit from Python 3.12 on, the work is done here.
        logger.debug("%s cannot have a thread any more", name, exc_info=True)
        return None
    return thread


#: Flushes the trackers within some seconds; returns whether all was delivered.
Flusher = Callable[[float], bool]
_flushers: list[Flusher] = []
_post = _Post()
_before_exit: list[Job] = []
#: Differs in a forked child, which must not report its parent's calls.
generation: int = 0
#: The generation that runs `at_exit`.
armed: int = -1
_registered: int | None = -1

later: Callable[[Job], None] = _post.later
start: Callable[[], bool] = _post.start
is_here: Callable[[], bool] = _post.is_here
wait: Callable[[float], bool] = _post.wait
loop: Callable[[], DeliveryLoop] = _post.loop


def flush(timeout: float = EXIT_TIMEOUT) -> bool:
    """
    Deliver everything that is known by now.

    Args:
        timeout: Seconds to wait at most, in all.

    Returns:
        Whether all of it was delivered in time.
    """
    deadline = time.monotonic() + timeout
    done = _post.wait(timeout)
    done &= _post.wait_for_loop(max(0.0, deadline - time.monotonic()))
    for flush_trackers in _flushers:
        done &= flush_trackers(max(0.0, deadline - time.monotonic()))
    return done


def on_flush(flusher: Flusher) -> None:
    """Have something flushed too, after what was handed over was delivered."""
    _flushers.append(flusher)


def before_exit(job: Job) -> None:
    """Run a job when the process exits, before the trackers are flushed."""
    _before_exit.append(job)


def at_exit() -> None:
    """End what is open, and give the trackers some seconds."""
    for job in _before_exit:
        _post.later(job)
    if not flush(EXIT_TIMEOUT):
        logger.warning(
            "the process exits, and not every event was delivered within %s s",
            EXIT_TIMEOUT,
        )
    _remember_the_interrupt()


def _remember_the_interrupt() -> None:
    """
    Let a process that Ctrl-C ended exit by the signal, as shells look for.

    Python forgets that when a text is run as code, as dataclasses do when they are
    imported, and is reminded by a text that raises it.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        with suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")


def arm() -> None:
    """
    See to it that this process runs `at_exit`, before what was registered by now.

    What a tracker hands its events to, such as a span processor, is made before
    the tracker, and shuts down by an `atexit` function of its own: the last one
    registered is the first one run. A `multiprocessing` child leaves by
    `os._exit`, which runs none of them, but runs its own finalizers before.
    """
    global armed, _registered
    if _registered is None or _registered != _count_registered():
        atexit.unregister(at_exit)
        atexit.register(at_exit)
        _registered = _count_registered()
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if armed != generation and process and util:
        # Some children import the program before they are known to be children.
        util.register_after_fork(at_exit, _arm_child)
        if process.parent_process():
            _arm_child()
    armed = generation


def _count_registered() -> int | None:
    """
    Return how many functions `atexit` was ever given; None where nobody knows.

    It forgets none of them: to register at each tracker what is registered last
    already would fill its list.
    """
    count = getattr(atexit, "_ncallbacks", None)
    return None if count is None else int(count())


def _arm_child(*_: object) -> None:
    global armed
    sys.modules["multiprocessing.util"].Finalize(None, at_exit, exitpriority=100)
    armed = generation


def _after_fork() -> None:
    global generation
    generation += 1
    # Made anew in place: its methods are known under other names.
    _post.__init__()  # type: ignore[misc]


os.register_at_fork(
    before=_post.pause, after_in_parent=_post.go_on, after_in_child=_after_fork
)
