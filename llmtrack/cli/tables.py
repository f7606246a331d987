"""A report as text, JSON and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final

from rich.console import Console
from rich.text import Text

from llmtrack.cli import terminal
from llmtrack.cli.summary import Group, Values, total_of

#: Rows of text; JSON, CSV and HTML have all groups.
_MOST_GROUPS: Final = 50


#: Columns of a terminal below which the tables have fewer.
_NARROW: Final = 72


def print_report(out: Console, groups: list[Group], by: tuple[str, ...]) -> None:
    """Print all that is known as tables, each of them within 80 columns."""
    shown = groups[:_MOST_GROUPS]
    total = total_of(groups)
    with_total = [*shown, total] if len(groups) > 1 else shown
    label = "\n".join(by)
    is_narrow = out.width < _NARROW
    _print_outcomes(out, label, with_total, is_narrow)
    _print_times(out, label, shown, is_narrow)
    _print_tokens(out, label, with_total, is_narrow)
    if total.errors:
        _print_errors(out, label, shown)
    if len(groups) > len(shown):
        out.print(
            f"\nThe {len(shown)} largest of {len(groups):,} groups; "
            "--json, --csv and --html have all."
        )


def write_json(file: IO[str], groups: list[Group], by: tuple[str, ...]) -> None:
    """Write the groups as JSON."""
    report = {"groups": [group.to_dict(by) for group in groups]}
    json.dump(report, file, indent=2, ensure_ascii=False)
    file.write("\n")


def write_csv(file: IO[str], groups: list[Group], by: tuple[str, ...]) -> None:
    """Write a row for each group; what is unknown is empty."""
    rows = [dict(_flat(group.to_dict(by))) for group in groups]
    names = list(dict(_flat(Group(tuple(by)).to_dict(by))))
    kinds = sorted({kind for group in groups for kind in group.errors})
    columns = [*names, *(f"errors_{kind}" for kind in kinds)]
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def key_text(key: Iterable[Any]) -> str:
    """Return what a group is called."""
    return " / ".join(map(terminal.told, key))


def _print_outcomes(
    out: Console, label: str, groups: list[Group], is_narrow: bool
) -> None:
    # What never happened needs no column.
    columns = ["success", "error", "cancelled", "abandoned"]
    columns += [
        name for name in ("lost", "open") if any(getattr(g, name) for g in groups)
    ]
    if is_narrow:
        columns = ["error"]
    table = terminal.table()
    table.add_column(label, overflow="fold")
    for title in ("calls", "ok", *columns):
        table.add_column(title, justify="right", no_wrap=True)
    for group in groups:
        counts = {**group.outcomes, "lost": group.lost, "open": group.open}
        table.add_row(
            _label(group),
            terminal.whole(group.calls),
            terminal.percent(counts["success"], group.ended + group.lost),
            *(_count(counts[name], name) for name in columns),
        )
    out.print(table)


def _print_times(
    out: Console, label: str, groups: list[Group], is_narrow: bool
) -> None:
    table = terminal.table()
    table.add_column(label, overflow="fold")
    table.add_column("seconds")
    percents = ("p50", "p95") if is_narrow else ("p50", "p95", "p99")
    for title in percents:
        table.add_column(title, justify="right", no_wrap=True)
    if not is_narrow:
        table.add_column("longest\nwait", justify="right", no_wrap=True)
        table.add_column("tokens\na second", justify="right", no_wrap=True)
    for group in groups:
        others = [
            terminal.seconds(group.longest_wait),
            terminal.rate(group.tokens_per_second.percentile(50)),
        ]
        table.add_row(
            _label(group),
            "duration",
            *_times(group.duration, percents),
            *([] if is_narrow else others),
        )
        if len(group.first_token):
            first = "ttft" if is_narrow else "to first token"
            table.add_row("", first, *_times(group.first_token, percents))
    out.print()
    out.print(table)


def _print_tokens(
    out: Console, label: str, groups: list[Group], is_narrow: bool
) -> None:
    tell = terminal.short if is_narrow else terminal.whole
    counted = [] if is_narrow else ["calls\nestimated", "\nunpriced"]
    table = terminal.table()
    table.add_column(label, overflow="fold")
    for title in ("tokens\nin", "\nout", *counted, "\ncost"):
        table.add_column(title, justify="right", no_wrap=True)
    for group in groups:
        counts = (group.estimated_calls, group.unpriced_calls)
        table.add_row(
            _label(group),
            tell(group.input_tokens),
            tell(group.output_tokens),
            *([] if is_narrow else map(terminal.whole, counts)),
            terminal.dollars(group.cost_usd),
        )
    out.print()
    out.print(table)


def _print_errors(out: Console, label: str, groups: list[Group]) -> None:
    table = terminal.table()
    table.add_column(label, overflow="fold")
    table.add_column("error")
    table.add_column("calls", justify="right", no_wrap=True)
    for group in groups:
        first = _label(group)
        for kind, count in sorted(group.errors.items(), key=lambda item: -item[1]):
            table.add_row(
                first, Text(terminal.told(kind), "red"), terminal.whole(count)
            )
            first = Text("")
    out.print()
    out.print(table)


def _label(group: Group) -> Text:
    # The total has no key.
    return Text(key_text(group.key)) if group.key else Text("all", "bold")


def _count(count: int, name: str) -> Text:
    return Text(terminal.whole(count), terminal.coloured(name) if count else "dim")


def _times(values: Values, percents: Iterable[str]) -> list[str]:
    known = values.to_dict()
    return [terminal.seconds(known[percent]) for percent in percents]


def _flat(fields: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}_")
        else:
            yield prefix + name, value
