"""`llmtrack report`: what happened, summed up."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from llmtrack import ConfigurationError
from llmtrack.cli import terminal
from llmtrack.cli.page import page_of
from llmtrack.cli.selection import Selection, Unknown, point_in_time
from llmtrack.cli.series import Series
from llmtrack.cli.sources import Sources
from llmtrack.cli.summary import Summary
from llmtrack.cli.tables import print_report, write_csv, write_json


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(allow_dash=True),
    metavar="FILE...",
)
@click.option(
    "--by",
    multiple=True,
    metavar="KEY[,KEY]",
    help="Group by columns of the record, day, hour, or keys of the metadata. model "
    "is the one that answered, where that is known; request_model is the one that was "
    "asked for.  [default: provider,model]",
)
@click.option(
    "--since", metavar="TIME", help="Calls from then on: 90m, 24h, 7d, or 2026-01-31."
)
@click.option(
    "--where",
    multiple=True,
    metavar="COND",
    help="Calls for which it holds: KEY=VALUE, or with !=, <, <=, >, >=; * stands for "
    "any text. Several have to hold together.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="Write a page with plots that needs no network.",
)
def report(
    files: tuple[str, ...],
    by: tuple[str, ...],
    since: str | None,
    where: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
    page: Path | None,
) -> None:
    """
    Sum up the calls of JSON lines files and SQLite ledgers.

    Percentiles are over the calls that ended, and the success rate over those and
    the lost ones: a call is lost that never ended, and whose process is gone. What
    is unknown is a dash, and never 0.

    \b
    Examples:
      llmtrack report calls.jsonl
      llmtrack report calls.db --since 24h --by model
      llmtrack report *.jsonl --by day,team --where team=search*
      llmtrack report calls.db --where outcome=error --where 'duration_seconds>10'
      llmtrack report calls.db --json | jq '.groups[].cost_usd'
      llmtrack report calls.db --html report.html
      zcat calls.jsonl.gz | llmtrack report -

    \b
    Exit codes: 0 there were calls; 1 there were none to report;
    2 a file cannot be read, or an option is wrong.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    now = datetime.now(UTC)
    keys = tuple(name for names in by for name in names.split(",") if name)
    selection = Selection(
        by=keys or Selection().by,
        since=point_in_time(since, now=now) if since else None,
        where=where,
    )
    summary, unknown = Summary(selection), Unknown(selection)
    with closing(Sources()) as sources:
        series = Series(selection, sources.connection) if page else None
        for connection in sources.visit(files):
            unknown.look_in(connection)
            summary.add(connection)
            if series:
                series.add(connection)
        unknown.refuse()
        groups = summary.groups()
        if sources.unread:
            click.echo(f"{sources.unread:,} lines are no records: left out", err=True)
        if page and series:
            _write(page, page_of(groups, series, selection, now))
    if as_json:
        write_json(sys.stdout, groups, selection.by)
    elif as_csv:
        write_csv(sys.stdout, groups, selection.by)
    elif groups and page is None:
        print_report(terminal.console(), groups, selection.by)
    if not groups:
        click.echo("no calls to report", err=True)
        raise click.exceptions.Exit(1)


def _write(page: Path, content: str) -> None:
    try:
        page.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {page}: {error.strerror}. Name a file in a directory that "
            "exists and may be written"
        ) from error
    click.echo(f"wrote {page}", err=True)
