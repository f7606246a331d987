"""Plots as SVG: what a browser shows without a script or a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

#: Of the whole plot, and of what stands around its area.
_WIDTH, _HEIGHT = 600, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 12, 12, 30

Tell = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Axis:
    """
    An axis of numbers.

    Attributes:
        low: Where it begins.
        high: Where it ends; above `low`.
        tell: How a number is written.
        has_round_ticks: Whether it is told at round numbers, else at quarters.
        marks: Where it is told instead; empty for neither.
    """

    low: float
    high: float
    tell: Tell
    has_round_ticks: bool = False
    marks: Sequence[float] = ()

    def share(self, value: float) -> float:
        """Return where a value lies, 0 to 1."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self, count: int = 4) -> list[float]:
        """Return some numbers on the axis."""
        if self.marks:
            return list(self.marks)
        span = self.high - self.low
        if not self.has_round_ticks:
            return [self.low + span * place / count for place in range(count + 1)]
        step = _round_step(span / count)
        first = math.ceil(self.low / step)
        last = math.floor(self.high / step + 1e-9)
        return [place * step for place in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Bar:
    """
    A bar, made of parts that stand on one another.

    Attributes:
        start: Where it begins on the lower axis.
        end: Where it ends.
        parts: Class and height of each part, from below.
        title: What is told of it.
    """

    start: float
    end: float
    parts: Sequence[tuple[str, float]]
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """
    A line through points.

    Attributes:
        style: Its class.
        points: Where it goes; None is a gap.
        titles: What is told of each point.
    """

    style: str
    points: Sequence[tuple[float, float] | None]
    titles: Sequence[str]


def bars(label: str, lower: Axis, tell: Tell, columns: Sequence[Bar]) -> str:
    """Return a plot of bars."""
    tallest = max(
        (sum(height for _, height in bar.parts) for bar in columns), default=0
    )
    upright = Axis(0, _above(tallest), tell, has_round_ticks=True)
    drawn = []
    for bar in columns:
        left, right = _x(lower, bar.start), _x(lower, bar.end)
        gap = 1 if right - left > 4 else 0
        base = 0.0
        rects = []
        for style, height in bar.parts:
            if height > 0:
                top, bottom = _y(upright, base + height), _y(upright, base)
                rects.append(
                    f'<rect class="{style}" x="{left:.1f}" y="{top:.1f}" '
                    f'width="{max(right - left - gap, 0.5):.1f}" '
                    f'height="{max(bottom - top, 0.5):.1f}"/>'
                )
            base += height
        if rects:
            title = f"<title>{escape(bar.title)}</title>"
            drawn.append(f"<g>{title}{''.join(rects)}</g>")
    return _svg(label, lower, upright, drawn)


def lines(label: str, lower: Axis, tell: Tell, drawn_lines: Sequence[Line]) -> str:
    """Return a plot of lines."""
    values = [point[1] for line in drawn_lines for point in line.points if point]
    upright = Axis(0, _above(max(values, default=0)), tell, has_round_ticks=True)
    drawn = []
    for line in drawn_lines:
        path = []
        dots = []
        pen = "M"
        for point, title in zip(line.points, line.titles, strict=True):
            if point is None:
                pen = "M"
                continue
            x, y = _x(lower, point[0]), _y(upright, point[1])
            path.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
            dots.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5">'
                f"<title>{escape(title)}</title></circle>"
            )
        drawn.append(
            f'<g class="{line.style}"><path d="{"".join(path)}"/>{"".join(dots)}</g>'
        )
    return _svg(label, lower, upright, drawn)


def _svg(label: str, lower: Axis, upright: Axis, drawn: Sequence[str]) -> str:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    grid = []
    for tick in upright.ticks():
        y = _y(upright, tick)
        grid.append(
            f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{escape(upright.tell(tick))}</text>"
        )
    for tick in lower.ticks():
        x = _x(lower, tick)
        anchor = "start" if x <= _LEFT else "end" if x >= right - 1 else "middle"
        grid.append(
            f'<text x="{x:.1f}" y="{_HEIGHT - 8}" text-anchor="{anchor}">'
            f"{escape(lower.tell(tick))}</text>"
        )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(label)}">{"".join(grid)}{"".join(drawn)}'
        f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
        "</svg>"
    )


def _x(axis: Axis, value: float) -> float:
    return _LEFT + axis.share(value) * (_WIDTH - _LEFT - _RIGHT)


def _y(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.share(value) * (_HEIGHT - _TOP - _BOTTOM)


def _above(value: float) -> float:
    """Return where an axis ends that a value has to fit on."""
    return value * 1.05 if value > 0 else 1.0


def _round_step(step: float) -> float:
    """Return the smallest of 1, 2, 5, 10, ... that is not below a step."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(
        power * times for times in (1, 2, 5, 10) if power * times >= step * 0.999
    )


#: Parts of a bar and their order from below.
OUTCOMES: Final = ("success", "abandoned", "cancelled", "error", "lost", "open")
