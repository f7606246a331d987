"""A recorder, and a way to read any formatted stream to its end."""

import asyncio

import pytest

from llmtrack.testing import RecordingTracker


@pytest.fixture
def recorder() -> RecordingTracker:
    return RecordingTracker()


@pytest.fixture
def read():
    """Return a function that lists what a sync or async iterator gives."""

    def everything(made):
        async def collect():
            return [piece async for piece in made]

        return asyncio.run(collect()) if hasattr(made, "__anext__") else list(made)

    return everything
