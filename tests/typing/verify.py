"""
Tell which public names pyright would have to guess the type of.

    python verify.py

Public is what the modules below export. pyright looks into modules that nobody is
to import from, too, and wants an annotation on each of their attributes: whoever
reads `self.plan = plan` needs none. What such a guess makes "partially unknown" is
left to mypy, whose strict mode wants complete annotations of every function.
"""

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

PYRIGHT = ("pyright", "--verifytypes", "llmtrack", "--ignoreexternal", "--outputjson")
PUBLIC = (
    "llmtrack",
    "llmtrack.formats",
    "llmtrack.prices",
    "llmtrack.testing",
    "llmtrack.tokens",
    "llmtrack.trackers",
)


def exported(module: ModuleType) -> Iterator[Any]:
    """Yield what a module is there for: its `__all__`, or what it defines itself."""
    for name, value in inspect.getmembers(module):
        own = getattr(value, "__module__", "") == module.__name__
        if name in module.__all__ if hasattr(module, "__all__") else own:
            yield value


def public_names() -> tuple[str, ...]:
    """Return where the public functions and classes are defined, and a dot."""
    return tuple(
        f"{value.__module__}.{value.__qualname__}."
        for module in map(import_module, PUBLIC)
        for value in exported(module)
        if hasattr(value, "__qualname__")
    )


def main() -> str | None:
    """Return what is to be mended, or None."""
    done = subprocess.run(PYRIGHT, stdout=subprocess.PIPE, text=True)
    symbols = json.loads(done.stdout)["typeCompleteness"]["symbols"]
    names = public_names()
    complaints = [
        f"{symbol['name']}: {diagnostic['message'].splitlines()[0]}"
        for symbol in symbols
        for diagnostic in symbol["diagnostics"]
        if f"{symbol['name']}.".startswith(names)
        and diagnostic["severity"] == "error"
        and "partially unknown" not in diagnostic["message"]
    ]
    seen = sum(f"{symbol['name']}.".startswith(names) for symbol in symbols)
    print(f"{seen} public symbols")
    if seen == 0:
        return "pyright has not found llmtrack"
    return "\n".join(complaints) or None


if __name__ == "__main__":
    sys.exit(main())
