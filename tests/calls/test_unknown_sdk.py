"""Clients that nobody has heard of, in shapes of their own."""

import asyncio
from dataclasses import dataclass, field

import pytest

from llmtrack import track_llm_call
from llmtrack.testing import RecordingTracker

PIECES = ("Hel", "lo, ", "wörld")


class Model:
    """Stands in for a pydantic model: fields by attribute, and `model_fields`."""

    model_fields = ()

    def __init__(self, **values):
        self.__dict__.update(values)


class NovaStream:
    """An iterator class whose chunks nest objects in objects."""

    def __init__(self):
        end = Model(input_tokens=25, output_tokens=42)
        parts = [Model(delta=Model(text=piece), usage=None) for piece in PIECES]
        last = Model(delta=Model(text=None), finish_reason="done", usage=end)
        self._chunks = iter([Model(delta=Model(role="bot")), *parts, last])

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._chunks)


@dataclass
class Lumen:
    """An async iterator whose chunks are dicts."""

    chunks: list = field(
        default_factory=lambda: [
            {"event": "open"},
            *({"event": "piece", "content": piece} for piece in PIECES),
            {
                "event": "close",
                "stop_reason": "done",
                "usage": {"prompt_tokens": 25, "completion_tokens": 42},
            },
        ]
    )

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.chunks:
            raise StopAsyncIteration
        return self.chunks.pop(0)


def read_nova(ask):
    return list(ask(NovaStream))


def read_lumen(ask):
    async def reading():
        return [chunk async for chunk in ask(Lumen)]

    return asyncio.run(reading())


@pytest.mark.parametrize("read", [read_nova, read_lumen])
def test_a_shape_never_seen_before_is_read(read):
    """
    Time to the first token, text, ending and usage; the first chunk, which holds
    no content, is no token.
    """
    recorder = RecordingTracker()

    @track_llm_call(tracker=recorder, capture_content=True)
    def ask(make):
        return make()

    chunks = read(ask)

    record = recorder.record
    usage = record.usage
    assert "".join(PIECES) == record.output_text
    assert ("success", "done") == (record.outcome, record.finish_reason)
    assert (25, 42, 67) == (usage.input_tokens, usage.output_tokens, usage.total_tokens)
    assert "reported" == usage.output_source
    assert record.time_to_first_chunk <= record.time_to_first_token
    assert len(chunks) == record.chunks == 5
