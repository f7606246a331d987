"""Queues that are bounded, and threads that do not stay."""

import asyncio
import dataclasses
import gc
import threading
import weakref

import pytest

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, CallStarted
from llmtrack.trackers import Background, Batched, Filtered
from llmtrack.trackers import worker as worker_module

PATIENCE = 10.0


class Gate:
    """A tracker that does nothing until it is let."""

    def __init__(self):
        self.entered = threading.Event()
        self.open = threading.Event()
        self.seen = []

    def track(self, event):
        self.entered.set()
        self.open.wait(PATIENCE)
        self.seen.append(event.call.call_id)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


def start(make_call, call_id="x"):
    return CallStarted(make_call(call_id=call_id), 0.0)


def test_events_arrive_in_order_on_another_thread(told, make_record, events_of):
    """
    The program's thread only puts; flush waits for the rest.
    """
    threads = set()
    events = events_of(make_record())
    keep = told.track
    told.track = lambda event: (threads.add(threading.current_thread()), keep(event))
    background = Background(told)

    for event in events:
        background.track(event)

    assert background.flush(PATIENCE)
    assert events == told.seen
    assert threads.isdisjoint({threading.current_thread()})
    assert (len(events), 0, 0) == (
        background.delivered,
        background.failed,
        background.dropped,
    )


@pytest.mark.parametrize(
    ("overflow", "kept"),
    [("drop_oldest", ["0", "8", "9"]), ("drop_newest", ["0", "1", "2"])],
)
def test_a_full_queue_drops_and_counts(gate, make_call, overflow, kept):
    """
    Nothing grows behind a slow tracker.
    """
    background = Background(gate, queue_size=2, overflow=overflow)

    background.track(start(make_call, "0"))
    gate.entered.wait(PATIENCE)
    for number in range(1, 10):
        background.track(start(make_call, str(number)))
    gate.open.set()

    assert background.flush(PATIENCE)
    assert kept == gate.seen
    assert 7 == background.dropped


def test_a_full_queue_may_make_the_program_wait(gate, make_call):
    """
    With `overflow="block"` nothing is dropped.
    """
    background = Background(gate, queue_size=1, overflow="block")

    def put():
        for number in range(5):
            background.track(start(make_call, str(number)))

    thread = threading.Thread(target=put)
    thread.start()
    gate.entered.wait(PATIENCE)
    gate.open.set()
    thread.join(PATIENCE)

    assert background.flush(PATIENCE)
    assert list("01234") == gate.seen
    assert 0 == background.dropped


def test_a_tracker_that_never_returns_holds_up_nobody(gate, make_call, caplog):
    """
    Putting stays quick, flush ends with its time, and says what is left.
    """
    background = Background(gate, queue_size=10)
    background.track(start(make_call))
    gate.entered.wait(PATIENCE)

    for _ in range(1000):
        background.track(start(make_call))

    assert not background.flush(0.01)
    assert "did not deliver 11 events" in caplog.text


def test_a_tracker_that_raises_is_counted_and_logged_once(make_record, caplog):
    """
    The thread survives what the tracker does.
    """

    def fail(record):
        raise SystemExit(3)

    background = Background(fail)
    record = make_record()

    for _ in range(5):
        background.track(CallEnded(record, 1.0, record))

    assert background.flush(PATIENCE)
    assert (0, 5) == (background.delivered, background.failed)
    assert 1 == len(caplog.records)


def test_an_async_tracker_keeps_its_loop(make_call):
    """
    A session that belongs to a loop works from one event to the next.
    """
    loops = []

    class Async:
        async def track(self, event):
            await asyncio.sleep(0)
            loops.append(asyncio.get_running_loop())

    background = Background(Async())
    background.track(start(make_call))
    background.track(start(make_call))
    background.flush(PATIENCE)
    background.close()

    assert 2 == len(loops)
    assert loops[0] is loops[1]


def test_the_exception_is_not_kept(gate, make_record):
    """
    An event that waits does not hold the stream by way of the traceback.
    """

    class BoomError(Exception):
        """Something that can be watched."""

    background = Background(gate)
    record = make_record()
    boom = BoomError()
    gone = weakref.ref(boom)

    for _ in range(2):
        background.track(CallEnded(record, 1.0, record, boom))
    del boom
    gc.collect()

    assert gone() is None


def test_flush_reaches_the_tracker_behind(told, make_call):
    """
    A tracker behind that delivers later is flushed too, after the events.
    """
    order = []
    told.track = lambda event: order.append("track")
    told.flush = lambda timeout: order.append("flush")

    background = Background(told)
    background.track(start(make_call))

    assert background.flush(PATIENCE)
    assert ["track", "flush"] == order


def test_flush_waits_for_everything_before_it(gate, make_call):
    """
    The tracker behind is flushed when it has what was put before, not sooner.
    """
    when_flushed = []
    gate.flush = lambda timeout: when_flushed.append(len(gate.seen))
    background = Background(gate)
    for number in range(5):
        background.track(start(make_call, str(number)))
    gate.entered.wait(PATIENCE)
    threading.Timer(0.01, gate.open.set).start()

    assert background.flush(PATIENCE)
    assert [5] == when_flushed


def test_a_flush_that_fails_is_not_done(told, make_call, caplog):
    """
    What the tracker behind could not deliver is not called delivered.
    """
    told.flush = lambda timeout: 1 / 0

    background = Background(told)
    background.track(start(make_call))

    assert not background.flush(PATIENCE)


def test_flush_from_the_tracker_itself_does_not_wait_for_itself(make_call):
    """
    A tracker that calls `llmtrack.flush()` gets False, and no deadlock.
    """
    answers = []

    class Impatient:
        def track(self, event):
            answers.append(background.flush(PATIENCE))

    background = Background(Impatient())
    background.track(start(make_call))

    assert background.flush(PATIENCE)
    assert [False] == answers


def test_close_delivers_and_then_drops(told, make_call):
    """
    After close nothing is delivered; it is counted as dropped.
    """
    closed = []
    told.close = lambda: closed.append(True)
    background = Background(told)
    background.track(start(make_call))

    background.close()
    background.track(start(make_call))

    assert (1, 1) == (background.delivered, background.dropped)
    assert [True] == closed
    assert background.flush(PATIENCE)


def test_a_thread_that_has_nothing_to_do_ends(told, make_call, monkeypatch):
    """
    A Background that is not used any more leaves no thread behind.
    """
    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 0.001)
    background = Background(told)
    background.track(start(make_call))
    background.flush(PATIENCE)
    thread = background._worker._thread

    if thread is not None:
        thread.join(PATIENCE)
    background.track(start(make_call))

    assert background.flush(PATIENCE)
    assert 2 == len(told.seen)


def test_what_the_tracker_behind_wants_is_asked_for(make_told):
    """
    `events` and `activate` are those of the tracker behind.
    """
    tracker = make_told(frozenset({CallEnded}))
    tracker.activate = lambda call: None

    background = Background(tracker)

    assert frozenset({CallEnded}) == background.events
    assert tracker.activate is background.activate
    assert not hasattr(Background(make_told()), "activate")


def test_a_batch_is_full_or_due(make_call):
    """
    The handler gets a list as soon as there are so many.
    """
    batches = []
    arrived = threading.Semaphore(0)

    def handle(events):
        batches.append([event.call.call_id for event in events])
        arrived.release()

    batched = Batched(handle, size=3, seconds=PATIENCE)
    for number in range(7):
        batched.track(start(make_call, str(number)))
    arrived.acquire(timeout=PATIENCE)
    arrived.acquire(timeout=PATIENCE)
    batched.flush(PATIENCE)

    assert [list("012"), list("345"), ["6"]] == batches


def test_a_batch_that_does_not_fill_is_delivered_when_it_is_due(make_call):
    """
    The first event waits no longer than `seconds` for the others.
    """
    arrived = threading.Event()

    batched = Batched(lambda events: arrived.set(), size=100, seconds=0.001)
    batched.track(start(make_call))

    assert arrived.wait(PATIENCE)


def test_a_batch_of_ends_only(make_record, events_of):
    """
    `Filtered` in front decides what is batched.
    """
    batches = []
    tracker = Filtered(Batched(batches.append), events=CallEnded)

    for event in events_of(make_record()):
        tracker.track(event)
    tracker.flush(PATIENCE)

    assert [[CallEnded]] == [[type(event) for event in batch] for batch in batches]


def test_an_async_handler_is_awaited(make_call):
    """
    A handler may be async.
    """
    batches = []

    async def handle(events):
        batches.append(len(events))

    batched = Batched(handle)
    batched.track(start(make_call))
    batched.close()

    assert [1] == batches


def test_many_threads_put_and_none_is_lost(make_call):
    """
    Every event is delivered once, however many threads put.
    """
    seen = []
    batched = Batched(lambda events: seen.extend(events), size=50, seconds=0.001)
    event = start(make_call)

    def put(thread):
        for number in range(500):
            batched.track(dataclasses.replace(event, elapsed=thread * 1000 + number))

    threads = [threading.Thread(target=put, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batched.flush(PATIENCE)

    assert 4000 == len({event.elapsed for event in seen}) == len(seen)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Background(42),
        lambda: Background(print, queue_size=0),
        lambda: Background(print, queue_size="many"),
        lambda: Background(print, overflow="wait"),
        lambda: Batched(42),
        lambda: Batched(lambda: None),
        lambda: Batched(print, size=0),
        lambda: Batched(print, seconds=-1),
        lambda: Batched(print, seconds=float("nan")),
    ],
)
def test_what_cannot_work_is_refused(make):
    """
    A wrong argument is an error at set-up.
    """
    with pytest.raises(ConfigurationError):
        make()


def test_a_forked_child_delivers_its_own(run_python):
    """
    What waits in the parent is the parent's; the child has a thread of its own.
    """
    done = run_python(
        """
        out = os.dup(1)
        def write(record):
            os.write(out, f"{record.call_id} {os.getpid() == parent}\\n".encode())
            if record.call_id == "first":
                gate.wait(10)
        parent = os.getpid()
        gate = threading.Event()
        tracker = trackers.Background(write)
        tracker.track(ended("first"))
        tracker.track(ended("parent"))
        pid = os.fork()
        if pid == 0:
            tracker.track(ended("child"))
            tracker.flush(10)
            os._exit(0)
        os.waitpid(pid, 0)
        gate.set()
        tracker.flush(10)
        """
    )

    assert {"first True", "parent True", "child False"} == set(
        done.stdout.split("\n")
    ) - {""}
    assert 3 == len(done.stdout.splitlines())


def test_what_ends_at_exit_is_delivered_at_exit(run_python):
    """
    Where no thread can be started any more, flush delivers by itself.
    """
    done = run_python(
        """
        import atexit
        tracker = trackers.Background(lambda record: print(record.call_id))
        def at_exit():
            tracker.track(ended("last"))
            print(tracker.flush(10))
        atexit.register(at_exit)
        """
    )

    assert ["last", "True"] == done.stdout.split()
    assert "" == done.stderr


def test_a_tracker_that_never_returns_does_not_keep_the_process(run_python):
    """
    The thread is a daemon: exit takes as long as flush is given.
    """
    done = run_python(
        """
        tracker = trackers.Background(lambda record: threading.Event().wait())
        tracker.track(ended("x"))
        print(tracker.flush(0.05))
        """
    )

    assert (0, "False\n") == (done.returncode, done.stdout)
