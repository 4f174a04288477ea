"""Charts as SVG made on the server: nothing to load, nothing to run, readable by a screen reader through its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 180
_LEFT, _BOTTOM, _TOP = 8, 22, 10


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar in the picture: its place in pixels, its label and the text of its value."""

    x: int
    y: int
    width: int
    height: int
    label: str
    value: str
    shows_label: bool


@dataclass(frozen=True, slots=True)
class BarChart:
    """A drawn chart; templates only print it."""

    bars: tuple[Bar, ...]
    width: int = WIDTH
    height: int = HEIGHT
    baseline: int = HEIGHT - _BOTTOM


def bar_chart(points: Sequence[tuple[str, int, str]], *, labels_max: int = 8) -> BarChart:
    """Bars for (label, value, text of the value); negative values are drawn as zero."""
    if not points:
        return BarChart(())
    largest = max(max(value for _, value, _ in points), 1)
    step = (WIDTH - 2 * _LEFT) // len(points)
    room = HEIGHT - _BOTTOM - _TOP
    every = max(-(-len(points) // labels_max), 1)
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
                shows_label=place % every == 0,
            )
        )
    return BarChart(tuple(bars))
