"""What an import costs, in interpreters of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from time import perf_counter_ns
from typing import Final

from timing import BARE, LLMTRACK, Case, Pass, Row, Spread

_COUNT: Final = (
    "import sys; before = len(sys.modules); {}; print(len(sys.modules) - before)"
)
#: What a program pays in the end: a name is imported when it is first used.
_USE: Final = "import llmtrack; llmtrack.track_llm_call(tracker=len)(len)"
#: Without its .pyc files the package would be compiled in each run.
_ENVIRONMENT: Final = {
    name: value
    for name, value in os.environ.items()
    if name != "PYTHONDONTWRITEBYTECODE"
}


def cases(modules: dict[str, str]) -> Iterator[Case]:
    """
    Yield the cases of the time.

    Args:
        modules: What is imported, by contestant.
    """
    passes = {BARE: _interpreter("pass")}
    for name, module in modules.items():
        passes[name] = _interpreter(f"import {module}")
    yield Case("import", passes, unit="ms", limits={LLMTRACK: 30}, rounds=0.5)
    used = {BARE: passes[BARE], LLMTRACK: _interpreter(_USE)}
    yield Case("import, and decorate a function", used, unit="ms", rounds=0.5)


def rows(modules: dict[str, str]) -> Iterator[Row]:
    """Yield how many modules an import brings."""
    for name, module in modules.items():
        code = _COUNT.format(f"import {module}")
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        count = float(done.stdout)
        yield Row("modules imported", name, "modules", Spread(count, count, count), {})


def _interpreter(code: str) -> Pass:
    command = [sys.executable, "-c", code]

    def run() -> float:
        start = perf_counter_ns()
        subprocess.run(command, capture_output=True, check=True, env=_ENVIRONMENT)
        return perf_counter_ns() - start

    return run
