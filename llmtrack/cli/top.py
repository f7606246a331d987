"""`llmtrack top`: calls as they come."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import Connection, Error, Row
from typing import Final

import click
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
    table = terminal.table()
    table.add_column("start", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("name", no_wrap=True, max_width=24, overflow="ellipsis")
    table.add_column("model", no_wrap=True, overflow="ellipsis")
    for title in ("took", "ttft", "in", "out", "cost"):
        table.add_column(title, justify="right", no_wrap=True)
    # Where there is room for it.
    if out.width >= 100:
        table.add_column("why", no_wrap=True, overflow="ellipsis")
    for call in calls:
        table.add_row(*_cells(call, now)[: len(table.columns)])
    return table


def _cells(call: Row, now: datetime) -> list[Text | str]:
    started = datetime.fromisoformat(call["started_at"])
    status = call["status"]
    took = call["duration_seconds"]
    if status == "open":
        took = max(0.0, (now - started).total_seconds())
    return [
        f"{started.astimezone():%H:%M:%S}",
        Text(terminal.told(status), terminal.coloured(status)),
        Text(terminal.told(call["name"])),
        Text(terminal.told(call["model"])),
        terminal.seconds(took),
        terminal.seconds(call["time_to_first_token_seconds"]),
        terminal.tokens(call["input_tokens"], call["input_source"]),
        terminal.tokens(call["output_tokens"], call["output_source"]),
        terminal.dollars(call["cost_usd"]),
        Text(terminal.told(call["error_kind"])),
    ]
