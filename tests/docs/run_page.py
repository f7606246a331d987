"""
Run the examples of a page as its reader would: in order, in one namespace.

    python run_page.py PAGE

- A `python` block is run. One that begins with the comment `# name.py` is saved
  under that name instead.
- Of an `sh` block the lines that begin with `llmtrack`, `python` or `pytest` are
  run.
- A `text` block right after one of these is what it prints, or the last line of
  the error that it raises. Numbers with a decimal point are times and prices and
  match any; `...` matches anything.
- `<!-- needs: a, b -->` names the packages without which the page is not run.
- `<!-- run` hides a block from the reader.

`OpenAI()` and `Anthropic()` talk to the loopback provider; nothing else can be
reached. Warnings are errors. The exit code is 0, 1, or 77 where a package is
missing.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import os
import re
import shlex
import subprocess
import sys
import traceback
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

MISSING = 77
LOOPBACK = {"localhost", "127.0.0.1", "::1", "", None}
COMMANDS = {
    "llmtrack": [sys.executable, "-m", "llmtrack.cli"],
    "python": [sys.executable],
    "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
}
FENCE = re.compile(r"^(```+|<!-- run)(\w*) *$")
NEEDS = re.compile(r"<!-- needs: (.*?) -->")
FILE_NAME = re.compile(r"# (\w+\.py)\n")
LOOSE = re.compile(r"(\.\.\.|\d+\.\d+|\s+)")


@dataclass(frozen=True)
class Block:
    """A fenced block, and where its first line stands."""

    language: str
    text: str
    line: int


def blocks_of(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    lines = enumerate(page.splitlines(), start=1)
    for number, line in lines:
        opened = FENCE.match(line)
        if opened is None:
            continue
        hidden = opened[1].startswith("<!--")
        end = "-->" if hidden else opened[1]
        inside = []
        for _, text in lines:
            if text.strip() == end:
                break
            inside.append(f"{text}\n")
        language = "python" if hidden else opened[2]
        yield Block(language, "".join(inside), number + 1)


def is_as_shown(shown: str, printed: str) -> bool:
    """Tell whether an output is what the page shows."""
    parts = LOOSE.split(shown.strip())
    pattern = "".join(
        part and (loosened(part) if place % 2 else re.escape(part))
        for place, part in enumerate(parts)
    )
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def loosened(part: str) -> str:
    """Return the pattern for what may differ."""
    if part == "...":
        return ".*?"
    return r"\s+" if part.isspace() else r"\d+(\.\d+)?(e-\d+)?"


def run_python(block: Block, page: Path, names: dict[str, Any]) -> str:
    """Run a block, and return what it printed; errors point into the page."""
    source = "\n" * (block.line - 1) + block.text
    code = compile(source, str(page), "exec", PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(out):
        result = eval(code, names)
        if inspect.iscoroutine(result):
            asyncio.run(result)
        if "llmtrack" in sys.modules:
            sys.modules["llmtrack"].flush()
    return out.getvalue()


def run_shell(block: Block) -> str:
    """Run the commands of a block, and return what they printed."""
    printed = ""
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        if not words or words[0] not in COMMANDS:
            continue
        done = subprocess.run(
            [*COMMANDS[words[0]], *words[1:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        printed += done.stdout
        if done.returncode:
            raise RuntimeError(f"exit code {done.returncode} of {line}\n{printed}")
    return printed


def run_page(page: Path) -> None:
    """Run all blocks; raise where one fails or prints something else."""
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    blocks = list(blocks_of(page.read_text("utf-8")))
    for block, after in pairwise([*blocks, Block("", "", 0)]):
        shown = after.text if after.language == "text" else None
        named = FILE_NAME.match(block.text)
        if block.language == "python" and named:
            compile(block.text, str(page), "exec")
            Path(named[1]).write_text(block.text, "utf-8")
        elif block.language == "python":
            try:
                printed = run_python(block, page, vars(main))
            except Exception as exc:
                if shown is None:
                    raise
                printed = traceback.format_exception_only(exc)[-1]
        elif block.language == "sh":
            printed = run_shell(block)
        if (
            shown is not None
            and block.language in ("python", "sh")
            and not is_as_shown(shown, printed)
        ):
            raise SystemExit(
                f"{page}:{block.line}: shown is\n{shown}\nprinted was\n{printed}"
            )


def refuse(event: str, args: tuple[Any, ...]) -> None:
    """Keep the page on this machine."""
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    if host not in LOOPBACK:
        raise OSError(f"{host} cannot be reached: examples run offline")


def is_installed(name: str) -> bool:
    """Tell whether a module can be imported."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def main(page: Path) -> int:
    """Run a page where a reader's keys and addresses would be set."""
    needed = NEEDS.findall(page.read_text("utf-8"))
    for name in ", ".join(needed).split(", "):
        if name and not is_installed(name):
            print(f"{page.name} needs {name}")
            return MISSING
    from llmtrack.testing.provider import LoopbackProvider

    sys.addaudithook(refuse)
    sys.path.insert(0, "")
    with LoopbackProvider() as provider:
        os.environ.update(
            OPENAI_API_KEY="none-needed",
            OPENAI_BASE_URL=provider.url("text", "openai/v1"),
            ANTHROPIC_API_KEY="none-needed",
            ANTHROPIC_BASE_URL=provider.url("text", "anthropic"),
        )
        run_page(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
