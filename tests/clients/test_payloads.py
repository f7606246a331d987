"""The recorded payloads are what the installed clients give."""

import pytest
from clients import drivers, record_payloads

from llmtrack.testing.provider import LoopbackProvider

TAKES = list(record_payloads.takes(record_payloads.is_installed))


@pytest.fixture(scope="module")
def provider():
    with LoopbackProvider() as provider:
        yield provider


@pytest.mark.parametrize("take", TAKES, ids=lambda take: take.path)
def test_a_recording_is_what_the_client_gives(take, provider, monkeypatch):
    """
    Recording again gives the same bytes.
    """
    for name, value in drivers.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    recorded = take.record(provider)

    path = record_payloads.TESTS / "payloads" / take.path
    assert recorded == path.read_text("utf-8")
