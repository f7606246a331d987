"""What an import costs, in interpreters of its own."""

import subprocess
import sys
from collections.abc import Iterator
from time import perf_counter_ns
from typing import Final

from timing import BARE, LLMTRACK, Case, Pass, Row, Spread

_COUNT: Final = (
    "import sys; before = len(sys.modules); {}; print(len(sys.modules) - before)"
)


def cases(modules: dict[str, str]) -> Iterator[Case]:
    """
    Yield the case of the time.

    Args:
        modules: What is imported, by contestant.
    """
    passes = {BARE: _interpreter("pass")}
    for name, module in modules.items():
        passes[name] = _interpreter(f"import {module}")
    yield Case("import", passes, unit="ms", limits={LLMTRACK: 30}, rounds=0.5)


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
        subprocess.run(command, capture_output=True, check=True)
        return perf_counter_ns() - start

    return run
