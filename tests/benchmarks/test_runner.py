"""The runner of benchmarks: rows take turns with their baseline, ratios are taken inside a round, files keep the rest."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from benchmarks.bench import Bench, bench_server, flat_memory
from benchmarks.registry import Row, discover, groups, row
from benchmarks.run import LATEST, summarize, write_results


async def count_nothing(bench: Bench) -> float:
    """Stands for a measurement."""
    return 1.0


def rows(*pairs: tuple[str, str | None]) -> dict[str, Row]:
    """Rows by name, each with what it is compared with."""
    return {name: Row(name, "rows/s", against, 3, count_nothing) for name, against in pairs}


def test_a_prefix_picks_rows_and_brings_their_baseline_first() -> None:
    known = rows(("a.fast", "a.base"), ("a.base", None), ("a.other", "a.base"), ("b.alone", None))
    assert [[one.name for one in group] for group in groups(known, "a.f")] == [["a.base", "a.fast"]]
    assert [[one.name for one in group] for group in groups(known)] == [["a.base", "a.fast", "a.other"], ["b.alone"]]


def test_a_large_row_is_measured_only_when_it_is_asked_for() -> None:
    known = {"a.1m": Row("a.1m", "rows/s", None, 3, count_nothing, is_large=True)}
    assert (groups(known), [one.name for one in groups(known, "a.")[0]]) == ([], ["a.1m"])
    assert {"reconcile.1m", "import.1m", "payouts.100k"} <= {name for name, one in discover().items() if one.is_large}


def test_memory_that_grows_is_noticed() -> None:
    kept = []
    with flat_memory(64):
        time.sleep(0.2)
    with pytest.raises(AssertionError, match="memory grew"), flat_memory(8):
        kept.append(bytes(32 << 20).replace(b"\0", b"\1"))
        time.sleep(0.2)


def test_the_ratio_is_the_median_of_the_ratios_inside_each_round() -> None:
    known = rows(("fast", "base"), ("base", None))
    summary = summarize(known["fast"], {"fast": [20.0, 90.0, 40.0], "base": [10.0, 30.0, 10.0]})
    assert summary == {
        "name": "fast", "value": 40, "unit": "rows/s", "ratio": 3, "against": "base", "runs": 3, "spread": 1.75,
    }  # fmt: skip


def test_a_partial_run_keeps_the_other_rows_and_drops_those_that_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "latest.json"
    write_results([{"name": "a", "value": 1}, {"name": "gone", "value": 1}, {"name": "b", "value": 1}], [], path)
    write_results([{"name": "a", "value": 2}], ["a", "b"], path)
    assert json.loads(path.read_text())["rows"] == [{"name": "a", "value": 2}, {"name": "b", "value": 1}]


def test_a_row_needs_three_runs() -> None:
    with pytest.raises(AssertionError, match="three runs"):
        row("too.few", "rows/s", runs=2)


def test_the_committed_results_hold_only_rows_that_exist() -> None:
    measured = {one["name"] for one in json.loads(LATEST.read_text())["rows"]}
    assert measured <= set(discover())
    assert "storage.bulk_insert" in measured


async def test_a_run_has_a_durable_migrated_database_of_its_own() -> None:
    async with bench_server() as server:
        for _ in range(2):
            async with server.fresh_dsn() as dsn:
                bench = Bench(dsn, 1)
                async with bench.owner() as connection, bench.database() as database:
                    assert await connection.fetchval("SHOW fsync") == "on"
                    assert await bench.org(database) == 1
