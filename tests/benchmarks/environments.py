"""Each peer's environment and process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from table import from_json
from timing import Row

_HERE: Final = Path(__file__).parent
_CHECKOUT: Final = _HERE.parents[1]
REQUIREMENTS: Final = _HERE / "requirements"
#: Seconds for all measurements of one peer.
_LIMIT: Final = 900
#: Written once everything is installed.
_READY: Final = "ready"


class UnavailableError(Exception):
    """A peer that cannot take part; the message is the reason."""


def built(name: str, folder: Path) -> Path:
    """
    Return the interpreter of a peer's environment, made unless it is there.

    Raises:
        UnavailableError: Its packages do not install here.
    """
    home = folder / name
    python = home / "bin" / "python"
    if (home / _READY).exists():
        return python
    print(f"{name}: making its environment", file=sys.stderr)
    install = [python, "-m", "pip", "install", "--quiet", "-r"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", home],
        [*install, REQUIREMENTS / f"{name}.txt", _CHECKOUT],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it does not install"]
            raise UnavailableError(said[-1])
    (home / _READY).touch()
    return python


def measured(
    name: str, python: Path, rounds: int, only: list[str], sink: str
) -> list[Row]:
    """
    Return the rows of a peer and of llmtrack beside it, from its own process.

    Raises:
        UnavailableError: It does not start, or is not done in time.
    """
    command: list[str | Path] = [python, _HERE, "--peer", name]
    command += ["--rounds", str(rounds), "--only", ",".join(only)]
    quiet = {
        # An environment that was made before holds llmtrack as it was then.
        "PYTHONPATH": str(_CHECKOUT),
        "DO_NOT_TRACK": "1",
        "OPENAI_API_KEY": "x",
        "TOKENIZERS_PARALLELISM": "false",
    }
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env={**os.environ, **quiet, "SINK": sink},
            timeout=_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"not done within {_LIMIT} s") from None
    # What the library itself prints may stand before the rows.
    _, found, rows = done.stdout.rpartition(ROWS)
    if not found:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise UnavailableError(said[-1])
    return from_json(rows)


#: What the process of a peer prints before its rows.
ROWS: Final = "\x1e"


@contextmanager
def sink() -> Iterator[str]:
    """Run the server that stands in for every backend; give its URL."""
    command = [sys.executable, _HERE / "sink.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()
