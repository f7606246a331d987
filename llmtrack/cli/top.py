"""`llmtrack top`: calls as they come."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import Connection, Error, Row
from typing import Final

import click
from rich.cells import cell_len
from rich.console import Console
from rich.console import Group as Stack
from rich.live import Live
from rich.table import Table
from rich.text import Text

from llmtrack import ConfigurationError
from llmtrack.cli import terminal
from llmtrack.cli.selection import TOOK_TOKENS
from llmtrack.cli.sources import latest

#: Seconds that the line of sums looks back.
_PERIOD: Final = 300
#: Lines of the screen that are no calls.
_FRAME: Final = 5
#: Calls that are shown where there is no screen to fill.
_WITHOUT_SCREEN: Final = 20

#: Column -> columns that a terminal has to have for it.
_COLUMNS: Final = {
    "start": 60, "status": 0, "name": 0, "model": 0, "took": 0, "ttft": 100, "in": 60,
    "out": 60, "cost": 0, "why": 110,
}  # fmt: skip
_NUMBERS: Final = ("took", "ttft", "in", "out", "cost")
_SHORTEST_NAME: Final = 4

_OPEN: Final = """
    SELECT * FROM ledger WHERE outcome IS NULL
    ORDER BY status = 'open' DESC, started_at DESC LIMIT ?
"""
_ENDED: Final = """
    SELECT * FROM ledger WHERE outcome IS NOT NULL ORDER BY started_at DESC LIMIT ?
"""
_SUMS: Final = f"""
    SELECT count(*) AS calls, sum(status = 'success') AS successes,
        sum(status = 'open') AS running,
        sum(input_tokens) FILTER (WHERE {TOOK_TOKENS}) AS input,
        sum(output_tokens) FILTER (WHERE {TOOK_TOKENS}) AS output,
        sum(cost_usd) AS usd
    FROM ledger WHERE started_at >= ?
"""


@click.command()
@click.argument("file", type=click.Path())
@click.option(
    "--interval",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0.1),
    help="Seconds between two looks.",
)
@click.option("--once", is_flag=True, help="Look once, print, and end.")
def top(file: str, interval: float, once: bool) -> None:
    """
    Watch the open and the latest calls of a ledger.

    Open calls come first; a call is lost that never ended and whose process is
    gone. A file of JSON lines has no open calls. Ctrl-C ends it; where the output
    is piped it looks once.

    \b
    Examples:
      llmtrack top calls.db
      llmtrack top calls.db --interval 0.2
      llmtrack top calls.jsonl --once | head

    \b
    Exit codes: 0 it was ended; 2 the file cannot be read.
    """
    out = terminal.console()
    if once or not out.is_terminal:
        out.print(_view(file, _WITHOUT_SCREEN, out))
        return
    with (
        suppress(KeyboardInterrupt),
        Live(console=out, screen=True, auto_refresh=False) as live,
    ):
        while True:
            live.update(_view(file, out.height - _FRAME, out), refresh=True)
            time.sleep(interval)


def _view(file: str, rows: int, out: Console) -> Stack:
    """Return what is on the screen now."""
    now = datetime.now(UTC)
    try:
        with closing(latest(file)) as connection:
            # However many are lost, there is room for the others.
            unfinished = connection.execute(_OPEN, (rows // 2,)).fetchall()
            ended = connection.execute(_ENDED, (rows,)).fetchall()
            head = _head(connection, file, now)
    except Error as error:
        raise ConfigurationError(f"cannot read {file}: {error}") from error
    return Stack(head, Text(), _table([*unfinished, *ended][: max(rows, 1)], now, out))


def _head(connection: Connection, file: str, now: datetime) -> Text:
    earliest = (now - timedelta(seconds=_PERIOD)).isoformat(timespec="microseconds")
    sums = connection.execute(_SUMS, (earliest,)).fetchone()
    states = dict(
        connection.execute(
            "SELECT status, count(*) FROM ledger WHERE outcome IS NULL GROUP BY status"
        ).fetchall()
    )
    head = Text(f"{Path(file).name}  {now.astimezone():%H:%M:%S}  ")
    head.append(f"{states.get('open', 0):,} open", "bold cyan")
    head.append("  ")
    head.append(
        f"{states.get('lost', 0):,} lost", "magenta" if "lost" in states else ""
    )
    settled = sums["calls"] - (sums["running"] or 0)
    told = [
        f"{sums['calls']:,} calls",
        f"{terminal.percent(sums['successes'] or 0, settled)} ok",
        f"{terminal.short(sums['input'])} in, {terminal.short(sums['output'])} out",
        terminal.dollars(sums["usd"]),
    ]
    return head.append(f"\nlast {_PERIOD // 60} minutes: {', '.join(told)}")


def _table(calls: list[Row], now: datetime, out: Console) -> Table:
    titles = [title for title, least in _COLUMNS.items() if out.width >= least]
    rows = [_cells(call, now) for call in calls]
    taken = {
        title: max(len(title), *(cell_len(str(row[title])) for row in rows), 0)
        for title in titles
    }
    # Names are cut, and numbers never.
    room = out.width - sum(taken.values()) - 2 * len(titles)
    room = max(room + taken["name"] + taken["model"], 2 * _SHORTEST_NAME)
    name = min(taken["name"], max(room * 2 // 5, room - taken["model"]))
    widths = {"name": name, "model": min(taken["model"], room - name)}
    table = terminal.table()
    for title in titles:
        table.add_column(
            title,
            justify="right" if title in _NUMBERS else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=widths.get(title),
        )
    for row in rows:
        table.add_row(*(row[title] for title in titles))
    return table


def _cells(call: Row, now: datetime) -> dict[str, Text | str]:
    started = datetime.fromisoformat(call["started_at"])
    status = call["status"]
    took = call["duration_seconds"]
    if status == "open":
        took = max(0.0, (now - started).total_seconds())
    return {
        "start": f"{started.astimezone():%H:%M:%S}",
        "status": Text(terminal.told(status), terminal.coloured(status)),
        "name": Text(terminal.told(call["name"])),
        "model": Text(terminal.told(call["model"])),
        "took": terminal.seconds(took),
        "ttft": terminal.seconds(call["time_to_first_token_seconds"]),
        "in": _tokens(call["input_tokens"], call["input_source"]),
        "out": _tokens(call["output_tokens"], call["output_source"]),
        "cost": terminal.dollars(call["cost_usd"]),
        "why": Text(terminal.told(call["error_kind"])),
    }


def _tokens(value: int | None, source: str) -> str:
    estimated = value is not None and source != "reported"
    return ("~" if estimated else "") + terminal.short(value)
