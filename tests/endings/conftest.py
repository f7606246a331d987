import pytest

from llmtrack.testing import RecordingTracker


@pytest.fixture
def recorder():
    """Return a tracker that remembers."""
    return RecordingTracker()
