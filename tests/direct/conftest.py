"""A provider on loopback, a recorder, and clients of no package."""

from collections.abc import Iterator

import pytest

from llmtrack.testing import RecordingTracker
from llmtrack.testing.provider import LoopbackProvider


@pytest.fixture(scope="session")
def shared_provider() -> Iterator[LoopbackProvider]:
    with LoopbackProvider() as provider:
        yield provider


@pytest.fixture
def provider(shared_provider, monkeypatch) -> LoopbackProvider:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    shared_provider.reset()
    return shared_provider


@pytest.fixture
def recorder() -> RecordingTracker:
    return RecordingTracker()
