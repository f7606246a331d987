"""What the attacks share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from textwrap import dedent

import pytest

from llmtrack.testing import RecordingTracker


@pytest.fixture
def recorder() -> RecordingTracker:
    """Return a tracker that keeps what it is told."""
    return RecordingTracker()


@pytest.fixture
def run() -> Callable[[str], str]:
    """Run a program in a process of its own; return what it printed."""

    def running(program: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", dedent(program)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.strip()

    return running
