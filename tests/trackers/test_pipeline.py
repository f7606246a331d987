"""Filters, transformations, callbacks, logs, and the recipes."""

import asyncio
import dataclasses
import json
import logging

import pytest

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, CallStarted, Delta, Event, FirstToken, UsageKnown
from llmtrack.record import Outcome
from llmtrack.trackers import Callbacks, Filtered, LoggingTracker, Transformed, recipes


def tell(tracker, events):
    for event in events:
        tracker.track(event)


@pytest.mark.parametrize("events", [CallEnded, {CallEnded}, [CallEnded]])
def test_events_of_some_kinds_pass(told, make_record, events_of, events):
    """
    A class, or a collection of them.
    """
    tell(Filtered(told, events=events), events_of(make_record()))

    assert ["CallEnded"] == told.names


def test_deltas_can_be_asked_for_by_a_filter(told, make_delta):
    """
    A tracker that does not say what it wants gets what the filter says.
    """
    filtered = Filtered(told, events={Delta})

    filtered.track(make_delta())

    assert frozenset({Delta}) == filtered.events
    assert ["Delta"] == told.names


def test_a_filter_through_which_nothing_passes_is_refused(make_told):
    """
    A tracker that wants ends only gets nothing from a filter for starts.
    """
    with pytest.raises(ConfigurationError, match="no event would pass"):
        Filtered(make_told(frozenset({CallEnded})), events=CallStarted)


@pytest.mark.parametrize("providers", ["openai", ["openai", "groq"]])
def test_calls_of_some_providers_pass(told, make_record, events_of, providers):
    """
    One name, or several.
    """
    filtered = Filtered(told, providers=providers)

    tell(filtered, events_of(make_record()))
    tell(filtered, events_of(make_record(provider="anthropic")))
    tell(filtered, events_of(make_record(provider=None)))

    assert 4 == len(told.seen)


@pytest.mark.parametrize(
    "models", ["gpt-4o-mini", "gpt-4o*", ["gpt-?o-mini"], "gpt-4o-mini-2024-07-18"]
)
def test_calls_of_some_models_pass(told, make_record, models):
    """
    By the requested or the answering name, with wildcards.
    """
    filtered = Filtered(told, models=models)

    for model in ("gpt-4o-mini", "claude-sonnet-4"):
        answered = "gpt-4o-mini-2024-07-18" if model == "gpt-4o-mini" else None
        record = make_record(request_model=model, response_model=answered)
        filtered.track(CallEnded(record, 1.0, record))

    assert ["gpt-4o-mini"] == [event.record.request_model for event in told.seen]


def test_a_predicate_decides(told, make_record, events_of):
    """
    `when` sees the event.
    """
    filtered = Filtered(told, when=lambda event: isinstance(event, FirstToken))

    tell(filtered, events_of(make_record()))

    assert ["FirstToken"] == told.names


def test_what_wraps_shows_what_it_wraps(make_told):
    """
    `events`, `activate`, `flush` and `close` are those of the tracker behind.
    """
    tracker = make_told(frozenset({CallEnded}))
    asked = []
    tracker.activate = lambda call: None
    tracker.flush = lambda timeout: asked.append("flush") or False
    tracker.close = lambda: asked.append("close")

    for wrapping in (Filtered(tracker), Transformed(tracker, lambda event: event)):
        assert frozenset({CallEnded}) == wrapping.events
        assert tracker.activate is wrapping.activate
        assert not wrapping.flush(1.0)
        wrapping.close()

    assert ["flush", "close"] * 2 == asked


def test_an_event_can_be_changed(told, make_record, events_of):
    """
    What `transform` returns is what the tracker gets.
    """

    def rename(event):
        return dataclasses.replace(event, elapsed=7.0)

    tell(Transformed(told, rename), events_of(make_record()))

    assert {7.0} == {event.elapsed for event in told.seen}


def test_an_event_can_be_dropped(told, make_record, events_of):
    """
    None is no event.
    """
    tell(Transformed(told, lambda event: None), events_of(make_record()))

    assert [] == told.seen


def test_a_transformation_into_something_else_is_the_trackers_failure(
    told, make_record, events_of
):
    """
    A forgotten class is told, and not given to the tracker.
    """
    transformed = Transformed(told, lambda event: event.to_dict())

    with pytest.raises(TypeError, match="must return an event or None"):
        tell(transformed, events_of(make_record()))


def test_each_callback_gets_its_event(make_record, events_of, make_delta):
    """
    One function for each thing that can happen.
    """
    told = []
    names = ["start", "first_token", "delta", "usage", "complete", "end"]
    callbacks = Callbacks(
        **{f"on_{n}": lambda e, n=n: told.append((n, type(e))) for n in names}
    )
    events = events_of(make_record())

    tell(callbacks, [*events[:2], make_delta(), *events[2:]])

    classes = [CallStarted, FirstToken, Delta, UsageKnown, CallEnded, CallEnded]
    assert list(zip(names, classes, strict=True)) == told


@pytest.mark.parametrize(
    ("outcome", "called"),
    [
        (Outcome.SUCCESS, "complete"),
        (Outcome.ERROR, "error"),
        (Outcome.CANCELLED, "stop"),
        (Outcome.ABANDONED, "stop"),
    ],
)
def test_the_outcome_decides_which_function_hears_of_the_end(
    make_record, outcome, called
):
    """
    One of three for each outcome, and `on_end` for all.
    """
    told = []
    names = ["complete", "error", "stop", "end"]
    callbacks = Callbacks(**{f"on_{n}": lambda e, n=n: told.append(n) for n in names})
    record = make_record(outcome=outcome)

    callbacks.track(CallEnded(record, 1.0, record))

    assert [called, "end"] == told


def test_a_callback_that_raises_does_not_hide_the_end(make_record):
    """
    `on_end` is called whatever the function before it did.
    """
    told = []
    callbacks = Callbacks(on_complete=lambda event: 1 / 0, on_end=told.append)
    record = make_record()

    with pytest.raises(ZeroDivisionError):
        callbacks.track(CallEnded(record, 1.0, record))

    assert 1 == len(told)


def test_callbacks_may_be_async(make_record):
    """
    Two coroutines for one event are awaited one after the other.
    """
    told = []

    async def complete(event):
        told.append("complete")

    async def end(event):
        told.append("end")

    callbacks = Callbacks(on_complete=complete, on_end=end)
    record = make_record()
    asyncio.run(callbacks.track(CallEnded(record, 1.0, record)))

    assert ["complete", "end"] == told


def test_only_what_has_a_function_is_asked_for():
    """
    Without `on_delta` no `Delta` has to be made.
    """
    assert frozenset({CallEnded}) == Callbacks(on_stop=print).events
    assert frozenset({Delta}) == Callbacks(on_delta=print).events
    assert frozenset() == Callbacks().events


@pytest.mark.parametrize(
    "make",
    [
        lambda: Callbacks(on_end=42),
        lambda: Callbacks(on_end=lambda: None),
        lambda: Filtered(print, events={int}),
        lambda: Filtered(print, providers=[1]),
        lambda: Filtered(print, when=lambda: True),
        lambda: Transformed(print, 42),
        lambda: Transformed(print, lambda: None),
    ],
)
def test_what_cannot_work_is_refused(make):
    """
    A wrong argument is an error at set-up.
    """
    with pytest.raises(ConfigurationError):
        make()


def test_a_call_is_a_log_record(make_record, events_of, caplog):
    """
    A line to read, and the fields under `llm_`.
    """
    caplog.set_level(logging.INFO)

    tell(LoggingTracker(), events_of(make_record(metadata={"user_id": "lovelace"})))

    (entry,) = caplog.records
    assert ("llmtrack.calls", logging.INFO) == (entry.name, entry.levelno)
    assert entry.getMessage().startswith("✓ answer")
    assert (10, "lovelace") == (entry.llm_output_tokens, entry.llm_metadata["user_id"])


def test_a_failed_call_is_a_warning(failed_record, events_of, caplog):
    """
    Calls that failed have a level of their own.
    """
    tell(LoggingTracker("my.app"), events_of(failed_record))

    (entry,) = caplog.records
    assert ("my.app", logging.WARNING) == (entry.name, entry.levelno)
    assert "rate_limit" == entry.llm_error_kind


def test_a_log_never_holds_content(make_record, events_of, caplog):
    """
    Prompts and answers do not belong into a log, captured or not.
    """
    caplog.set_level(logging.INFO)
    record = make_record(
        input_text="secret", output_text="secret", reasoning_text="secret"
    )

    tell(LoggingTracker(), events_of(record))

    assert "secret" not in json.dumps(vars(caplog.records[0]), default=str)


def test_content_can_be_taken_out(told, make_record, make_delta, events_of):
    """
    `without_content` leaves no prompt, no answer, and no chunk.
    """
    transformed = Transformed(told, recipes.without_content)
    record = make_record(
        input_text="secret", output_text="secret", reasoning_text="secret"
    )

    tell(transformed, [make_delta("secret", chunk="secret"), *events_of(record)])

    assert "secret" not in repr(told.seen)
    assert 5 == len(told.seen)


def test_what_matches_can_be_redacted(told, failed_record, make_delta, events_of):
    """
    Prompts, answers, error messages and deltas.
    """
    transformed = Transformed(told, recipes.redacting(r"\d{4}"))
    error = dataclasses.replace(failed_record.error, message="card 1234 refused")
    record = dataclasses.replace(failed_record, error=error, input_text="my 1234")

    tell(transformed, [make_delta("is 1234", chunk="1234"), *events_of(record)])

    assert "1234" not in repr(told.seen)
    assert "card [redacted] refused" == told.seen[-1].record.error.message


def test_metadata_can_be_hidden(told, make_record, events_of):
    """
    Values go, keys stay.
    """
    transformed = Transformed(told, recipes.hiding_metadata(["user_id"]))

    tell(transformed, events_of(make_record(metadata={"user_id": "lovelace", "x": 1})))

    assert {"user_id": "[redacted]", "x": 1} == told.seen[-1].record.metadata
    assert "lovelace" not in repr(told.seen)


def test_a_sample_keeps_what_is_worth_a_look(told, make_record, failed_record):
    """
    Errors and slow first tokens are kept, of the rest a share.
    """
    chances = iter([0.05, 0.5])
    predicate = recipes.sampled(0.1, slower_than=1.0, chance=lambda: next(chances))
    filtered = Filtered(told, when=predicate)
    slow = make_record(time_to_first_token=2.0)
    lucky, unlucky = make_record(), make_record()

    for record in (failed_record, slow, lucky, unlucky):
        filtered.track(CallStarted(record, 0.0))
        filtered.track(CallEnded(record, 1.0, record))

    assert [failed_record, slow, lucky] == [event.record for event in told.seen]


def test_every_event_class_is_known_to_the_filter(told):
    """
    `Event` stands for all of them, `Delta` too.
    """
    assert Delta in Filtered(told, events=Event).events


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Filtered(print, models=3), "models must be a name or several"),
        (lambda: Filtered(print, providers=3), "providers must be a name or several"),
        (lambda: Filtered(print, events=3), "events must be event classes"),
        (lambda: recipes.redacting("("), r"re\.escape"),
        (lambda: recipes.redacting(3), "must be a regular expression"),
        (lambda: recipes.sampled(2), "share must be from 0 to 1"),
        (lambda: recipes.sampled("1"), "share must be from 0 to 1"),
    ],
)
def test_a_wrong_setting_is_told_with_its_cure(make, told):
    """
    A mistake is found at set-up, and not by the first call.
    """
    with pytest.raises(ConfigurationError, match=told):
        make()
