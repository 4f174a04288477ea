"""Rows: what can be measured, each a function that returns a rate, beside the row it is compared with."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import benchmarks
from benchmarks.bench import Bench

Measure = Callable[[Bench], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Row:
    """One measured thing. `value` in `unit` is better when higher, unless the unit is a time."""

    name: str
    unit: str
    against: str | None
    runs: int
    measure: Measure
    is_large: bool = False


ROWS: dict[str, Row] = {}


def row(
    name: str, unit: str, against: str | None = None, *, runs: int = 3, is_large: bool = False
) -> Callable[[Measure], Measure]:
    """Declare a row. `against` names the row it is compared with, run for run; `runs` is at least 3.

    A large one takes many minutes and is measured only when it is asked for by a prefix.
    """
    assert runs >= 3, f"{name}: a median needs at least three runs"

    def declare(measure: Measure) -> Measure:
        assert name not in ROWS, f"{name} is measured twice"
        ROWS[name] = Row(name, unit, against, runs, measure, is_large)
        return measure

    return declare


def discover() -> dict[str, Row]:
    """Every row of every file in this folder."""
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name != "run":
            importlib.import_module(f"benchmarks.{module.name}")
    strangers = {one.against for one in ROWS.values()} - {None, *ROWS}
    assert not strangers, f"compared with rows that do not exist: {strangers}"
    return ROWS


def groups(rows: dict[str, Row], prefix: str = "") -> list[list[Row]]:
    """The rows whose name begins with `prefix`, each group led by its baseline and measured in turns."""
    picked = [one for one in rows.values() if one.name.startswith(prefix) and (prefix or not one.is_large)]
    by_baseline: dict[str, list[Row]] = {}
    for one in picked:
        leader = _leader(one, rows)
        group = by_baseline.setdefault(leader.name, [leader])
        for member in _chain(one, rows):
            if member not in group:
                group.append(member)
    return list(by_baseline.values())


def _leader(one: Row, rows: dict[str, Row]) -> Row:
    return one if one.against is None else _leader(rows[one.against], rows)


def _chain(one: Row, rows: dict[str, Row]) -> Iterable[Row]:
    """The baselines of a row, then the row."""
    if one.against is not None:
        yield from _chain(rows[one.against], rows)
    yield one
