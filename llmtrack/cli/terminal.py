"""How numbers look, in all commands; None is a dash."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import IO, Final

from rich import box
from rich.console import Console
from rich.table import Table

from llmtrack.trackers.lines import printable

NOTHING: Final = "-"
COLOURS: Final = {
    "success": "green",
    "error": "red",
    "cancelled": "yellow",
    "abandoned": "yellow",
    "lost": "magenta",
    "open": "cyan",
}


def console(file: IO[str] | None = None, *, stderr: bool = False) -> Console:
    """
    Return where a command prints.

    It is plain where the output is piped, `NO_COLOR` is set or `TERM` is `dumb`.
    """
    # Highlighting colours numbers and paths wherever they stand.
    return Console(
        file=file,
        stderr=stderr,
        highlight=False,
        emoji=False,
        markup=False,
        # rich itself would still print bold and dim.
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    )


def table(title: str | None = None) -> Table:
    """Return an empty table in the style of all commands."""
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
        pad_edge=False,
        header_style="bold",
    )


def told(value: object) -> str:
    """Return what a program wrote, on one line and without a terminal's commands."""
    return NOTHING if value is None else printable(str(value))


def coloured(outcome: str) -> str:
    """Return the style of an outcome."""
    return COLOURS.get(outcome, "")


def seconds(value: float | None) -> str:
    """Return seconds in at most seven characters."""
    if value is None:
        return NOTHING
    if value < 9.9995:
        return f"{value:.3f}s"
    return f"{value:.1f}s" if value < 999.95 else f"{value:,.0f}s"


def whole(value: int | None) -> str:
    """Return a count, with thousands apart."""
    return NOTHING if value is None else f"{value:,}"


def short(value: float | None) -> str:
    """Return a count in at most six characters: 950, 1.2k, 46.6M."""
    if value is None:
        return NOTHING
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size * 0.9995:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def tokens(value: int | None, source: str) -> str:
    """Return how many tokens there were; `~` where the provider did not say so."""
    if value is None:
        return NOTHING
    return f"{value:,}" if source == "reported" else f"~{value:,}"


def rate(value: float | None) -> str:
    """Return something a second."""
    if value is None:
        return NOTHING
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def percent(part: int, of: int) -> str:
    """Return a share; 100% and 0% only where it is all and nothing."""
    if not of:
        return NOTHING
    share = 100 * part / of
    if share >= 99.95 and part < of:
        return ">99.9%"
    if share < 0.05 and part > 0:
        return "<0.1%"
    return f"{share:.0f}%" if share in (0, 100) else f"{share:.1f}%"


def dollars(value: Decimal | float | None) -> str:
    """Return US dollars with as many digits as the amount deserves."""
    if value is None:
        return NOTHING
    amount = Decimal(str(value))
    if amount == 0:
        return "$0"
    if amount >= 1:
        return f"${amount:,.2f}"
    digits = min(8, max(2, 1 - amount.adjusted()))
    return f"${amount:.{digits}f}"
