import subprocess
import sys
from pathlib import Path

import pytest

from llmtrack.testing.conformance import (
    ENDINGS,
    SHAPES,
    Cell,
    as_markdown,
    as_text,
    async_programs,
    run,
)

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"

needs_anyio = pytest.mark.skipif(not async_programs.HAS_ANYIO, reason="needs anyio")


@pytest.fixture(scope="module")
def cells():
    """Return the whole table of llmtrack."""
    return run()


@pytest.mark.parametrize("ending", [each.name for each in ENDINGS])
def test_every_shape_ends_as_it_should(cells, ending):
    """
    One ending with the right outcome, and nothing that the program could notice.
    """
    wrong = [cell for cell in cells if cell.ending == ending and cell.wrong]

    assert [] == wrong


def test_every_shape_meets_every_ending(cells):
    """
    A cell is there, or it is said why there can be none.
    """
    named = {(cell.shape, cell.ending) for cell in cells}

    assert len(SHAPES) * len(ENDINGS) == len(named) == len(cells)
    assert all(
        cell.absent for cell in cells if not cell.outcome and "never" not in cell.ending
    )


@needs_anyio
def test_the_documentation_shows_the_table(cells):
    """
    docs/conformance.md holds what the command prints.
    """
    shown = PAGE.read_text()

    assert as_markdown(cells) in shown, "run the command anew with --markdown"


def test_without_anyio_its_row_says_so(monkeypatch):
    """
    The table can be run where anyio is not installed.
    """
    monkeypatch.setattr("llmtrack.testing.conformance.table.HAS_ANYIO", False)
    ending = next(each for each in ENDINGS if "anyio" in each.name)

    cells = run(endings=[ending])

    assert "anyio is not installed" in {cell.absent for cell in cells}
    assert not any(cell.outcome for cell in cells)


def test_a_wrong_cell_is_shown_and_explained():
    """
    Whoever reads the table sees which cell is wrong, and why.
    """
    cells = [
        Cell("generator", "break", "abandoned"),
        Cell("function", "break", absent="a response comes whole"),
        Cell("generator", "exhausted", "error", wrong=("outcome error, not success",)),
        Cell("function", "exhausted", "success"),
    ]

    text = as_text(cells)

    assert "break      A  -" in text
    assert "exhausted  !  S" in text
    assert "1 of 3 cells are wrong." in text
    assert text.endswith("generator, exhausted:\n  outcome error, not success")


def test_the_command_prints_the_table():
    """
    `python -m llmtrack.testing.conformance` exits with 0 where all is well.
    """
    command = [sys.executable, "-m", "llmtrack.testing.conformance"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "\n0 of " in done.stdout
    assert "" == done.stderr
