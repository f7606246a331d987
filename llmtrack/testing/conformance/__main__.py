"""Print the table; exit with 1 where a cell is wrong."""

from __future__ import annotations

import argparse

from . import as_markdown, as_text, run


def main() -> int:
    """Run the table and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m llmtrack.testing.conformance",
        description="End each shape of call in each way, and see what is recorded.",
    )
    parser.add_argument("--markdown", action="store_true", help="as in the docs")
    wants = parser.parse_args()
    cells = run()
    print(as_markdown(cells) if wants.markdown else as_text(cells))
    return int(any(cell.wrong for cell in cells))


if __name__ == "__main__":
    raise SystemExit(main())
