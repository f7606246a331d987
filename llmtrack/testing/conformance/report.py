"""The table as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from .table import Cell

#: What a cell says.
_MARKS = {"success": "S", "error": "E", "cancelled": "C", "abandoned": "A", None: "0"}


def as_text(cells: Sequence[Cell]) -> str:
    """Return the table for a terminal, and below it what is wrong."""
    columns = _shapes(cells)
    width = max(len(cell.ending) for cell in cells)
    lines = [f"{number:>{width + 3}}  {name}" for number, name in enumerate(columns, 1)]
    numbers = "".join(f"{number:>3}" for number in range(1, len(columns) + 1))
    lines += ["", " " * width + numbers]
    for ending, row in _rows(cells):
        marks = "".join(f"{_mark(cell):>3}" for cell in row)
        lines.append(f"{ending:<{width}}{marks}")
    wrong = [cell for cell in cells if cell.wrong]
    present = [cell for cell in cells if cell.absent is None]
    lines += ["", _LEGEND, f"{len(wrong)} of {len(present)} cells are wrong."]
    for cell in wrong:
        lines += ["", f"{cell.shape}, {cell.ending}:"]
        lines += [f"  {sentence}" for sentence in cell.wrong]
    return "\n".join(lines)


def as_markdown(cells: Sequence[Cell]) -> str:
    """Return the table for the documentation, and why cells are absent."""
    columns = _shapes(cells)
    lines = [
        *(f"{number}. {name}" for number, name in enumerate(columns, 1)),
        "",
        "| | " + " | ".join(str(n) for n in range(1, len(columns) + 1)) + " |",
        "|---|" + ":-:|" * len(columns),
    ]
    for ending, row in _rows(cells):
        lines.append(f"| {ending} | " + " | ".join(map(_mark, row)) + " |")
    wrong = sum(bool(cell.wrong) for cell in cells)
    present = sum(cell.absent is None for cell in cells)
    lines += ["", _LEGEND, "", f"{wrong} of {present} cells are wrong.", ""]
    lines += ["Cells that cannot exist:", ""]
    for reason, absent in _reasons(cells):
        endings = ", ".join(dict.fromkeys(cell.ending for cell in absent))
        lines.append(f"- {reason} ({len(absent)} cells): {endings}")
    return "\n".join(lines)


_LEGEND = (
    "S success, E error, C cancelled, A abandoned, 0 no call and so no record, "
    "- cannot exist, ! wrong."
)


def _mark(cell: Cell) -> str:
    if cell.absent is not None:
        return "-"
    return "!" if cell.wrong else _MARKS[cell.outcome]


def _shapes(cells: Sequence[Cell]) -> list[str]:
    return list(dict.fromkeys(cell.shape for cell in cells))


def _rows(cells: Sequence[Cell]) -> Iterator[tuple[str, list[Cell]]]:
    for ending, row in groupby(cells, lambda cell: cell.ending):
        yield ending, list(row)


def _reasons(cells: Iterable[Cell]) -> Iterator[tuple[str, list[Cell]]]:
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.absent is not None:
            found.setdefault(cell.absent, []).append(cell)
    yield from found.items()
