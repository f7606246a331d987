"""The pytest plugin: a fixture that records what the tested code tracks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from llmtrack.testing import RecordingTracker


@pytest.fixture
def llmtrack_recorder() -> Iterator[RecordingTracker]:
    """
    Record what the tested code tracks, as the default tracker of the process.

    A `RecordingTracker`. Code that names a tracker of its own is not recorded.
    """
    # Not before it is needed: every test run with the plugin installed pays.
    import llmtrack
    from llmtrack.settings import settings
    from llmtrack.testing import RecordingTracker

    recorder = RecordingTracker()
    before = settings().tracker
    llmtrack.configure(tracker=recorder)
    yield recorder
    llmtrack.configure(tracker=before)
