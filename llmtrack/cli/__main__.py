"""Where the command starts: without its packages it says what to install."""

from __future__ import annotations

import io
import sys

#: The exit code of a command that cannot do its work, as click has it.
CANNOT_RUN = 2


def main() -> int:
    """
    Run the command with the arguments of the process.

    Returns:
        2 where click or rich is missing; else the command itself exits: with 0
        where all is well, 1 where it found something, 2 where it cannot run.
    """
    try:
        import click  # noqa: F401 - only whether it is there
        import rich  # noqa: F401 - likewise
    except ImportError as missing:
        print(
            f"llmtrack: {missing.name or missing} is missing: "
            'pip install "llmtrack-instrument[cli]"',
            file=sys.stderr,
        )
        return CANNOT_RUN
    for stream in (sys.stdout, sys.stderr):
        # In another encoding than UTF-8: escapes rather than a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    from llmtrack.cli.commands import llmtrack

    llmtrack(prog_name="llmtrack")
    return 0


if __name__ == "__main__":
    sys.exit(main())
