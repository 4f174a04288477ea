"""The transaction: all or nothing, never silently nothing, and a pool that survives whatever ends a session."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest

from cauce.storage.database import Database, TransactionAborted
from cauce.storage.jobs import NewJob, enqueue
from cauce.storage.sweeps import TRANSIENT
from tests.support import toy


async def test_a_swallowed_failure_is_not_taken_for_a_commit(database: Database) -> None:
    org = await toy.make_org(database)
    with pytest.raises(TransactionAborted):
        async with database.transaction(org.id) as tx:
            await enqueue(tx, [NewJob("x", toy.DAWN)])
            with pytest.raises(asyncpg.DivisionByZeroError):
                await tx.value("SELECT 1/0")
    async with database.transaction(org.id) as tx:
        assert await tx.value("SELECT count(*) FROM storage.job") == 0


async def test_what_waits_for_the_commit_runs_after_it_and_never_after_a_rollback(database: Database) -> None:
    said: list[str] = []
    database.on_commit_wake = lambda: said.append("wake")
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            tx.after_commit(lambda: said.append("never"))
            tx.wake_workers()
            raise ZeroDivisionError
    async with database.transaction() as tx:
        tx.within(1).wake_workers()
        tx.after_commit(lambda: said.append("committed"))
        assert said == []
    assert said == ["committed", "wake"]


async def test_a_process_that_stands_still_in_a_transaction_loses_it_and_the_pool_goes_on(dsn: str) -> None:
    impatient = await Database.connect(dsn, connections_max=1, idle_seconds=1)
    try:
        for _ in range(3):
            with pytest.raises(TRANSIENT):
                async with impatient.transaction() as tx:
                    await tx.value("SELECT 1")
                    time.sleep(1.3)
                    await tx.value("SELECT 1")
            async with impatient.transaction() as tx:
                assert await tx.value("SELECT 2") == 2
    finally:
        await impatient.close()


async def test_a_cancelled_transaction_is_rolled_back_and_its_connection_is_clean(dsn: str) -> None:
    lone = await Database.connect(dsn, connections_max=1)
    org = await toy.make_org(lone)
    under_way = asyncio.Event()

    async def slow() -> None:
        async with lone.transaction(org.id) as tx:
            await enqueue(tx, [NewJob("x", toy.DAWN)])
            under_way.set()
            await tx.value("SELECT pg_sleep(60)")

    task = asyncio.create_task(slow())
    await under_way.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(10), lone.transaction(org.id) as tx:
        assert await tx.value("SELECT count(*) FROM storage.job") == 0
    await lone.close()


async def test_documents_go_in_and_out_as_values(database: Database) -> None:
    document = {"text": "漢é\"'", "list": [1, None, True], "deep": {"at": "2030"}}
    async with database.transaction() as tx:
        assert await tx.value("SELECT $1::jsonb", document) == document
        assert await tx.value("SELECT ($1::jsonb[])[2]", [None, document]) == document
