"""`make bench [ONLY=prefix]`: measure, print a table, write `results/latest.json`.

Rows of one group take turns, baseline first, at least three rounds; the value is the median of the rounds, the ratio
the median of the ratios inside each round (machines are shared: only ratios of one round mean much), the spread
(greatest - least) / median.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.bench import Bench, bench_server
from benchmarks.registry import Row, discover, groups

LATEST = Path(__file__).with_name("results") / "latest.json"


async def measure_group(group: Sequence[Row], seconds: float, progress: Progress) -> list[dict[str, Any]]:
    """Measure the rows of one group in turns on one fresh server."""
    rounds = max(one.runs for one in group)
    values: dict[str, list[float]] = {one.name: [] for one in group}
    task = progress.add_task(group[0].name, total=rounds * len(group))
    async with bench_server() as server:
        for _ in range(rounds):
            for one in group:
                progress.update(task, description=one.name)
                async with server.fresh_dsn() as dsn:
                    values[one.name].append(await one.measure(Bench(dsn, seconds)))
                progress.advance(task)
    progress.remove_task(task)
    return [summarize(one, values) for one in group]


def summarize(one: Row, values: dict[str, list[float]]) -> dict[str, Any]:
    """One row of the result."""
    mine = values[one.name]
    median = statistics.median(mine)
    ratio = None
    if one.against is not None:
        ratio = statistics.median(a / b for a, b in zip(mine, values[one.against], strict=True))
    return {
        "name": one.name,
        "value": _significant(median),
        "unit": one.unit,
        "ratio": None if ratio is None else _significant(ratio),
        "against": one.against,
        "runs": len(mine),
        "spread": _significant((max(mine) - min(mine)) / median) if median else None,
    }


def write_results(rows: Sequence[dict[str, Any]], known: Sequence[str], path: Path = LATEST) -> None:
    """Put the new rows into the file; rows measured earlier stay while they still exist."""
    earlier = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    merged = {old["name"]: old for old in earlier if old["name"] in known} | {new["name"]: new for new in rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), "rows": [merged[name] for name in sorted(merged)]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(memory_bytes / 2**30, 1),
        "architecture": platform.machine(),
        "python": platform.python_version(),
    }


def print_table(rows: Sequence[dict[str, Any]], console: Console) -> None:
    """The rows for a person."""
    table = Table("row", "unit")
    for heading in ("value", "ratio", "spread", "runs"):
        table.add_column(heading, justify="right")
    table.add_column("against")
    for one in rows:
        ratio = "" if one["ratio"] is None else f"{one['ratio']:,} x"
        spread = "" if one["spread"] is None else f"{one['spread']:.0%}"
        table.add_row(
            one["name"], one["unit"], f"{one['value']:,}", ratio, spread, str(one["runs"]), one["against"] or ""
        )
    console.print(table)


def _significant(value: float, digits: int = 4) -> float | int:
    shortened = float(f"{value:.{digits}g}")
    return int(shortened) if shortened.is_integer() else shortened


async def run(prefix: str, seconds: float, console: Console) -> int:
    """Measure what the prefix picks; the exit code."""
    known = discover()
    picked = groups(known, prefix)
    if not picked:
        console.print(f"No row begins with {prefix!r}. There are: {', '.join(sorted(known))}")
        return 1
    rows: list[dict[str, Any]] = []
    with Progress(console=console, transient=True) as progress:
        for group in picked:
            rows += await measure_group(group, seconds, progress)
            write_results(rows, list(known))
    print_table(rows, console)
    return 0


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", metavar="PREFIX", help="measure the rows whose name begins so")
    parser.add_argument("--seconds", type=float, default=3, help="how long rows that run for a time shall run")
    arguments = parser.parse_args()
    sys.exit(asyncio.run(run(arguments.only, arguments.seconds, Console(width=None if sys.stdout.isatty() else 130))))


if __name__ == "__main__":
    main()
