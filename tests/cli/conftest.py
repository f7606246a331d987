"""What the tests of the command share: the command itself, as its users run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def _run(
    *arguments: str | Path, cwd: Path, timeout: float = 60, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `llmtrack` with its output piped, in an environment of its own."""
    inherited = {
        name: os.environ[name]
        for name in ("PATH", "SYSTEMROOT", "TMPDIR")
        if name in os.environ
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "llmtrack.cli", *map(str, arguments)],
        cwd=cwd,
        env={**inherited, "PYTHONUTF8": "1", "HOME": str(cwd), **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
    )


@pytest.fixture(scope="session")
def llmtrack() -> Run:
    """Run the command: `llmtrack("report", path, cwd=folder, NO_COLOR="1")`."""
    pytest.importorskip("click")
    pytest.importorskip("rich")
    return _run
