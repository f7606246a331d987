"""A report as one page of HTML, which shows itself without a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

from llmtrack import __version__
from llmtrack.cli import terminal
from llmtrack.cli.plots import OUTCOMES, Axis, Bar, Line, Tell, bars, lines
from llmtrack.cli.selection import Selection
from llmtrack.cli.series import BINS, STEPS, Series
from llmtrack.cli.summary import Group, Values, total_of
from llmtrack.cli.tables import key_text

_DAY = 86_400
#: Days that fit on an axis with their names; fewer leave the rest of it empty.
_NAMED_DAYS = 5


def page_of(
    groups: Sequence[Group], series: Series, selection: Selection, now: datetime
) -> str:
    """
    Return the page.

    Args:
        groups: What the calls were summed up to.
        series: The calls themselves.
        selection: Which calls are meant.
        now: When the report was made (aware).
    """
    style = files("llmtrack.cli").joinpath("page.css").read_text(encoding="utf-8")
    body = _body(groups, series, selection, now) if groups else "<p>No calls.</p>"
    # The browser itself then refuses whatever would need a network or a script.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="llmtrack {__version__}">
<title>LLM calls</title>
<style>{style}</style>
</head>
<body>
<h1>LLM calls</h1>
{body}
</body>
</html>
"""


def _body(
    groups: Sequence[Group], series: Series, selection: Selection, now: datetime
) -> str:
    first_token = _all_of(group.first_token for group in groups)
    plots = [
        _first_tokens(series),
        _distribution(series, first_token),
        _costs(series),
        _outcomes(series),
    ]
    return "\n".join(
        [
            _heading(series, selection, now),
            _tiles(groups, first_token),
            f'<div class="plots">{"".join(plots)}</div>',
            _groups(groups, selection.by),
            _errors(groups),
            _slowest(series),
        ]
    )


def _heading(series: Series, selection: Selection, now: datetime) -> str:
    first, last = series.period
    told = [f"{_moment(first)} to {_moment(last)} UTC"]
    told += [f"only {condition}" for condition in selection.where]
    made = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<p>{escape(' · '.join(told))} · made {made}</p>"


def _tiles(groups: Sequence[Group], first_token: Values) -> str:
    total = total_of(groups)
    duration = _all_of(group.duration for group in groups)
    settled = total.ended + total.lost
    unfinished = f"{total.lost:,} lost, {total.open:,} open"
    tokens = (
        f"{terminal.short(total.input_tokens)} → {terminal.short(total.output_tokens)}"
    )
    tiles = [
        (terminal.whole(total.calls), "calls"),
        (terminal.percent(total.outcomes["success"], settled), "success"),
        (terminal.whole(total.outcomes["error"]), "errors"),
        (unfinished, "without an end"),
        (terminal.seconds(first_token.percentile(50)), "first token, median"),
        (terminal.seconds(duration.percentile(95)), "duration, 95th percentile"),
        (tokens, f"tokens; {total.estimated_calls:,} calls estimated"),
        (
            terminal.dollars(total.cost_usd),
            f"cost; {total.unpriced_calls:,} calls unpriced",
        ),
    ]
    drawn = (
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for value, name in tiles
    )
    return f'<div class="tiles">{"".join(drawn)}</div>'


def _first_tokens(series: Series) -> str:
    first, last = series.period
    width = (last - first) / STEPS
    drawn = []
    found = series.first_tokens()
    for percent in (95, 50):
        points: list[tuple[float, float] | None] = []
        titles = []
        for step in range(STEPS):
            values = found.get(step, Values())
            value = values.percentile(percent)
            start = first + step * width
            points.append(None if value is None else (start + width / 2, value))
            titles.append(
                f"{_moment(start)}: {len(values):,} calls, "
                f"p{percent} {terminal.seconds(value)}"
            )
        drawn.append(Line(f"p{percent}", points, titles))
    plot = lines("Time to first token over time", _time(series), _seconds, drawn)
    return _card("Time to first token over time", plot, ("p50", "p95"))


def _distribution(series: Series, first_token: Values) -> str:
    high = (first_token.percentile(99) or 1.0) * 1.02
    width = high / BINS
    bins = series.distribution(high)
    columns = [
        Bar(
            place * width,
            (place + 1) * width,
            [("bin", count)],
            f"{count:,} calls "
            + (
                f"from {terminal.seconds(place * width)} "
                f"to {terminal.seconds((place + 1) * width)}"
                if place < BINS
                else f"above {terminal.seconds(high)}"
            ),
        )
        for place, count in bins
    ]
    beyond = dict(bins).get(BINS, 0)
    note = (
        f"<p>The last bar: {beyond:,} above {terminal.seconds(high)}, "
        f"up to {terminal.seconds(first_token.percentile(100))}.</p>"
        if beyond
        else ""
    )
    # One bin more, for the slowest of a hundred.
    axis = Axis(0, high + width, _seconds, has_round_ticks=True)
    plot = bars("Distribution of time to first token", axis, _number, columns)
    return _card("Distribution of time to first token", plot + note)


def _costs(series: Series) -> str:
    days = series.costs()
    columns = [
        Bar(
            place + 0.1,
            place + 0.9,
            [("cost", usd or 0)],
            f"{day}: {terminal.dollars(usd)}, {calls:,} calls",
        )
        for place, (day, usd, calls) in enumerate(days)
    ]

    def day_at(place: float) -> str:
        return days[min(int(place), len(days) - 1)][0]

    step = -(-len(days) // _NAMED_DAYS)
    middles = [place + 0.5 for place in range(0, len(days), step)]
    axis = Axis(0, max(len(days), _NAMED_DAYS), day_at, marks=middles)
    plot = bars("Cost by day", axis, terminal.dollars, columns)
    priced = any(usd is not None for _, usd, _ in days)
    return _card("Cost by day", plot if priced else "<p>No call has a price.</p>")


def _outcomes(series: Series) -> str:
    first, last = series.period
    width = (last - first) / STEPS
    counted: dict[int, dict[str, int]] = {}
    for step, status, count in series.outcomes():
        counted.setdefault(step, {})[status] = count
    columns = [
        Bar(
            first + step * width,
            first + (step + 1) * width,
            [(status, counts.get(status, 0)) for status in OUTCOMES],
            f"{_moment(first + step * width)}: "
            + ", ".join(
                f"{counts[name]:,} {name}" for name in OUTCOMES if name in counts
            ),
        )
        for step, counts in sorted(counted.items())
    ]
    seen = {status for counts in counted.values() for status in counts}
    plot = bars("Outcomes over time", _time(series), _number, columns)
    key = tuple(status for status in OUTCOMES if status in seen)
    return _card("Outcomes over time", plot, key)


def _groups(groups: Sequence[Group], by: Sequence[str]) -> str:
    titles = [
        *("calls", "success", "errors", "lost", "first token p50", "p95", "p99"),
        *("duration p50", "p95", "p99", "tokens/s", "in", "out", "cost"),
    ]
    rows = []
    for group in [*groups, _whole(groups)] if len(groups) > 1 else groups:
        numbers = [
            terminal.whole(group.calls),
            terminal.percent(group.outcomes["success"], group.ended + group.lost),
            terminal.whole(group.outcomes["error"]),
            terminal.whole(group.lost),
            *map(terminal.seconds, group.first_token.to_dict().values()),
            *map(terminal.seconds, group.duration.to_dict().values()),
            terminal.rate(group.tokens_per_second.percentile(50)),
            terminal.short(group.input_tokens),
            terminal.short(group.output_tokens),
            terminal.dollars(group.cost_usd),
        ]
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in group.errors.items())
        cells = "".join(f'<td class="n">{escape(number)}</td>' for number in numbers)
        name = escape(key_text(group.key) if group.key else "all")
        rows.append(f'<tr title="{escape(kinds)}"><td>{name}</td>{cells}</tr>')
    head = f"<th>{escape(' / '.join(by))}</th>" + "".join(
        f'<th class="n">{title}</th>' for title in titles
    )
    table = f"<table><tr>{head}</tr>{''.join(rows)}</table>"
    return _card("By " + " and ".join(by), table)


def _errors(groups: Sequence[Group]) -> str:
    kinds = total_of(groups).errors
    if not kinds:
        return ""
    rows = "".join(
        f'<tr><td>{_cell(kind)}</td><td class="n">{count:,}</td></tr>'
        for kind, count in sorted(kinds.items(), key=lambda item: -item[1])
    )
    head = '<th>kind</th><th class="n">calls</th>'
    return _card("Errors by kind", f"<table><tr>{head}</tr>{rows}</table>")


def _slowest(series: Series) -> str:
    rows = [
        f'<tr><td class="when">{_moment(call.started)}</td><td>{_cell(call.name)}</td>'
        f"<td>{_cell(call.model)}</td>"
        f'<td class="n">{terminal.seconds(call.duration)}</td>'
        f'<td class="n">{terminal.seconds(call.first_token)}</td>'
        f'<td class="{_cell(call.status)}">{_cell(call.status)}</td>'
        f'<td class="long">{_cell(call.error or "")}</td>'
        f'<td class="id">{_cell(call.call_id)}</td></tr>'
        for call in series.slowest()
    ]
    head = (
        "<th>started (UTC)</th><th>name</th><th>model</th>"
        '<th class="n">duration</th><th class="n">first token</th>'
        "<th>outcome</th><th>error</th><th>call</th>"
    )
    return _card("Slowest calls", f"<table><tr>{head}</tr>{''.join(rows)}</table>")


def _card(title: str, content: str, key: Iterable[str] = ()) -> str:
    items = "".join(f'<i class="{name}"></i>{name}' for name in key)
    shown = f'<div class="key">{items}</div>' if items else ""
    return f'<section class="card">{shown}<h2>{escape(title)}</h2>{content}</section>\n'


def _time(series: Series) -> Axis:
    first, last = series.period
    span = last - first
    form = (
        "%Y-%m-%d" if span > 4 * _DAY else "%m-%d %H:%M" if span > 600 else "%H:%M:%S"
    )

    def tell(moment: float) -> str:
        return datetime.fromtimestamp(moment, UTC).strftime(form)

    return Axis(first, last, tell)


def _whole(groups: Sequence[Group]) -> Group:
    """Return all groups as one, with percentiles."""
    whole = total_of(groups)
    whole.duration = _all_of(group.duration for group in groups)
    whole.first_token = _all_of(group.first_token for group in groups)
    whole.tokens_per_second = _all_of(group.tokens_per_second for group in groups)
    return whole


def _all_of(parts: Iterable[Values]) -> Values:
    whole = Values()
    for part in parts:
        whole.absorb(part)
    return whole


def _cell(value: object) -> str:
    return escape(terminal.NOTHING if value is None else str(value))


def _moment(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _seconds(value: float) -> str:
    return f"{value:.3g} s"


_number: Tell = terminal.short
