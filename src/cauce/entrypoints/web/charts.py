"""Charts as SVG made on the server: nothing to load, nothing to run, readable by a screen reader through its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 160
_LEFT, _BOTTOM, _TOP = 4, 2, 10


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar in the picture: its place in pixels, its label and the text of its value."""

    x: int
    y: int
    width: int
    height: int
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """A drawn chart; templates only print it."""

    bars: tuple[Bar, ...]
    width: int = WIDTH
    height: int = HEIGHT
    baseline: int = HEIGHT - _BOTTOM


def bar_chart(points: Sequence[tuple[str, int, str]]) -> BarChart:
    """Bars for (label, value, text of the value); negative values are drawn as zero. Labels stand below as text."""
    if not points:
        return BarChart(())
    largest = max(max(value for _, value, _ in points), 1)
    step = (WIDTH - 2 * _LEFT) // len(points)
    room = HEIGHT - _BOTTOM - _TOP
    bars = []
    for place, (label, value, text) in enumerate(points):
        height = max(value, 0) * room // largest
        bars.append(
            Bar(
                x=_LEFT + place * step + step // 8,
                y=HEIGHT - _BOTTOM - height,
                width=max(step - step // 4, 1),
                height=height,
                label=label,
                value=text,
            )
        )
    return BarChart(tuple(bars))


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a whole on one line: where it begins and how wide it is, in thousandths."""

    begins: int
    width: int


def spans(parts: Sequence[int]) -> list[Span]:
    """Parts laid end to end over the line of their sum: a waterfall. Negative parts are drawn as nothing."""
    whole = max(sum(max(part, 0) for part in parts), 1)
    found, before = [], 0
    for part in parts:
        upto = before + max(part, 0)
        begins = before * 1000 // whole
        found.append(Span(begins, max(upto * 1000 // whole - begins, 4 if part > 0 else 0)))
        before = upto
    return found
