"""Storage: how much the way into the database costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeVar

from benchmarks.bench import Bench
from benchmarks.registry import row
from cauce.storage.jobs import NewJob, enqueue

ROWS_PER_RUN = 200_000
ROWS_PER_CHUNK = 20_000
_DUE_AT = datetime(2030, 1, 1, tzinfo=UTC)
_Record = TypeVar("_Record")


def _chunks(record: _Record) -> Iterator[list[_Record]]:
    for _ in range(ROWS_PER_RUN // ROWS_PER_CHUNK):
        yield [record] * ROWS_PER_CHUNK


@row("storage.bulk_insert.raw_copy", "rows/s")
async def raw_copy(bench: Bench) -> float:
    """Plain COPY as the owner into the same table, a transaction per 20,000 rows: no role, no policy, no JSON codec."""
    columns = ("org_id", "kind", "payload", "due_at", "try_at")
    async with bench.database() as database, bench.owner() as connection:
        org_id = await bench.org(database)
        with bench.stopwatch() as watch:
            for records in _chunks((org_id, "bench.wait", "{}", _DUE_AT, _DUE_AT)):
                await connection.copy_records_to_table("job", schema_name="storage", columns=columns, records=records)
    return watch.rate(ROWS_PER_RUN)


@row("storage.bulk_insert", "rows/s", against="storage.bulk_insert.raw_copy")
async def bulk_insert(bench: Bench) -> float:
    """The product's way: arrays through `unnest` as the application role, under forced row-level security."""
    async with bench.database() as database:
        org_id = await bench.org(database)
        with bench.stopwatch() as watch:
            for jobs in _chunks(NewJob("bench.wait", _DUE_AT, {})):
                async with database.transaction(org_id) as tx:
                    await enqueue(tx, jobs)
    return watch.rate(ROWS_PER_RUN)
