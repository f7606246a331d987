"""
The table of all ways in which a call can end, run cell by cell.

    python -m llmtrack.testing.conformance

Each shape of call is ended in each way, once bare and once tracked. A cell is
right when the tracker got the events in order and one ending with the right
outcome, and when the program could not notice the difference: same chunks at the
same steps, same exception objects, same task, thread and context at each step,
the connection closed by the same time.

Another instrumentation than llmtrack's is tested by `run(instrumentation)`.
"""

from .endings import ENDINGS
from .instrumentation import Instrumentation, Llmtrack
from .report import as_markdown, as_text
from .shapes import SHAPES
from .table import Cell, run

__all__ = [
    "ENDINGS",
    "SHAPES",
    "Cell",
    "Instrumentation",
    "Llmtrack",
    "as_markdown",
    "as_text",
    "run",
]
